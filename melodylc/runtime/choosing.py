"""What is added to the logits of a state before the likeliest is taken: noise, and what forbids states."""

from __future__ import annotations

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.seeds import Source
from melodylc.melody import BARS, HOLD, REST, STATES, STEPS_PER_BAR

LEAST_UNIFORM = np.float32(1e-20)  # below it a uniform draw counts as it, so that its logarithm is finite


def gumbel_noise(count: int, temperature: float, source: Source) -> np.ndarray:
    """Return noise (count, S, V) for melodies, with which a draw is the likeliest state.

    argmax(logits + noise) is a draw from softmax(logits / temperature). The bars of a melody share it, so that equal
    bars stay equal.
    """
    noise = source.uniform(count, STEPS_PER_BAR, STATES)
    np.maximum(noise, LEAST_UNIFORM, out=noise)
    np.negative(np.log(noise, out=noise), out=noise)
    np.log(noise, out=noise)
    noise *= -np.float32(temperature)
    return noise


def mask_of(allowed_states: np.ndarray) -> np.ndarray:
    """Return 0 where states are allowed, -inf elsewhere: (1, 1, 1, V) of (V,), (1, T, S, V) of (256, V)."""
    mask = np.where(allowed_states, np.float32(0), np.float32(-np.inf))
    return mask.reshape((1, 1, 1, STATES) if mask.ndim == 1 else (1, BARS, STEPS_PER_BAR, STATES))


def states_for(pitches: np.ndarray) -> np.ndarray:
    """Return (130,) bool, the states allowed with pitches (128,) bool: those pitches, HOLD and REST."""
    allowed_states = np.ones(STATES, bool)
    allowed_states[:HOLD] = pitches
    assert allowed_states[REST]
    return allowed_states


def strictly(pitches: np.ndarray | None, name: str) -> np.ndarray:
    """Return (130,) bool, the states allowed by strict decoding for a rule of that name and its pitches (128,) bool.

    Raises:
        UserError: if it is no rule on pitches (None), or no pitch is left.
    """
    if pitches is None:
        raise UserError(f"strict: expected a rule on pitches (a key, a range), {name} is none; leave strict out")
    if not pitches.any():
        raise UserError(f"strict: no pitch satisfies {name}; widen the key or the range")
    return states_for(pitches)

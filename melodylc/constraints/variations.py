"""Variations of a melody as it stands: a bar from elsewhere, a few steps as the decoder could as well have had them.

They need a rule only to be judged, and cost a hundredth of a decode. Steps come from the decoder's own probabilities,
so that what is unlikely at its place hardly comes.
"""

from __future__ import annotations

import numpy as np

from melodylc.melody import BARS, STEPS, STEPS_PER_BAR, canonical
from melodylc.runtime.interface import MelodyModel

BARS_MOVED, STEPS_CHANGED = 32, 64  # variations of each kind
BLOCKS = (1, 2, 4)  # bars that are moved together
MOST_STEPS = 4  # changed at once
TEMPERATURE = 1.0  # of the decoder's probabilities of other states


def variations(
    model: MelodyModel,
    z: np.ndarray,
    melody: np.ndarray,
    others: np.ndarray,
    rng: np.random.Generator,
    allowed_states: np.ndarray | None = None,
) -> np.ndarray:
    """Return variations (V, 256) of a melody (256,) that z (1, Z) decodes to, or to something near it.

    Args:
        others: (N, 256), melodies to take bars from.
        allowed_states: (130,) or (256, 130) bool, the states that may be chosen.
    """
    moved = [bars_from(melody, others[rng.integers(len(others))], rng) for _ in range(BARS_MOVED // 2)]
    moved += [bars_from(melody, melody, rng, anywhere=True) for _ in range(BARS_MOVED // 2)]
    steps, likely = alternatives(model, z, melody, allowed_states)
    if len(steps):
        moved += [steps_changed(melody, steps, likely, rng) for _ in range(STEPS_CHANGED)]
    return canonical(np.stack(moved))


def bars_from(melody: np.ndarray, other: np.ndarray, rng: np.random.Generator, anywhere: bool = False) -> np.ndarray:
    """Return a melody (256,) with some bars of another, at the same place or at any."""
    length = int(rng.choice(BLOCKS))
    to, source = (int(rng.integers(BARS // length)) * length for _ in range(2))
    source = source if anywhere else to
    changed = melody.reshape(BARS, STEPS_PER_BAR).copy()
    changed[to : to + length] = other.reshape(BARS, STEPS_PER_BAR)[source : source + length]
    return changed.reshape(STEPS)


def alternatives(
    model: MelodyModel, z: np.ndarray, melody: np.ndarray, allowed_states: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps (F,) of a melody (256,) that could be others, and how likely each state is, cumulated (F, 130).

    Args:
        allowed_states: (130,) or (256, 130) bool.
    """
    logits = model.logits(z, melody) / TEMPERATURE
    others = np.array(np.broadcast_to(True if allowed_states is None else allowed_states, logits.shape))
    others[np.arange(STEPS), melody] = False
    steps = np.flatnonzero(others.any(axis=1))
    likely = np.where(others, logits, -np.inf)[steps]
    likely = np.exp(likely - likely.max(axis=1, keepdims=True))
    return steps, np.cumsum(likely / likely.sum(axis=1, keepdims=True), axis=1)


def steps_changed(melody: np.ndarray, steps: np.ndarray, likely: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a melody (256,) with other states at a few of some steps (F,), drawn as they are likely (F, 130)."""
    changed = melody.copy()
    chosen = rng.choice(len(steps), size=min(int(rng.integers(1, MOST_STEPS + 1)), len(steps)), replace=False)
    drawn = (likely[chosen] < rng.random((len(chosen), 1)) * likely[chosen, -1:]).sum(axis=1)
    changed[steps[chosen]] = drawn
    return changed

"""Rules on repetition: of bars, of motifs, and of calls in their responses."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import BARS, HOLD, STEPS_PER_BAR
from melodylc.rules.note_arrays import bars, up_to
from melodylc.rules.rule import OneOf, Rule, check_share

KINDS = ("notes", "rhythm", "intervals")
LENGTHS = OneOf((1, 2, 4, 8))  # of calls and their responses, in bars
# Odd multipliers: the sum of the products with the states of a bar is its hash, which different bars hardly ever share.
_MULTIPLIERS = np.random.RandomState(0).randint(1, 2**62, STEPS_PER_BAR * 2, dtype=np.int64) | 1


def repetition(at_least: float = 0.25) -> Rule:
    """Reward min(1, s / at_least), s being the share of bars that repeat an earlier one exactly.

    A bar without a note does not count as a repetition.

    Raises:
        UserError: unless at_least is in (0, 1].
    """
    return _recurring("repetition", "notes", at_least, repetition.__doc__)


def motif(at_least: float = 0.25, of: Annotated[str, OneOf(KINDS)] = "rhythm") -> Rule:
    """Reward min(1, s / at_least), s being the share of bars whose motif an earlier bar has too.

    Args:
        of: the kind of motif. "rhythm": the steps on which notes start; "intervals": these and the semitones from note
            to note, so that a transposed motif is the same; "notes": the bar, state by state. A bar with fewer than two
            notes has no motif of rhythm or intervals.

    Raises:
        UserError: for another kind, or at_least outside (0, 1].
    """
    if of not in KINDS:
        raise UserError(f"motif: expected of as one of {', '.join(KINDS)}, got {of!r}")
    return _recurring(f"motif of {of}", of, at_least, motif.__doc__)


def _recurring(name: str, of: str, at_least: float, doc: str | None) -> Rule:
    check_share(name, at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        motif_number, has_motif = _motifs(states, of)
        earlier = np.tri(BARS, k=-1, dtype=bool)
        same = motif_number[:, :, None] == motif_number[:, None, :]  # (B, this bar, another bar)
        repeated = (same & earlier & has_motif[:, None, :]).any(axis=2)
        return up_to((repeated & has_motif).mean(axis=1), at_least)

    return Rule(f"{name} {at_least:g}", reward, doc or "")


def _motifs(states: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for the motif of each bar (B, 16), the same for equal ones, and whether it has one (B, 16)."""
    steps = bars(states)
    onset = steps < HOLD
    count = onset.sum(axis=2)
    if of == "notes":
        return (steps.astype(np.int64) + 1) @ _MULTIPLIERS[:STEPS_PER_BAR], count >= 1
    rhythm = onset @ (1 << np.arange(STEPS_PER_BAR))
    if of == "rhythm":
        return rhythm, count >= 2
    first = np.take_along_axis(steps, onset.argmax(axis=2)[..., None], axis=2).astype(np.int64)
    relative = np.where(onset, steps.astype(np.int64) - first, 0)
    return relative @ _MULTIPLIERS[:STEPS_PER_BAR] + rhythm * _MULTIPLIERS[-1], count >= 2


def call_and_response(length: Annotated[int, LENGTHS] = 2, at_least: float = 0.7) -> Rule:
    """Reward phrases in pairs, the second of which answers in the rhythm of the first: min(1, s / at_least).

    s is the mean over pairs of |both| / |either|, counting the steps on which notes start in both phrases or in either.
    A pair counts 0 where a phrase has no note, or where the response repeats the call note by note.

    Raises:
        UserError: unless length is 1, 2, 4 or 8 bars and at_least in (0, 1].
    """
    if length not in LENGTHS:
        raise UserError(f"call_and_response: expected a length of {LENGTHS} bars, got {length}")
    check_share("call_and_response", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        phrases = states.reshape(len(states), -1, 2, length * STEPS_PER_BAR)  # (B, pairs, call and response, steps)
        call, response = phrases[:, :, 0], phrases[:, :, 1]
        a, b = call < HOLD, response < HOLD
        alike = (a & b).sum(axis=2) / np.maximum((a | b).sum(axis=2), 1)
        answered = (
            a.any(axis=2) & b.any(axis=2) & (np.where(a | b, call, 0) != np.where(a | b, response, 0)).any(axis=2)
        )
        return up_to((alike * answered).mean(axis=1), at_least)

    return Rule(f"call and response of {length} bars", reward, call_and_response.__doc__ or "")

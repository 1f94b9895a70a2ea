"""Rules on how a melody moves: its leaps, its steps, the line it draws."""

from __future__ import annotations

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import BARS, STEPS_PER_BAR
from melodylc.rules.note_arrays import intervals, onsets, up_to
from melodylc.rules.rule import Rule, share

_BAR = np.linspace(-1, 1, BARS)
SHAPES = {
    "rising": _BAR,
    "falling": -_BAR,
    "arch": 1 - _BAR**2,
    "valley": _BAR**2,
}


def leaps(at_most: int, at_least: float = 1.0) -> Rule:
    """min(1, s / at_least), s the share of intervals of at most so many semitones; 0 with fewer than two notes.

    Raises:
        UserError: unless at_most is 0 to 127 and at_least in (0, 1].
    """
    integer("leaps: at_most", at_most, 0, 127, " semitones")
    share("leaps", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        row, semitones = intervals(onsets(states))
        small = np.bincount(row, np.abs(semitones) <= at_most, len(states))
        return up_to(small / np.maximum(np.bincount(row, minlength=len(states)), 1), at_least)

    return Rule(f"leaps of at most {at_most}", reward, leaps.__doc__ or "")


def stepwise(at_least: float = 0.6) -> Rule:
    """min(1, s / at_least), s the share of intervals of one or two semitones; 0 with fewer than two notes."""
    share("stepwise", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        row, semitones = intervals(onsets(states))
        size = np.abs(semitones)
        steps = np.bincount(row, (size == 1) | (size == 2), len(states))
        return up_to(steps / np.maximum(np.bincount(row, minlength=len(states)), 1), at_least)

    return Rule(f"stepwise {at_least:g}", reward, stepwise.__doc__ or "")


def contour(shape: str, at_least: float = 0.6) -> Rule:
    """max(0, min(1, r / at_least)), r the correlation of the bars' mean pitches with a shape over the 16 bars.

    Bars without a note are left out; 0 with notes in fewer than three bars, or all on one level. Shapes: rising,
    falling (lines), arch, valley (parabolas).

    Raises:
        UserError: for another shape, or at_least outside (0, 1].
    """
    if shape not in SHAPES:
        raise UserError(f"contour: expected one of {', '.join(SHAPES)}, got {shape!r}")
    share("contour", at_least)
    line = SHAPES[shape]

    def reward(states: np.ndarray) -> np.ndarray:
        found = onsets(states)
        at = found.row * BARS + found.step // STEPS_PER_BAR
        count = np.bincount(at, minlength=len(states) * BARS).reshape(-1, BARS)
        total = np.bincount(at, found.pitch, len(states) * BARS).reshape(-1, BARS)
        mean = total / np.maximum(count, 1)
        there = count > 0
        bars = there.sum(axis=1, keepdims=True)

        def centred(values: np.ndarray) -> np.ndarray:
            values = np.where(there, values, 0.0)
            return np.where(there, values - values.sum(axis=1, keepdims=True) / np.maximum(bars, 1), 0.0)

        x, y = centred(mean), centred(np.broadcast_to(line, mean.shape))
        norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        correlation = np.where(norm > 1e-9, (x * y).sum(axis=1) / np.maximum(norm, 1e-9), 0.0)
        return up_to(np.clip(correlation, 0, 1), at_least) * (bars[:, 0] >= 3)

    return Rule(f"{shape} contour", reward, contour.__doc__ or "")

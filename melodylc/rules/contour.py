"""Rules on the movement of a melody: leaps, steps, and the contour of its bars."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import BARS, STEPS_PER_BAR
from melodylc.rules.note_arrays import intervals, onsets, up_to
from melodylc.rules.rule import OneOf, Rule, check_share

MIN_BARS = 3  # bars with notes that a contour needs: through two points goes any line
TINY = 1e-9  # below which a product of norms counts as 0: all bars are on one level

_BAR = np.linspace(-1, 1, BARS)
SHAPES = {
    "rising": _BAR,
    "falling": -_BAR,
    "arch": 1 - _BAR**2,
    "valley": _BAR**2,
}


def leaps(at_most: int, at_least: float = 1.0) -> Rule:
    """Reward min(1, s / at_least), s being the share of intervals of at most so many semitones.

    The reward is 0 with fewer than two notes.

    Raises:
        UserError: unless at_most is 0 to 127 and at_least in (0, 1].
    """
    integer("leaps: at_most", at_most, 0, 127, " semitones")
    check_share("leaps", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        row, semitones = intervals(onsets(states))
        small = np.bincount(row, np.abs(semitones) <= at_most, len(states))
        return up_to(small / np.maximum(np.bincount(row, minlength=len(states)), 1), at_least)

    return Rule(f"leaps of at most {at_most}", reward, leaps.__doc__ or "")


def stepwise(at_least: float = 0.6) -> Rule:
    """Reward min(1, s / at_least), s being the share of intervals of one or two semitones.

    The reward is 0 with fewer than two notes.

    Raises:
        UserError: unless at_least is in (0, 1].
    """
    check_share("stepwise", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        row, semitones = intervals(onsets(states))
        size = np.abs(semitones)
        steps = np.bincount(row, (size == 1) | (size == 2), len(states))
        return up_to(steps / np.maximum(np.bincount(row, minlength=len(states)), 1), at_least)

    return Rule(f"stepwise {at_least:g}", reward, stepwise.__doc__ or "")


def contour(shape: Annotated[str, OneOf(SHAPES)], at_least: float = 0.6) -> Rule:
    """Reward the correlation of the bars' mean pitches with a shape: max(0, min(1, r / at_least)).

    Bars without a note are left out. The reward is 0 with notes in fewer than three bars, or all bars on one level.
    Shapes: rising and falling (lines), arch and valley (parabolas).

    Raises:
        UserError: for another shape, or at_least outside (0, 1].
    """
    if shape not in SHAPES:
        raise UserError(f"contour: expected one of {', '.join(SHAPES)}, got {shape!r}")
    check_share("contour", at_least)
    line = SHAPES[shape]

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        bar = notes.row * BARS + notes.step // STEPS_PER_BAR
        count = np.bincount(bar, minlength=len(states) * BARS).reshape(-1, BARS)
        total = np.bincount(bar, notes.pitch, len(states) * BARS).reshape(-1, BARS)
        mean = total / np.maximum(count, 1)
        filled = count > 0
        bars = filled.sum(axis=1, keepdims=True)

        def centred(values: np.ndarray) -> np.ndarray:
            values = np.where(filled, values, 0.0)
            return np.where(filled, values - values.sum(axis=1, keepdims=True) / np.maximum(bars, 1), 0.0)

        x, y = centred(mean), centred(np.broadcast_to(line, mean.shape))
        norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
        correlation = np.where(norm > TINY, (x * y).sum(axis=1) / np.maximum(norm, TINY), 0.0)
        return up_to(np.clip(correlation, 0, 1), at_least) * (bars[:, 0] >= MIN_BARS)

    return Rule(f"{shape} contour", reward, contour.__doc__ or "")

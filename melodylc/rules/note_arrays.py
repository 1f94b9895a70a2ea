"""The notes, lengths, intervals and bars of a batch of canonical melodies (B, 256), as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melodylc.melody import BARS, HOLD, STEPS, STEPS_PER_BAR


@dataclass(frozen=True)
class Onsets:
    """The N notes of a batch of B melodies, melody by melody, in order of time."""

    melodies: int  # B
    row: np.ndarray  # (N,) the melody each belongs to, 0..B-1
    step: np.ndarray  # (N,) where it starts, 0..255
    pitch: np.ndarray  # (N,) int64

    @property
    def counts(self) -> np.ndarray:
        """(B,) the number of notes of each melody."""
        return np.bincount(self.row, minlength=self.melodies)

    def share(self, of: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """Return (B,) the share of notes for which `of` (N,) is true.

        Args:
            among: (N,) bool, the notes that count; None: all. Where none counts, the share is 0.
        """
        if among is not None:
            of = of & among
        total = self.counts if among is None else np.bincount(self.row, among, self.melodies)
        return np.bincount(self.row, of, self.melodies) / np.maximum(total, 1)


def onsets(states: np.ndarray) -> Onsets:
    """Return the notes of melodies (B, 256)."""
    row, step = np.nonzero(states < HOLD)
    return Onsets(len(states), row, step, states[row, step].astype(np.int64))


def lengths(states: np.ndarray, notes: Onsets) -> np.ndarray:
    """Return (N,) the number of steps that each note sounds."""
    steps = np.arange(STEPS)
    # for every step, the first step from it on that is no HOLD
    change = np.where(states == HOLD, STEPS, steps)
    change = np.minimum.accumulate(change[:, ::-1], axis=1)[:, ::-1]
    following = np.concatenate([change[:, 1:], np.full((len(states), 1), STEPS)], axis=1)
    return following[notes.row, notes.step] - notes.step


def intervals(notes: Onsets) -> tuple[np.ndarray, np.ndarray]:
    """Return the melodies (M,) and signed semitones (M,) of the intervals between neighbouring notes of a melody."""
    same = notes.row[1:] == notes.row[:-1]
    return notes.row[1:][same], np.diff(notes.pitch)[same]


def bars(states: np.ndarray) -> np.ndarray:
    """Return melodies (B, 256) as (B, 16, 16): the steps of each bar."""
    return states.reshape(-1, BARS, STEPS_PER_BAR)


def up_to(value: np.ndarray, goal: float) -> np.ndarray:
    """Return min(1, value / goal), the ramp of c_density in equation 4; exactly 1 from the goal on."""
    return np.where(value >= goal, 1.0, value / goal) if goal > 0 else np.ones(len(value))


def down_to(value: np.ndarray, limit: float) -> np.ndarray:
    """Return min(1, limit / value), exactly 1 up to the limit."""
    return np.where(value <= limit, 1.0, limit / np.where(value <= limit, 1, value))

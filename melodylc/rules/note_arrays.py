"""What rules read off a batch of canonical melodies (B, 256), for all melodies at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melodylc.melody import BARS, HOLD, STEPS, STEPS_PER_BAR


@dataclass(frozen=True)
class Onsets:
    """Every note of a batch, melody by melody, in order: N notes of B melodies."""

    melodies: int  # B
    row: np.ndarray  # (N,) which melody
    step: np.ndarray  # (N,) where it starts, 0..255
    pitch: np.ndarray  # (N,) int64

    @property
    def counts(self) -> np.ndarray:
        """(B,) notes a melody."""
        return np.bincount(self.row, minlength=self.melodies)

    def share(self, of: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
        """(B,) the share of notes for which `of` (N,) is true, among those for which `among` is; 0 among none."""
        if among is not None:
            of = of & among
        total = self.counts if among is None else np.bincount(self.row, among, self.melodies)
        return np.bincount(self.row, of, self.melodies) / np.maximum(total, 1)


def onsets(states: np.ndarray) -> Onsets:
    """The notes of melodies (B, 256)."""
    row, step = np.nonzero(states < HOLD)
    return Onsets(len(states), row, step, states[row, step].astype(np.int64))


def lengths(states: np.ndarray, notes: Onsets) -> np.ndarray:
    """(N,) how many steps each note sounds."""
    steps = np.arange(STEPS)
    # the next step from here on that is no HOLD, for every step
    change = np.where(states == HOLD, STEPS, steps)
    change = np.minimum.accumulate(change[:, ::-1], axis=1)[:, ::-1]
    following = np.concatenate([change[:, 1:], np.full((len(states), 1), STEPS)], axis=1)
    return following[notes.row, notes.step] - notes.step


def intervals(notes: Onsets) -> tuple[np.ndarray, np.ndarray]:
    """The rows (M,) and signed semitones (M,) between each note and the next of its melody."""
    same = notes.row[1:] == notes.row[:-1]
    return notes.row[1:][same], np.diff(notes.pitch)[same]


def bars(states: np.ndarray) -> np.ndarray:
    """(B, 16, 16): the steps of each bar."""
    return states.reshape(-1, BARS, STEPS_PER_BAR)


def up_to(value: np.ndarray, goal: float) -> np.ndarray:
    """min(1, value / goal): the ramp of equation 4's c_density; exactly 1 from the goal on."""
    return np.where(value >= goal, 1.0, value / goal) if goal > 0 else np.ones(len(value))


def down_to(value: np.ndarray, limit: float) -> np.ndarray:
    """min(1, limit / value), exactly 1 up to the limit."""
    return np.where(value <= limit, 1.0, limit / np.maximum(value, 1e-9))

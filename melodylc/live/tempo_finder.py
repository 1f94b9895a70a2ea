"""The tempo of a phrase, from the moments at which its notes begin.

Many tempos are tried side by side, each in a few ways to divide a beat. A Kalman filter for each says where the next
sixteenths are due; a tempo is likelier the nearer notes come to these, and the more notes fall where melodies have
them: on beats first, then on eighths. So a tempo twice as fast, on whose grid the notes lie as well, loses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from melodylc.melody import STEPS_PER_BEAT

SLOWEST, FASTEST, TEMPOS = 55.0, 195.0, 48  # bpm; so many between them
USUAL, SPREAD = 108.0, 0.33  # bpm, and the deviation of its logarithm: what musicians play
JITTER = 0.015  # seconds that a note is off, as a deviation
DRIFT = 0.004  # share by which a tempo changes in a beat, likewise
TOGETHER = 0.035  # seconds within which notes begin as one
STRAY = 0.02  # share of notes that belong to no grid
# How often notes begin on the sixteenths of a beat, in eight kinds of phrases, and how common each kind is: the mixture
# that fits four bars of the melodies in the bank of the embedded model best; but the second, plain quarters, is added.
KINDS = np.array(
    [
        [0.63, 0.01, 0.08, 0.01],
        [0.97, 0.01, 0.03, 0.01],
        [0.95, 0.02, 0.84, 0.02],
        [0.63, 0.01, 0.49, 0.02],
        [0.76, 0.33, 0.73, 0.37],
        [0.57, 0.09, 0.23, 0.22],
        [0.94, 0.87, 0.94, 0.84],
        [0.97, 0.08, 0.05, 0.75],
    ]
)
COMMON = np.array([0.23, 0.07, 0.23, 0.16, 0.11, 0.10, 0.05, 0.05])
# the same of triplets: their notes are the first three. Nothing in the bank tells how often; these are guesses
TRIPLETS = np.array([[0.90, 0.75, 0.85, 0.01], [0.75, 0.40, 0.60, 0.01], [0.85, 0.03, 0.60, 0.02]])
OF_TRIPLETS = np.array([0.4, 0.3, 0.3])  # and of these
# where the sixteenths of a beat lie: straight, in swung eighths, swung sixteenths, triplets; and how likely each is
DIVISIONS = np.array([[0, 1 / 4, 1 / 2, 3 / 4], [0, 0.3, 0.6, 0.8], [0, 0.31, 0.5, 0.81], [0, 1 / 3, 2 / 3, 5 / 6]])
DIVIDED = np.array([0.82, 0.1, 0.05, 0.03])
BEGINS = np.log(np.stack([KINDS, KINDS, KINDS, np.resize(TRIPLETS, KINDS.shape)]))  # (D, K, 4)
LIKELY = np.full(BEGINS.shape[:2], -np.inf)  # (D, K)
LIKELY[:3], LIKELY[3, : len(TRIPLETS)] = np.log(COMMON), np.log(OF_TRIPLETS)
PASSES = np.pad(np.cumsum(np.log1p(-np.exp(BEGINS)), axis=2), ((0, 0), (0, 0), (1, 0)))  # (D, K, 5)
HYPOTHESES = len(DIVISIONS) * TEMPOS
ROWS = np.arange(HYPOTHESES)


class TempoFinder:
    """A finder of the tempo of notes, which are given to it one by one; the first is at position 0."""

    def __init__(self) -> None:
        periods = 60 / np.geomspace(SLOWEST, FASTEST, TEMPOS)  # seconds of a beat
        self._grid = np.repeat(np.column_stack([DIVISIONS, np.ones(len(DIVISIONS))]), TEMPOS, axis=0)  # (H, 5)
        self._between = (self._grid[:, 1:] + self._grid[:, :-1]) / 2
        self._period = np.tile(periods, len(DIVISIONS))
        self._score = np.repeat(np.log(DIVIDED), TEMPOS) - (np.log(60 / self._period / USUAL) / SPREAD) ** 2 / 2
        spacing = (FASTEST / SLOWEST) ** (1 / (TEMPOS - 1)) - 1
        self._of_period = (self._period * spacing / 2) ** 2  # variances
        self._of_moment = np.full(HYPOTHESES, JITTER**2)
        self._of_both = np.zeros(HYPOTHESES)
        self._step = np.zeros(HYPOTHESES, int)  # sixteenths from the first note to the last
        self._due = np.zeros(HYPOTHESES)  # the moment of that step
        self._moments: list[float] = []  # of the notes
        self._beats: list[np.ndarray] = []  # their positions, (H,) each
        self._periods: list[np.ndarray] = []  # seconds of a beat from there on, (H,) each
        self._begins = np.repeat(BEGINS, TEMPOS, axis=0)  # (H, K, 4)
        self._passes = np.repeat(PASSES, TEMPOS, axis=0)  # (H, K, 5)
        self._kinds = np.repeat(LIKELY, TEMPOS, axis=0)  # (H, K)

    def take(self, moment: float) -> None:
        """Take a note that began at a moment, in seconds, not before the last one."""
        if not self._moments:
            self._due[:] = moment
            beat = np.zeros(HYPOTHESES)
        elif moment - self._moments[-1] < TOGETHER:
            return
        else:
            beat = self._follow(moment)
        self._moments.append(moment)
        self._beats.append(beat)
        self._periods.append(self._period)

    def _follow(self, moment: float) -> np.ndarray:
        """Have every filter follow a note, and return where they had it, (H,), in beats."""
        last = self._at(self._step)
        beat = last + (moment - self._due) / self._period
        whole = np.floor(beat)
        step = (whole * STEPS_PER_BEAT).astype(int) + (self._between < (beat - whole)[:, None]).sum(axis=1)
        step = np.maximum(step, self._step + 1)
        gone = self._at(step) - last  # beats
        # where the step is due, and how sure that is
        due = self._due + gone * self._period
        of_period = self._of_period + gone * (DRIFT * self._period) ** 2
        of_both = self._of_both + gone * self._of_period
        of_moment = self._of_moment + 2 * gone * self._of_both + gone**2 * self._of_period
        off, variance = moment - due, of_moment + JITTER**2
        near = (1 - STRAY) * np.exp(-(off**2) / variance / 2) / np.sqrt(2 * np.pi * variance)
        stray = STRAY * STEPS_PER_BEAT / self._period
        self._score += np.log(near + stray)
        self._kinds += self._begins[ROWS, :, step % STEPS_PER_BEAT] + self._passed(step) - self._passed(self._step + 1)
        trusted = near / (near + stray)
        gain, gain_of_period = trusted * of_moment / variance, trusted * of_both / variance
        self._due, self._period = due + gain * off, self._period + gain_of_period * off
        self._of_moment = of_moment * (1 - gain)
        self._of_period = of_period - gain_of_period * of_both
        self._of_both = of_both * (1 - gain)
        self._step = step
        return beat

    def _at(self, step: np.ndarray) -> np.ndarray:
        """Return the positions of steps in beats."""
        return step // STEPS_PER_BEAT + self._grid[ROWS, step % STEPS_PER_BEAT]

    def _passed(self, step: np.ndarray) -> np.ndarray:
        """Return (H, K): the logarithm of how likely it is that no note begins on any of the steps before one."""
        beats, rest = step // STEPS_PER_BEAT, step % STEPS_PER_BEAT
        return beats[:, None] * self._passes[:, :, -1] + self._passes[ROWS, :, rest]

    @property
    def tempo(self) -> float:
        """Return the likeliest tempo in bpm; for a single note, and for none, the one that is usual."""
        return 60 / float(self._period[self._best])

    def position(self, moment: float) -> float:
        """Return the position, in beats from the first note, of a moment after the last one."""
        best = self._best
        return float(self._at(self._step)[best] + (moment - self._due[best]) / self._period[best])

    def positions(self, moments: Sequence[float]) -> np.ndarray:
        """Return the positions of moments, (N,), in beats from the first note, as the notes before each have it."""
        best = self._best
        since = np.searchsorted(self._moments, moments, side="right") - 1
        beats, periods = (np.array([each[best] for each in of_all]) for of_all in (self._beats, self._periods))
        return beats[since] + (np.asarray(moments) - np.array(self._moments)[since]) / periods[since]

    @property
    def _best(self) -> int:
        return int(np.argmax(self._score + np.logaddexp.reduce(self._kinds, axis=1)))

"""The tempo of a clock from the moments of its ticks, however much they jitter."""

from __future__ import annotations

from collections import deque

import numpy as np

from midi_io.messages import PPQN


class TempoEstimator:
    """The tempo of a clock: a line through the moments of its ticks, by a least-squares fit
    over the last twelve quarter notes.

    With ticks that come s seconds early or late, the spread of its tempo falls as s / n^1.5: 5 ms become 0.03 % after
    eight quarter notes at 120. Ticks further off than three spreads of the others count for less; several in a row on
    one side are a new tempo, and the ticks before them are forgotten.
    """

    LONGEST = 12 * PPQN  # ticks the line is fitted to
    SUSPECTS = 4  # ticks in a row on one side of the line that make a new tempo
    FINEST = 0.0003  # seconds: no clock is believed to be steadier
    PRIOR = 5.0  # weight of the interval known before, as of so many ticks squared

    def __init__(self, interval: float = 60 / 120 / PPQN) -> None:
        self.interval = interval  # seconds from tick to tick
        self.count = 0  # number of the next tick
        self.last = 0.0  # when the last one came
        self._first = 0  # number of the first tick in the window
        self._moments: deque[float] = deque(maxlen=self.LONGEST)
        self._deviations: deque[float] = deque(maxlen=self.SUSPECTS)
        self._centre, self._moment = 0.0, 0.0  # a point of the line: number of a tick, seconds
        self._spread = self.FINEST

    def tick(self, moment: float) -> None:
        """Take the moment of another tick."""
        if self._moments:
            gap = moment - self.last
            if gap > max(12 * self.interval, 0.25):
                self._keep_last(0)
            else:
                self._deviations.append(moment - self.moment_of(self.count))
                if ticks := self._ticks_of_another_tempo():
                    self._keep_last(ticks - 1)
                    recent = [*self._moments, moment]
                    self.interval = max((recent[-1] - recent[0]) / max(len(recent) - 1, 1), 1e-4)
        if not self._moments:
            self._first = self.count
        elif len(self._moments) == self.LONGEST:
            self._first += 1
        self._moments.append(moment)
        self.last = moment
        self.count += 1
        self._fit()

    def _ticks_of_another_tempo(self) -> int:
        """Return how many of the last ticks are of another tempo: too far off the line, all to one side; 0 for none.

        Two that are very far off will do, which a steady clock shows at once; of a clock that jitters it takes four.
        """
        for count, mean, last in ((2, 8.0, 8.0), (self.SUSPECTS, 3.0, 4.0)):
            deviations = np.array(self._deviations)[-count:]
            aside = len(deviations) == count and bool((deviations > 0).all() or (deviations < 0).all())
            far = np.abs(deviations)
            if aside and far.mean() > mean * self._spread and far[-1] > last * self._spread:
                return count
        return 0

    def _keep_last(self, count: int) -> None:
        while len(self._moments) > count:
            self._moments.popleft()
            self._first += 1
        self._deviations.clear()
        self._spread = max(self._spread, self.FINEST)

    def _fit(self) -> None:
        moments = np.array(self._moments)
        numbers = np.arange(self._first, self._first + len(moments), dtype=float)
        before, weights = self.interval, np.ones(len(moments))
        for _ in range(2):  # the second time with less weight on what the first found astray
            self._centre = float(weights @ numbers / weights.sum())
            self._moment = float(weights @ moments / weights.sum())
            x, y = numbers - self._centre, moments - self._moment
            self.interval = float((weights * x @ y + self.PRIOR * before) / (weights * x @ x + self.PRIOR))
            off = np.abs(y - self.interval * x)
            spread = max(1.48 * float(np.median(off)), self.FINEST)  # of a normal distribution with this median
            weights = np.minimum(1.0, 3 * spread / np.maximum(off, 1e-9))
        if len(moments) > self.SUSPECTS:
            self._spread = spread

    def moment_of(self, number: float) -> float:
        """Return the moment of a tick, by the line."""
        return self._moment + (number - self._centre) * self.interval

    def tick_at(self, moment: float) -> float:
        """Return where between the ticks a moment lies, by the line."""
        return self._centre + (moment - self._moment) / self.interval

"""The tempo of a clock, and how it changes, from the moments of its ticks, however much they jitter."""

from __future__ import annotations

from collections import deque

import numpy as np

from midi_io.messages import PPQN


class TempoEstimator:
    """The tempo of a clock: a curve through the moments of its ticks, by a least-squares fit over the last twelve
    quarter notes, and its tangent at the last one.

    The curve is a line as long as the ticks show no slope of the tempo: with ticks that come s seconds early or late,
    the spread of its tempo falls as s / n^1.5: 5 ms become 0.03 % after eight quarter notes at 120. Where a slope
    stands out from the spread of the ticks, the curve is a parabola, or two lines that meet if these fit better: the
    tempo has stepped, and a quarter note later the first line is forgotten. Ticks further off than three spreads of the
    others count for less. Where the last few lie off the curve to one side, its beginning is forgotten until they do
    not: a ramp has begun or ended. Several very far off are a new tempo.

    Ticks have numbers. Two in a row that lie the same whole number of ticks off the curve show that ticks were lost or
    doubled; so does one after a silence. Then they have the numbers that their moments say.
    """

    LONGEST = 12 * PPQN  # ticks the curve is fitted to
    SUSPECTS = 4  # ticks in a row on one side of the curve that make a new tempo
    FINEST = 0.0001  # seconds: no clock is believed to be steadier
    PRIOR = 5.0  # weight of the interval known before, as of so many ticks squared
    SHORTEST = 10  # ticks that a parabola is fitted to, and that are left when older ones are forgotten
    KEPT = 0.67  # share of the ticks that is kept each time that the beginning is forgotten
    SLOPED, LEVEL = 4.5, 3.0  # standard errors from which on there is a slope, and below which there is none any more
    STEPPED = 4.0  # squared spreads by which two lines are to fit better than a parabola, for a step of the tempo
    FRESH, PLACES = 5, 32  # ticks since a step at least, and places that are tried for it
    RECENT = (4, 8, 16)  # last ticks whose median is to lie on the curve: one astray proves nothing
    OFF = 5.0  # standard errors of a mean that it may be off: a median spreads by a quarter more
    BENDS = 4 * PPQN  # third differences that jitter is known from
    APART = (1, 4)  # ticks between those of a third difference
    SILENCE = 0.25  # seconds without a tick, or twelve ticks if longer
    STEADY = 5.0  # spreads that an interval is at least, for lost and doubled ticks to be told from jitter
    WHOLE = 0.25  # of an interval that a whole number of ticks may be off

    def __init__(self, interval: float = 60 / 120 / PPQN) -> None:
        self.interval = interval  # seconds from tick to tick, at the last one
        self.count = 0  # number of the next tick
        self.last = 0.0  # when the last one came
        self._numbers: deque[int] = deque(maxlen=self.LONGEST)
        self._moments: deque[float] = deque(maxlen=self.LONGEST)
        self._deviations: deque[float] = deque(maxlen=self.SUSPECTS)
        self._centre, self._moment = 0.0, 0.0  # a point of the tangent: number of a tick, seconds
        self._spread = self.FINEST
        self._last_moments: deque[float] = deque(maxlen=3 * max(self.APART) + 1)
        self._bends = {apart: deque[float](maxlen=self.BENDS) for apart in self.APART}
        self._jitter = self.FINEST  # of ticks, whatever the curve is
        self._sloped = False
        self._since_step = 0  # ticks behind a step of the tempo, if there was one
        self._slipped = 0  # ticks that the last one was off, if it was off by a whole number

    def tick(self, moment: float, goes_on: bool = True) -> int:
        """Take the moment of another tick; return how many before it were lost, or, below 0, were too many.

        Args:
            goes_on: whether the clock has run on since the last tick, as far as is known, so that some may be lost.
        """
        lost, off = 0, moment - self.moment_of(self.count)
        fresh = False
        silent = bool(self._moments) and moment - self.last > max(12 * self.interval, self.SILENCE)
        if silent:
            self._last_moments.clear()  # a pause is no jitter
        self._note_jitter(moment)
        whole = round(off / self.interval) if goes_on and self._is_established() else 0
        if silent:
            lost = max(whole, 0)
            if not lost or abs(off - lost * self.interval) > self.LEVEL * self._spread:
                self._keep_last(0)
            self._slipped = 0
        elif whole and abs(off - whole * self.interval) < self.WHOLE * self.interval:
            fresh = not self._slipped
            if fresh and max(map(abs, self._deviations), default=0.0) > self.WHOLE * self.interval:
                fresh = False  # it has drifted there
            elif whole == self._slipped:
                lost, self._slipped = whole, 0
                self._numbers[-1] += whole
                self._deviations.clear()
            else:
                self._slipped = whole
        else:
            self._slipped = 0
        self.count += lost
        if self._moments and not lost and not (self._slipped and fresh):
            self._deviations.append(off)
            if ticks := self._ticks_of_another_tempo():
                self._keep_last(ticks - 1)
                recent = [*self._moments, moment]
                self.interval = max((recent[-1] - recent[0]) / max(len(recent) - 1, 1), 1e-4)
        self._numbers.append(self.count)
        self._moments.append(moment)
        self.last = moment
        self.count += 1
        if not self._slipped:  # until the next tick shows what it was, it says nothing
            self._fit()
        return lost

    def begin(self, moment: float) -> None:
        """Take the tick that comes next, at a moment, for the first one of a clock that has begun anew.

        Where it is off the beat of those before it, they tell its tempo still, but not where it is.
        """
        self._last_moments.clear()  # a pause is no jitter
        if self._moments and abs(moment - self.moment_of(self.count)) > self.LEVEL * self._spread:
            self._keep_last(0)

    def _note_jitter(self, moment: float) -> None:
        """Learn how much ticks jitter: third differences of their moments hardly know of slopes and steps.

        Of neighbours for what each tick does alone, and of ticks further apart for what comes in waves, such as a swing
        of the clock, or periods of sound that clocks wait for; there a median, which a step leaves as it is.
        """
        self._last_moments.append(moment)
        spreads = [self.FINEST]
        for apart, bends in self._bends.items():
            if len(self._last_moments) > 3 * apart:
                d, c, b, a = (self._last_moments[-1 - apart * back] for back in range(4))
                bends.append((d - 3 * c + 3 * b - a) / 20**0.5)  # the variances of 1 + 9 + 9 + 1 ticks
                of_all = np.array(bends)
                spreads.append(float(np.mean(of_all**2) ** 0.5) if apart == 1 else _spread(of_all))
        self._jitter = max(spreads)

    def _is_established(self) -> bool:
        """Return whether enough is known of the clock to tell lost and doubled ticks from jitter."""
        return len(self._moments) >= PPQN and self.interval > self.STEADY * self._spread

    def _ticks_of_another_tempo(self) -> int:
        """Return how many of the last ticks are of another tempo: too far off the line, all to one side; 0 for none.

        Two that are very far off will do, which a steady clock shows at once; of a clock that jitters it takes four.
        """
        spread = max(self._spread, self._jitter)
        for count, mean, last in ((2, 8.0, 8.0), (self.SUSPECTS, 3.0, 4.0)):
            deviations = np.array(self._deviations)[-count:]
            far = np.abs(deviations)
            aside = len(deviations) == count and abs(np.sign(deviations).sum()) == count
            # one stray tick after one that was nearly right is no new tempo
            if aside and far.min() > far.mean() / 4 and far.mean() > mean * spread and far[-1] > last * spread:
                return count
        return 0

    def _keep_last(self, count: int) -> None:
        while len(self._moments) > count:
            self._moments.popleft()
            self._numbers.popleft()
        self._deviations.clear()
        self._slipped, self._sloped = 0, False

    def _fit(self) -> None:
        numbers, moments = np.array(self._numbers, dtype=float), np.array(self._moments)
        end, before = numbers[-1], self.interval
        x, y = numbers - end, moments - moments[-1]
        while True:
            self._since_step = 0
            residuals = self._fit_line(x, y, before)
            if len(x) >= self.SHORTEST:
                residuals = self._fit_slope(x, y, residuals)
            kept = max(int(len(x) * self.KEPT), self.SHORTEST)
            if kept >= len(x) or not self._strays(residuals):
                break
            x, y = x[-kept:], y[-kept:]
        # once there are enough, those behind a step say where it was
        kept = self._since_step if self._since_step >= PPQN else len(x)
        while len(self._moments) > kept:
            self._moments.popleft()
            self._numbers.popleft()
        self._centre = float(end)
        self._moment += float(moments[-1])
        if len(x) > self.SUSPECTS:
            self._spread = max(_spread(residuals), self._jitter)

    def _strays(self, residuals: np.ndarray) -> bool:
        """Return whether the last ticks lie off the curve, to one side."""
        recent = [residuals[-last:] for last in self.RECENT if last < len(residuals)]
        return any(abs(float(np.median(each))) > self.OFF * self._jitter / len(each) ** 0.5 for each in recent)

    def _fit_line(self, x: np.ndarray, y: np.ndarray, before: float) -> np.ndarray:
        """Fit a line to ticks (N,) before the last one, and return how far off each is (N,)."""
        weights = np.ones(len(x))
        for _ in range(2):  # the second time with less weight on what the first found astray
            total = weights.sum()
            centre, moment = float(weights @ x / total), float(weights @ y / total)
            dx, dy = x - centre, y - moment
            self.interval = float((weights * dx @ dy + self.PRIOR * before) / (weights * dx @ dx + self.PRIOR))
            residuals = dy - self.interval * dx
            weights = _weights(residuals, self._jitter)
        self._moment = moment - centre * self.interval
        return residuals

    def _fit_slope(self, x: np.ndarray, y: np.ndarray, straight: np.ndarray) -> np.ndarray:
        """Fit a parabola likewise; where there is a slope it takes the place of the line."""
        scale = -x[0]
        powers = np.stack([np.ones(len(x)), x / scale, (x / scale) ** 2], axis=1)  # (N, 3)
        weights = np.ones(len(x))
        for _ in range(2):
            inverse = np.linalg.pinv(powers.T @ (weights[:, None] * powers))
            fitted = inverse @ (powers.T @ (weights * y))
            residuals = y - powers @ fitted
            weights = _weights(residuals, self._jitter)
        error = max(_spread(residuals), self._jitter) * inverse[2, 2] ** 0.5
        self._sloped = abs(fitted[2]) > (self.LEVEL if self._sloped else self.SLOPED) * error
        if not self._sloped:
            return straight
        if (stepped := self._fit_step(x / scale, y, residuals, weights)) is not None:
            fitted, residuals = stepped
        self._moment, self.interval = float(fitted[0]), max(float(fitted[1] / scale), 1e-4)
        return residuals

    def _fit_step(
        self, x: np.ndarray, y: np.ndarray, curved: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Fit two lines that meet, for ticks (N,) from -1 to 0: the tempo has stepped.

        Return the moment at the end, the slope there and its step (3,), and how far off each tick is (N,); None where a
        parabola that is off so much (N,) fits nearly as well.
        """
        places = np.geomspace(self.FRESH / len(x), 0.9, self.PLACES)  # (P,)
        before = np.minimum(x + places[:, None], 0.0)  # (P, N)
        bases = np.stack([np.ones_like(before), np.broadcast_to(x, before.shape), before], axis=2)  # (P, N, 3)
        scaled = (bases * weights[:, None]).transpose(0, 2, 1)
        fitted = np.linalg.solve(scaled @ bases, scaled @ y[:, None])  # (P, 3, 1)
        residuals = y - (bases @ fitted)[:, :, 0]
        off = residuals**2 @ weights
        best = int(off.argmin())
        if off[best] > weights @ curved**2 - self.STEPPED * self._jitter**2:
            return None
        self._since_step = int(places[best] * len(x))
        return fitted[best, :, 0], residuals[best]

    def moment_of(self, number: float) -> float:
        """Return the moment of a tick, by the tangent."""
        return self._moment + (number - self._centre) * self.interval

    def tick_at(self, moment: float) -> float:
        """Return where between the ticks a moment lies, by the tangent."""
        return self._centre + (moment - self._moment) / self.interval


def _spread(residuals: np.ndarray) -> float:
    """Return the standard deviation of a normal distribution with the median of these."""
    return 1.48 * float(np.median(np.abs(residuals)))


def _weights(residuals: np.ndarray, finest: float) -> np.ndarray:
    """Return weights that leave ticks further off than three spreads as much as one at three."""
    return np.minimum(1.0, 3 * max(_spread(residuals), finest) / np.maximum(np.abs(residuals), 1e-9))

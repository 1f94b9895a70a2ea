"""The tempo of a clock, and how it changes, from the moments of its ticks, however much they jitter."""

from __future__ import annotations

from collections import deque

import numpy as np

from midi_io.messages import PPQN
from midi_io.tempo_filter import TempoFilter


class TempoEstimator:
    """The tempo of a clock: what a filter makes of the moments of its ticks, and of how much they jitter.

    How much they do is learned beside it; it counts for twice as much as the tempo may change. Several ticks that are
    very far off to one side are a new tempo.

    Ticks have numbers. Two in a row that lie the same whole number of ticks off the tempo show that ticks were lost or
    doubled; so does one after a silence. Then they have the numbers that their moments say.
    """

    SUSPECTS = 4  # ticks in a row on one side that make a new tempo
    FINEST = 0.0001  # seconds: no clock is believed to be steadier
    SHORTEST = 0.0001  # seconds from tick to tick
    UNKNOWN = 0.002  # seconds that a clock is believed to jitter by until its ticks tell
    TOLD = 4  # third differences that tell it
    LEARNED = (8, 16, 32)  # ticks after which the first ones are taken anew, with the jitter that is known by then
    AT_FIRST, KNOWN = 2.0, 0.05  # share by which an interval may be off that is only assumed, and one that was heard
    BENDS = 4 * PPQN  # third differences that jitter is known from
    APART = (1, 4)  # ticks between those of a third difference
    SILENCE = 0.25  # seconds without a tick, or twelve ticks if longer
    SPANNED = 2 * PPQN  # ticks of a silence from which on the filter begins anew: going over each takes it a while
    ASTRAY = 3.0  # spreads from which on a tick is off the beat of those before it
    TOGETHER = 0.05  # of an interval: ticks no further apart come as fast as a cable carries them
    STEADY = 5.0  # spreads that an interval is at least, for lost and doubled ticks to be told from jitter
    WHOLE = 0.25  # of an interval that a whole number of ticks may be off

    def __init__(self, interval: float = 60 / 120 / PPQN) -> None:
        self.interval = interval  # seconds from tick to tick, at the last one
        self.tempo = 60 / PPQN / interval  # quarter notes a minute: where it may have changed, the likeliest
        self.count = 0  # number of the next tick
        self.last = 0.0  # when the last one came
        self._filter: TempoFilter | None = None
        self._heard = 0  # ticks since it began
        self._ticks: deque[tuple[int, float]] = deque(maxlen=max(self.LEARNED))  # numbers and moments
        self._waiting = 0  # how many of the last are not in the filter yet
        self._uncertain = self.AT_FIRST
        self._deviations: deque[float] = deque(maxlen=self.SUSPECTS)
        self._centre, self._moment = 0, 0.0  # a point of the tangent: number of a tick, seconds
        self._last_moments: deque[float] = deque(maxlen=3 * max(self.APART) + 1)
        self._bends = {apart: deque[float](maxlen=self.BENDS) for apart in self.APART}
        self._jitter = self.UNKNOWN
        self._owed = 0  # ticks taken for lost in a silence that may come yet
        self._slipped = 0  # ticks that the last one was off, if it was off by a whole number

    def tick(self, moment: float, goes_on: bool = True) -> int:
        """Take the moment of another tick; return how many before it were lost, or, below 0, were too many.

        Args:
            goes_on: whether the clock has run on since the last tick, as far as is known, so that some may be lost.
        """
        if self._owed and moment - self.last < self.TOGETHER * self.interval:
            self._owed -= 1  # it was held up with the last one, and then taken for lost
            self.last = moment
            return -1
        self._owed, lost, off = 0, 0, moment - self.moment_of(self.count)
        fresh = False
        silent = bool(self._ticks) and moment - self.last > max(12 * self.interval, self.SILENCE)
        whole = round(off / self.interval) if goes_on and self._is_established() else 0
        slips = bool(whole) and abs(off - whole * self.interval) < self.WHOLE * self.interval
        if silent or slips:
            self._last_moments.clear()  # a pause is no jitter, nor is a tick that is lost
        self._note_jitter(moment)
        if silent:
            lost = self._owed = max(whole, 0)
            if not 0 < lost < self.SPANNED or abs(off - lost * self.interval) > self.ASTRAY * self._jitter:
                self._keep_last(0)
            self._slipped = 0
        elif slips:
            fresh = not self._slipped
            if fresh and max(map(abs, self._deviations), default=0.0) > self.WHOLE * self.interval:
                fresh = False  # it has drifted there
            elif whole == self._slipped:
                lost, self._slipped = whole, 0
                number, before = self._ticks[-1]
                self._ticks[-1] = number + whole, before
                self._deviations.clear()
            else:
                self._slipped = whole
        else:
            self._slipped = 0
        self.count += lost
        if self._ticks and not lost and not (self._slipped and fresh):
            self._deviations.append(off)
            if ticks := self._ticks_of_another_tempo(moment):
                self._keep_last(ticks - 1)
                recent = [*(each for _, each in self._ticks), moment]
                self.interval = max((recent[-1] - recent[0]) / max(len(recent) - 1, 1), self.SHORTEST)
        self._ticks.append((self.count, moment))
        self._waiting += 1
        self._heard += 1
        self.last = moment
        self.count += 1
        if not self._slipped:  # until the next tick shows what it was, it says nothing
            self._take_in()
        return lost

    def begin(self, moment: float) -> None:
        """Take the tick that comes next, at a moment, for the first one of a clock that has begun anew.

        Where it is off the beat of those before it, they tell its tempo still, but not where it is.
        """
        self._last_moments.clear()  # a pause is no jitter
        if self._ticks and abs(moment - self.moment_of(self.count)) > self.ASTRAY * self._jitter:
            self._keep_last(0)

    def _note_jitter(self, moment: float) -> None:
        """Learn how much ticks jitter: third differences of their moments hardly know of slopes and steps.

        Of neighbours for what each tick does alone, and of ticks further apart for what comes in waves, such as a swing
        of the clock, or periods of sound that clocks wait for; there a median, which a step leaves as it is.
        """
        self._last_moments.append(moment)
        for apart, bends in self._bends.items():
            if len(self._last_moments) > 3 * apart:
                d, c, b, a = (self._last_moments[-1 - apart * back] for back in range(4))
                bends.append((d - 3 * c + 3 * b - a) / 20**0.5)  # the variances of 1 + 9 + 9 + 1 ticks
        neighbours, further = (np.array(self._bends[apart]) for apart in self.APART)
        if len(neighbours) >= self.TOLD:
            in_waves = 1.48 * float(np.median(np.abs(further))) if len(further) else 0.0
            self._jitter = max(self.FINEST, float(np.mean(neighbours**2) ** 0.5), in_waves)

    def _is_established(self) -> bool:
        """Return whether enough is known of the clock to tell lost and doubled ticks from jitter."""
        return self._heard >= PPQN and self.interval > self.STEADY * self._jitter

    def _ticks_of_another_tempo(self, moment: float) -> int:
        """Return how many of the last ticks are of another tempo: too far off, all to one side; 0 for none.

        Two that are very far off will do, which a steady clock shows at once; of a clock that jitters it takes four.
        """
        for count, mean, latest in ((2, 8.0, 8.0), (self.SUSPECTS, 3.0, 4.0)):
            deviations = np.array(self._deviations)[-count:]
            far = np.abs(deviations) / self._jitter
            recent = [*(each for _, each in self._ticks), moment][-count:]
            if recent[-1] - recent[0] < max(self._jitter, self.TOGETHER * count * self.interval):
                continue  # they waited for each other somewhere, and tell no tempo
            aside = len(deviations) == count and abs(np.sign(deviations).sum()) == count
            # one stray tick after one that was nearly right is no new tempo
            if aside and far.min() > far.mean() / 4 and far.mean() > mean and far[-1] > latest:
                return count
        return 0

    def _keep_last(self, count: int) -> None:
        while len(self._ticks) > count:
            self._ticks.popleft()
        self._heard = self._waiting = count
        self._deviations.clear()
        self._slipped, self._filter = 0, None

    def _take_in(self) -> None:
        """Give the filter the ticks that wait."""
        if self._heard in self.LEARNED:
            self._filter = None
        if self._filter is None:
            number, moment = self._ticks[0]
            self._filter = TempoFilter(moment, self.interval, self._uncertain, self._jitter)
            self._centre, self._waiting, self._uncertain = number, len(self._ticks) - 1, self.KNOWN
        for number, moment in list(self._ticks)[-self._waiting :] if self._waiting else ():
            self._filter.tick(max(number - self._centre, 0), moment, self._jitter)
            self._centre = max(number, self._centre)
        self._waiting = 0
        self.tempo = 60 / PPQN / max(self._filter.likeliest_interval, self.SHORTEST)
        self._moment, self.interval = self._filter.moment, max(self._filter.interval, self.SHORTEST)

    def moment_of(self, number: float) -> float:
        """Return the moment of a tick, by the tangent."""
        return self._moment + (number - self._centre) * self.interval

    def tick_at(self, moment: float) -> float:
        """Return where between the ticks a moment lies, by the tangent."""
        return self._centre + (moment - self._moment) / self.interval

"""Musical time: where in beats a moment lies, and when a beat will be.

`Internal` keeps its own tempo. `Follower` follows MIDI clock: what start, stop, continue, song position and clocks do
to it is the table `TRANSITIONS`; how fast the clocks run is the matter of `Pulse`.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Protocol

import numpy as np

from midi_io import messages

PPQN = 24  # MIDI clocks a quarter note
CLOCKS_PER_SIXTEENTH = 6


class Transport(Protocol):
    """What a player needs to know of time. Moments are in seconds of the ports' clock, positions in quarter notes."""

    epoch: int  # another number after every start, stop or jump
    origin: float  # the position at which this epoch began

    @property
    def running(self) -> bool:
        """Whether the position moves."""

    @property
    def tempo(self) -> float:
        """Quarter notes a minute."""

    def advance(self, now: float) -> None:
        """Notice what only time tells, such as a clock that has fallen silent."""

    def position(self, now: float) -> float:
        """Where the moment lies."""

    def when(self, beat: float) -> float:
        """The moment at which a position is, or will be, reached."""


class ConstantTempo:
    """A transport that runs at its tempo from a moment whose position is known."""

    def __init__(self, tempo: float = 120.0) -> None:
        self.epoch, self.origin = 0, 0.0
        self._tempo, self._running = tempo, False
        self._moment, self._beat = 0.0, 0.0  # a moment and where it lay

    @property
    def running(self) -> bool:
        return self._running

    @property
    def tempo(self) -> float:
        return self._tempo

    def position(self, now: float) -> float:
        return self._beat + (now - self._moment) * self._tempo / 60 if self._running else self._beat

    def when(self, beat: float) -> float:
        return self._moment + (beat - self._beat) * 60 / self._tempo


class Internal(ConstantTempo):
    """A tempo of one's own."""

    def advance(self, now: float) -> None:
        """Nothing happens to a clock of one's own."""

    def start(self, now: float, beat: float = 0.0) -> None:
        """Run from a position."""
        self._moment, self._beat, self.origin, self._running = now, beat, beat, True
        self.epoch += 1

    def stop(self, now: float) -> None:
        """Stand still where it is."""
        self._beat = self.position(now)
        self._running = False
        self.epoch += 1

    def set_tempo(self, tempo: float, now: float) -> None:
        """Another tempo from now on; the position does not jump."""
        self._beat, self._moment = self.position(now), now
        self._tempo = tempo


class TempoEstimator:
    """The line through the moments of a clock's ticks: a least-squares fit over the last twelve quarter notes.

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
        self._strays: deque[float] = deque(maxlen=self.SUSPECTS)
        self._centre, self._moment = 0.0, 0.0  # a point of the line: tick number, seconds
        self._spread = self.FINEST

    def tick(self, moment: float) -> None:
        """Another tick has come."""
        if self._moments:
            gap = moment - self.last
            if gap > max(12 * self.interval, 0.25):
                self._forget(0)
            else:
                self._strays.append(moment - self.when(self.count))
                if moved := self._moved():
                    self._forget(moved - 1)
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

    def _moved(self) -> int:
        """How many of the last ticks are of another tempo: they lie too far off the line, all to one side; 0 for none.

        Two that are very far off will do, which a steady clock shows at once; of a clock that jitters it takes four.
        """
        for count, mean, last in ((2, 8.0, 8.0), (self.SUSPECTS, 3.0, 4.0)):
            strays = np.array(self._strays)[-count:]
            aside = len(strays) == count and bool((strays > 0).all() or (strays < 0).all())
            far = np.abs(strays)
            if aside and far.mean() > mean * self._spread and far[-1] > last * self._spread:
                return count
        return 0

    def _forget(self, kept: int) -> None:
        while len(self._moments) > kept:
            self._moments.popleft()
            self._first += 1
        self._strays.clear()
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

    def when(self, number: float) -> float:
        """The moment of a tick, by the line."""
        return self._moment + (number - self._centre) * self.interval

    def number(self, moment: float) -> float:
        """Where between the ticks a moment lies, by the line."""
        return self._centre + (moment - self._moment) / self.interval


class State(Enum):
    """What a follower is doing."""

    STOPPED = auto()
    ARMED = auto()  # started: the next clock is the first
    PLAYING = auto()
    LOST = auto()  # playing, until its clock fell silent


class Event(Enum):
    """What happens to it."""

    START = auto()
    CONTINUE = auto()
    STOP = auto()
    SONG_POSITION = auto()
    CLOCK = auto()
    SILENCE = auto()  # no clock for longer than a clock can be late


class Action(Enum):
    """What it does about it, beside the pulse of its clocks, which it always takes."""

    NOTHING = auto()
    REWIND = auto()  # the next clock is at position 0
    LOCATE = auto()  # the next clock is at the position that was sent
    BEGIN = auto()  # this clock is at the position it is armed with
    ADVANCE = auto()  # this clock is one further
    HALT = auto()  # stay where it is


S, E, A = State, Event, Action
TRANSITIONS: dict[tuple[State, Event], tuple[State, Action]] = {
    (S.STOPPED, E.START): (S.ARMED, A.REWIND),
    (S.STOPPED, E.CONTINUE): (S.ARMED, A.NOTHING),
    (S.STOPPED, E.STOP): (S.STOPPED, A.NOTHING),
    (S.STOPPED, E.SONG_POSITION): (S.STOPPED, A.LOCATE),
    (S.STOPPED, E.CLOCK): (S.STOPPED, A.NOTHING),  # hosts that never stop their clock
    (S.STOPPED, E.SILENCE): (S.STOPPED, A.NOTHING),
    (S.ARMED, E.START): (S.ARMED, A.REWIND),
    (S.ARMED, E.CONTINUE): (S.ARMED, A.NOTHING),
    (S.ARMED, E.STOP): (S.STOPPED, A.NOTHING),
    (S.ARMED, E.SONG_POSITION): (S.ARMED, A.LOCATE),
    (S.ARMED, E.CLOCK): (S.PLAYING, A.BEGIN),
    (S.ARMED, E.SILENCE): (S.ARMED, A.NOTHING),
    (S.PLAYING, E.START): (S.ARMED, A.REWIND),
    (S.PLAYING, E.CONTINUE): (S.PLAYING, A.NOTHING),
    (S.PLAYING, E.STOP): (S.STOPPED, A.HALT),
    (S.PLAYING, E.SONG_POSITION): (S.ARMED, A.LOCATE),  # a loop, or a jump while it plays
    (S.PLAYING, E.CLOCK): (S.PLAYING, A.ADVANCE),
    (S.PLAYING, E.SILENCE): (S.LOST, A.HALT),
    (S.LOST, E.START): (S.ARMED, A.REWIND),
    (S.LOST, E.CONTINUE): (S.ARMED, A.NOTHING),
    (S.LOST, E.STOP): (S.STOPPED, A.NOTHING),
    (S.LOST, E.SONG_POSITION): (S.ARMED, A.LOCATE),
    (S.LOST, E.CLOCK): (S.PLAYING, A.BEGIN),
    (S.LOST, E.SILENCE): (S.LOST, A.NOTHING),
}
del S, E, A

_EVENTS = {
    messages.START: Event.START,
    messages.CONTINUE: Event.CONTINUE,
    messages.STOP: Event.STOP,
    messages.SONG_POSITION: Event.SONG_POSITION,
    messages.CLOCK: Event.CLOCK,
}


class SongPositionUnit:
    """Sixteenths, as the standard says, or clocks, as some hosts send (Ardour 7: whole quarters, six times too large).

    No single message tells them apart, what follows it does. A position that is no whole quarter in clocks is proof of
    sixteenths. What counts against them: positions that are all whole quarters in clocks; one that is sent, as Ardour
    does, in the same instant as the continue and the clock after it; one that, taken in clocks, goes on where playing
    had stopped.
    """

    def __init__(self, clocks: bool | None = None) -> None:
        self._given = clocks
        self._odds = -2.0  # log odds that the unit is the clock
        self._seen: set[int] = set()

    @property
    def clocks(self) -> int:
        """Of one unit."""
        in_clocks = self._odds > 0 if self._given is None else self._given
        return 1 if in_clocks else CLOCKS_PER_SIXTEENTH

    def weigh(self, sent: int, stood: int | None, at_once: bool) -> None:
        """Learn from a position that was sent, once playing has begun there.

        Args:
            stood: where, in clocks, playing had stopped before, if it had.
            at_once: whether continue and clock came in the same instant.
        """
        if sent == 0 or sent in self._seen:
            return
        self._seen.add(sent)
        if sent % PPQN:
            self._odds = float("-inf")
            return
        self._odds += 1.2  # one position in three to six is such by chance
        if at_once and len(self._seen) == 1:
            self._odds += 1.0
        if stood is not None:
            goes_on = {unit: 0 <= sent * unit - stood <= PPQN for unit in (1, CLOCKS_PER_SIXTEENTH)}
            self._odds += 3.0 * (goes_on[1] - goes_on[CLOCKS_PER_SIXTEENTH])


class Follower:
    """Follows MIDI clock: 24 clocks a quarter note, start, continue, stop, song position.

    Args:
        clocks: whether song positions come in clocks (True) or sixteenths (False); None finds out.
    """

    AHEAD = 2.0  # clocks the position may run ahead of the last one: then it waits
    INSTANT = 0.004  # seconds within which messages were sent together
    PATIENCE = 0.5  # seconds without a clock, or twelve clocks if longer, after which it is lost

    def __init__(self, clocks: bool | None = None) -> None:
        self.epoch, self.origin = 0, 0.0
        self.state = State.STOPPED
        self.pulse = TempoEstimator()
        self._unit = SongPositionUnit(clocks)
        self._clock = 0  # position in clocks: of the last one that came while playing, or of the next when armed
        self._begun = 0  # position in clocks at which the epoch began
        self._number = 0  # the pulse's number of the clock at which the epoch began
        self._stood: int | None = None
        self._sent: int | None = None  # the song position as it came, until playing has begun
        self._sent_at = 0.0

    @property
    def running(self) -> bool:
        return self.state is State.PLAYING

    @property
    def tempo(self) -> float:
        return 60 / (PPQN * self.pulse.interval)

    def receive(self, moment: float, message: bytes) -> bool:
        """Take a message that came at a moment; False if it is none of the clock's."""
        event = _EVENTS.get(message[0])
        if event is None:
            return False
        if event is Event.CLOCK:
            self.pulse.tick(moment)
        if event is Event.SONG_POSITION:
            self._sent, self._sent_at = message[1] | message[2] << 7, moment
        self._happen(event, moment)
        return True

    def advance(self, now: float) -> None:
        patience = max(self.PATIENCE, 12 * self.pulse.interval)
        if self.state is State.PLAYING and now - self.pulse.last > patience:
            self._happen(Event.SILENCE, now)

    def _happen(self, event: Event, moment: float) -> None:
        was = self.state
        self.state, action = TRANSITIONS[was, event]
        if was is State.PLAYING and self.state is not State.PLAYING:
            self._stood = self._clock
            self._clock += 1  # continued, the next clock is the one that was not heard any more
            self.epoch += 1
        if action is Action.REWIND:
            self._clock, self._sent = 0, None
        elif action is Action.LOCATE:
            assert self._sent is not None
            self._clock = self._sent * self._unit.clocks
        elif action is Action.BEGIN:
            if self._sent is not None:
                self._unit.weigh(self._sent, self._stood, moment - self._sent_at < self.INSTANT)
                self._clock, self._sent = self._sent * self._unit.clocks, None
            self._number = self.pulse.count - 1
            self.origin = self._clock / PPQN
            self._begun = self._clock
            self.epoch += 1
        elif action is Action.ADVANCE:
            self._clock += 1

    def position(self, now: float) -> float:
        if not self.running:
            return self._clock / PPQN
        by_line = self._begun + self.pulse.number(now) - self._number
        # whatever the line says, the clocks that came are the truth
        return min(max(by_line, self._clock - 1.0, self._begun), self._clock + self.AHEAD) / PPQN

    def when(self, beat: float) -> float:
        return self.pulse.when(beat * PPQN - self._begun + self._number)

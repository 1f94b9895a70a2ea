"""Following MIDI clock: 24 clocks a quarter note, start, stop, continue and song position.

What these messages do is the table `TRANSITIONS`; how fast the clocks run is the matter of `midi_io.tempo`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from midi_io import messages
from midi_io.messages import PPQN
from midi_io.song_position import SongPositionUnit
from midi_io.tempo import TempoEstimator
from midi_io.transport import BEAT_TYPE, BEATS_PER_BAR


class State(Enum):
    """The state of a follower of MIDI clock."""

    STOPPED = auto()
    ARMED = auto()  # started: the next clock is the first
    PLAYING = auto()
    LOST = auto()  # playing, until its clock fell silent


class Event(Enum):
    """An event that a follower reacts to."""

    START = auto()
    CONTINUE = auto()
    STOP = auto()
    SONG_POSITION = auto()
    CLOCK = auto()
    SILENCE = auto()  # no clock for longer than a clock can be late


class Action(Enum):
    """The reaction of a follower; the moment of every clock is taken in any case."""

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


class MidiClockTransport:
    """A transport that follows MIDI clock: 24 clocks a quarter note, start, continue, stop, song position.

    Args:
        clocks: whether song positions come in clocks (True) or sixteenths (False); None takes sixteenths until clocks
            are proved.
        say: called with a line when that is concluded.
        lookahead: seconds before its moment that a note is handed over.
    """

    AHEAD = (
        2.0  # clocks the position may run ahead of the last one: then it waits; more if notes are handed over before
    )
    BEHIND = 1.0  # clocks it may be behind it
    beats_per_bar: float = BEATS_PER_BAR  # the clock does not tell
    beat_type: float = BEAT_TYPE
    interrupted_by = messages.INTERRUPTING
    loops = True
    PATIENCE = 0.5  # seconds without a clock, or twelve clocks if longer, after which it is lost

    def __init__(
        self, clocks: bool | None = None, say: Callable[[str], None] = lambda text: None, lookahead: float = 0.0
    ) -> None:
        self.epoch, self.origin = 0, 0.0
        self.state = State.STOPPED
        self.tempo_estimator = TempoEstimator()
        self._unit = SongPositionUnit(clocks, say)
        self._lookahead = lookahead
        self._clock = 0  # position in clocks: of the last one that came while playing, or of the next when armed
        self._begun = 0  # position in clocks at which the epoch began
        self._began_at = 0.0  # the moment of that clock
        self._number = 0  # of the estimator's ticks: the clock at which the epoch began
        self._played: int | None = None  # clocks heard from where playing began until it stopped, if it has
        self._sent: int | None = None  # the song position as it came, until playing has begun

    @property
    def running(self) -> bool:
        return self.state is State.PLAYING

    @property
    def tempo(self) -> float:
        return self.tempo_estimator.tempo

    def receive(self, moment: float, message: bytes) -> bool:
        """Take a message that came at a moment; return False if it is no message of the clock."""
        event = _EVENTS.get(message[0])
        if event is None:
            return False
        if event is Event.CLOCK:
            self._clock_came(moment)
        if event is Event.SONG_POSITION:
            self._sent = message[1] | message[2] << 7
        self._apply(event, moment)
        return True

    def _clock_came(self, moment: float) -> None:
        """Take the moment of a clock, and make up for those that were lost or doubled before it.

        A gap without stop is the cable's, not the DAW's: the DAW has gone on, to where its tempo takes it.
        """
        goes_on = self.state in (State.PLAYING, State.LOST)
        if self.state is State.ARMED:
            self.tempo_estimator.begin(moment)
        lost = self.tempo_estimator.tick(moment, goes_on)
        if self.state is State.PLAYING and lost > self.AHEAD:
            self._apply(Event.SILENCE, moment)  # what was not heard is not caught up with
        if goes_on:  # while it plays, this clock is counted yet
            self._clock = max(self._clock + lost, self._begun - (self.state is State.PLAYING))

    def advance(self, now: float) -> None:
        patience = max(self.PATIENCE, 12 * self.tempo_estimator.interval)
        if self.state is State.PLAYING and now - self.tempo_estimator.last > patience:
            self._apply(Event.SILENCE, now)

    def _apply(self, event: Event, moment: float) -> None:
        was = self.state
        self.state, action = TRANSITIONS[was, event]
        if was is State.PLAYING and self.state is not State.PLAYING:
            self._played = self._clock - self._begun + 1
            self._clock += 1  # continued, the next clock is the one that was not heard any more
            self.epoch += 1
        if action is Action.REWIND:
            self._clock, self._sent, self._played = 0, None, None
            self._unit.rewind()
        elif action is Action.LOCATE:
            assert self._sent is not None
            self._clock = self._sent * self._unit.clocks_per_unit
        elif action is Action.BEGIN:
            if self._sent is not None:
                self._unit.observe(self._sent, self._played)
                self._clock, self._sent = self._sent * self._unit.clocks_per_unit, None
            else:
                self._unit.go_on(None if self._played is None else self._clock - self._begun)
            self._played = None
            self._number = self.tempo_estimator.count - 1
            self.origin = self._clock / PPQN
            self._begun, self._began_at = self._clock, moment
            self.epoch += 1
        elif action is Action.ADVANCE:
            self._clock += 1

    def _ahead(self) -> float:
        """Return how many clocks the position may run ahead: what is handed over now lies beyond the next clock."""
        return max(self.AHEAD, 1 + self._lookahead / self.tempo_estimator.interval)

    def position(self, now: float) -> float:
        if not self.running:
            return self._clock / PPQN
        by_line = self._begun + self.tempo_estimator.tick_at(now) - self._number
        # whatever the line says, the clocks that came are the truth
        return min(max(by_line, self._clock - self.BEHIND, self._begun), self._clock + self._ahead()) / PPQN

    def moment_of(self, beat: float) -> float:
        estimator, ahead = self.tempo_estimator, beat * PPQN - self._clock
        by_line = estimator.moment_of(beat * PPQN - self._begun + self._number)
        if not self.running:
            return by_line
        # as the position: never further ahead of the last clock, never further behind it, nor before the first one
        earliest = estimator.last + (ahead - self._ahead()) * estimator.interval
        if beat * PPQN >= self._begun:
            earliest = max(earliest, self._began_at)
        latest = estimator.last + (ahead + self.BEHIND) * estimator.interval
        return min(max(by_line, earliest), latest)

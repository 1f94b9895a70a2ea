"""Musical time: where in beats a moment lies, and at which moment a beat is reached.

`InternalTransport` keeps its own tempo. `midi_io.midi_clock` follows MIDI clock, `midi_io.jack_transport` JACK,
`midi_io.link_transport` Ableton Link.
"""

from __future__ import annotations

from typing import Protocol

BEATS_PER_BAR = 4  # quarter notes in a bar of a melody, and of whatever does not say otherwise
BEAT_TYPE = 4  # likewise: its bars are counted in quarter notes


class Transport(Protocol):
    """The time that a player keeps. Moments are in seconds of the ports' clock, positions in quarter notes."""

    epoch: int  # another number after every start, stop or jump
    origin: float  # the position at which this epoch began
    beats_per_bar: float  # quarter notes, as the DAW counts them where it tells
    beat_type: float  # the value of the notes that it counts bars in, such as 8 for eighths
    interrupted_by: frozenset[int]  # statuses of the MIDI messages that stop it or have it jump
    loops: bool  # whether it may jump back at the end of a stretch, as a DAW's does

    @property
    def running(self) -> bool:
        """Return whether the position moves."""

    @property
    def tempo(self) -> float:
        """Return the tempo in quarter notes a minute."""

    def advance(self, now: float) -> None:
        """Notice what only time tells, such as a clock that has fallen silent."""

    def position(self, now: float) -> float:
        """Return the position of a moment."""

    def moment_of(self, beat: float) -> float:
        """Return the moment at which a position is, or will be, reached."""


class ConstantTempo:
    """A transport that runs at its tempo from a moment whose position is known."""

    beats_per_bar: float = BEATS_PER_BAR
    beat_type: float = BEAT_TYPE
    interrupted_by: frozenset[int] = frozenset()
    loops = False

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

    def moment_of(self, beat: float) -> float:
        return self._moment + (beat - self._beat) * 60 / self._tempo


class InternalTransport(ConstantTempo):
    """A transport with a tempo of its own, started and stopped by its owner."""

    def advance(self, now: float) -> None:
        """Do nothing: only its owner starts and stops it."""

    def start(self, now: float, beat: float = 0.0) -> None:
        """Run from a position."""
        self._moment, self._beat, self.origin, self._running = now, beat, beat, True
        self.epoch += 1

    def stop(self, now: float) -> None:
        """Stand still at the present position."""
        self._beat = self.position(now)
        self._running = False
        self.epoch += 1

    def set_tempo(self, tempo: float, now: float) -> None:
        """Take another tempo from now on; the position does not jump."""
        self._beat, self._moment = self.position(now), now
        self._tempo = tempo

"""The click of a session that keeps its own tempo: a wood block on every beat, the high one at bar lines."""

from __future__ import annotations

from midi_io.files import Note
from midi_io.player import Bar
from midi_io.transport import BEATS_PER_BAR

CHANNEL = 9  # of percussion, counted from 0
HIGH, LOW = 76, 77  # wood blocks of General MIDI
LOUD, SOFT = 120, 90
LENGTH = 1 / 8  # beats

BEATS = Bar(
    [Note(HIGH, 0.0, LENGTH, LOUD), *(Note(LOW, beat, beat + LENGTH, SOFT) for beat in range(1, BEATS_PER_BAR))]
)


def ports_name(session: str) -> str:
    """Return the name of the ports of the click of a session."""
    return f"{session} click"

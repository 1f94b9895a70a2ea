"""One melody in the place of a session's queue: what somebody works on elsewhere, heard in the DAW's time.

The bar that is played is a function of the position alone, so a DAW that jumps or loops hears what stands there; a
melody that is changed is heard from the next bar line on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from melodylc.live.control_values import ControlValues
from melodylc.live.phrases import Phrase
from melodylc.live.protocol import Answer, Failure, Heard, Request
from melodylc.live.queued_melody import QueuedMelody
from melodylc.melody import STEPS_PER_BAR, to_notes
from midi_io.player import Bar
from midi_io.transport import BEATS_PER_BAR


class ShownMelody:
    """The melody that is shown, over and over, as a session takes its bars from a `MelodyQueue`.

    Args:
        states: returns the melody (S,) of now, of any number of bars; None while there is none.
    """

    playing: QueuedMelody | None = None  # none that the session has made
    melody_bar = -1
    recent: tuple[bool, ...] = ()
    end = 0
    waiting = False

    def __init__(self, states: Callable[[], np.ndarray | None]) -> None:
        self._states = states
        self._played: bytes | None = None

    def __len__(self) -> int:
        """Return whether there is a melody, as a number."""
        return int(self._states() is not None)

    def bar(self, number: int, values: ControlValues) -> Bar:
        """Return what to play in a bar of the session."""
        states = self._states()
        if states is None or values.mute:
            self._played = None
            return Bar(cut=True)
        before, self._played = self._played, states.tobytes()
        bars = len(states) // STEPS_PER_BAR
        first = number % bars * BEATS_PER_BAR
        notes = [note for note in to_notes(states) if first <= note.start < first + BEATS_PER_BAR]
        moved = tuple(note._replace(start=note.start - first, end=note.end - first) for note in notes)
        return Bar(moved, cut=before != self._played or number % bars == 0)

    def next_request(self, values: ControlValues) -> Request | None:
        """Ask for nothing."""

    def take(self, answer: Answer | Failure) -> bool:
        """Take nothing."""
        return False

    def play_another(self) -> None:
        """Stay: another melody is shown, or none."""

    def play_again(self) -> None:
        """Stay, likewise."""

    def play_before(self) -> bool:
        """Stay, likewise; there is nothing to be said about it."""
        return True

    def answer_phrase(self, phrase: Phrase) -> None:
        """Answer nothing."""


class NoSource:
    """A source of melodies that is never asked: see `ShownMelody`."""

    ready = True
    free = False
    fatal: str | None = None
    trouble: str | None = None

    def ask(self, request: Request) -> None:
        """Ask nothing."""

    def poll(self) -> list[Heard]:
        """Return nothing."""
        return []

    def close(self) -> None:
        """Have nothing to end."""

"""What every backend of ports does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from midi_io.sounding_notes import SoundingNotes

LATE = 0.003  # seconds past its moment from which an event counts as late


class NoPortsError(Exception):
    """No ports can be opened; the text says why, and what to do."""


class Link(NamedTuple):
    """A connection of one of our ports."""

    ours: str  # "in" or "out"
    theirs: str  # full name of the other port


class Ports(Protocol):
    """An input and an output. Moments are seconds of `now()`."""

    books: SoundingNotes
    lookahead: float  # seconds before its moment that an event is to be handed over: what scheduling needs

    @property
    def sent(self) -> int:
        """Messages that have left."""

    @property
    def late(self) -> int:
        """Of them, those that left later than `LATE` after their moment."""

    @property
    def malformed(self) -> int:
        """Messages that came and were none."""

    def now(self) -> float:
        """The present moment."""

    def send(self, message: bytes, moment: float) -> None:
        """Send at a moment, at once if it is past. Messages of one moment keep their order."""

    def release(self) -> None:
        """Drop what has not left yet, and end every sounding note at once."""

    def receive(self) -> list[tuple[float, bytes]]:
        """The messages that came since the last call, well formed, with their moments, in order."""

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Have a function called, from any thread, when something has come."""

    def pending(self) -> int:
        """Messages handed over that have not left yet."""

    def alive(self) -> bool:
        """Whether what is behind the ports still is."""

    def tend(self) -> None:
        """Housekeeping, called several times a second from a thread that may wait: links kept and noted."""

    def links(self) -> list[Link]:
        """The connections there are, where the backend can tell."""

    def close(self) -> None:
        """Release, and close."""

"""The interface of every backend of ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from midi_io.ports.interruptions import Interruptions
from midi_io.sounding_notes import SoundingNotes

LATE = 0.003  # seconds past its moment from which an event counts as late


class NoPortsError(Exception):
    """No ports can be opened; the text says why, and what to do."""


class MissingPackageError(NoPortsError):
    """A Python package that the ports need is not installed.

    Args:
        who_needs: what needs it, such as "JACK needs".
        package: its name.
    """

    def __init__(self, who_needs: str, package: str) -> None:
        self.who_needs, self.package = who_needs, package
        super().__init__(self.text(f"pip install {package}"))

    def text(self, command: str) -> str:
        """Return the text, with the command that installs the package."""
        return f"{self.who_needs} the package {self.package}; install it with: {command}"


class NoVirtualPortsError(NoPortsError):
    """The MIDI system has no virtual ports: existing ones have to be named."""


class NoSystemError(NoPortsError):
    """None of the MIDI systems of this machine works.

    Args:
        reason: why the one that is most likely wanted does not.
    """

    def __init__(self, reason: NoPortsError) -> None:
        self.reason = reason
        super().__init__(f"no MIDI system answers ({reason})")


class Link(NamedTuple):
    """A connection of one of our ports to another."""

    ours: str  # "in" or "out"
    theirs: str  # full name of the other port


class Ports(Protocol):
    """An input and an output. Moments are seconds of `now()`."""

    sounding_notes: SoundingNotes
    interruptions: Interruptions  # with its `statuses` set, notes handed over before one came do not start after it
    lookahead: float  # seconds before its moment that an event is to be handed over: what scheduling needs

    @property
    def sent(self) -> int:
        """Return how many messages have left."""

    @property
    def late(self) -> int:
        """Return how many of them left later than `LATE` after their moment."""

    @property
    def malformed(self) -> int:
        """Return how many messages came that are no MIDI."""

    @property
    def inputs_lost(self) -> int:
        """Return how often something that was heard went away, as far as it is known: its pedals stay as they were."""

    def now(self) -> float:
        """Return the present moment."""

    def send(self, message: bytes, moment: float, entry: Any = None) -> None:
        """Send at a moment, at once if it is past. Messages of one moment keep their order.

        Args:
            entry: is among those of `departed` once the message has left.
        """

    def release(self, entry: Any = None) -> None:
        """Drop what has not left yet, and end every sounding note at once.

        Args:
            entry: is among those of `departed` once that is done.
        """

    def departed(self) -> list[Any]:
        """Return the entries, other than None, of what has left since the last call, in order."""

    def receive(self) -> list[tuple[float, bytes]]:
        """Return the messages that came since the last call, well formed, with their moments, in order."""

    def on_receive(self, wake: Callable[[], None]) -> None:
        """Call a function, from any thread, whenever something has come."""

    def pending(self) -> int:
        """Return how many messages were handed over that have not left yet."""

    def alive(self) -> bool:
        """Return whether the system or device behind the ports is still there."""

    def maintain(self) -> None:
        """Look after the connections; called several times a second, from a thread that may wait."""

    def links(self) -> list[Link]:
        """Return the connections there are, where the backend can tell."""

    def close(self) -> None:
        """End every sounding note, and close."""

"""Which other ports ours belong to: patterns for their names, and what is said where one fits none, or several."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from midi_io.ports.interface import NoPortsError

HEARD, PLAYED_TO = "port to hear", "port to play to"


class PortNames(NamedTuple):
    """The names of the ports of a backend."""

    backend: str
    sources: list[str]  # what an input of ours can be connected to
    sinks: list[str]

    def __str__(self) -> str:
        """Return the names as one line."""
        named = [f"in {name}" for name in self.sources] + [f"out {name}" for name in self.sinks]
        return ", ".join(map(printable, named)) or "none"


class PortPattern(NamedTuple):
    """What finds the ports of one direction."""

    given: str  # by the user
    names: re.Pattern[str]

    def finds(self, name: str) -> bool:
        """Return whether a port of a name is one of them."""
        return self.names.search(name) is not None


class PortPatterns(NamedTuple):
    """What finds other ports; None where no other port is asked for."""

    sources: PortPattern | None = None  # what our input hears
    sinks: PortPattern | None = None  # what our output plays to

    @property
    def one(self) -> bool:
        """Return whether one name is given for both: then it is enough that it fits ports of one direction."""
        return self.sources is not None and self.sinks is not None and self.sources.given == self.sinks.given

    def fit(self, ours: str, name: str) -> bool:
        """Return whether our "in" or "out" is to be connected to a port of a name."""
        pattern = self.sources if ours == "in" else self.sinks
        return pattern is not None and pattern.finds(name)


class Wanted(NamedTuple):
    """Names of other ports, parts of names, or regular expressions for them, as a user gives them."""

    port: str | None = None  # for both directions
    port_in: str | None = None  # what our input hears
    port_out: str | None = None  # what our output plays to

    def check(self, there: PortNames) -> None:
        """Refuse what fits none of the ports that there are.

        Raises:
            NoPortsError: with the ports that there are.
        """
        if "" in self:
            raise NoPortsError(f"expected a part of a port's name, got an empty one; there are: {there}")
        if self.port and (self.port_in or self.port_out):
            raise NoPortsError("a port for both directions is named, and one for a single direction; name one for each")
        for given, direction, names in (
            (self.port, "port", there.sources + there.sinks),
            (self.port_in, HEARD, there.sources),
            (self.port_out, PLAYED_TO, there.sinks),
        ):
            if given and not any(map(pattern_of(given).finds, names)):
                raise no_such_port(direction, given, there)

    def patterns(self, there: PortNames, say: Callable[[str], None] = lambda text: None) -> PortPatterns:
        """Return what finds ports, for each direction on its own: those of the very name, or else all that it fits.

        Args:
            say: called with a line for each direction in which none has the very name and several fit.
        """
        return PortPatterns(
            _pattern_among(self.port_in or self.port, HEARD, there.sources, there.backend, say),
            _pattern_among(self.port_out or self.port, PLAYED_TO, there.sinks, there.backend, say),
        )


def pattern_of(given: str) -> PortPattern:
    """Return what finds a part of a name as it is written, brackets and all, or as the regular expression it may be."""
    literal = re.escape(given)
    try:
        return PortPattern(given, re.compile(given if literal == given else f"{literal}|{given}"))
    except re.error:
        return PortPattern(given, re.compile(literal))


def no_such_port(direction: str, given: str, there: PortNames) -> NoPortsError:
    """Return the error for what fits none of the ports that there are."""
    return NoPortsError(f"no MIDI {direction} matches {given!r}; there are: {there}")


def _pattern_among(
    given: str | None, direction: str, names: list[str], backend: str, say: Callable[[str], None]
) -> PortPattern | None:
    if not given:
        return None
    index = " [0-9]+"  # which RtMidi puts after every name on Windows
    for after in ("", index) if backend == "windows" else ("",):
        whole = PortPattern(given, re.compile(rf"\A{re.escape(given)}{after}\Z"))
        if any(map(whole.finds, names)):
            return whole
    pattern = pattern_of(given)
    found = [name for name in names if pattern.finds(name)]
    if len(found) > 1:
        listed = ", ".join(map(printable, found))
        becomes = "all are connected" if backend == "jack" else "the first is opened"
        ports = direction.replace("port", "ports", 1)
        say(f"{len(found)} MIDI {ports} match {given!r}: {listed}; {becomes}; give a whole name to choose")
    return pattern


def printable(name: str) -> str:
    """Return a port's name within a line; one that a program gives and that is no text does not break it."""
    return name if name.isprintable() else ascii(name)

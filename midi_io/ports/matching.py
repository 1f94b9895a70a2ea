"""Which other ports ours belong to: patterns for their names, and what is said where one fits none, or several."""

from __future__ import annotations

import re
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


class PortPatterns(NamedTuple):
    """Patterns for parts of the names of other ports; None where no other port is asked for."""

    sources: re.Pattern[str] | None = None  # what our input hears
    sinks: re.Pattern[str] | None = None  # what our output plays to

    @property
    def one(self) -> bool:
        """Return whether one pattern is for both: then it is enough that it fits ports of one direction."""
        return self.sources is not None and self.sources == self.sinks

    def fit(self, ours: str, name: str) -> bool:
        """Return whether our "in" or "out" is to be connected to a port of a name."""
        pattern = self.sources if ours == "in" else self.sinks
        return pattern is not None and pattern.search(name) is not None


class Wanted(NamedTuple):
    """Parts of the names of other ports, or regular expressions for them, as a user gives them."""

    port: str | None = None  # for both directions
    port_in: str | None = None  # what our input hears
    port_out: str | None = None  # what our output plays to

    @property
    def patterns(self) -> PortPatterns:
        """Return the patterns."""
        sources, sinks = self.port_in or self.port, self.port_out or self.port
        return PortPatterns(pattern_of(sources) if sources else None, pattern_of(sinks) if sinks else None)

    def among(self, there: PortNames) -> Wanted:
        """Return what is wanted of the ports that there are: of those that fit, the one whose very name is given.

        Raises:
            NoPortsError: with the ports that there are, for what fits none of them; with those that fit, for a part of
                the names of several. A regular expression may fit several.
        """
        if "" in self:
            raise NoPortsError(f"expected a part of a port's name, got an empty one; there are: {there}")
        if self.port and (self.port_in or self.port_out):
            raise NoPortsError("a port for both directions is named, and one for a single direction; name one for each")
        sources, sinks = (HEARD, there.sources), (PLAYED_TO, there.sinks)
        return Wanted(
            self.port and _chosen(self.port, there, "port", sources, sinks),
            self.port_in and _chosen(self.port_in, there, HEARD, sources),
            self.port_out and _chosen(self.port_out, there, PLAYED_TO, sinks),
        )


def pattern_of(port: str) -> re.Pattern[str]:
    """Return what finds a part of a name as it is written, brackets and all, or as the regular expression it may be."""
    literal = re.escape(port)
    try:
        return re.compile(port if literal == port else f"{literal}|{port}")
    except re.error:
        return re.compile(literal)


def _chosen(port: str, there: PortNames, what: str, *directions: tuple[str, list[str]]) -> str:
    """Return what finds ports: the name of one, that of their program before a colon, or else what is given.

    Args:
        what: the directions, in words; each is given with the names of its ports.

    Raises:
        NoPortsError: if it fits no port, or is a part of the names of several of one direction.
    """
    name = re.escape(port)
    for text in (f"^{name}$", f"^{name}:", port):
        pattern, found = pattern_of(text), False
        for direction, names in directions:
            fit = [each for each in names if pattern.search(each)]
            if len(fit) > 1 and all(port in each for each in fit):
                of_direction = direction.replace("port", "ports", 1)
                listed = ", ".join(map(printable, fit))
                raise NoPortsError(f"{len(fit)} MIDI {of_direction} match {port!r}; name one of: {listed}")
            found = found or bool(fit)
        if found:
            return text
    raise NoPortsError(f"no MIDI {what} matches {port!r}; there are: {there}")


def printable(name: str) -> str:
    """Return a port's name within a line; one that a program gives and that is no text does not break it."""
    return name if name.isprintable() else ascii(name)

"""Which other ports ours belong to: patterns for their names, and what is said where a pattern fits none."""

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
        """Return the names as one line; those of a program that are no text do not break it."""
        named = [f"in {name}" for name in self.sources] + [f"out {name}" for name in self.sinks]
        return ", ".join(name if name.isprintable() else ascii(name) for name in named) or "none"


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

    def check(self, there: PortNames) -> None:
        """Refuse what fits none of the ports that there are.

        Raises:
            NoPortsError: with the ports that there are.
        """
        if "" in self:
            raise NoPortsError(f"expected a part of a port's name, got an empty one; there are: {there}")
        if self.port and (self.port_in or self.port_out):
            raise NoPortsError("a port for both directions is named, and one for a single direction; name one for each")
        if self.port:
            check_fits(self.port, there.sources, there.sinks, there=there)
        if self.port_in:
            check_fits(self.port_in, there.sources, there=there, what=HEARD)
        if self.port_out:
            check_fits(self.port_out, there.sinks, there=there, what=PLAYED_TO)


def pattern_of(port: str) -> re.Pattern[str]:
    """Return what finds a part of a name as it is written, brackets and all, or as the regular expression it may be."""
    literal = re.escape(port)
    try:
        return re.compile(port if literal == port else f"{literal}|{port}")
    except re.error:
        return re.compile(literal)


def check_fits(port: str, *names: list[str], there: PortNames, what: str = "port") -> None:
    """Refuse a port that fits none of these names.

    Args:
        what: the names' direction, in words.

    Raises:
        NoPortsError: with the ports that there are.
    """
    if not any(pattern_of(port).search(name) for each in names for name in each):
        raise NoPortsError(f"no MIDI {what} matches {port!r}; there are: {there}")

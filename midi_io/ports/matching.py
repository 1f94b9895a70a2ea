"""Which other ports ours belong to: patterns for their names, and what is said where a pattern fits none."""

from __future__ import annotations

import re
from typing import NamedTuple

from midi_io.ports.interface import NoPortsError


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


def pattern_of(port: str) -> re.Pattern[str]:
    """Return what finds a part of a name as it is written, brackets and all, or as the regular expression it may be."""
    literal = re.escape(port)
    try:
        return re.compile(port if literal == port else f"{literal}|{port}")
    except re.error:
        return re.compile(literal)


def check_fits(port: str, *names: list[str], there: PortNames, direction: str = "port") -> None:
    """Refuse a port that fits none of these names.

    Raises:
        NoPortsError: with the ports that there are.
    """
    if not any(pattern_of(port).search(name) for each in names for name in each):
        raise NoPortsError(f"no MIDI {direction} matches {port!r}; there are: {there}")

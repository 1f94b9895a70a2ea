"""Complaints that come in floods: each kind is said once, then counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

QUIET = 10.0  # seconds in which a kind is said once: more could not be read
LONGEST = 300  # characters of a line: a message may hold a text of any length


@dataclass
class _Kind:
    until: float  # when its quiet ends
    more: int = 0  # that came meanwhile
    last: str = ""


class Complaints:
    """Complaints by their kinds.

    Args:
        say: called with a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kinds: dict[str, _Kind] = {}

    def make(self, kind: str, text: str, now: float) -> None:
        """Say a complaint; one whose kind was said within the last seconds is counted."""
        text = "".join(each if each.isprintable() else " " for each in text[:LONGEST])
        known = self._kinds.get(kind)
        if known is None:
            self._kinds[kind] = _Kind(now + QUIET)
            self._say(text)
        else:
            known.more += 1
            known.last = text

    def count(self, now: float) -> None:
        """Say how many came of each kind whose quiet is over."""
        for kind, known in list(self._kinds.items()):
            if now >= known.until:
                self._told(known)
                if known.more:  # it goes on: another quiet begins
                    self._kinds[kind] = _Kind(now + QUIET)
                else:
                    del self._kinds[kind]

    def close(self) -> None:
        """Say what has been counted and not yet said."""
        for known in self._kinds.values():
            self._told(known)
        self._kinds.clear()

    def _told(self, known: _Kind) -> None:
        if known.more:
            self._say(f"{known.last} ({known.more} more of this kind)")

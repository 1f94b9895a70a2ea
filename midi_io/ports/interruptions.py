"""Interruptions of what plays: a stop, a start or a jump, and which of them whoever hands notes over knows of.

A note is handed over ahead of its moment. Where it was handed over before an interruption was known, it does not start
at or after that: what emits it has seen the interruption first.
"""

from __future__ import annotations

from collections import deque

from midi_io import messages

KEPT = 64  # interruptions that are remembered: notes are handed over for much less time than so many take


class Interruptions:
    """The interruptions there were. One thread tells them, another one hands notes over."""

    def __init__(self) -> None:
        self.statuses: frozenset[int] = frozenset()  # of the messages that interrupt
        self.count = 0  # of those that came; written by the thread that hears them
        self.known = 0  # of these, as many as whoever hands notes over knows of; written by that thread
        self._last: deque[tuple[int, float]] = deque(maxlen=KEPT)  # the number and the moment of each

    def hear(self, message: bytes, moment: float) -> int:
        """Take a message that came at a moment, before whoever hands notes over can; return how many came by then."""
        if message[0] in self.statuses:
            self.happen(moment)
        return self.count

    def happen(self, moment: float) -> None:
        """Note an interruption."""
        self._last.append((self.count + 1, moment))
        self.count += 1

    def take_back(self, message: bytes, known: int, moment: float) -> bool:
        """Return whether a message is a note that is not to start at a moment.

        Args:
            known: how many interruptions were known when it was handed over.
        """
        if known >= self.count or not messages.is_note_on(message):
            return False
        return any(number > known and at <= moment for number, at in self._last.copy())

"""Ports without an operating system: what is sent goes to a list, what comes is put in by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from midi_io import messages
from midi_io.ports.interface import LATE, Link
from midi_io.ports.interruptions import Interruptions
from midi_io.sounding_notes import SoundingNotes


class MemoryPorts:
    """An in-memory twin of the real ports, for tests and for trying things out.

    Args:
        now: the clock; default: the monotonic one. With a clock of the caller's, nothing here depends on real time.
        lookahead: as a backend that schedules; what is handed over ahead of its moment leaves with `flush`.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        *,
        lookahead: float = 0.0,
        sounding_notes: SoundingNotes | None = None,
    ) -> None:
        self.now = now
        self.lookahead = lookahead
        self.sounding_notes = sounding_notes or SoundingNotes()
        self.interruptions = Interruptions()
        self.sent = self.late = self.malformed = self.inputs_lost = 0
        self.left: list[tuple[float, bytes]] = []  # what was sent, with the moments it left
        self.open = True
        # moment, order, when it was handed over, message, interruptions known then, entry
        self._queue: list[tuple[float, int, float, bytes, int, Any]] = []
        self._departed: list[Any] = []
        self._order = 0
        self._came: list[tuple[float, bytes, int]] = []
        self._wake: Callable[[], None] = lambda: None

    def send(self, message: bytes, moment: float, entry: Any = None) -> None:
        self._order += 1
        self._queue.append((moment, self._order, self.now(), message, self.interruptions.known, entry))
        self.flush()

    def flush(self) -> None:
        """Send what is due."""
        now = self.now()
        self._queue.sort()
        while self._queue and (self._queue[0][0] <= now or not self.lookahead):
            moment, _, handed, message, known, entry = self._queue.pop(0)
            leaves = max(moment, handed)
            if self.interruptions.take_back(message, known, leaves):
                continue
            parts = self.sounding_notes.prepare(message)
            for part in parts:
                self.left.append((leaves, part))
                self.sounding_notes.mark_sent(part)
                self.sent += 1
            self.late += handed - moment > LATE
            if parts and entry is not None:
                self._departed.append(entry)

    def release(self, entry: Any = None) -> None:
        self._queue.clear()
        for message in self.sounding_notes.endings():
            self.left.append((self.now(), message))
            self.sounding_notes.mark_sent(message)
            self.sent += 1
        if entry is not None:
            self._departed.append(entry)

    def departed(self) -> list[Any]:
        departed, self._departed = self._departed, []
        return departed

    def put(self, message: bytes, moment: float | None = None) -> None:
        """Have a message come in."""
        if messages.well_formed(message):
            moment = self.now() if moment is None else moment
            self._came.append((moment, message, self.interruptions.hear(message, moment)))
        else:
            self.malformed += 1
        self._wake()

    def receive(self) -> list[tuple[float, bytes]]:
        came, self._came = self._came, []
        if came:
            self.interruptions.known = came[-1][2]
        return [(moment, message) for moment, message, _ in came]

    def on_receive(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def pending(self) -> int:
        return len(self._queue)

    def alive(self) -> bool:
        return self.open

    def maintain(self) -> None:
        """Do nothing: there are no connections."""

    def links(self) -> list[Link]:
        return []

    def close(self) -> None:
        self.release()
        self.open = False

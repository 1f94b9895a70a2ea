"""Ports that outlive what is behind them: when a server dies or a device is unplugged, they are opened again."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from midi_io import messages
from midi_io.ports.interface import Link, Ports
from midi_io.ports.jack import JackPorts, TransportState
from midi_io.priority import raise_priority
from midi_io.sounding_notes import SoundingNotes

ROUND = 0.25  # seconds between two looks at the ports


class ReconnectingPorts:
    """Ports around other ports; a thread looks after them four times a second.

    While they are gone, starts of notes are dropped; what sounded when they went is ended as soon as they are back. The
    clock goes on.

    Args:
        open_: opens the ports, with the sounding notes and the links to make again.
        say: called with a line when the ports go and come.
    """

    def __init__(
        self,
        open_: Callable[[SoundingNotes, set[Link]], Ports],
        sounding_notes: SoundingNotes,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.sounding_notes = sounding_notes
        self._open, self._say = open_, say
        self.wanted = {Link(*link) for link in sounding_notes.destination.get("links", []) if len(link) == 2}
        self._wake: Callable[[], None] = lambda: None
        self._ports: Ports | None = open_(sounding_notes, self.wanted)
        self.lookahead = self._ports.lookahead
        self.interruptions = self._ports.interruptions
        self._counts = [0, 0, 0, 0]
        self._unheard = 0
        self._offset = 0.0  # of our clock to the ports' own
        self._departed: deque[Any] = deque()  # what left last through ports that are gone, and what was for none
        self._last = self._ports.now()
        self._parted = 0.0  # our moment minus the monotonic one, while there are no ports
        self._ending = threading.Event()
        atexit.register(self.close)  # for a program that ends without: a server's thread would find no Python any more
        self._thread = threading.Thread(target=self._look_after, name="MIDI ports", daemon=True)
        if sounding_notes.unended:
            self._ports.release()
        self._note_links()
        self._thread.start()

    def _look_after(self) -> None:
        raise_priority()
        while not self._ending.wait(ROUND):
            ports = self._ports
            if ports is not None and ports.alive():
                with contextlib.suppress(Exception):  # likewise: what is lost is noticed by `alive`
                    ports.maintain()
                self._note_links()
            elif ports is not None:
                self._lose(ports)
            if self._ports is None:
                self._regain()

    def _note_links(self) -> None:
        if self._ports is not None:
            links = [list(link) for link in sorted(self.wanted)]
            if links != self.sounding_notes.destination.get("links"):
                notes = self.sounding_notes
                notes.destination = {**notes.destination, "links": links}

    def _lose(self, ports: Ports) -> None:
        self._parted = self.now() - time.monotonic()
        self._ports = None
        self._count(ports)
        self._counts[3] += 1
        self._departed += ports.departed()
        self._say("the MIDI ports are gone; waiting for them to come back")
        ports.close()

    def _count(self, ports: Ports) -> None:
        of_these = (ports.sent, ports.late, ports.malformed, ports.inputs_lost)
        self._counts = [before + count for before, count in zip(self._counts, of_these, strict=True)]

    def _regain(self) -> None:
        try:
            ports = self._open(self.sounding_notes, self.wanted)
        except Exception:  # a server on its way up or down may fail in any way; the next round tries again
            return
        ports.on_receive(self._wake)
        self._offset = time.monotonic() + self._parted - ports.now()
        self.interruptions.known = self.interruptions.count  # what was not taken then is not taken any more
        ports.interruptions = self.interruptions
        ports.release()
        self._ports = ports
        self._say("the MIDI ports are back")
        self._wake()

    def now(self) -> float:
        ports = self._ports
        moment = time.monotonic() + self._parted if ports is None else ports.now() + self._offset
        self._last = max(self._last, moment)  # whatever the ports' clock does, ours does not go back
        return self._last

    def send(self, message: bytes, moment: float, entry: Any = None) -> None:
        ports = self._ports
        if ports is not None:
            ports.send(message, moment - self._offset, entry)
            return
        self._unheard += 1
        if not messages.is_note_on(message):  # what sounded has ended with the ports
            self._departed.append(entry)

    def release(self, entry: Any = None) -> None:
        if (ports := self._ports) is not None:
            ports.release(entry)
        else:
            self._departed.append(entry)

    def departed(self) -> list[Any]:
        gone = [self._departed.popleft() for _ in range(len(self._departed))]
        ports = self._ports
        return [entry for entry in gone if entry is not None] + ([] if ports is None else ports.departed())

    def receive(self) -> list[tuple[float, bytes]]:
        ports = self._ports
        return [] if ports is None else [(moment + self._offset, message) for moment, message in ports.receive()]

    def on_receive(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        if (ports := self._ports) is not None:
            ports.on_receive(wake)

    @property
    def sent(self) -> int:
        return self._counts[0] + (self._ports.sent if self._ports else 0)

    @property
    def late(self) -> int:
        return self._counts[1] + (self._ports.late if self._ports else 0)

    @property
    def malformed(self) -> int:
        return self._counts[2] + (self._ports.malformed if self._ports else 0)

    @property
    def inputs_lost(self) -> int:
        return self._counts[3] + (self._ports.inputs_lost if self._ports else 0)

    @property
    def unheard(self) -> int:
        """Return how many messages were due while there were no ports."""
        return self._unheard

    def transport_state(self) -> TransportState | None:
        """Return the server's transport, if it has one; for `JackTransport`."""
        ports = self._ports
        if not isinstance(ports, JackPorts):
            return None
        last = ports.transport_state()
        return last and last._replace(moment=last.moment + self._offset)

    def pending(self) -> int:
        return self._ports.pending() if self._ports else 0

    def alive(self) -> bool:
        ports = self._ports
        return ports is not None and ports.alive()

    def maintain(self) -> None:
        """Do nothing: a thread of its own does it."""

    def links(self) -> list[Link]:
        return self._ports.links() if self._ports else []

    def close(self) -> None:
        atexit.unregister(self.close)
        self._ending.set()
        self._thread.join(timeout=5.0)
        if (ports := self._ports) is not None:
            self._parted = self.now() - time.monotonic()  # a client that is closed has no clock
            ports.close()
            self._departed += ports.departed()
            self._ports = None
            self._count(ports)
            if not self.sounding_notes.unended:
                self.sounding_notes.clear()

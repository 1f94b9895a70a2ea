"""Ports that outlive what is behind them: when a server dies or a device is unplugged, they are opened again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from midi_io.ports.interface import Link, Ports
from midi_io.ports.jack import JackPorts, Rolling
from midi_io.sounding_notes import SoundingNotes

ROUND = 0.25  # seconds between two looks at the ports


class ReconnectingPorts:
    """Wraps ports; a thread looks after them four times a second.

    While they are gone, starts of notes are dropped, and the books keep what sounded when they went: it is ended as
    soon as they are back. The clock goes on.

    Args:
        open_: opens the ports, with the books and the links to make again.
        say: told in a line when the ports go and come.
    """

    def __init__(
        self,
        open_: Callable[[SoundingNotes, set[Link]], Ports],
        books: SoundingNotes,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.books = books
        self._open, self._say = open_, say
        self.wanted = {Link(*link) for link in books.where.get("links", []) if len(link) == 2}
        self._wake: Callable[[], None] = lambda: None
        self._ports: Ports | None = open_(books, self.wanted)
        self.lookahead = self._ports.lookahead
        self._counts = [0, 0, 0]
        self._unheard = 0
        self._offset = 0.0  # of our clock to the ports' own
        self._last = self._ports.now()
        self._parted = 0.0  # our moment minus the monotonic one, while there are no ports
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="melodylc ports", daemon=True)
        if books.sounding:
            self._ports.release()
        self._note()
        self._keeper.start()

    def _keep(self) -> None:
        while not self._ending.wait(ROUND):
            ports = self._ports
            if ports is not None and ports.alive():
                with contextlib.suppress(Exception):  # likewise: what is lost is noticed by `alive`
                    ports.tend()
                self._note()
            elif ports is not None:
                self._lose(ports)
            if self._ports is None:
                self._regain()

    def _note(self) -> None:
        if self._ports is not None:
            links = [list(link) for link in sorted(self.wanted)]
            if links != self.books.where.get("links"):
                self.books.where = {**self.books.where, "links": links}

    def _lose(self, ports: Ports) -> None:
        self._parted = self.now() - time.monotonic()
        self._ports = None
        self._counts = [self._counts[0] + ports.sent, self._counts[1] + ports.late, self._counts[2] + ports.malformed]
        self._say("the MIDI ports are gone; waiting for them to come back")
        ports.close()

    def _regain(self) -> None:
        try:
            ports = self._open(self.books, self.wanted)
        except Exception:  # a server on its way up or down may fail in any way; the next round tries again
            return
        ports.wake_by(self._wake)
        self._offset = time.monotonic() + self._parted - ports.now()
        ports.release()
        self._ports = ports
        self._say("the MIDI ports are back")
        self._wake()

    def now(self) -> float:
        ports = self._ports
        moment = time.monotonic() + self._parted if ports is None else ports.now() + self._offset
        self._last = max(self._last, moment)  # whatever the ports' clock does, ours does not go back
        return self._last

    def send(self, message: bytes, moment: float) -> None:
        ports = self._ports
        if ports is None:
            self._unheard += 1
        else:
            ports.send(message, moment - self._offset)

    def release(self) -> None:
        if (ports := self._ports) is not None:
            ports.release()

    def receive(self) -> list[tuple[float, bytes]]:
        ports = self._ports
        return [] if ports is None else [(moment + self._offset, message) for moment, message in ports.receive()]

    def wake_by(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        if (ports := self._ports) is not None:
            ports.wake_by(wake)

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
    def unheard(self) -> int:
        """Messages that were due while there were no ports."""
        return self._unheard

    def rolling(self) -> Rolling | None:
        """The server's transport, if it has one; for `JackTransport`."""
        ports = self._ports
        if not isinstance(ports, JackPorts):
            return None
        ports.watch_transport = True
        last = ports.transport
        return last and last._replace(moment=last.moment + self._offset)

    def pending(self) -> int:
        return self._ports.pending() if self._ports else 0

    def alive(self) -> bool:
        ports = self._ports
        return ports is not None and ports.alive()

    def tend(self) -> None:
        """The keeper's thread does it."""

    def links(self) -> list[Link]:
        return self._ports.links() if self._ports else []

    def close(self) -> None:
        self._ending.set()
        self._keeper.join(timeout=5.0)
        if self._ports is not None:
            self._ports.close()
            if not self.books.sounding:
                self.books.clear()

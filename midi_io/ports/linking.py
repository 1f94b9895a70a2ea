"""The connections of JACK ports: what the user connected comes back when the other side does."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from midi_io.ports.interface import Link
from midi_io.ports.matching import PortPatterns

SUFFIX = re.compile(r"-\d\d")  # what JACK puts after the name of a client whose name is taken
TRIES = 20  # looks at the ports, of which there are four a second
# looks at which a link is missing though both ports are there: a program that ends loses its links before its ports
UNDONE = 4


class Links:
    """The connections of a client's ports.

    One that goes while the other port stays for a second was undone by the user, and is forgotten. One that goes as
    the other port went is made again when that port is back: under its name, or, of a program that began before the one
    it takes the place of had ended, under the other name that JACK gave it.

    Args:
        client: not yet active, since it is to hear of ports that come.
        ports: our ports by the names that links have for them.
        wanted: links to make as soon as the other port is there; shared with whoever opens the ports again.
        patterns: of other MIDI ports to connect as soon as they are there.
    """

    def __init__(
        self,
        client: Any,
        ports: dict[str, Any],
        wanted: set[Link] | None,
        patterns: PortPatterns = PortPatterns(),
    ) -> None:
        self._client, self._ports, self._patterns = client, ports, patterns
        self.wanted = set() if wanted is None else wanted
        self.present: list[Link] = []
        self.inputs_lost = 0  # looks at which a connection to our input had gone
        self._there: set[str] = set()
        self._registered: set[str] = set()  # since the last look: a program may be restarted between two
        # links to make, and at how many looks yet: of two ports of one name the first may still be on its way out
        self._trying: dict[Link, int] = {}
        self._newcomers: dict[str, int] = {}  # ports that appeared, and at how many looks yet they count as new
        self._missing: dict[Link, int] = {}  # at how many looks in a row, though both ports are there
        client.set_port_registration_callback(self._hear)

    def _hear(self, port: Any, register: bool) -> None:
        if register:
            self._registered.add(port.name)

    def maintain(self) -> None:
        """Look at what there is, and connect what came back."""
        others = {port.name: port for port in self._client.get_ports(is_midi=True) if not self._client.owns(port)}
        present = {
            Link(ours, other.name)
            for ours, port in self._ports.items()
            for other in self._client.get_all_connections(port)
        }
        self.inputs_lost += any(link.ours == "in" for link in set(self.present) - present)
        registered, self._registered = self._registered, set()
        appeared = (others.keys() - self._there) | (others.keys() & registered)
        for name in appeared:
            ours = "out" if others[name].is_input else "in"
            if self._patterns.fit(ours, name):
                self.wanted.add(Link(ours, name))
        self._inherit(appeared, others)
        for link in self.wanted:
            if link.theirs in appeared:
                self._trying[link] = TRIES
        missing = {link for link in self.wanted if link.theirs in others} - present - self._trying.keys()
        self._missing = {link: self._missing.get(link, 0) + 1 for link in missing}
        self.wanted -= {link for link, looks in self._missing.items() if looks >= UNDONE}
        for link in list(self._trying):
            self._trying[link] -= 1
            if link.theirs in others and link not in present:
                self._connect(link, present)
            if not self._trying[link]:
                del self._trying[link]
        self.wanted |= present
        self.present = sorted(present)
        self._there = set(others)

    def _inherit(self, appeared: set[str], others: dict[str, Any]) -> None:
        """Have links to ports that are gone go to those of the same programs begun again."""
        left = {name: looks - 1 for name, looks in self._newcomers.items() if looks > 1 and name in others}
        self._newcomers = {**left, **dict.fromkeys(appeared, TRIES)}
        for link in sorted(self.wanted):
            if link.theirs in others:
                continue
            for name in self._newcomers:
                heir = Link(link.ours, name)
                fits = others[name].is_input == (link.ours == "out") and _begun_again(link.theirs, name)
                if fits and heir not in self.wanted:
                    self.wanted.discard(link)
                    self._trying.pop(link, None)
                    self.wanted.add(heir)
                    self._trying[heir] = TRIES
                    break

    def _connect(self, link: Link, present: set[Link]) -> None:
        ours = self._ports[link.ours].name
        ends = (ours, link.theirs) if link.ours == "out" else (link.theirs, ours)
        with contextlib.suppress(Exception):  # it may have gone again meanwhile
            self._client.connect(*ends)
            present.add(link)


def _begun_again(gone: str, name: str) -> bool:
    """Return whether two ports are the same but for what JACK put after the name of one of their clients."""
    (client, _, port), (other, _, other_port) = gone.partition(":"), name.partition(":")
    shorter, longer = sorted((client, other), key=len)
    return port == other_port and longer.startswith(shorter) and SUFFIX.fullmatch(longer[len(shorter) :]) is not None

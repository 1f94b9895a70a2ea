"""Which ports this machine has, and the opening of them by name."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from midi_io.ports import jack, rtmidi
from midi_io.ports.interface import Link, NoPortsError, Ports
from midi_io.ports.reconnecting import ReconnectingPorts
from midi_io.sounding_notes import InUseError, SoundingNotes

BACKENDS = ("jack", "alsa", "coremidi", "windows", "rtmidi-jack")  # in the order in which they are tried


class Listed(NamedTuple):
    """The ports of a backend."""

    backend: str
    sources: list[str]  # what an input of ours can be connected to
    sinks: list[str]


def ask(backend: str) -> str | None:
    """None if a backend works here, otherwise the line that says why not."""
    try:
        listed(backend)
    except NoPortsError as error:
        return str(error)
    return None


def listed(backend: str) -> Listed:
    """The ports there are.

    Raises:
        NoPortsError: if the backend does not work here.
    """
    if backend == "jack":
        client = jack.client("melodylc-list")
        try:
            sources = [port.name for port in client.get_ports(is_midi=True, is_output=True)]
            return Listed(backend, sources, [port.name for port in client.get_ports(is_midi=True, is_input=True)])
        finally:
            client.close(ignore_errors=True)
    if backend == "alsa" and not os.path.exists("/dev/snd/seq"):
        raise NoPortsError(
            "ALSA has no sequencer here; load it with: modprobe snd-seq (in a container it needs /dev/snd)"
        )
    apis = rtmidi.apis()
    if backend not in apis:
        raise NoPortsError(f"this python-rtmidi has no {backend}; it has: {', '.join(apis) or 'nothing'}")
    return Listed(backend, *rtmidi.port_names(apis[backend]))


def working(wanted: str = "auto") -> str:
    """The backend to take.

    Raises:
        NoPortsError: if the one wanted, or every one, does not work here.
    """
    if wanted != "auto":
        if wanted not in BACKENDS:
            raise NoPortsError(f"backend: expected auto or one of {', '.join(BACKENDS)}, got {wanted!r}")
        listed(wanted)
        return wanted
    reasons = []
    for backend in BACKENDS:
        reason = ask(backend)
        if reason is None:
            return backend
        reasons.append(reason)
    told = {"linux": reasons[0], "win32": rtmidi.WINDOWS}.get(sys.platform, reasons[-1])
    raise NoPortsError(f"no MIDI system answers ({told}); melodylc doctor says what mends it")


def open_ports(
    name: str = "melodylc",
    *,
    backend: str = "auto",
    port: str | None = None,
    books: SoundingNotes | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> ReconnectingPorts:
    """An input and an output, opened again by themselves whenever what is behind them comes back.

    Args:
        name: of the virtual ports.
        port: part of the name of existing ports, or a regular expression for it: they are connected (jack), or opened
            instead of virtual ones (the others).

    Raises:
        NoPortsError: if they cannot be opened now; the text says what to do.
    """
    pattern = None if port is None else _pattern(port)
    chosen = working(backend)
    books = books or SoundingNotes()
    books.where = {**books.where, "name": name, "backend": chosen, "port": port}

    def open_once(books: SoundingNotes, wanted: set[Link]) -> Ports:
        if chosen == "jack":
            return jack.JackPorts(name, pattern, books, wanted)
        return rtmidi.RtMidiPorts(name, rtmidi.apis()[chosen], pattern, books, wanted)

    return ReconnectingPorts(open_once, books, say)


def release_left_behind(path: Path) -> None:
    """End the notes that a session which was killed left sounding, where its books say they are heard.

    Does nothing if another session has the books, none sound, or the ports cannot be opened: the next session with
    these books does it then.
    """
    try:
        books = SoundingNotes(path)
    except InUseError:
        return
    try:
        if books.sounding:
            where = books.where
            ports = open_ports(where["name"], backend=where["backend"], port=where["port"], books=books)
            ports.close()
    except (NoPortsError, KeyError):
        return
    finally:
        books.close()


def _pattern(port: str) -> re.Pattern[str]:
    """What finds a part of a name as it is written, brackets and all, or as the regular expression it may be."""
    literal = re.escape(port)
    try:
        return re.compile(port if literal == port else f"{literal}|{port}")
    except re.error:
        return re.compile(literal)

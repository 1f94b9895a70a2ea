"""The MIDI systems of this machine, the ports they have, and the opening of ports by name."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from midi_io.ports import jack, rtmidi
from midi_io.ports.interface import Link, NoPortsError, NoSystemError, NoVirtualPortsError, Ports
from midi_io.ports.matching import PortNames, PortPatterns, Wanted
from midi_io.ports.naming import check_name
from midi_io.ports.reconnecting import ReconnectingPorts
from midi_io.sounding_notes import InUseError, SoundingNotes

BACKENDS = ("jack", "alsa", "coremidi", "windows", "rtmidi-jack")  # in the order in which they are tried


def problem_of(backend: str) -> NoPortsError | None:
    """Return why a backend does not work here; None if it does."""
    try:
        listed(backend)
    except NoPortsError as error:
        return error
    return None


def listed(backend: str) -> PortNames:
    """Return the ports there are.

    Raises:
        NoPortsError: if the backend does not work here.
    """
    if backend == "jack":
        client = jack.client(rtmidi.LISTING_CLIENT)
        try:
            sources = [port.name for port in client.get_ports(is_midi=True, is_output=True)]
            return PortNames(backend, sources, [port.name for port in client.get_ports(is_midi=True, is_input=True)])
        finally:
            client.close(ignore_errors=True)
    if backend == "alsa" and not os.path.exists("/dev/snd/seq"):
        raise NoPortsError(
            "ALSA has no sequencer here; load it with: modprobe snd-seq (in a container it needs /dev/snd)"
        )
    apis = rtmidi.apis()
    if backend not in apis:
        raise NoPortsError(f"this python-rtmidi has no {backend}; it has: {', '.join(apis) or 'nothing'}")
    return PortNames(backend, *rtmidi.port_names(apis[backend]))


def working(wanted: str = "auto") -> str:
    """Return the backend to take.

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
        reason = problem_of(backend)
        if reason is None:
            return backend
        reasons.append(reason)
    likeliest = {"linux": reasons[0], "win32": NoVirtualPortsError(rtmidi.WINDOWS)}
    raise NoSystemError(likeliest.get(sys.platform, reasons[-1]))


def open_ports(
    name: str,
    *,
    backend: str = "auto",
    port: str | None = None,
    port_in: str | None = None,
    port_out: str | None = None,
    hears: bool = True,
    sounding_notes: SoundingNotes | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> ReconnectingPorts:
    """Open an input and an output that are opened again by themselves whenever what is behind them comes back.

    Args:
        name: of the virtual ports.
        port: the name of an existing port, a part of it, or a regular expression. Those that fit are connected (jack),
            or the first is opened instead of a virtual one (the others); in a direction that has a port of the very
            name, only that. One is to be there now; those that come later are connected likewise.
        port_in, port_out: the same for one direction: what is heard, and what is played to.
        hears: whether there is an input at all.
        say: called with a line when several fit what is no very name, and when the ports go and come.

    Raises:
        NoPortsError: if they cannot be opened now; the text says what to do.
    """
    check_name(name)
    chosen = working(backend)
    wanted, patterns = Wanted(port, port_in, port_out), PortPatterns()
    if any(part is not None for part in wanted):
        there = listed(chosen)
        wanted.check(there)
        patterns = wanted.patterns(there, say)
    return _opened(name, chosen, wanted, patterns, hears, sounding_notes or SoundingNotes(), say)


def _opened(
    name: str,
    chosen: str,
    named: Wanted,
    patterns: PortPatterns,
    hears: bool,
    notes: SoundingNotes,
    say: Callable[[str], None] = lambda text: None,
) -> ReconnectingPorts:
    notes.destination = {**notes.destination, "name": name, "backend": chosen, "hears": hears, **named._asdict()}

    def open_once(notes: SoundingNotes, wanted: set[Link]) -> Ports:
        if chosen == "jack":
            return jack.JackPorts(name, patterns, notes, wanted, hears)
        return rtmidi.RtMidiPorts(name, rtmidi.apis()[chosen], patterns, notes, wanted, hears)

    return ReconnectingPorts(open_once, notes, say)


def release_left_behind(path: Path) -> None:
    """End the notes that a session which was killed left sounding, and lift its pedals, at the ports noted with them.

    Does nothing if another session has the file, there are none, or the ports cannot be opened: the next session with
    this file does it then.
    """
    try:
        notes = SoundingNotes(path)
    except InUseError:
        return
    try:
        if notes.unended:
            to = notes.destination
            wanted = Wanted(*(to.get(part) for part in Wanted._fields))
            chosen = working(to["backend"])
            # the port that is named need not be there: what was connected by hand is to hear of it all the same
            patterns = wanted.patterns(listed(chosen))
            _opened(to["name"], chosen, wanted, patterns, to.get("hears", True), notes).close()
    except (NoPortsError, KeyError):
        return
    finally:
        notes.close()

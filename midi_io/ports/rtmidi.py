"""Ports through RtMidi: ALSA, CoreMIDI and Windows, and JACK where its own backend is not wanted.

What is sent leaves at once, so the player waits for each moment. RtMidi's JACK output places events at the start of
the next period. A note is held back if a stop or a jump has come; one that RtMidi has already is not taken back.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from midi_io import messages
from midi_io.ports.interface import LATE, Link, MissingPackageError, NoPortsError, NoVirtualPortsError
from midi_io.ports.interruptions import Interruptions
from midi_io.ports.linking import Links
from midi_io.ports.matching import HEARD, PLAYED_TO, PortNames, PortPattern, PortPatterns, no_such_port
from midi_io.ports.naming import check_jack_name
from midi_io.sounding_notes import SoundingNotes

LISTING_CLIENT = "list-ports"  # name of the client that only looks at the ports there are
BURST, WINDOW = 4096, 0.02  # bytes that leave in so many seconds at most: RtMidi drops what its JACK buffer cannot hold
WINDOWS = (
    "Windows has no virtual MIDI ports; install a loopback (loopMIDI, or Windows MIDI Services), make a port in it "
    "and name it"
)


def load() -> Any:
    """Return the module of the package python-rtmidi.

    Raises:
        NoPortsError: if it is missing.
    """
    try:
        import rtmidi
    except ModuleNotFoundError as error:
        raise MissingPackageError("MIDI ports need", "python-rtmidi") from error
    except ImportError as error:
        raise NoPortsError(
            f"python-rtmidi does not load ({error}); install it again with: pip install --force-reinstall python-rtmidi"
        ) from error
    return rtmidi


def apis() -> dict[str, int]:
    """Return the systems this python-rtmidi was built for, by the names of `BACKENDS`."""
    rtmidi = load()
    known = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "rtmidi-jack": rtmidi.API_UNIX_JACK,
        "coremidi": rtmidi.API_MACOSX_CORE,
        "windows": rtmidi.API_WINDOWS_MM,
    }
    return {name: api for name, api in known.items() if api in rtmidi.get_compiled_api()}


def port_names(api: int) -> tuple[list[str], list[str]]:
    """Return the names of the inputs and of the outputs there are.

    Raises:
        NoPortsError: if the system behind it does not answer.
    """
    return _make("MidiIn", api, LISTING_CLIENT).get_ports(), _make("MidiOut", api, LISTING_CLIENT).get_ports()


def _make(kind: str, api: int, name: str) -> Any:
    rtmidi = load()
    if api == rtmidi.API_UNIX_JACK:
        check_jack_name(name)
    from midi_io.ports.jack import quiet

    with quiet():
        try:
            return getattr(rtmidi, kind)(rtapi=api, name=name)
        except (rtmidi.SystemError, SystemError) as error:
            raise NoPortsError(f"RtMidi: {str(error).strip() or 'the MIDI system does not answer'}") from error


class RtMidiPorts:
    """Ports through RtMidi: virtual ones of a name, or existing ones.

    Args:
        api: one of `apis()`.
        patterns: with them existing ports whose names they find are opened instead of virtual ones.
        hears: whether there is an input.

    Raises:
        NoPortsError: if the system does not answer, has no such ports, or no virtual ones.
    """

    lookahead = 0.0

    def __init__(
        self,
        name: str,
        api: int,
        patterns: PortPatterns = PortPatterns(),
        sounding_notes: SoundingNotes | None = None,
        wanted: set[Link] | None = None,
        hears: bool = True,
    ) -> None:
        self.sounding_notes = sounding_notes or SoundingNotes()
        self.interruptions = Interruptions()
        self.sent = self.late = self.malformed = 0
        self._rtmidi = load()
        self._came: deque[tuple[float, bytes, int]] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._backlog: deque[tuple[float, bytes, int, Any]] = deque()  # with the interruptions known, and an entry
        self._departed: list[Any] = []
        self._burst: deque[tuple[float, int]] = deque()
        self._lost = False
        self._inputs_lost = 0
        self._api = api
        self._patterns, self._hears = patterns, True
        has_virtual_ports = api != self._rtmidi.API_WINDOWS_MM and sys.platform != "win32"
        if patterns.sinks is None and not has_virtual_ports:
            raise NoVirtualPortsError(WINDOWS)
        self._out = _make("MidiOut", api, name)
        self._in: Any = _make("MidiIn", api, f"{name}-in") if hears else None
        if self._in is not None:
            self._in.ignore_types(sysex=True, timing=False, active_sense=True)
            self._in.set_callback(self._hear)
        self._names: dict[str, str] = {}
        try:
            self._open(name, patterns, has_virtual_ports)
        except BaseException:
            self._delete()
            raise
        self._watch = self._watching_client(name, wanted)
        self.maintain()

    def _open(self, name: str, patterns: PortPatterns, has_virtual_ports: bool) -> None:
        """Open virtual ports, or existing ones that the patterns find."""
        # CoreMIDI shows the name of a port alone: there both are called as the others show their client
        names_port = self._api == self._rtmidi.API_MACOSX_CORE
        if patterns.sinks is None:
            self._out.open_virtual_port(name if names_port else "out")
        elif not self._open_existing("out", self._out, patterns.sinks):
            raise no_such_port(PLAYED_TO, patterns.sinks.given, PortNames("", [], self._out.get_ports()))
        if self._in is None:
            pass
        elif patterns.sources is None and has_virtual_ports:
            self._in.open_virtual_port(name if names_port else "in")
        elif patterns.sources and not self._open_existing("in", self._in, patterns.sources) and not patterns.one:
            raise no_such_port(HEARD, patterns.sources.given, PortNames("", self._in.get_ports(), []))

    def _open_existing(self, kind: str, end: Any, pattern: PortPattern) -> bool:
        """Return whether there was a port to open."""
        names = end.get_ports()
        found = next((index for index, each in enumerate(names) if pattern.finds(each)), None)
        if found is None:
            return False
        end.open_port(found, kind)
        self._names[kind] = names[found]
        return True

    def _watching_client(self, name: str, wanted: set[Link] | None) -> Any:
        """Return, on JACK, a client that hears when the server goes: RtMidi's own does not notice."""
        if self._api != self._rtmidi.API_UNIX_JACK:
            return None
        from midi_io.ports import jack

        try:
            client = jack.client(f"{name}-watch")
        except NoPortsError:
            return None
        client.set_shutdown_callback(self._shut_down)
        ours = {"out": f"{name}:out", "in": f"{name}-in:in"}
        found = {
            ours_: client.get_port_by_name(full)
            for ours_, full in ours.items()
            if any(each.name == full for each in client.get_ports(is_midi=True))
        }
        self._links = Links(client, found, wanted)
        client.activate()
        return client

    def _shut_down(self, status: object, reason: str) -> None:
        self._lost = True
        self._wake()

    def now(self) -> float:
        return time.monotonic()

    def _hear(self, event: tuple[list[int], float], data: object = None) -> None:
        message = bytes(event[0])
        if messages.well_formed(message):
            moment = time.monotonic()
            self._came.append((moment, message, self.interruptions.hear(message, moment)))
        else:
            self.malformed += 1
        self._wake()

    def send(self, message: bytes, moment: float, entry: Any = None) -> None:
        self._backlog.append((moment, message, self.interruptions.known, entry))
        self._drain()

    def _drain(self) -> None:
        """Send what there is room for, in order."""
        while self._backlog:
            now = time.monotonic()
            while self._burst and self._burst[0][0] < now - WINDOW:
                self._burst.popleft()
            if sum(size for _, size in self._burst) > BURST:
                return
            moment, message, known, entry = self._backlog.popleft()
            if self.interruptions.take_back(message, known, time.monotonic()):
                continue
            parts = self.sounding_notes.prepare(message)
            for part in parts:
                self._out.send_message(part)
                self.sounding_notes.mark_sent(part)
                self._burst.append((now, len(part) + 8))
                self.sent += 1
            self.late += now - moment > LATE
            if parts and entry is not None:
                self._departed.append(entry)

    def release(self, entry: Any = None) -> None:
        self._backlog.clear()
        for message in self.sounding_notes.endings():
            self._out.send_message(message)
            self.sounding_notes.mark_sent(message)
            self.sent += 1
        if entry is not None:
            self._departed.append(entry)

    def departed(self) -> list[Any]:
        departed, self._departed = self._departed, []
        return departed

    def receive(self) -> list[tuple[float, bytes]]:
        self._drain()
        came = [self._came.popleft() for _ in range(len(self._came))]
        if came:
            self.interruptions.known = max(self.interruptions.known, came[-1][2])
        return [(moment, message) for moment, message, _ in came]

    def on_receive(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def pending(self) -> int:
        return len(self._backlog)

    def alive(self) -> bool:
        return not self._lost

    def maintain(self) -> None:
        if self._lost:
            return
        if self._watch is not None:
            with contextlib.suppress(Exception):
                self._links.maintain()
        elif "out" in self._names and self._names["out"] not in self._out.get_ports():
            self._lost = True
        elif "in" in self._names:
            self._look_after_input()

    def _look_after_input(self) -> None:
        """Open what is heard again when it comes back; what is played goes on without it."""
        assert self._patterns.sources is not None
        there = self._names["in"] in self._in.get_ports()
        if self._hears and not there:
            self._in.close_port()
            self._hears = False
            self._inputs_lost += 1
        elif not self._hears:  # under another name, perhaps: ALSA counts its clients
            self._hears = self._open_existing("in", self._in, self._patterns.sources)

    @property
    def inputs_lost(self) -> int:
        return self._inputs_lost if self._watch is None else self._links.inputs_lost

    def links(self) -> list[Link]:
        if self._watch is not None:
            return self._links.present
        return [Link(ours, theirs) for ours, theirs in self._names.items()]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            if not self._lost:
                self.release()
                time.sleep(0.02)  # the driver's thread is to send it
            if self._in is not None:
                self._in.cancel_callback()
                self._in.close_port()
            self._out.close_port()
        with contextlib.suppress(Exception):
            if self._watch is not None:
                self._watch.close(ignore_errors=True)
        self._delete()

    def _delete(self) -> None:
        """Let go of the clients, which would outlive this object: what is called when a message comes refers to it."""
        if self._in is not None:
            self._in.delete()
        self._out.delete()

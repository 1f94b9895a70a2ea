"""Ports of a JACK server, through its process callback: every event leaves at its exact frame.

The clock is the server's own count of frames, so what is in time with it does not drift from it.
"""

from __future__ import annotations

import contextlib
import os
import time
from bisect import insort
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from midi_io import messages
from midi_io.ports.interface import LATE, Link, MissingPackageError, NoPortsError
from midi_io.ports.interruptions import Interruptions
from midi_io.ports.linking import Links
from midi_io.ports.matching import PortPatterns
from midi_io.ports.naming import check_jack_name
from midi_io.sounding_notes import SoundingNotes

LOOKAHEAD = 0.020  # seconds at least: several periods, and what a busy machine lets a Python thread wait
WAITING = 0.015  # seconds at least that a thread may wait before the period in which an event is written
GUARD = 2  # frames before an interruption in which no note starts either: what rounding may put it too early
CLOSING = 0.3  # seconds the last events have to leave


class TransportState(NamedTuple):
    """The server's transport at the beginning of a period."""

    moment: float
    rolling: bool
    seconds: float  # of the transport
    tempo: float | None  # quarter notes a minute, if a timebase master says
    beat: float | None  # quarter notes, likewise
    beats_per_bar: float | None = None  # quarter notes, likewise
    beat_type: float = 4.0  # the value of the notes that bars are counted in, likewise
    interruptions: int = 0  # how often it had stopped or been relocated


class _Event(NamedTuple):
    """A message that was handed over."""

    frame: int
    order: int
    message: bytes
    known: int = 0  # interruptions that were known then
    entry: Any = None


class _Release(NamedTuple):
    """That everything before it is to be dropped, and what sounds to be ended."""

    entry: Any


def load() -> Any:
    """Return the module of the package JACK-Client, silenced.

    Raises:
        NoPortsError: if it, or the library it needs, is missing.
    """
    try:
        import jack
    except ModuleNotFoundError as error:
        raise MissingPackageError("JACK needs", "JACK-Client") from error
    except ImportError as error:
        raise NoPortsError(
            f"JACK-Client does not load ({error}); install it again with: pip install --force-reinstall JACK-Client"
        ) from error
    except OSError as error:  # the library
        raise NoPortsError("JACK's library is missing; install it with: apt-get install libjack-jackd2-0") from error
    jack.set_error_function(lambda text: None)  # what fails is said by whoever asked for it
    jack.set_info_function(lambda text: None)
    return jack


def client(name: str) -> Any:
    """Return a client of the server that runs (JACK_DEFAULT_SERVER names another than the default).

    Raises:
        NoPortsError: if none does, or the name is a server's.
    """
    check_jack_name(name)
    jack = load()
    with quiet():
        try:
            return jack.Client(name, no_start_server=True)
        except jack.JackOpenError as error:
            server = os.environ.get("JACK_DEFAULT_SERVER", "default")
            raise NoPortsError(f"no JACK server '{server}' runs; start it with: jackd -d alsa, or qjackctl") from error


class JackPorts:
    """The ports NAME:in and NAME:out.

    Args:
        patterns: MIDI ports whose names they find are connected, now and when they appear.
        hears: whether there is NAME:in.

    Raises:
        NoPortsError: if no server runs.
    """

    def __init__(
        self,
        name: str,
        patterns: PortPatterns = PortPatterns(),
        sounding_notes: SoundingNotes | None = None,
        wanted: set[Link] | None = None,
        hears: bool = True,
    ) -> None:
        self.sounding_notes = sounding_notes or SoundingNotes()
        self.sent = self.late = self.malformed = 0
        self._jack = load()
        self.client = client(name)
        self._rate = self.client.samplerate
        # an event is written at the beginning of its period, so a long one needs it earlier
        self.lookahead = max(LOOKAHEAD, self.client.blocksize / self._rate + WAITING)
        self._high = self.client.frame_time  # frames, unwrapped from 32 bits
        self._dead = False
        self._wake: Callable[[], None] = lambda: None
        self.interruptions = Interruptions()
        self._handed: deque[_Event | _Release] = deque()  # from send and release, to the callback
        self._due: list[_Event] = []  # the callback's own
        self._departed: deque[Any] = deque()
        self._order = 0
        self._transport: TransportState | None = None  # as of the last period, once it is asked for
        self._watches_transport = False
        self._place = 0  # frame of the transport that the next period begins with, if it goes on
        self._came: deque[tuple[float, bytes, int]] = deque()
        try:
            self._out = self.client.midi_outports.register("out")
            self._in = self.client.midi_inports.register("in") if hears else None
            self.client.set_process_callback(self._process)
            self.client.set_shutdown_callback(self._shut_down)
            ours = {"out": self._out, **({"in": self._in} if hears else {})}
            self._links = Links(self.client, ours, wanted, patterns)
            self.client.activate()
        except self._jack.JackError as error:
            self.client.close(ignore_errors=True)
            raise NoPortsError(f"the JACK server gives no ports ({error}); start it again") from error
        self.maintain()

    def now(self) -> float:
        # counted from the last period, which is what events are late for: the server's own estimate of the present
        # frame (`frame_time`) is smoothed, and lags two periods behind after it has lost one
        start, passed = self.client.last_frame_time, self.client.frames_since_cycle_start
        while start != (latest := self.client.last_frame_time):  # a period has begun in between
            start, passed = latest, self.client.frames_since_cycle_start
        # a period that is late to begin begins at its frame nevertheless
        return (self._unwrapped(start) + min(passed, self.client.blocksize)) / self._rate

    def _unwrapped(self, frame: int) -> int:
        # a difference of less than half the range: the other way round it would be hours
        behind = (self._high - frame + (1 << 31)) % (1 << 32) - (1 << 31)
        unwrapped = self._high - behind
        self._high = max(self._high, unwrapped)
        return unwrapped

    def send(self, message: bytes, moment: float, entry: Any = None) -> None:
        self._order += 1
        self._handed.append(_Event(round(moment * self._rate), self._order, message, self.interruptions.known, entry))

    def release(self, entry: Any = None) -> None:
        self._handed.append(_Release(entry))

    def departed(self) -> list[Any]:
        return [self._departed.popleft() for _ in range(len(self._departed))]

    def _process(self, frames: int) -> None:
        """Play one period, in the server's time-critical thread: no locks, nothing that waits."""
        start = self._unwrapped(self.client.last_frame_time)
        for offset, data in self._in.incoming_midi_events() if self._in is not None else ():
            message = bytes(data)
            if messages.well_formed(message):
                moment = (start + offset) / self._rate
                self._came.append((moment, message, self.interruptions.hear(message, moment)))
            else:
                self.malformed += 1
            self._wake()
        if self._watches_transport:
            self._transport = self._transport_state(start, frames)
        self._out.clear_buffer()
        released = False
        while self._handed:
            handed = self._handed.popleft()
            if isinstance(handed, _Release):
                self._due.clear()
                released = True
                self._depart(handed.entry)
            else:
                insort(self._due, handed)
        if released:
            ends = [_Event(0, 0, message) for message in self.sounding_notes.endings()]
            self._due = ends + self._due  # before whatever was handed over after it
        self._play_due(start, start + frames)

    def _play_due(self, start: int, end: int) -> None:
        """Write what is due from one frame to another."""
        # where it may be interrupted, a note of the last frames waits: an interruption may come with the next one
        guard = GUARD if self._watches_transport or self.interruptions.statuses else 0
        left = 0
        for frame, _, message, known, entry in self._due:
            at = max(frame, start)
            if at >= end - (guard if messages.is_note_on(message) else 0):
                break
            left += 1
            if self.interruptions.take_back(message, known, (at + guard) / self._rate):
                continue
            parts = self.sounding_notes.prepare(message)
            if not self._write(at - start, parts):
                left -= 1
                break
            self.late += 0 < frame < start - LATE * self._rate
            if parts:
                self._depart(entry)
        del self._due[:left]

    def _depart(self, entry: Any) -> None:
        if entry is not None:
            self._departed.append(entry)

    def transport_state(self) -> TransportState | None:
        """Return the server's transport as of the last period; None before the first one after this is asked for."""
        self._watches_transport = True
        state = self._transport
        if state is not None:
            self.interruptions.known = max(self.interruptions.known, state.interruptions)
        return state

    def _transport_state(self, start: int, frames: int) -> TransportState:
        state, place = self.client.transport_query()
        tempo = beat = beats_per_bar = None
        beat_type = 4.0
        if "beats_per_minute" in place and place["beats_per_minute"] > 0 and place["ticks_per_beat"] > 0:
            beat_type = place["beat_type"]
            quarters = 4 / beat_type  # in a beat of its time signature
            beats_per_bar = place["beats_per_bar"] * quarters
            within = (place["beat"] - 1 + place["tick"] / place["ticks_per_beat"]) * quarters
            beat = (place["bar"] - 1) * beats_per_bar + within
            tempo = place["beats_per_minute"] * quarters
        rolling = state == self._jack.ROLLING
        before = self._transport
        if before and before.rolling and not (rolling and place["frame"] == self._place):
            self.interruptions.happen(start / self._rate)
        self._place = place["frame"] + frames
        seconds = place["frame"] / self._rate
        count = self.interruptions.count
        return TransportState(start / self._rate, rolling, seconds, tempo, beat, beats_per_bar, beat_type, count)

    def _write(self, offset: int, parts: list[bytes]) -> bool:
        """Return whether the parts of a message fitted into the period."""
        for part in parts:
            try:
                self._out.write_midi_event(offset, part)
            except self._jack.JackError:  # full: it leaves with the next period
                self.sounding_notes.mark_unsent(part)
                return False
            self.sounding_notes.mark_sent(part)
            self.sent += 1
        return True

    def _shut_down(self, status: object, reason: str) -> None:
        self._dead = True
        self._wake()

    def receive(self) -> list[tuple[float, bytes]]:
        came = [self._came.popleft() for _ in range(len(self._came))]
        if came:
            self.interruptions.known = max(self.interruptions.known, came[-1][2])
        return [(moment, message) for moment, message, _ in came]

    def on_receive(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def pending(self) -> int:
        return len(self._handed) + len(self._due)

    def alive(self) -> bool:
        return not self._dead

    def maintain(self) -> None:
        if not self._dead:
            with contextlib.suppress(self._jack.JackError):
                self._links.maintain()

    @property
    def inputs_lost(self) -> int:
        return self._links.inputs_lost

    def links(self) -> list[Link]:
        return self._links.present

    def close(self) -> None:
        if not self._dead:
            self.release()
            until = time.monotonic() + CLOSING
            while self.pending() and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(2 * self.client.blocksize / self._rate)  # the last period is to be heard
        with quiet(), contextlib.suppress(self._jack.JackError):
            self.client.close(ignore_errors=True)


@contextlib.contextmanager
def quiet() -> Any:
    """Silence what JACK's library writes to the standard error itself when no server answers."""
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silence)

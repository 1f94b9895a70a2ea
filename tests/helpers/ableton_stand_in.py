"""A stand-in for Ableton Live with AbletonOSC: a UDP server that speaks its addresses as its source does.

Arguments and answers have AbletonOSC's order: numbers of track and clip before values, answers to one fixed port,
nothing after methods and setters, `/live/error` for what raises. As in Live, questions wait for the next tick, and one
that raises ends its tick. What differs between versions, and what goes wrong between programs, can be set.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

HOST = "127.0.0.1"


@dataclass
class LiveClip:
    """A clip, as Live's API has it."""

    length: float
    name: str = ""
    notes: list[tuple[int, float, float, float, bool]] = field(default_factory=list)
    loop_start: float = 0.0
    end_marker: float = 0.0
    color: int = 7
    is_midi_clip: bool = True

    @property
    def loop_end(self) -> float:
        return self.loop_start + self.length

    @loop_end.setter
    def loop_end(self, end: float) -> None:
        self.length = end - self.loop_start


@dataclass
class LiveTrack:
    """A track with a slot for each scene."""

    name: str
    slots: list[LiveClip | None]
    has_midi_input: bool = True


@dataclass
class Wire:
    """What becomes of packets, either way."""

    lost: float = 0.0  # the share of them
    doubled: float = 0.0  # the share of what is told, not asked, that arrives twice
    late: float = 0.0  # seconds that answers take at most, beside the tick
    seed: int = 0
    largest: int = 9216  # bytes of a packet that macOS sends


@dataclass
class Version:
    """What a version of Live and of AbletonOSC has."""

    live: tuple[int, int] = (12, 1)
    tells_key: bool = True
    speaks_of_errors: bool = True
    numbers_first: bool = True  # since December 2022
    parts_of_notes: bool = True  # whether get/notes takes a range
    cuts_overlaps: bool = True  # a note ends where another of its pitch is put into it
    most_scenes: int = 1000  # 8 in Live Lite


class StandIn:
    """A set in a Live that runs, with AbletonOSC chosen.

    Args:
        tracks: of the set; default: an audio track and a MIDI track, of eight scenes.
        answer_port: where the client listens.
        tick: seconds between looks at the socket; Live has 0.1.
    """

    def __init__(
        self,
        answer_port: int,
        tracks: list[LiveTrack] | None = None,
        *,
        version: Version | None = None,
        wire: Wire | None = None,
        tick: float = 0.005,
    ) -> None:
        self.tracks = tracks or [
            LiveTrack("Voice", [None] * 8, has_midi_input=False),
            LiveTrack("Keys", [None] * 8),
        ]
        self.scenes = len(self.tracks[0].slots)
        self.selected_track: int | None = len(self.tracks) - 1  # None for a return track
        self.selected_scene = 0
        self.tempo, self.signature = 124.0, (4, 4)
        self.root_note, self.scale_name = 9, "Minor"
        self.version, self.wire = version or Version(), wire or Wire()
        self.heard: list[tuple[str, tuple[Any, ...]]] = []  # what arrived, in its order
        self.stopped_at: str | None = None  # an address from which on Live is busy for ever
        self._chance = random.Random(self.wire.seed)
        self._answer_port, self._tick = answer_port, tick
        self._later: deque[tuple[float, bytes]] = deque()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stand-in for Live", daemon=True)
        self._thread.start()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(5)
        self._socket.close()

    def clips(self, track: int) -> list[LiveClip | None]:
        """Return the clips of a track."""
        return self.tracks[track].slots

    # --- the socket ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ends.wait(self._tick):
            self._process()
            while self._later and self._later[0][0] <= time.monotonic():
                self._socket.sendto(self._later.popleft()[1], (HOST, self._answer_port))

    def _process(self) -> None:
        try:
            while True:
                data = self._socket.recv(65536)
                if self._chance.random() < self.wire.lost:
                    continue
                message = OscMessage(data)
                twice = "/get/" not in message.address and self._chance.random() < self.wire.doubled
                for _ in range(1 + twice):
                    self._handle(message.address, tuple(message.params))
        except BlockingIOError:
            pass
        except Exception as error:
            self._send("/live/error", (f"Error handling OSC message: {error}",))

    def _handle(self, address: str, arguments: tuple[Any, ...]) -> None:
        if self.stopped_at is not None and (address.startswith(self.stopped_at) or self.stopped_at == "now"):
            self.stopped_at = "now"
            return
        self.heard.append((address, arguments))
        answer = self._answer(address, arguments)
        if answer is NotImplemented:
            self._send("/live/error", (f"Unknown OSC address: {address}",))
        elif answer is not None:
            self._send(address, answer)

    def _send(self, address: str, values: tuple[Any, ...]) -> None:
        if address == "/live/error" and not self.version.speaks_of_errors:
            return
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        packet = builder.build().dgram
        if len(packet) > self.wire.largest:
            return self._send("/live/error", ("Socket error: [Errno 40] Message too long",))
        if self._chance.random() >= self.wire.lost:
            delay = self._chance.random() * self.wire.late
            last = self._later[-1][0] if self._later else 0.0  # a host keeps the order of its packets
            self._later.append((max(time.monotonic() + delay, last), packet))

    # --- addresses ----------------------------------------------------------------------------------------------------

    def _answer(self, address: str, arguments: tuple[Any, ...]) -> Any:
        """Return the values of an answer, None where there is none, NotImplemented for an address that is unknown."""
        _, _, kind, *rest = address.split("/")
        if kind in ("song", "view", "application"):
            return self._of_song("/".join([kind, *rest]), arguments)
        handlers = {"track": (self._of_track, 1), "clip_slot": (self._of_slot, 2), "clip": (self._of_clip, 2)}
        if kind not in handlers:
            return NotImplemented
        handler, numbers = handlers[kind]
        indices = tuple(int(number) for number in arguments[:numbers])
        values = handler("/".join(rest), *indices, arguments[numbers:])
        if values is None or values is NotImplemented:
            return values
        return (*indices, *values) if self.version.numbers_first else values

    def _of_song(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "application/get/version":
            return self.version.live
        if name in ("song/get/root_note", "song/get/scale_name"):
            return (getattr(self, name.split("/")[-1]),) if self.version.tells_key else NotImplemented
        if name == "song/create_scene":
            (index,) = arguments
            if self.scenes >= self.version.most_scenes or index != -1:
                raise RuntimeError("Maximum number of scenes reached")
            self.scenes += 1
            for track in self.tracks:
                track.slots.append(None)
            return None
        if name == "view/get/selected_track":
            if self.selected_track is None:
                raise ValueError("<Track.Track object at 0x7f> is not in list")
            return (self.selected_track,)
        known = {
            "song/get/tempo": (self.tempo,),
            "song/get/signature_numerator": (self.signature[0],),
            "song/get/signature_denominator": (self.signature[1],),
            "song/get/num_scenes": (self.scenes,),
            "song/get/track_names": tuple(track.name for track in self.tracks),
            "view/get/selected_scene": (self.selected_scene,),
        }
        return known.get(name, NotImplemented)

    def _of_track(self, name: str, index: int, arguments: tuple[Any, ...]) -> Any:
        track = self.tracks[index]
        if name in ("get/name", "get/has_midi_input"):
            return (getattr(track, name.removeprefix("get/")),)
        if name == "get/clips/name":
            return tuple(clip.name if clip else None for clip in track.slots)
        return NotImplemented

    def _of_slot(self, name: str, track: int, scene: int, arguments: tuple[Any, ...]) -> Any:
        slots = self.tracks[track].slots
        if name == "get/has_clip":
            return (slots[scene] is not None,)
        if name == "create_clip":
            (length,) = arguments
            if slots[scene] is not None or not self.tracks[track].has_midi_input or not length > 0:
                raise RuntimeError("This slot already has a clip, or is none for MIDI")
            slots[scene] = LiveClip(float(length), end_marker=float(length))
            return None
        if name == "delete_clip":
            if slots[scene] is None:
                raise RuntimeError("This slot has no clip")
            slots[scene] = None
            return None
        return NotImplemented

    def _of_clip(self, name: str, track: int, scene: int, arguments: tuple[Any, ...]) -> Any:
        clip: Any = self.tracks[track].slots[scene]
        if name == "get/notes":
            if len(arguments) not in (0, 4):
                raise ValueError("Invalid number of arguments for /clip/get/notes")
            whole = not arguments or not self.version.parts_of_notes
            low, pitches, start, span = (0, 127, -8192.0, 16384.0) if whole else arguments
            return tuple(
                value
                for note in sorted(clip.notes, key=lambda note: (note[1], note[0]))
                if low <= note[0] < low + pitches and start <= note[1] < start + span
                for value in note
            )
        if name == "add/notes":
            added = []
            for first in range(0, len(arguments), 5):
                pitch, start, length, velocity, mute = arguments[first : first + 5]
                if type(pitch) is not int or isinstance(start, str) or isinstance(mute, str):
                    raise TypeError(
                        "Python argument types in MidiNoteSpecification.__init__() did not match C++ signature"
                    )
                added.append((pitch, float(start), float(length), float(velocity), bool(mute)))
            for note in added:
                if self.version.cuts_overlaps:
                    clip.notes = [cut for old in clip.notes if (cut := _cut(old, note)) is not None]
                clip.notes.append(note)
            return None
        if name == "remove/notes":
            low, pitches, start, span = arguments or (0, 127, -8192.0, 16384.0)
            clip.notes = [
                note for note in clip.notes if not (low <= note[0] < low + pitches and start <= note[1] < start + span)
            ]
            return None
        action, _, attribute = name.partition("/")
        readable = ("name", "length", "loop_start", "loop_end", "end_marker", "is_midi_clip", "color")
        if action == "get" and attribute in readable:
            return (getattr(clip, attribute),)
        if action == "set" and attribute in ("name", "loop_start", "loop_end", "end_marker", "color"):
            if clip is None:
                raise AttributeError(f"'NoneType' object has no attribute '{attribute}'")
            setattr(clip, attribute, arguments[0])
            return None
        return NotImplemented


def _cut(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return what is left of a note where another is put; None where that starts at or before it and sounds on."""
    pitch, start, length, velocity, mute = old
    if pitch != new[0] or start + length <= new[1] + 1e-6 or new[1] + new[2] <= start + 1e-6:
        return old
    return None if new[1] <= start else (pitch, start, new[1] - start, velocity, mute)


def free_port() -> int:
    """Return a UDP port that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])

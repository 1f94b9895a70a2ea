"""Recordings of what a session sends: a journal that grows as it plays, and a MIDI file made of it at the end.

The journal lies beside the file (FILE.mid.journal). If the session is killed, the file can still be made of it.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from midi_io import messages
from midi_io.atomic import atomic_write
from midi_io.transport import BEAT_TYPE, BEATS_PER_BAR

TICKS = 480  # a quarter note
TRACK_NAME = "recording"
AHEAD = 1 / 8  # beats beyond a bar line that are handed over at most before it is known that there was a jump
MARKER = "melody {}"  # the text of markers
_ENTRY = struct.Struct("<dfB3s")  # beat, tempo, length and bytes of the message
_META = 0xFF  # the status of meta messages in files: of marks, with two bytes of their number
_SIGNATURE = 0xFE  # of time signatures in the journal, with numerator and denominator
FOUR_FOUR = (BEATS_PER_BAR, BEAT_TYPE)
DENOMINATORS = (1, 2, 4, 8, 16, 32, 64)  # that MIDI files hold


class Entry(NamedTuple):
    """A message that was sent, a mark, or a time signature."""

    beat: float
    tempo: float
    message: bytes

    @property
    def mark(self) -> int | None:
        """Return the number of a mark, None for a message."""
        return int.from_bytes(self.message[1:], "big") if self.message[0] == _META else None

    @property
    def signature(self) -> tuple[int, int] | None:
        """Return numerator and denominator of a time signature, None for anything else."""
        return (self.message[1], self.message[2]) if self.message[0] == _SIGNATURE else None


class Recording:
    """A recording of channel messages at their positions; a jump of the transport begins a new bar: bars stay bars.

    Marks say where a melody begins: they are markers in the file, but for those after which nothing is played.

    Args:
        track_name: of the track in the MIDI file.

    Raises:
        FileExistsError: if the MIDI file is there already.
    """

    def __init__(self, path: str | os.PathLike[str], track_name: str = TRACK_NAME) -> None:
        self.path, self.track_name = Path(path), track_name
        if self.path.exists():
            raise FileExistsError(17, "exists already", str(path))
        self._journal = journal_of(self.path).open("xb", buffering=0)
        self._offsets: dict[int, float] = {}  # by epoch, of the last two: notes of the one before end in the next
        self._last = 0.0
        self._told: dict[int, tuple[int, int]] = {}  # time signatures by epoch, of the last two
        self._signature, self._line = FOUR_FOUR, 0.0  # of the last epoch, and the bar line at which it begins

    def count_bars(self, epoch: int, beats_per_bar: float, beat_type: float) -> None:
        """Count the bars of an epoch as the transport does: so many quarter notes, of beats of a type such as 8."""
        self._told[epoch] = _signature_of(beats_per_bar, beat_type)
        for old in list(self._told)[:-2]:
            del self._told[old]

    def add(self, beat: float, epoch: int, tempo: float, message: bytes) -> None:
        """Add a channel message that was sent at a position of an epoch of the transport."""
        if message[0] >= 0xF0 or len(message) > 3:
            return
        at = self._at(beat, epoch)
        self._last = max(self._last, at)
        self._journal.write(_ENTRY.pack(at, tempo, len(message), message))

    def mark(self, beat: float, epoch: int, tempo: float, number: int) -> None:
        """Mark a position as the beginning of a melody."""
        mark = bytes((_META, *min(number, 0xFFFF).to_bytes(2, "big")))
        self._journal.write(_ENTRY.pack(self._at(beat, epoch), tempo, len(mark), mark))

    def _at(self, beat: float, epoch: int) -> float:
        """Return the position in the recording, in beats."""
        if epoch not in self._offsets:
            beyond = max(self._last - AHEAD - self._line, 0)
            self._line += math.ceil(beyond / _quarters(self._signature)) * _quarters(self._signature)
            signature = self._told.get(epoch, self._signature)
            if signature != self._signature:
                self._signature = signature
                self._journal.write(_ENTRY.pack(self._line, 0.0, 3, bytes((_SIGNATURE, *signature))))
            self._offsets[epoch] = self._line - beat // _quarters(signature) * _quarters(signature)
            for old in list(self._offsets)[:-2]:
                del self._offsets[old]
        return max(self._offsets[epoch] + beat, 0.0)

    def close(self) -> None:
        """Write the MIDI file, and remove the journal."""
        self._journal.close()
        finish(self.path, self.track_name)


def _signature_of(beats_per_bar: float, beat_type: float) -> tuple[int, int]:
    """Return a time signature for a MIDI file: that of the melodies where it cannot hold this one."""
    signature = round(beats_per_bar * beat_type / 4), round(beat_type)
    fits = 1 <= signature[0] <= 255 and signature[1] in DENOMINATORS
    return signature if fits and abs(_quarters(signature) - beats_per_bar) < 1e-6 else FOUR_FOUR


def _quarters(signature: tuple[int, int]) -> float:
    """Return the quarter notes in a bar."""
    return 4 * signature[0] / signature[1]


def journal_of(path: Path) -> Path:
    """Return where the journal of a recording is."""
    return path.with_name(path.name + ".journal")


def finish(path: Path, track_name: str = TRACK_NAME) -> bool:
    """Make the MIDI file of a recording from its journal and remove that; return False if nothing was recorded."""
    journal = journal_of(path)
    if not journal.exists():
        return False
    entries = list(_entries(journal.read_bytes()))
    recorded = any(entry.mark is None and entry.signature is None for entry in entries)
    if recorded:
        write(path, entries, track_name)
    journal.unlink()
    return recorded


def _entries(journal: bytes) -> Iterator[Entry]:
    complete = len(journal) - len(journal) % _ENTRY.size  # a kill may have cut the last one short
    for beat, tempo, length, message in _ENTRY.iter_unpack(journal[:complete]):
        yield Entry(beat, tempo, message[:length])


def _followed(entries: list[Entry]) -> list[Entry]:
    """Return entries without the marks after which no note begins before the next one; one mark for a position.

    What is handed over ahead of a jump may lie where the bars after it begin.
    """
    kept, played, marked = [], False, None
    for entry in reversed(entries):
        if entry.mark is None:  # nor is a time signature a note
            played = played or messages.is_note_on(entry.message)
        elif played and entry.beat != marked:
            played, marked = False, entry.beat
        else:
            continue
        kept.append(entry)
    return kept[::-1]


def write(path: str | os.PathLike[str], entries: list[Entry], track_name: str = TRACK_NAME) -> None:
    """Write a MIDI file of one track, with time signatures, tempos and marks.

    Notes without an end get one at the last event.
    """
    import mido

    ordered = _followed(sorted(entries, key=lambda entry: entry.beat))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=track_name, time=0)])
    now = 0
    sounding: set[tuple[int, int]] = set()
    for entry in ordered:
        if entry.mark is not None or entry.signature is not None:
            continue
        if messages.is_note_on(entry.message):
            sounding.add((entry.message[0] & 0x0F, entry.message[1]))
        elif messages.is_note_off(entry.message):
            sounding.discard((entry.message[0] & 0x0F, entry.message[1]))
        tick = round(entry.beat * TICKS)
        track.append(mido.Message.from_bytes(entry.message, time=tick - now))
        now = tick
    for channel, pitch in sorted(sounding):
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=0))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    file.tracks += [_conductor(ordered), track]
    with atomic_write(path) as beside:
        file.save(beside)


def _conductor(entries: list[Entry]) -> Any:
    """Return the track of time signatures, tempos and marks."""
    import mido

    signatures = {0: FOUR_FOUR}  # the last one at a place counts
    events: list[tuple[int, Any]] = []
    tempo = 0.0
    for entry in entries:
        tick = round(entry.beat * TICKS)
        if entry.signature is not None:
            signatures[tick] = entry.signature
            continue
        if abs(entry.tempo - tempo) > 0.001 * tempo:
            tempo = min(max(entry.tempo, 4.0), 10_000.0)
            events.append((tick, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo))))
        if entry.mark is not None:
            events.append((tick, mido.MetaMessage("marker", text=MARKER.format(entry.mark))))
    bars = [
        (tick, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
        for tick, (numerator, denominator) in signatures.items()
    ]
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted([*bars, *events], key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track

"""Recordings of what a session sends: a journal that grows as it plays, and a MIDI file made of it at the end.

The journal lies beside the file (FILE.mid.journal). If the session is killed, the file can still be made of it.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from midi_io import messages
from midi_io.atomic import atomic_write
from midi_io.transport import BEATS_PER_BAR

TICKS = 480  # a quarter note
TRACK_NAME = "recording"
AHEAD = 1 / 8  # beats beyond a bar line that are handed over at most before it is known that there was a jump
MARKER = "melody {}"  # the text of markers
_ENTRY = struct.Struct("<dfB3s")  # beat, tempo, length and bytes of the message
_META = 0xFF  # the status of meta messages in files: of marks, with two bytes of their number


class Entry(NamedTuple):
    """A message that was sent, or a mark."""

    beat: float
    tempo: float
    message: bytes

    @property
    def mark(self) -> int | None:
        """Return the number of a mark, None for a message."""
        return int.from_bytes(self.message[1:], "big") if self.message[0] == _META else None


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
            bars = math.ceil(max(self._last - AHEAD, 0) / BEATS_PER_BAR) * float(BEATS_PER_BAR)
            self._offsets[epoch] = bars - beat // BEATS_PER_BAR * BEATS_PER_BAR
            for old in list(self._offsets)[:-2]:
                del self._offsets[old]
        return max(self._offsets[epoch] + beat, 0.0)

    def close(self) -> None:
        """Write the MIDI file, and remove the journal."""
        self._journal.close()
        finish(self.path, self.track_name)


def journal_of(path: Path) -> Path:
    """Return where the journal of a recording is."""
    return path.with_name(path.name + ".journal")


def finish(path: Path, track_name: str = TRACK_NAME) -> bool:
    """Make the MIDI file of a recording from its journal and remove that; return False if nothing was recorded."""
    journal = journal_of(path)
    if not journal.exists():
        return False
    entries = list(_entries(journal.read_bytes()))
    recorded = any(entry.mark is None for entry in entries)
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
        if entry.mark is None:
            played = played or messages.is_note_on(entry.message)
        elif played and entry.beat != marked:
            played, marked = False, entry.beat
        else:
            continue
        kept.append(entry)
    return kept[::-1]


def write(path: str | os.PathLike[str], entries: list[Entry], track_name: str = TRACK_NAME) -> None:
    """Write a MIDI file of one track, in 4/4, with tempos and marks; notes without an end get one at the last event."""
    import mido

    ordered = _followed(sorted(entries, key=lambda entry: entry.beat))
    conductor = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4, time=0)])
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=track_name, time=0)])
    now = changed = 0
    tempo = 0.0
    sounding: set[tuple[int, int]] = set()
    for entry in ordered:
        tick = round(entry.beat * TICKS)
        if abs(entry.tempo - tempo) > 0.001 * tempo:
            tempo = min(max(entry.tempo, 4.0), 10_000.0)
            conductor.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo), time=tick - changed))
            changed = tick
        if (mark := entry.mark) is not None:
            conductor.append(mido.MetaMessage("marker", text=MARKER.format(mark), time=tick - changed))
            changed = tick
            continue
        if messages.is_note_on(entry.message):
            sounding.add((entry.message[0] & 0x0F, entry.message[1]))
        elif messages.is_note_off(entry.message):
            sounding.discard((entry.message[0] & 0x0F, entry.message[1]))
        track.append(mido.Message.from_bytes(entry.message, time=tick - now))
        now = tick
    for channel, pitch in sorted(sounding):
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=0))
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS)
    file.tracks += [conductor, track]
    with atomic_write(path) as beside:
        file.save(beside)

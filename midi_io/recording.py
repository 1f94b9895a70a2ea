"""Recordings of what a session sends: a journal that grows as it plays, and a MIDI file made of it at the end.

The journal lies beside the file (FILE.mid.journal). If the session is killed, the file can still be made of it.
"""

from __future__ import annotations

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
_ENTRY = struct.Struct("<dfB3s")  # beat, tempo, length and bytes of the message


class Entry(NamedTuple):
    """A message that was sent."""

    beat: float
    tempo: float
    message: bytes


class Recording:
    """A recording of channel messages at their positions; a jump of the transport begins a new bar: bars stay bars.

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
        self._epoch: int | None = None
        self._offset = self._last = 0.0

    def add(self, beat: float, epoch: int, tempo: float, message: bytes) -> None:
        """Add a channel message that was sent at a position of an epoch of the transport."""
        if message[0] >= 0xF0 or len(message) > 3:
            return
        if epoch != self._epoch:
            bars = 0.0 if self._epoch is None else float(-(-self._last // BEATS_PER_BAR) * BEATS_PER_BAR)
            self._offset = bars - beat // BEATS_PER_BAR * BEATS_PER_BAR
            self._epoch = epoch
        at = max(self._offset + beat, 0.0)
        self._last = max(self._last, at)
        self._journal.write(_ENTRY.pack(at, tempo, len(message), message))

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
    if entries:
        write(path, entries, track_name)
    journal.unlink()
    return bool(entries)


def _entries(journal: bytes) -> Iterator[Entry]:
    complete = len(journal) - len(journal) % _ENTRY.size  # a kill may have cut the last one short
    for beat, tempo, length, message in _ENTRY.iter_unpack(journal[:complete]):
        yield Entry(beat, tempo, message[:length])


def write(path: str | os.PathLike[str], entries: list[Entry], track_name: str = TRACK_NAME) -> None:
    """Write a MIDI file of one track, in 4/4, with its tempos; notes without an end get one at the last event."""
    import mido

    ordered = sorted(enumerate(entries), key=lambda pair: (pair[1].beat, pair[0]))
    conductor = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4, time=0)])
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=track_name, time=0)])
    now = changed = 0
    tempo = 0.0
    sounding: set[tuple[int, int]] = set()
    for _, entry in ordered:
        tick = round(entry.beat * TICKS)
        if abs(entry.tempo - tempo) > 0.001 * tempo:
            tempo = min(max(entry.tempo, 4.0), 10_000.0)
            conductor.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo), time=tick - changed))
            changed = tick
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

"""Reading and writing MIDI files as timed notes in quarter-note beats."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from midi_io import smf
from midi_io.atomic import atomic_write

if TYPE_CHECKING:
    import mido

SPECIAL = "not a regular file"

_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class Note(NamedTuple):
    """A note; start and end in quarter-note beats from the beginning, end after start."""

    pitch: int
    start: float
    end: float
    velocity: int = 90


def write(
    path: str | os.PathLike[str],
    notes: Iterable[Note],
    *,
    beats: float | None = None,
    tempo: float = 120.0,
    ticks_per_quarter: int = 480,
    program: int = 0,
    channel: int = 0,
    name: str = "melody",
    further: Mapping[str, Iterable[Note]] | None = None,
) -> None:
    """Write a track of notes as a MIDI file (format 1, 4/4), whole or not at all.

    Args:
        further: other tracks, by name, each on a channel of its own.
        beats: length of the piece in quarter notes, so that closing rests are kept; default: the last note's end.
        tempo: quarter notes per minute.

    Raises:
        ValueError: for a pitch, velocity, tempo, or time that a MIDI file cannot hold.
    """
    import mido

    if not 4 <= tempo <= 10_000:  # 24 bits of microseconds per quarter reach down to 3.6
        raise ValueError(f"tempo: expected 4 to 10000 quarter notes per minute, got {tempo}")
    if not 1 <= ticks_per_quarter <= 0x7FFF:
        raise ValueError(f"ticks_per_quarter: expected 1 to 32767, got {ticks_per_quarter}")
    conductor = mido.MidiTrack(
        [
            mido.MetaMessage("time_signature", numerator=4, denominator=4, time=0),
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo), time=0),
        ]
    )
    file = mido.MidiFile(type=1, ticks_per_beat=ticks_per_quarter)
    file.tracks.append(conductor)
    for index, (title, track_notes) in enumerate([(name, notes), *(further or {}).items()]):
        own_channel = (channel + index) % 16
        end = round((beats or 0) * ticks_per_quarter)
        file.tracks.append(_track(title, list(track_notes), ticks_per_quarter, own_channel, program, end))
    with atomic_write(path) as beside:
        file.save(beside)


def _track(
    name: str, notes: list[Note], ticks_per_quarter: int, channel: int, program: int, end_tick: int
) -> mido.MidiTrack:
    """Return notes as a track that ends at a tick, or with its last note.

    Raises:
        ValueError: for a note that a MIDI file cannot hold.
    """
    import mido

    events = []
    for note in notes:
        if not 0 <= note.pitch <= 127 or not 1 <= note.velocity <= 127 or not 0 <= note.start < note.end:
            raise ValueError(f"expected pitch 0 to 127, velocity 1 to 127, 0 <= start < end in beats, got {note}")
        start, end = round(note.start * ticks_per_quarter), round(note.end * ticks_per_quarter)
        events.append((start, 1, note))
        events.append((max(end, start + 1), 0, note))
    events.sort(key=lambda event: event[:2])  # at one tick, note-offs first: a repeated pitch is not cut short
    track = mido.MidiTrack(
        [
            mido.MetaMessage("track_name", name=name, time=0),
            mido.Message("program_change", channel=channel, program=program, time=0),
        ]
    )
    now = 0
    for tick, is_on, note in events:
        kind, velocity = ("note_on", note.velocity) if is_on else ("note_off", 0)
        track.append(mido.Message(kind, channel=channel, note=note.pitch, velocity=velocity, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(now, end_tick) - now))
    return track


def contents(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a MIDI file: the one way in which files that others gave are opened.

    It never waits (for the other end of a pipe) and never reads more than smf.MAX_BYTES, whatever is at `path` and
    whatever becomes of it meanwhile.

    Raises:
        OSError: if the file cannot be opened or read.
        midi_io.smf.BrokenFileError: with the reason, if it is a folder, a pipe or a device, or too large.
    """
    handle = os.open(path, _READING)
    try:
        status = os.fstat(handle)  # of what was opened: the path may have got another file since anyone looked
        if not stat.S_ISREG(status.st_mode):
            raise smf.BrokenFileError(SPECIAL)
        if status.st_size > smf.MAX_BYTES:
            raise smf.BrokenFileError(smf.TOO_LARGE)
        data = os.read(handle, status.st_size)
        while len(data) < status.st_size and (more := os.read(handle, status.st_size - len(data))):
            data += more
        return data
    finally:
        os.close(handle)


def read(path: str | os.PathLike[str]) -> dict[tuple[int, int, int], list[Note]]:
    """Return the notes of a MIDI file by (track, channel, program), both counted from 0, in onset order.

    Raises:
        OSError: if the file cannot be read.
        midi_io.smf.BrokenFileError: with the reason, if it is no MIDI file (see `contents` and `smf.parse`).
    """
    return by_instrument(smf.parse(contents(path)))


def by_instrument(parsed: smf.Parsed) -> dict[tuple[int, int, int], list[Note]]:
    """Return the notes of a file that was parsed, as `read` does."""
    instruments: dict[tuple[int, int, int], list[Note]] = {}
    for track, channel, program, pitch, onset, offset, velocity in parsed.notes.tolist():
        start, end = onset / parsed.ticks_per_quarter, offset / parsed.ticks_per_quarter
        instruments.setdefault((track, channel, program), []).append(Note(pitch, start, end, velocity))
    return dict(sorted(instruments.items()))

"""The markers of a MIDI file, which name its places: `smf` reads notes only."""

from __future__ import annotations

import io
import os
from typing import NamedTuple

from midi_io import files, smf

MAX_TRACK = 1 << 18  # bytes of the track that has them: mido is slow, and a conductor's track is short
MAX_MARKERS = 5000
LONGEST = 60  # characters


class Marker(NamedTuple):
    """A marker, in quarter-note beats from the beginning."""

    beat: float
    text: str


def read(path: str | os.PathLike[str]) -> list[Marker]:
    """Return the markers of a MIDI file, in order; none where its first track cannot be read as one in 4/4.

    Markers belong into the first track. Where bars are others than of four beats, none are returned.

    Raises:
        OSError: if the file cannot be read.
        midi_io.smf.BrokenFileError: with the reason, if it is no file, or too large.
    """
    track = _first_track(files.contents(path))
    if track is None:
        return []
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(track))
    except Exception:  # mido raises whatever it meets in bytes that others wrote; a file without markers is one as well
        return []
    tick = 0
    markers: list[Marker] = []
    for message in file.tracks[0]:
        tick += message.time
        if message.type == "time_signature" and (message.numerator, message.denominator) != (4, 4):
            return []
        if message.type == "marker" and len(markers) < MAX_MARKERS:
            text = "".join(each for each in message.text if each.isprintable())[:LONGEST]
            markers.append(Marker(tick / file.ticks_per_beat, text))
    return markers


def _first_track(data: bytes) -> bytes | None:
    """Return a MIDI file of the first track of another alone; None if there is none, or it is long."""
    head = data.find(b"MThd", 0, smf.SEARCHED)
    first = data.find(b"MTrk", head)
    if head < 0 or first < 0 or first + 8 > len(data):
        return None
    division = data[head + 12 : head + 14]
    length = int.from_bytes(data[first + 4 : first + 8], "big")
    if length > MAX_TRACK or not 0 < int.from_bytes(division, "big") < 0x8000:
        return None
    return b"MThd\0\0\0\6\0\1\0\1" + division + data[first : first + 8 + length]

"""The user's own melody: 16 bars out of one MIDI file."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import MOST, integer
from melodylc.extraction.compiling import quickest
from melodylc.extraction.windows import ExtractedWindows, Filters, windows
from midi_io import files, smf

ANY = Filters(min_notes=1, min_unique_pitches=1, max_rest_bars=16)


class SelectedMelody(NamedTuple):
    """A melody and where in its file it was; all counted from 0, as in the file."""

    states: np.ndarray  # (256,)
    track: int
    channel: int
    program: int
    bar: int

    def __str__(self) -> str:
        return f"bars {self.bar + 1} to {self.bar + 16} of track {self.track + 1}, channel {self.channel + 1}"


def select_melody(path: str | os.PathLike[str], *, track: int | None = None, bar: int | None = None) -> SelectedMelody:
    """16 bars of 4/4 from a MIDI file; of several, the first that would enter a corpus, else the first with a note.

    A line shorter than 16 bars is closed with rests.

    Args:
        track: take this one only (counted from 0).
        bar: begin with this bar (counted from 0).

    Raises:
        UserError: if the file cannot be read or holds no such bars.
    """
    for name, value in (("track", track), ("bar", bar)):
        if value is not None:
            integer(name, value, 0, MOST)
    try:
        data = files.contents(path)
        with quickest(len(data)):
            parsed = smf.parse(data)
            candidates = [windows(parsed, Filters()), windows(parsed, ANY, pad=True)]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except smf.BrokenFileError as error:
        raise UserError(f"{path}: expected a MIDI file, this is one we cannot read: {error}") from error
    for found in candidates:
        places = found.places
        fits = np.ones(len(places), bool)
        if track is not None:
            fits &= places[:, 0] == track
        if bar is not None:
            fits &= places[:, 3] == bar
        if fits.any():
            first = int(np.flatnonzero(fits)[0])
            return SelectedMelody(found.states[first], *places[first].tolist())
    raise UserError(f"{path}: {_nothing(candidates[-1], track, bar)}")


def _nothing(found: ExtractedWindows, track: int | None, bar: int | None) -> str:
    if len(found.places):
        tracks = sorted(set(found.places[:, 0].tolist()))
        has = ", ".join(
            f"track {t + 1} from bar {b.min() + 1} to {b.max() + 1}"
            for t in tracks
            for b in [found.places[found.places[:, 0] == t, 3]]
        )
        asked = (f" in track {track + 1}" if track is not None else "") + (
            f" at bar {bar + 1}" if bar is not None else ""
        )
        return f"no melody begins{asked}; 16 bars can begin in {has}"
    others = [f"{n}/{d}" if n else "a nonsense time signature" for n, d in found.signatures]
    return "no pitched notes in 4/4" + (f", all are in {', '.join(others)}" if others else "")

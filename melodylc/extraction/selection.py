"""The selection of 16 bars from a user's MIDI file."""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import MOST, integer
from melodylc.extraction.compiling import compiled_if_worthwhile
from melodylc.extraction.stretches import AS_FOUR, signature_name
from melodylc.extraction.windows import LINE_REASONS, TOO_LONG, ExtractedWindows, Filters, extract_windows
from midi_io import files, smf

ANY_WINDOW = Filters(min_notes=1, min_unique_pitches=1, max_rest_bars=16)


class SelectedMelody(NamedTuple):
    """A melody and its place in a MIDI file; everything is counted from 0."""

    states: np.ndarray  # (256,)
    track: int
    channel: int
    program: int
    bar: int

    def __str__(self) -> str:
        return f"bars {self.bar + 1} to {self.bar + 16} of track {self.track + 1}, channel {self.channel + 1}"


class Choice(NamedTuple):
    """A line of a MIDI file, what one track plays on one channel, and where 16 bars of it can begin; all from 0."""

    track: int
    channel: int
    program: int
    first: int  # bar
    last: int
    bar: int  # of these, the one that is selected where none is asked for


def select_melody(
    path: str | os.PathLike[str],
    *,
    track: int | None = None,
    channel: int | None = None,
    bar: int | None = None,
    last: bool = False,
) -> SelectedMelody:
    """Return 16 bars of 4/4 from a MIDI file: the first that would enter a corpus, or else the first with a note.

    A line shorter than 16 bars is filled up with rests.

    Args:
        track: select from this track only (counted from 0).
        channel: select what is on this channel only (counted from 0).
        bar: select the 16 bars from this one on (counted from 0).
        last: select the last such bars of the line, in the place of the first.

    Raises:
        UserError: if the file cannot be read or holds no such bars.
    """
    for name, value in (("track", track), ("channel", channel), ("bar", bar)):
        if value is not None:
            integer(name, value, 0, MOST)
    candidates = _windows_of(path)
    for windows in candidates:
        places = windows.places
        fits = np.ones(len(places), bool)
        for column, value in ((0, track), (1, channel), (3, bar)):
            if value is not None:
                fits &= places[:, column] == value
        if fits.any():
            chosen = int(np.flatnonzero(fits)[0])
            if last:
                of_the_line = fits & (places[:, :2] == places[chosen, :2]).all(axis=1)
                chosen = int(np.flatnonzero(of_the_line)[-1])
            return SelectedMelody(windows.states[chosen], *places[chosen].tolist())
    raise UserError(f"{path}: {_describe_choice(candidates[-1], track, channel, bar)}")


def choices(path: str | os.PathLike[str]) -> tuple[Choice, ...]:
    """Return the lines of a MIDI file from which 16 bars can be selected, those first that `select_melody` prefers.

    Raises:
        UserError: if the file cannot be read or holds no such bars.
    """
    found: dict[tuple[int, int], Choice] = {}
    first_of_all, anywhere = _windows_of(path)
    for windows in (first_of_all, anywhere):
        for track, channel, program, bar in windows.places.tolist():
            if (track, channel) not in found:
                found[track, channel] = Choice(track, channel, program, bar, bar, bar)
    for track, channel, _, bar in anywhere.places.tolist():
        line = found[track, channel]
        found[track, channel] = line._replace(first=min(line.first, bar), last=max(line.last, bar))
    if not found:
        raise UserError(f"{path}: {_describe_choice(anywhere)}")
    return tuple(found.values())


def _windows_of(path: str | os.PathLike[str]) -> tuple[ExtractedWindows, ExtractedWindows]:
    """Return the windows of a file that would enter a corpus, and all that have a note.

    Raises:
        UserError: if the file cannot be read.
    """
    try:
        data = files.contents(path)
        with compiled_if_worthwhile(len(data)):
            parsed = smf.parse(data)
            return extract_windows(parsed, Filters()), extract_windows(parsed, ANY_WINDOW, pad=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except smf.BrokenFileError as error:
        raise UserError(f"{path}: expected a MIDI file, this is one we cannot read: {error}") from error


def _describe_choice(
    windows: ExtractedWindows, track: int | None = None, channel: int | None = None, bar: int | None = None
) -> str:
    """Return why there is no melody at the track and bar, and where there are some."""
    if len(windows.places):
        tracks = sorted(set(windows.places[:, 0].tolist()))
        available = ", ".join(
            f"track {t + 1} from bar {b.min() + 1} to {b.max() + 1}"
            for t in tracks
            for b in [windows.places[windows.places[:, 0] == t, 3]]
        )
        asked = ((" in track", track), (" on channel", channel), (" at bar", bar))
        place = "".join(f"{name} {value + 1}" for name, value in asked if value is not None)
        return f"no melody begins{place}; 16 bars can begin in {available}"
    if not windows.signatures:
        return "no pitched notes"
    if not AS_FOUR.isdisjoint(windows.signatures):
        if LINE_REASONS.index(TOO_LONG) in windows.rejected_lines[:, 2]:
            return f"no line of its notes in 4/4 can be taken: {TOO_LONG}"
        return "its notes in 4/4 all start less than a sixteenth before another time signature"
    others = [signature_name(*signature) for signature in windows.signatures]
    return (
        f"expected notes in 4/4, all are in {', '.join(others)}; call it 4/4 in your DAW, where the notes stay where "
        "they are, to take them four quarters a bar"
    )

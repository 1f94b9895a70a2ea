"""The chords of a MIDI file, as a progression that melodies are to fit."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.extraction.compiling import compiled_if_worthwhile
from melodylc.extraction.stretches import (
    BARS_IN_ONE,
    END,
    FIRST_BAR,
    IN_FORCE_DENOMINATOR,
    IN_FORCE_NUMERATOR,
    START,
    signature_name,
    stretches_in,
)
from melodylc.melody import BARS, STEPS_PER_BEAT
from melodylc.rules.harmony import CHORDS
from melodylc.rules.key import NAMES
from midi_io import files, smf
from midi_io.files import Note
from midi_io.transport import BEATS_PER_BAR

DRUMS = 9  # their channel, counted from 0
CHORDAL = 0.5  # share of the onsets of a track with two notes or more from which it is one of chords
CHORD = 2  # notes
HALF = BEATS_PER_BAR / 2  # beats
STEP = 1 / STEPS_PER_BEAT  # beats
BASS = 0.05  # what a root in the bass is worth, in cosines: C6 over C is no Am7
SIMPLE = 0.01  # what each further tone of a chord costs


def progression_of(path: str | os.PathLike[str], bar: int | None = None, bars: int = BARS) -> str:
    """Return the chords of up to so many bars of a MIDI file, such as "Am | F C | G", one or two a bar.

    They are those of the tracks that have mostly chords, or of all notes where no track has; of each half bar the chord
    that is most like what sounds there. Where nothing does, the chord before stays, up to the last one. As where
    melodies are taken from a file, bars are those of its time signatures, and what follows after a part in 4/4 is not
    read.

    Args:
        bar: with which they begin, from 1; then there are all of the bars. Default: the first that has a chord, in the
            first part in 4/4 that has 16 bars, or else in the longest.

    Raises:
        UserError: for a file that cannot be read, is no MIDI file, or has no notes there; for a bar not in 4/4.
    """
    if bar is not None:
        integer("chords: bar", bar, 1)
    parsed, stretches = _read(path)
    sounding = _sounding(parsed)
    if not sounding:
        raise UserError(f"chords: expected notes in {path}, found none")
    bounds = stretches[:, [START, END]] / parsed.ticks_per_quarter
    bounds[-1, 1] = np.inf
    place = _longest(path, stretches, bounds, sounding) if bar is None else _with_bar(path, stretches, bar)
    there = _within(sounding, *bounds[place].tolist())
    before = int(stretches[place, FIRST_BAR])
    first = int(min((n.start for n in there), default=0) // BEATS_PER_BAR) if bar is None else bar - 1 - before
    halves = [_symbol(there, (2 * first + half) * HALF) for half in range(2 * bars)]
    sounds = [half for half, symbol in enumerate(halves) if symbol is not None]
    if not sounds:
        raise UserError(f"chords: expected notes in 4/4 from bar {before + first + 1} of {path} on, found none")
    return " | ".join(_once(_filled(halves, sounds[0], sounds[-1] if bar is None else len(halves) - 1)))


def _filled(halves: Sequence[str | None], begin: int, end: int) -> list[str]:
    """Return bars up to the half `end`; where nothing sounds, the chord before stays, at first that of `begin`."""
    bars, last = [], halves[begin] or ""
    for number in range(end // 2 + 1):
        pair = []
        for symbol in halves[2 * number : 2 * number + 2]:
            last = symbol or last
            pair.append(last)
        bars.append(" ".join(dict.fromkeys(pair)))
    return bars


def _read(path: str | os.PathLike[str]) -> tuple[smf.Parsed, np.ndarray]:
    """Return what a file holds, and its stretches in one time signature (K, 6).

    Raises:
        UserError: for a file that cannot be read, or is no MIDI file.
    """
    try:
        data = files.contents(path)
        with compiled_if_worthwhile(len(data)):
            parsed = smf.parse(data)
            return parsed, stretches_in(parsed)
    except OSError as error:
        raise UserError(f"chords: {path} cannot be read: {error.strerror}") from error
    except smf.BrokenFileError as error:
        raise UserError(f"chords: {path} cannot be read: {error}") from error


def _sounding(parsed: smf.Parsed) -> list[Note]:
    """Return the notes of the tracks that have mostly chords, or of all but the drums where no track has."""
    tracks = [notes for (_, channel, _), notes in files.by_instrument(parsed).items() if channel != DRUMS]
    return [note for notes in [each for each in tracks if _has_chords(each)] or tracks for note in notes]


def _with_bar(path: str | os.PathLike[str], stretches: np.ndarray, bar: int) -> int:
    """Return the stretch that a bar, counted from 1, lies in.

    Raises:
        UserError: unless it is in 4/4.
    """
    place = int(np.searchsorted(stretches[:, FIRST_BAR], bar - 1, side="right")) - 1
    if not stretches[place, BARS_IN_ONE]:
        raise UserError(f"chords: expected bar {bar} of {path} in 4/4, it is in {_signature(stretches[place])}")
    return place


def _longest(path: str | os.PathLike[str], stretches: np.ndarray, bounds: np.ndarray, notes: Sequence[Note]) -> int:
    """Return the first stretch in 4/4 whose notes span 16 bars, or else the one where they span most.

    Raises:
        UserError: where there are no notes in 4/4.
    """
    onsets = np.sort([note.start for note in notes]) + STEP / 2  # of those just before a bar line too
    begin, end = np.searchsorted(onsets, bounds).T
    in_four = (stretches[:, BARS_IN_ONE] > 0) & (begin < end)
    if not in_four.any():
        others = dict.fromkeys(_signature(row) for row in stretches[begin < end])
        raise UserError(f"chords: expected notes in 4/4 in {path}, all are in {', '.join(others)}")
    first, last = ((onsets[at] - bounds[:, 0]) // BEATS_PER_BAR for at in (np.minimum(begin, len(onsets) - 1), end - 1))
    return int(np.argmax(np.where(in_four, np.minimum(last - first + 1, BARS), 0)))


def _signature(stretch: np.ndarray) -> str:
    return signature_name(int(stretch[IN_FORCE_NUMERATOR]), int(stretch[IN_FORCE_DENOMINATOR]))


def _within(notes: Sequence[Note], start: float, end: float) -> list[Note]:
    """Return what sounds from start to end, in beats counted from start, to the nearest step."""
    found = []
    for note in notes:
        onset = max(_nearest(note.start - start), 0)
        offset = min(max(_nearest(note.end - start), onset + STEP), end - start)
        if max(note.start + STEP / 2, note.end) > start and onset < offset:
            found.append(note._replace(start=onset, end=offset))
    return found


def _nearest(beats: float) -> float:
    return math.floor(beats / STEP + 0.5) * STEP


def _has_chords(notes: Sequence[Note]) -> bool:
    """Return whether most of what a track begins with is chords."""
    _, together = np.unique([round(note.start, 2) for note in notes], return_counts=True)
    return bool((together >= CHORD).mean() >= CHORDAL)


def _symbol(notes: Sequence[Note], start: float) -> str | None:
    """Return the chord that is most like what sounds in half a bar, or None where nothing does."""
    lasting = [(min(note.end, start + HALF) - max(note.start, start), note.pitch) for note in notes]
    there = [(beats, pitch) for beats, pitch in lasting if beats > 0]
    if not there:
        return None
    weight = np.zeros(12)
    for beats, pitch in there:
        weight[pitch % 12] += beats
    bass = min(pitch for _, pitch in there) % 12
    best, symbol = -np.inf, None
    for root in range(12):
        for kind, steps in CHORDS.items():
            tones = [(root + step) % 12 for step in steps]
            alike = weight[tones].sum() / np.sqrt(len(tones) * (weight**2).sum())
            alike += BASS * (root == bass) - SIMPLE * len(tones)
            if alike > best:
                over = f"/{NAMES[bass]}" if bass != root and bass in tones else ""
                best, symbol = alike, f"{NAMES[root]}{kind}{over}"
    return symbol


def _once(bars: list[str]) -> list[str]:
    """Return the bars that come again until the end, once, but two where one without a line would be read as two."""
    for cycle in (1, 2, 4, 8):
        if len(bars) % cycle == 0 and bars == bars[:cycle] * (len(bars) // cycle):
            return bars[:cycle] if cycle > 1 or " " not in bars[0] else 2 * bars[:1]
    return bars

"""The chords of a MIDI file, as a progression that melodies are to fit."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import BARS
from melodylc.rules.harmony import CHORDS
from melodylc.rules.key import NAMES
from midi_io import files, smf
from midi_io.files import Note
from midi_io.transport import BEATS_PER_BAR

DRUMS = 9  # their channel, counted from 0
CHORDAL = 0.5  # share of the onsets of a track with two notes or more from which it is one of chords
CHORD = 2  # notes
HALF = BEATS_PER_BAR / 2  # beats
BASS = 0.05  # what a root in the bass is worth, in cosines: C6 over C is no Am7
SIMPLE = 0.01  # what each further tone of a chord costs


def progression_of(path: str | os.PathLike[str], bar: int | None = None) -> str:
    """Return the chords of up to 16 bars of a MIDI file, such as "Am | F C | G", one or two a bar.

    They are those of the tracks that have mostly chords, or of all notes where no track has; of each half bar the chord
    that is most like what sounds there. Where nothing does, the chord before stays, up to the last one.

    Args:
        bar: with which they begin, from 1; then there are 16 bars of them. Default: the first that has a chord.

    Raises:
        UserError: for a file that cannot be read, is no MIDI file, or has no notes there.
    """
    if bar is not None:
        integer("chords: bar", bar, 1)
    try:
        tracks = [notes for (_, channel, _), notes in files.read(path).items() if channel != DRUMS]
    except OSError as error:
        raise UserError(f"chords: {path} cannot be read: {error.strerror}") from error
    except smf.BrokenFileError as error:
        raise UserError(f"chords: {path} cannot be read: {error}") from error
    sounding = [note for notes in [each for each in tracks if _has_chords(each)] or tracks for note in notes]
    if not sounding:
        raise UserError(f"chords: expected notes in {path}, found none")
    first = int(min(note.start for note in sounding) // BEATS_PER_BAR) if bar is None else bar - 1
    halves = [_symbol(sounding, (2 * first + half) * HALF) for half in range(2 * BARS)]
    known = [symbol for symbol in halves if symbol is not None]
    if not known:
        raise UserError(f"chords: expected notes from bar {first + 1} of {path} on, found none")
    end = max(half for half, symbol in enumerate(halves) if symbol is not None) if bar is None else len(halves) - 1
    bars, last = [], known[0]
    for number in range(end // 2 + 1):
        pair = []
        for symbol in halves[2 * number : 2 * number + 2]:
            last = symbol or last
            pair.append(last)
        bars.append(" ".join(dict.fromkeys(pair)))
    return " | ".join(_once(bars))


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

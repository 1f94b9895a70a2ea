"""Melodies over chords: the key of a progression, the rule that fits melodies to it, and its chords as notes."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import NamedTuple

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.melody import BARS, STEPS_PER_BEAT
from melodylc.rules import Key, Rule
from melodylc.rules.harmony import bars_of, bass_of, chord, chord_tones, chords, spelt_out
from melodylc.rules.key import NAMES, SCALES
from midi_io.files import Note

ON_STRONG_BEATS = 0.75  # share of the notes on beats that are chord tones; melodies of lead sheets have as many
VELOCITY = 70
LOWEST = 48  # of block chords, C3: their roots lie in the octave above


@cache
def one_a_bar(progression: str) -> str:
    """Return a progression with bar lines: "Am F C G", without any, has one chord a bar."""
    return progression if "|" in progression else " | ".join(progression.split())


def rule(progression: str) -> Rule:
    """Return the rule that melodies over chords keep: chord tones on most strong beats.

    Raises:
        UserError: for a chord that is not understood, or a bar without 1, 2 or 4 chords.
    """
    return chord_tones(one_a_bar(progression), ON_STRONG_BEATS)


def check_fit(progression: str, bars: int) -> None:
    """Check that chords return with a melody of fewer than 16 bars, which is played again and again.

    Raises:
        UserError: if they do not; for a chord that is not understood.
    """
    if bars < BARS and bars % (cycle := len(bars_of(one_a_bar(progression)))):
        raise UserError(
            f"chords: for {bars} bars, expected chords of a number of bars that divides {bars}, got {cycle}"
        )


def key_of(progression: str) -> Key:
    """Return the notes that a melody over chords may have: the major scale that has most of their tones, and these.

    Raises:
        UserError: see `rule`.
    """
    written = one_a_bar(progression)
    weight = chords(written, max(BARS, len(bars_of(written)))).sum(axis=0)
    scales = [frozenset((root + step) % 12 for step in SCALES["major"]) for root in range(12)]
    best = max(scales, key=lambda scale: weight[list(scale)].sum())
    classes = best | frozenset(np.flatnonzero(weight).tolist())
    return Key(",".join(NAMES[c] for c in sorted(classes)), classes)


def fitting(progression: str, attributes: Attributes | None) -> Attributes:
    """Return attributes with the key of a progression, unless they have one.

    Raises:
        UserError: see `rule`; where the range leaves no pitch of the key.
    """
    given = attributes or Attributes()
    if given.key is not None:
        return given
    return Attributes(key_of(progression), given.notes, given.low, given.high, at_most=given.at_most)


class NamedChord(NamedTuple):
    """A chord of a progression, and when it sounds."""

    start: int  # in steps
    end: int
    name: str  # as it is written
    pitches: tuple[int, ...]  # MIDI, its root below, the others above


def named(progression: str, bars: int = BARS) -> list[NamedChord]:
    """Return the chords of so many bars; one that is written again right after itself goes on.

    Raises:
        UserError: see `rule`.
    """
    found = []
    for symbol, same in groupby(spelt_out(one_a_bar(progression), bars), key=lambda each: each[2]):
        places = list(same)
        found.append(NamedChord(places[0][0], places[-1][1], symbol, _pitches(symbol)))
    return found


def _pitches(symbol: str) -> tuple[int, ...]:
    bass = bass_of(symbol)
    low = LOWEST + (bass - LOWEST) % 12
    return tuple(sorted(low + (tone - bass) % 12 for tone in chord(symbol)))


def block_chords(progression: str, bars: int = BARS) -> list[Note]:
    """Return the chords of so many bars as notes, each as long as it lasts: its root below, the others above.

    Raises:
        UserError: see `rule`.
    """
    notes = []
    for pitches, same in groupby(named(progression, bars), key=lambda each: each.pitches):
        places = list(same)
        start, end = places[0].start / STEPS_PER_BEAT, places[-1].end / STEPS_PER_BEAT
        notes += [Note(pitch, start, end, VELOCITY) for pitch in pitches]
    return notes

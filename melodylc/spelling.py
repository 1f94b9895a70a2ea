"""How pitches are written in a key: its signature, and a letter, an accidental and an octave for each.

Places on the line of fifths say both: ... Bb -2, F -1, C 0, G 1, D 2 ..., seven places to the next accidental.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from melodylc.rules.key import COMMON_SCALES, NAMES, NATURALS, Key, tonic_and_scale

LETTERS = "FCGDAEB"
SIGNS = {-1: "b", 0: "", 1: "#"}
# The scales that have a signature of their own, and how far it is from that of major.
MODES = {"major": 0, "minor": -3, "dorian": -2, "phrygian": -4, "lydian": 1, "mixolydian": -1, "locrian": -5}
MOST = 6  # sharps or flats of a signature: there is another way to write one of seven
# What is written around the major scale of a signature, from its tonic: in C, from E flat to G sharp ...
AROUND = range(-3, 9)
# ... but nothing beyond C flat and B sharp, so no double accidentals.
FLATTEST, SHARPEST = -7, 12


class Spelt(NamedTuple):
    """A pitch as it is written."""

    letter: str
    accidental: int  # semitones: -1 flat, 0 natural, 1 sharp
    octave: int  # of the letter: 4 is that of middle C


class Signature(NamedTuple):
    """A key signature, and the key that it is written for."""

    tonic: str
    mode: str  # of MODES
    fifths: int  # sharps, or flats where it is negative

    @property
    def major(self) -> str:
        """Return the tonic of the major key that has the same signature."""
        return _signed(self.fifths)

    def accidental(self, letter: str) -> int:
        """Return the accidental that the signature gives a letter."""
        place = LETTERS.index(letter) - 1
        return (self.fifths + 5 - place) // 7

    def spelt(self, pitch: int) -> Spelt:
        """Return how a MIDI pitch is written."""
        place = next(each for each in (self.fifths + by for by in AROUND) if (7 * each - pitch) % 12 == 0)
        place += 12 if place < FLATTEST else -12 if place > SHARPEST else 0
        letter, accidental = _written(place)
        return Spelt(letter, accidental, (pitch - accidental) // 12 - 1)


def signature(key: Key | None, pitches: np.ndarray) -> Signature:
    """Return the signature for a key, or where it has no tonic, or there is none, that which fits most notes.

    A scale that is no mode of major has the signature of major or minor, whichever has more of its notes.

    Args:
        pitches: of the notes, (N,).
    """
    if key is None or key.tonic is None:
        weight = np.bincount(np.asarray(pitches, int) % 12, minlength=12)
        if key is not None:
            weight = np.isin(np.arange(12), list(key.classes)).astype(int)
        fifths = max(range(-MOST + 1, MOST + 1), key=lambda each: (weight[_classes(each)].sum(), -abs(each)))
        return Signature(_signed(fifths), "major", fifths)
    mode = _mode(key, key.tonic)
    named = tonic_and_scale(key.name)
    tonic = _place(NAMES[key.tonic] if named is None else named[0])
    fifths = tonic + MODES[mode]
    by = -12 if fifths > MOST else 12 if fifths < -MOST else 0
    return Signature(_signed(tonic + by), mode, fifths + by)


def _mode(key: Key, tonic: int) -> str:
    relative = {(c - tonic) % 12 for c in key.classes}
    for mode in MODES:
        if relative == set(COMMON_SCALES[mode]):
            return mode
    return max(("major", "minor"), key=lambda mode: len(relative & set(COMMON_SCALES[mode])))


def _classes(fifths: int) -> list[int]:
    """Return the pitch classes of a signature."""
    return [7 * place % 12 for place in range(fifths - 1, fifths + 6)]


def _place(name: str) -> int:
    """Return the place of a name such as F# on the line of fifths."""
    return LETTERS.index(name[0]) - 1 + 7 * {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}[name[1:]]


def _written(place: int) -> tuple[str, int]:
    """Return the letter and the accidental of a place."""
    return LETTERS[(place + 1) % 7], (place + 1) // 7


def _signed(place: int) -> str:
    """Return the name of a place, such as F#."""
    letter, accidental = _written(place)
    return letter + SIGNS[accidental]


assert all((7 * _place(letter)) % 12 == NATURALS[letter] for letter in LETTERS)

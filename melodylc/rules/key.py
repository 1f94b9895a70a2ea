"""Keys, modes and scales, and the rule that keeps notes within them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from melodylc.errors import UserError
from melodylc.melody import HOLD
from melodylc.rules.rule import Rule

NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# Semitones above the tonic.
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "chromatic": tuple(range(12)),
}


@dataclass(frozen=True)
class Key:
    """A set of pitch classes with a name."""

    name: str
    classes: frozenset[int]  # 0 (C) to 11 (B)

    @classmethod
    def parse(cls, text: str) -> Key:
        """From "C major", "F# dorian", "Bb harmonic minor", "a minor", "Am", "C" (major), or classes: "0,2,4,7,9".

        Raises:
            UserError: naming what is known.
        """
        words = text.strip()
        if re.fullmatch(r"\d+([ ,]+\d+)*", words):
            classes = {int(number) for number in re.findall(r"\d+", words)}
            if max(classes) > 11:
                raise UserError(f"key: expected pitch classes 0 (C) to 11 (B), got {max(classes)} in {text!r}")
            return cls(words, frozenset(classes))
        match = re.fullmatch(r"([A-Ga-g])([#b♯♭]?)(m)?(?:[ -]+(.+))?", words)
        scale = match and ("minor" if match[3] else (match[4] or "major").lower().replace("-", " "))
        if match is None or scale not in SCALES or (match[3] and match[4]):
            raise UserError(
                f"key: expected a tonic and a scale, such as 'C major' or 'F# dorian', or pitch classes such as "
                f"'0,2,4,7,9'; got {text!r}. Scales: {', '.join(SCALES)}"
            )
        tonic = (NATURALS[match[1].upper()] + ACCIDENTALS[match[2]]) % 12
        name = f"{match[1].upper()}{match[2]} {scale}"
        return cls(name, frozenset((tonic + step) % 12 for step in SCALES[scale]))

    def transposed(self, semitones: int) -> Key:
        """The same scale, moved."""
        return Key(f"{self.name} {semitones:+d}", frozenset((c + semitones) % 12 for c in self.classes))

    def pitches(self) -> np.ndarray:
        """(128,) bool: the MIDI pitches in the key."""
        return np.array([pitch % 12 in self.classes for pitch in range(128)])


def as_key(classes: str | Key | Iterable[int]) -> Key:
    """A key from its name, from pitch classes, or as it is."""
    if isinstance(classes, Key):
        return classes
    return Key.parse(classes if isinstance(classes, str) else ",".join(str(c) for c in sorted(set(classes))))


def pitch_classes(key: str | Key | Iterable[int]) -> Rule:
    """The share of notes with a pitch class in the key (equation 4, c_pitch); 0 for a melody without notes."""
    key = as_key(key)
    member = np.zeros(256)
    member[:128] = key.pitches()

    def reward(states: np.ndarray) -> np.ndarray:
        counts = (states < HOLD).sum(axis=1)
        return member[states].sum(axis=1) / np.maximum(counts, 1)

    return Rule(key.name, reward, pitch_classes.__doc__ or "", allowed=key.pitches())

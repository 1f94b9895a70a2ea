"""Keys and scales, and the rule that rewards notes within them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import HOLD
from melodylc.rules.rule import Rule

NATURALS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# Semitones above the tonic. A controller selects these by number, and conditional actors are trained on random draws of
# them, so neither their order nor their number may change. New scales are added to `SCALES` only.
COMMON_SCALES = {
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
# All scales. Where books differ (hirajoshi, kumoi, octatonic), these follow most of them; a key can be given as notes.
SCALES = {
    **COMMON_SCALES,
    # related to harmonic minor and major, or with two augmented seconds
    "harmonic major": (0, 2, 4, 5, 7, 8, 11),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "ukrainian dorian": (0, 2, 3, 6, 7, 9, 10),
    "double harmonic": (0, 1, 4, 5, 7, 8, 11),
    "hungarian minor": (0, 2, 3, 6, 7, 8, 11),
    "hungarian major": (0, 3, 4, 6, 7, 9, 10),
    "neapolitan minor": (0, 1, 3, 5, 7, 8, 11),
    "neapolitan major": (0, 1, 3, 5, 7, 9, 11),
    "persian": (0, 1, 4, 5, 6, 8, 11),
    "enigmatic": (0, 1, 4, 6, 8, 10, 11),
    # modes of melodic minor
    "dorian b2": (0, 1, 3, 5, 7, 9, 10),
    "lydian augmented": (0, 2, 4, 6, 8, 9, 11),
    "lydian dominant": (0, 2, 4, 6, 7, 9, 10),
    "mixolydian b6": (0, 2, 4, 5, 7, 8, 10),
    "half diminished": (0, 2, 3, 5, 6, 8, 10),
    "altered": (0, 1, 3, 4, 6, 8, 10),
    # jazz
    "major blues": (0, 2, 3, 4, 7, 9),
    "minor blues": (0, 3, 5, 6, 7, 10),
    "bebop dominant": (0, 2, 4, 5, 7, 9, 10, 11),
    "bebop major": (0, 2, 4, 5, 7, 8, 9, 11),
    "bebop minor": (0, 2, 3, 4, 5, 7, 9, 10),
    # symmetric
    "octatonic": (0, 2, 3, 5, 6, 8, 9, 11),
    "half-whole": (0, 1, 3, 4, 6, 7, 9, 10),
    "augmented": (0, 3, 4, 7, 8, 11),
    "prometheus": (0, 2, 4, 6, 9, 10),
    # five notes
    "hirajoshi": (0, 2, 3, 7, 8),
    "in": (0, 1, 5, 7, 8),
    "in-sen": (0, 1, 5, 7, 10),
    "iwato": (0, 1, 5, 6, 10),
    "kumoi": (0, 2, 3, 7, 9),
    "yo": (0, 2, 5, 7, 9),
    "ryukyu": (0, 4, 5, 7, 11),
    "pelog": (0, 1, 3, 7, 8),
    "egyptian": (0, 2, 5, 7, 10),
}
ALIASES = {
    "maj": "major",
    "min": "minor",
    "natural minor": "minor",
    "pentatonic": "major pentatonic",
    "pentatonic major": "major pentatonic",
    "pentatonic minor": "minor pentatonic",
    "double harmonic major": "double harmonic",
    "byzantine": "double harmonic",
    "double harmonic minor": "hungarian minor",
    "phrygian major": "phrygian dominant",
    "dorian #4": "ukrainian dorian",
    "romanian minor": "ukrainian dorian",
    "phrygian #6": "dorian b2",
    "acoustic": "lydian dominant",
    "overtone": "lydian dominant",
    "lydian b7": "lydian dominant",
    "aeolian dominant": "mixolydian b6",
    "locrian #2": "half diminished",
    "super locrian": "altered",
    "bebop": "bebop dominant",
    "bebop dorian": "bebop minor",
    "diminished": "octatonic",
    "whole-half": "octatonic",
    "whole-half diminished": "octatonic",
    "half-whole diminished": "half-whole",
    "dominant diminished": "half-whole",
    "sakura": "in",
}
NOTE = r"[A-Ga-g](?:[#b♯♭]|[ -]?(?i:sharp|flat)\b)?"


def _plain(scale: str) -> str:
    """Return the name of a scale in lower case, without spaces and hyphens and with # and b as signs."""
    return re.sub(r"[ _-]", "", scale.lower().replace("♭", "b").replace("♯", "#"))


_KNOWN = {_plain(name): name for name in SCALES} | {_plain(alias): name for alias, name in ALIASES.items()}


@dataclass(frozen=True)
class Key:
    """A set of pitch classes with a name, and the tonic among them where the name says it."""

    name: str
    classes: frozenset[int]  # 0 (C) to 11 (B)
    tonic: int | None = None  # likewise

    @classmethod
    def parse(cls, text: str) -> Key:
        """Return the key that a text names: a tonic and a scale, notes, or pitch classes.

        "C major", "F# dorian", "B♭ harmonic minor", "a min", "Cm" (minor), "CM" and "C" (major); "C,D,E,F,G";
        "0,2,4,7,9" (0 is C). Case, spaces and hyphens in the name of a scale do not matter.

        Raises:
            UserError: with the known scales, if the text is none of these.
        """
        words = text.strip() if isinstance(text, str) else ""
        if re.fullmatch(r"[0-9]+([ ,]+[0-9]+)*", words):
            classes = {int(number) for number in re.findall(r"\d+", words)}
            if max(classes) > 11:
                raise UserError(f"key: expected pitch classes 0 (C) to 11 (B), got {max(classes)} in {text!r}")
            return cls(words, frozenset(classes))
        if (notes := _notes(words)) is not None:
            return cls(",".join(notes), frozenset(pitch_class(note) for note in notes))
        if (found := tonic_and_scale(words)) is not None:
            tonic, scale = found
            root = pitch_class(tonic)
            return cls(f"{tonic} {scale}", frozenset((root + step) % 12 for step in SCALES[scale]), root)
        near = get_close_matches(_plain(re.sub(rf"^{NOTE}[ _-]+", "", words)), _KNOWN, n=2)
        meant = f" (did you mean {' or '.join(dict.fromkeys(_KNOWN[name] for name in near))}?)" if near else ""
        raise UserError(
            "key: expected a tonic and a scale, such as 'C major' or 'F# dorian', notes such as 'C,D,E,G,A', or pitch "
            f"classes such as '0,2,4,7,9'; got {text!r}{meant}. Scales: {', '.join(SCALES)}"
        )

    def transposed(self, semitones: int) -> Key:
        """Return the key moved by so many semitones."""
        tonic = None if self.tonic is None else (self.tonic + semitones) % 12
        return Key(f"{self.name} {semitones:+d}", frozenset((c + semitones) % 12 for c in self.classes), tonic)

    def pitches(self) -> np.ndarray:
        """Return (128,) bool: the MIDI pitches in the key."""
        return np.array([pitch % 12 in self.classes for pitch in range(128)])


def pitch_class(note: str) -> int:
    """Return 0 (C) to 11 (B) of a note such as "F#" or "B♭"."""
    return (NATURALS[note[0]] + ACCIDENTALS[note[1:]]) % 12


def tonic_and_scale(text: str) -> tuple[str, str] | None:
    """Return the tonic and the scale of a key such as "Bb minor", as `SCALES` spells it; None for anything else.

    A single m is minor and a single M major; otherwise case does not matter.
    """
    # "Bblues" is B blues, though B flat comes first
    for tonic in (NOTE, "[A-Ga-g]"):
        match = re.fullmatch(rf"({tonic})(?:[ _-]*(\S.*))?", text.strip())
        if match is None:
            return None
        name = match[2]
        scale = {None: "major", "m": "minor", "M": "major"}.get(name) or _KNOWN.get(_plain(name))
        if scale is not None:
            return _spelt(match[1]), scale
    return None


def _notes(text: str) -> list[str] | None:
    """Return the notes of "C,D,E" or "C D E", or None for anything else. Between spaces they have to be capitals."""
    commas = "," in text
    names = [name for name in re.split(r"\s*,\s*" if commas else r"\s+", text) if name]
    are_notes = all(re.fullmatch(NOTE, name) and (commas or name[0].isupper()) for name in names)
    return [_spelt(name) for name in names] if are_notes and len(names) > (not commas) else None


def _spelt(note: str) -> str:
    """Return a note as a capital letter and its sign, # or b or nothing."""
    sign = note[1:].strip(" -").lower()
    return note[0].upper() + {"sharp": "#", "flat": "b"}.get(sign, sign)


def as_key(classes: str | Key | Iterable[int]) -> Key:
    """Return a key from its name or from pitch classes; a key is returned unchanged.

    Raises:
        UserError: for anything else.
    """
    if isinstance(classes, Key):
        return classes
    if not isinstance(classes, Iterable):
        raise UserError(f"key: expected a name such as 'C major' or pitch classes 0 (C) to 11 (B), got {classes!r}")
    return Key.parse(classes if isinstance(classes, str) else ",".join(str(c) for c in sorted(set(classes))))


def pitch_classes(key: str | Key | Iterable[int]) -> Rule:
    """Reward the share of notes with a pitch class in the key (equation 4, c_pitch); 0 for a melody without notes.

    Raises:
        UserError: for a key that is not understood.
    """
    key = as_key(key)
    member = np.zeros(256)
    member[:128] = key.pitches()

    def reward(states: np.ndarray) -> np.ndarray:
        counts = (states < HOLD).sum(axis=1)
        return member[states].sum(axis=1) / np.maximum(counts, 1)

    return Rule(key.name, reward, pitch_classes.__doc__ or "", allowed_pitches=key.pitches())

"""The key of a Live set, as melodylc names it."""

from __future__ import annotations

from melodylc.base.errors import UserError
from melodylc.rules.key import NAMES, SCALES, tonic_and_scale

# Semitones above the root, as Live has them: by what they hold they are looked up, since books differ about names.
LIVE_SCALES = {
    "Major": (0, 2, 4, 5, 7, 9, 11),
    "Minor": (0, 2, 3, 5, 7, 8, 10),
    "Dorian": (0, 2, 3, 5, 7, 9, 10),
    "Mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "Lydian": (0, 2, 4, 6, 7, 9, 11),
    "Phrygian": (0, 1, 3, 5, 7, 8, 10),
    "Locrian": (0, 1, 3, 5, 6, 8, 10),
    "Whole Tone": (0, 2, 4, 6, 8, 10),
    "Half-whole Dim.": (0, 1, 3, 4, 6, 7, 9, 10),
    "Whole-half Dim.": (0, 2, 3, 5, 6, 8, 9, 11),
    "Minor Blues": (0, 3, 5, 6, 7, 10),
    "Minor Pentatonic": (0, 3, 5, 7, 10),
    "Major Pentatonic": (0, 2, 4, 7, 9),
    "Harmonic Minor": (0, 2, 3, 5, 7, 8, 11),
    "Harmonic Major": (0, 2, 4, 5, 7, 8, 11),
    "Dorian #4": (0, 2, 3, 6, 7, 9, 10),
    "Phrygian Dominant": (0, 1, 4, 5, 7, 8, 10),
    "Melodic Minor": (0, 2, 3, 5, 7, 9, 11),
    "Lydian Augmented": (0, 2, 4, 6, 8, 9, 11),
    "Lydian Dominant": (0, 2, 4, 6, 7, 9, 10),
    "Super Locrian": (0, 1, 3, 4, 6, 8, 10),
    "8-Tone Spanish": (0, 1, 3, 4, 5, 6, 8, 10),
    "Bhairav": (0, 1, 4, 5, 7, 8, 11),
    "Hungarian Minor": (0, 2, 3, 6, 7, 8, 11),
    "Hirajoshi": (0, 2, 3, 7, 8),
    "In-Sen": (0, 1, 5, 7, 10),
    "Iwato": (0, 1, 5, 6, 10),
    "Kumoi": (0, 2, 3, 7, 9),
    "Pelog Selisir": (0, 1, 3, 7, 8),
    "Pelog Tembung": (0, 1, 5, 7, 8),
    "Messiaen 1": (0, 2, 4, 6, 8, 10),
    "Messiaen 2": (0, 1, 3, 4, 6, 7, 9, 10),
    "Messiaen 3": (0, 2, 3, 4, 6, 7, 8, 10, 11),
    "Messiaen 4": (0, 1, 2, 5, 6, 7, 8, 11),
    "Messiaen 5": (0, 1, 5, 6, 7, 11),
    "Messiaen 6": (0, 2, 4, 5, 6, 8, 10, 11),
    "Messiaen 7": (0, 1, 2, 3, 5, 6, 7, 8, 9, 11),
}


def key_of(root: int, scale: str) -> str:
    """Return a key as `Key.parse` reads it: "A minor", or pitch classes where melodylc has no name for the scale.

    Args:
        root: 0 (C) to 11 (B).
        scale: as Live names it.

    Raises:
        UserError: for a root that is none, or a scale that neither Live had nor melodylc has.
    """
    if root not in range(12):
        raise UserError(f"ableton: expected the set's root note from 0 (C) to 11 (B), got {root!r}; give --key")
    tonic, steps = NAMES[root], LIVE_SCALES.get(scale)
    if steps is None:
        known = tonic_and_scale(f"{tonic} {scale}")
        if known is None:
            raise UserError(f"ableton: the set's scale {scale!r} is not known; give the key, such as --key C,D,E,G")
        return " ".join(known)
    names = [name for name, each in SCALES.items() if each == steps]
    if not names:
        return ",".join(str(each) for each in sorted((root + step) % 12 for step in steps))
    return f"{tonic} {scale.lower() if scale.lower() in names else names[0]}"

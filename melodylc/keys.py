"""The key that a melody is in, as one would ask for it."""

from __future__ import annotations

import numpy as np

from melodylc.melody import HOLD, canonical
from melodylc.rules.key import COMMON_SCALES, NAMES, Key

# How well each pitch class fits after a key was established, from the tonic up (Krumhansl and Kessler 1982).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
USUAL = ("major", "minor")
OTHERS = ("harmonic minor", "melodic minor", "mixolydian", "dorian", "lydian", "phrygian")  # where these do not fit


def key_of(states: np.ndarray) -> Key | None:
    """Return the major or minor key of a melody (S,), or None for one without notes.

    Of keys that have all its notes it is the one that correlates best with how long each pitch class sounds; another
    scale is named only where it has all notes and neither major nor minor has.
    """
    states = canonical(states)
    onsets = np.flatnonzero(states < HOLD)
    if not len(onsets):
        return None
    sounding = np.maximum.accumulate(np.where(states < HOLD, np.arange(len(states)), -1))  # the onset of each step
    held = (states < HOLD) | (states == HOLD)
    lasting = np.bincount(states[sounding[held]] % 12, minlength=12)
    named = [Key.parse(f"{NAMES[tonic]} {scale}") for scale in (*USUAL, *OTHERS) for tonic in range(12)]
    return max(named, key=lambda key: _fit(key, lasting))


def _fit(key: Key, lasting: np.ndarray) -> tuple[bool, bool, float]:
    """Return how well a key fits how long each pitch class sounds (12,): the larger, the better."""
    assert key.tonic is not None
    scale = key.name.partition(" ")[2]
    profile = MAJOR if 4 in COMMON_SCALES[scale] else MINOR
    inside = set(np.flatnonzero(lasting).tolist()) <= key.classes
    correlation = np.corrcoef(np.roll(profile, key.tonic), lasting + 1e-9 * np.arange(12))[0, 1]
    return inside, scale in USUAL, float(correlation)

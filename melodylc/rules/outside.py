"""The notes of a melody that are against a rule on single notes: on pitches, or on chords."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from melodylc.melody import HOLD, canonical
from melodylc.rules.rule import Rule


def notes_outside(rules: Iterable[Rule], states: np.ndarray) -> list[tuple[int, str]]:
    """Return where notes of one melody (S,), of any number of bars, begin that a rule does not allow, and which rule.

    Rules on pitches allow some of them, rules on chords those of the chord. Any other rule is on the melody as a whole.

    Raises:
        ValueError: if it is no melody.
    """
    melody = canonical(states)
    if melody.ndim != 1:
        raise ValueError(f"melody: expected one, got {melody.shape}")
    found = [
        (step, part.name) for rule in rules for part in rule.parts for step in np.flatnonzero(_outside(part, melody))
    ]
    return sorted({(int(step), name) for step, name in found})


def _outside(rule: Rule, melody: np.ndarray) -> np.ndarray:
    """Return (S,) bool: where notes begin that a rule does not allow."""
    if rule.outside is not None:
        return rule.outside(melody)
    if rule.allowed_pitches is None:
        return np.zeros(len(melody), bool)
    return (melody < HOLD) & ~rule.allowed_pitches[np.minimum(melody, HOLD - 1)]

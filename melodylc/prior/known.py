"""How many melodies are known that are as someone asks: where there are few, draws can only be so good."""

from __future__ import annotations

import numpy as np

from melodylc.attributes import Attributes
from melodylc.prior import labels

FEW = 0.005  # of melodies: below this share it is said
SEMITONES = range(-24, 25)  # of the transpositions that are tried


def share_known(states: np.ndarray, attributes: Attributes) -> float:
    """Return the share of melodies (N, 256) that have the attributes in some transposition, of up to two octaves."""
    facts, asked = labels.facts(states), attributes
    allowed = 0xFFF if asked.key is None else sum(1 << c for c in asked.key.classes)
    low, high = asked.low or 0, 127 if asked.high is None else asked.high
    numbers = (facts.notes >= (asked.notes or 0)) & (facts.notes <= (asked.at_most or facts.notes.max(initial=0)))
    found = np.zeros(len(states), bool)
    for semitones in SEMITONES:
        turned = facts.classes << semitones % 12
        classes = (turned | turned >> 12) & 0xFFF
        within = (facts.low + semitones >= low) & (facts.high + semitones <= high)
        found |= ((classes & ~allowed) == 0) & within
    return float((found & numbers).mean()) if len(states) else 0.0

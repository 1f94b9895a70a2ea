"""Requests as people may make them, drawn at random, to teach and to measure what is made for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from melodylc.attributes import Attributes
from melodylc.rules.key import SCALES, Key

# How often each attribute is drawn: a key most of all, since it is requested most, and every combination now and then
WITH_SCALE, WITH_SET, WITH_RANGE = 0.65, 0.08, 0.45
WITH_TONIC = 0.8  # of the scales
SET_SIZES = (5, 12)  # pitch classes, the last excluded: fewer make hardly a melody, 12 are no constraint
WITH_AT_LEAST, WITH_AT_MOST = 0.4, 0.2
COUNTS, FEW = (12, 221), (24, 121)  # notes, the last excluded, of "at least" and of "at most"
LEAST_ROOM = 1.15  # by which "at most" is more than "at least"
PITCHES, WIDTHS = (28, 96), (7, 48)  # of ranges: from E1 to C7, in semitones
NARROW = 1.6  # power of a uniform number that widths come from: most are of one octave or two
ONE_SIDED = 0.3  # share of the ranges with one bound only
SCALE_NAMES = [name for name in SCALES if name != "chromatic"]  # which leaves the key open


def random_attributes(rng: np.random.Generator) -> Attributes:
    """Draw attributes to learn on: all scales in every key, other sets of pitch classes, numbers of notes, ranges."""
    key, at_least, at_most, low, high = None, None, None, None, None
    kind = rng.random()
    if kind < WITH_SCALE:
        scale = SCALE_NAMES[rng.integers(len(SCALE_NAMES))]
        key = Key.parse(f"C {scale}").transposed(int(rng.integers(12)))
        if rng.random() > WITH_TONIC:
            key = replace(key, tonic=None)
    elif kind < WITH_SCALE + WITH_SET:
        classes = rng.permutation(12)[: rng.integers(*SET_SIZES)]
        key = Key("set", frozenset(int(c) for c in classes))
    if rng.random() < WITH_AT_LEAST:
        at_least = int(rng.integers(*COUNTS))
    if rng.random() < WITH_AT_MOST:
        at_most = max(int(rng.integers(*FEW)), round(LEAST_ROOM * (at_least or 0)))
    if rng.random() < WITH_RANGE:
        width = WIDTHS[0] + int((WIDTHS[1] + 1 - WIDTHS[0]) * rng.random() ** NARROW)
        low = int(rng.integers(PITCHES[0], PITCHES[1] - width + 1))
        high = low + width
        if rng.random() < ONE_SIDED:
            low, high = (low, None) if rng.random() < 0.5 else (None, high)
    return Attributes(key, at_least, low, high, at_most=at_most)

"""The labels of the prior: what melodies are asked for, and what can be read off any melody to learn it from.

Nobody labels anything. A melody is an example of every request that it satisfies: of each scale that holds its pitch
classes, of "at least" any number of notes up to its own. Training draws one of these requests each time it sees a
melody, and leaves out parts at random, so that any combination can be asked for, and nothing at all too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melodylc.attributes import ASKED, CENTRES, FORBIDDEN, LABELS, NUMBERS, TONIC, UNITS
from melodylc.melody import HOLD
from melodylc.rules.key import SCALES
from melodylc.rules.note_arrays import lengths, onsets

# Krumhansl and Kessler's profiles (1982), of how well each pitch class above the tonic fits a key
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
LAST_NOTE = 8  # steps by which the last note counts as longer: melodies mostly end on their tonic

# The shares of examples that ask for something. Of the labels of one example, each is hidden at random.
WITH_NOTHING = 0.12
WITH_SCALE, WITH_SET = 0.55, 0.15  # the key is asked for as a scale, as other pitch classes, or not
WITH_TONIC = 0.6  # of those with a scale
WITH_AT_LEAST, WITH_AT_MOST = 0.4, 0.25
WITH_RANGE, ONE_SIDED = 0.4, 0.3
# A bound that the melody just reaches is asked for now and then; most leave it room, or draws "at least" would lie near
# the bound, half of them on its wrong side.
EXACT = 0.15
FEWEST, MOST = 12, 220  # notes: bounds lie evenly between these and the melody's number
ROOM_PITCH = 6.0  # semitones, the mean


@dataclass(frozen=True)
class Facts:
    """What labels are drawn from, of N melodies."""

    classes: np.ndarray  # (N,) int, bit c for pitch class c
    tonic: np.ndarray  # (N,) int
    notes: np.ndarray  # (N,) int
    low: np.ndarray  # (N,) int
    high: np.ndarray  # (N,) int

    def rows(self, index: np.ndarray) -> Facts:
        """Return the facts of some of the melodies."""
        return Facts(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def facts(states: np.ndarray) -> Facts:
    """Return the facts of melodies (N, 256)."""
    notes = onsets(states)
    count = len(states)
    low, high = np.full(count, 127), np.zeros(count, int)
    np.minimum.at(low, notes.row, notes.pitch)
    np.maximum.at(high, notes.row, notes.pitch)
    of_class = np.zeros((count, 12))
    np.add.at(of_class, (notes.row, notes.pitch % 12), lengths(states, notes))
    classes = ((of_class > 0) << np.arange(12)).sum(axis=1)
    last = np.flatnonzero(np.r_[notes.row[1:] != notes.row[:-1], True]) if len(notes.row) else np.zeros(0, int)
    of_class[notes.row[last], notes.pitch[last] % 12] += LAST_NOTE
    return Facts(classes, _tonics(of_class), notes.counts, low, high)


def _tonics(of_class: np.ndarray) -> np.ndarray:
    """Return (N,) the tonic whose profile, of major or minor, is nearest to the lengths of pitch classes (N, 12)."""
    profiles = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    return np.argmax((of_class - of_class.mean(axis=1, keepdims=True)) @ profiles.T, axis=1) % 12


def _scale_sets() -> np.ndarray:
    """Return the different sets of pitch classes (K,) of all scales on all tonics, as bits."""
    found = {
        sum(1 << (step + tonic) % 12 for step in steps)
        for name, steps in SCALES.items()
        for tonic in range(12)
        if name != "chromatic"
    }
    return np.array(sorted(found))


SCALE_SETS = _scale_sets()


def draw_scales(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return, for each set of pitch classes (N,), one scale that holds it, at random (0 where none does)."""
    holds = (classes[:, None] & ~SCALE_SETS) == 0  # (N, K)
    chance = np.where(holds, rng.random(holds.shape), -1.0)
    return np.where(holds.any(axis=1), SCALE_SETS[chance.argmax(axis=1)], 0)


def draw_labels(
    known: Facts, rng: np.random.Generator, scale: np.ndarray, with_key: np.ndarray, with_range: np.ndarray
) -> np.ndarray:
    """Draw labels (N, 32) of requests that melodies satisfy.

    Args:
        known: facts of the melodies.
        scale: (N,) int, the scale a melody was made to keep, which is then asked for; 0 for others.
        with_key, with_range: (N,) bool, whose key or range is always asked for, since they were transposed for it.
    """
    count = len(known.notes)
    labels = np.zeros((count, LABELS), np.float32)
    open_ = rng.random(count) < WITH_NOTHING

    kind = rng.random(count)
    some = draw_scales(known.classes, rng)
    as_scale = np.where(scale > 0, scale, some)
    fits = as_scale > 0
    want_scale = fits & ((scale > 0) | (kind < WITH_SCALE) | (with_key & (kind > WITH_SCALE + WITH_SET)))
    want_set = ~want_scale & ((kind < WITH_SCALE + WITH_SET) | with_key)
    absent = (~known.classes[:, None] >> np.arange(12)) & 1  # (N, 12)
    in_part = absent * (rng.random((count, 12)) < rng.random((count, 1)) ** 0.5)
    outside = (~as_scale[:, None] >> np.arange(12)) & 1
    forbidden = np.where(want_scale[:, None], outside, np.where(want_set[:, None], in_part, 0))
    keep_key = with_key | ~open_
    labels[:, FORBIDDEN : FORBIDDEN + 12] = forbidden * keep_key[:, None]
    tonic = want_scale & keep_key & (rng.random(count) < WITH_TONIC)
    labels[np.flatnonzero(tonic), TONIC + known.tonic[tonic]] = 1

    def room(most: np.ndarray) -> np.ndarray:
        return np.where(rng.random(count) < EXACT, 0, most)

    sided = rng.random(count)
    ranged = with_range | (~open_ & (rng.random(count) < WITH_RANGE))
    numbers = np.stack(
        [
            known.notes - room(rng.random(count) * (known.notes - FEWEST).clip(min=0)),
            known.notes + room(rng.random(count) * (MOST - known.notes).clip(min=0)),
            known.low - room(rng.exponential(ROOM_PITCH, count)),
            known.high + room(rng.exponential(ROOM_PITCH, count)),
        ],
        axis=1,
    )
    asked = np.stack(
        [
            ~open_ & (rng.random(count) < WITH_AT_LEAST),
            ~open_ & (rng.random(count) < WITH_AT_MOST),
            ranged & (with_range | (sided > ONE_SIDED / 2)),
            ranged & (with_range | (sided < 1 - ONE_SIDED / 2)),
        ],
        axis=1,
    )
    return with_numbers(labels, numbers, asked)


def with_numbers(labels: np.ndarray, numbers: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Fill in numbers (N, 4), and which of them are asked for, (N, 4) bool, in labels (N, 32); returns the labels."""
    labels[:, NUMBERS : NUMBERS + 4] = np.where(asked, (numbers - np.array(CENTRES)) / np.array(UNITS), 0)
    labels[:, ASKED : ASKED + 4] = asked
    return labels


def snapped(states: np.ndarray, scale: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return melodies (N, 256) whose pitches are moved to the nearest ones of a scale.

    Melodies in most scales are rare; one moved there keeps its rhythm and its contour.

    Args:
        scale: (N,) int, the pitch classes as bits.
        up: (N,) bool, where to go from the middle between two.
    """
    pitch = np.arange(128)
    allowed = ((scale[:, None] >> (pitch % 12)) & 1).astype(bool)  # (N, 128)
    distance = np.abs(pitch[None, :, None] - pitch[None, None, :]).astype(np.float32)
    tie = np.where(up[:, None, None], -0.1, 0.1) * np.sign(pitch[None, None, :] - pitch[None, :, None])
    nearest = np.where(allowed[:, None, :], distance + tie, np.inf).argmin(axis=2).astype(np.uint8)  # (N, 128)
    notes = states < HOLD
    return np.where(notes, np.take_along_axis(nearest, np.where(notes, states, 0).astype(int), axis=1), states)

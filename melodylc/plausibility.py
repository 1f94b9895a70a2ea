"""The plausibility of melodies: each of 16 features lies within the bounds of held-out melodies.

The easiest way to satisfy a rule is often one repeated note. So a melody is *kept* when it satisfies its rules and
attributes and is plausible too. No feature depends on the register or the key, which attributes may specify: a
transposed melody has the features of the original.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR, canonical, check
from melodylc.rules.note_arrays import Onsets, intervals, lengths, onsets
from midi_io.atomic import atomic_write

if TYPE_CHECKING:
    from melodylc.runtime.interface import MelodyModel

FILE = "plausible.json"  # beside a model
# The share of held-out melodies below the low bound of a feature, and above the high one: of 16 features together they
# exclude about one held-out melody in twenty.
TAIL = 0.005
STEP = 2  # semitones of the widest step, a whole tone
LEAP = 7  # semitones, a fifth: a wider interval counts as a leap
DIGITS = 1e4  # bounds are stored to a ten-thousandth, rounded outwards
FEATURES = (  # and the melodies that each is there to exclude
    "notes",  # near silence; a note on every step
    "pitches",  # one or two notes repeated; notes all over the keyboard
    "pitch classes",  # one note in several octaves
    "commonest pitch",  # share of notes: one note, with a few others for show
    "two commonest pitches",  # share of notes: two notes, with a few others for show
    "longest run",  # notes of one pitch in a row: a melody that sticks somewhere
    "repeated pitches",  # share of intervals: a melody that sticks everywhere
    "returns",  # share of notes of the pitch before the last, with another between: trills
    "steps",  # share of intervals: scales up and down all the way
    "leaps",  # share of intervals: notes scattered over the keyboard
    "span",  # semitones from lowest to highest: a melody that stays on one note; one that is all over the keyboard
    "rests",  # share of steps: mostly silence
    "longest rest",  # in steps: a melody that breaks off
    "mean length",  # in steps: drones
    "longest note",  # in steps: one drone within a melody
    "equal bars",  # bars that repeat an earlier one exactly: one bar over and over
)
COPIED = "copied"  # in a style: eight-note stretches of its files
MOST_COPIED = 0.1  # of the stretches of a melody, those left out that a given one has too
WITH_LOW_BOUND = ("notes", "pitches", "pitch classes", "span")  # the others can only be too high


def features(states: np.ndarray) -> np.ndarray:
    """Return the features (B, F) float of melodies (B, 256), one column for each of `FEATURES`.

    Raises:
        ValueError: if they are no melodies.
    """
    states = np.atleast_2d(canonical(check(states)))
    notes = onsets(states)
    pitch_columns, interval_columns = _pitch_features(notes), _interval_features(notes)
    length = lengths(states, notes)
    length_columns = (_mean(notes, length), _highest(notes.row, length, len(states)))
    columns = (*pitch_columns, *interval_columns, *_rest_features(states), *length_columns, _equal_bars(states))
    return np.stack(columns, axis=1).astype(float)


def _mean(notes: Onsets, values: np.ndarray) -> np.ndarray:
    """Return (B,) the mean of values (N,) over the notes of each melody, 0 without notes."""
    return np.bincount(notes.row, values, notes.melodies) / np.maximum(notes.counts, 1)


def _pitch_features(notes: Onsets) -> tuple[np.ndarray, ...]:
    """Return (B,) each: the features from "notes" to "longest run"."""
    count = notes.melodies
    of_pitch = np.bincount(notes.row * HOLD + notes.pitch, minlength=count * HOLD).reshape(count, HOLD)
    classes = np.bincount(notes.row * 12 + notes.pitch % 12, minlength=count * 12).reshape(count, 12)
    commonest = np.sort(of_pitch, axis=1)[:, :-3:-1]  # (B, 2)
    divisor = np.maximum(notes.counts, 1)
    return (
        notes.counts,
        (of_pitch > 0).sum(axis=1),
        (classes > 0).sum(axis=1),
        commonest[:, 0] / divisor,
        commonest.sum(axis=1) / divisor,
        _longest(notes.row, notes.pitch, count),
    )


def _interval_features(notes: Onsets) -> tuple[np.ndarray, ...]:
    """Return (B,) each: the features from "repeated pitches" to "span"."""
    count, pitch = notes.melodies, notes.pitch
    row, semitones = intervals(notes)
    divisor = np.maximum(np.bincount(row, minlength=count), 1)

    def share(of: np.ndarray) -> np.ndarray:
        return np.bincount(row, of, count) / divisor

    same_melody = notes.row[2:] == notes.row[:-2]
    returning = same_melody & (pitch[2:] == pitch[:-2]) & (pitch[2:] != pitch[1:-1])
    highest, lowest = _highest(notes.row, pitch, count), HOLD - 1 - _highest(notes.row, HOLD - 1 - pitch, count)
    return (
        share(semitones == 0),
        np.bincount(notes.row[2:], returning, count) / np.maximum(notes.counts, 1),
        share((semitones != 0) & (abs(semitones) <= STEP)),
        share(abs(semitones) > LEAP),
        np.where(notes.counts > 0, highest - lowest, 0),
    )


def _rest_features(states: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return (B,) each: the share of rests, and the longest."""
    rest = states == REST
    row, step = np.nonzero(rest)
    # a run of rests is what step minus position in the list has in common
    return rest.mean(axis=1), _longest(row, step - np.arange(len(step)), len(states))


def _equal_bars(states: np.ndarray) -> np.ndarray:
    """Return (B,) the number of bars that repeat an earlier one exactly, bars of rest included."""
    _, bar = np.unique(np.ascontiguousarray(states).view(f"V{STEPS_PER_BAR}"), return_inverse=True)
    bar = np.sort(bar.reshape(len(states), BARS), axis=1)  # equal bars have equal numbers
    return (bar[:, 1:] == bar[:, :-1]).sum(axis=1)


def _longest(row: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) the length of the longest run of one value (N,) within each row (N,)."""
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    run = np.cumsum(new) - 1
    return _highest(row[new], np.bincount(run, minlength=int(new.sum())), count)


def _highest(row: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Return (count,) the highest value (N,) of each row (N,), 0 where there is none."""
    highest = np.zeros(count, int)
    np.maximum.at(highest, row, value)
    return highest


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest plausible value of each feature, both included; in a style, what may be copied."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    origin: str  # the melodies they come from
    # in a style: the share of melodies (B, 256) that is copied from its files and is not in those given (G, 256)
    copied: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    given: tuple[bytes, ...] = ()  # melodies that the bounds were widened for

    @classmethod
    def of(cls, states: np.ndarray, origin: str) -> Bounds:
        """Return the bounds of all but the lowest and the highest 0.5 % of melodies (B, 256) in each feature."""
        values = features(states)
        low = np.quantile(values, TAIL, axis=0, method="lower")
        low[[name not in WITH_LOW_BOUND for name in FEATURES]] = 0
        high = np.quantile(values, 1 - TAIL, axis=0, method="higher")
        return cls(tuple(low.tolist()), tuple(high.tolist()), origin)

    def including(self, states: np.ndarray) -> Bounds:
        """Return the bounds, widened to hold melodies (B, 256) or one (256,).

        If a user's own melody is unusual in a feature, a transformation of it may be so too.
        """
        values = features(states)
        low, high = np.minimum(self.low, values.min(axis=0)), np.maximum(self.high, values.max(axis=0))
        given = (*self.given, *(melody.tobytes() for melody in np.atleast_2d(canonical(check(states)))))
        return replace(self, low=tuple(low.tolist()), high=tuple(high.tolist()), given=given)

    def with_returning(self, bars: int) -> Bounds:
        """Return the bounds, widened for melodies of which so many of the 16 bars return because that was asked for."""
        high = dict(zip(FEATURES, self.high, strict=True))
        high["equal bars"] = bars + (1 - bars / BARS) * high["equal bars"]
        return replace(self, high=tuple(high.values()))

    def violations(self, states: np.ndarray) -> np.ndarray:
        """Return (B, F) bool: which features of melodies (B, 256) are not plausible; in a style also what is copied."""
        values = features(states)
        outside = (values < self.low) | (values > self.high)
        if self.copied is None:
            return outside
        given = np.frombuffer(b"".join(self.given), np.uint8).reshape(-1, STEPS)
        copied = self.copied(np.atleast_2d(states), given) > MOST_COPIED
        return np.concatenate([outside, copied[:, None]], axis=1)

    def share(self, states: np.ndarray) -> np.ndarray:
        """Return (B,) the share of features in which melodies (B, 256) are plausible: exactly 1 for the plausible."""
        return np.asarray(1 - self.violations(states).mean(axis=1))

    def plausible(self, states: np.ndarray) -> np.ndarray:
        """Return (B,) bool: which of melodies (B, 256) are plausible in every feature."""
        return np.asarray(~self.violations(states).any(axis=1))

    def violated(self, melody: np.ndarray) -> tuple[str, ...]:
        """Return the names of the features in which one melody (256,) is not plausible."""
        (violations,) = self.violations(melody)
        names = FEATURES if self.copied is None else (*FEATURES, COPIED)
        return tuple(name for name, violated in zip(names, violations, strict=True) if violated)

    def save(self, model_path: Path) -> None:
        """Write the bounds beside a model, rounded outwards."""
        low = np.floor(np.multiply(self.low, DIGITS)) / DIGITS
        high = np.ceil(np.multiply(self.high, DIGITS)) / DIGITS
        stored = {name: pair for name, *pair in zip(FEATURES, low.tolist(), high.tolist(), strict=True)}
        with atomic_write(model_path.with_name(FILE)) as beside:
            beside.write_text(json.dumps({"what": self.origin, "bounds": stored}, indent=2) + "\n")


def bounds(model: MelodyModel) -> Bounds:
    """Return the bounds stored beside a model, or those of its bank if none are stored.

    Raises:
        UserError: if the file is damaged, or its features are others.
    """
    copied = None if model.style is None else model.style.copied
    path = model.path.with_name(FILE)
    if not path.exists():
        own = Bounds.of(model.bank.states, "melodies of the model's bank (of its training split)")
        return replace(own, copied=copied)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        pairs = [stored["bounds"][name] for name in FEATURES]
        numbers = np.array(pairs, float)
        if numbers.shape != (len(FEATURES), 2) or not (numbers[:, 0] <= numbers[:, 1]).all():
            raise ValueError("a low bound above a high one")
        origin = str(stored["what"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"model: expected the bounds of {len(FEATURES)} features in {path}, it is damaged or of another version "
            f"({type(error).__name__}: {error}); without the file they are taken from the model's bank"
        ) from error
    return Bounds(tuple(numbers[:, 0].tolist()), tuple(numbers[:, 1].tolist()), origin, copied)

"""Whether a melody is plausible: inside what held-out melodies do, in each of some features.

A rule alone is kept most cheaply by one repeated note. So a melody is *kept* when it satisfies what is asked and is
plausible too. No feature looks at the register or the key, which a wish may ask for: a melody moved by any interval has
the features it had.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import BARS, HOLD, REST, STEPS_PER_BAR, canonical
from melodylc.rules.note_arrays import intervals, lengths, onsets
from midi_io.atomic import atomic_write

if TYPE_CHECKING:  # who only measures melodies need not wait for torch
    from melodylc.model import Model

FILE = "plausible.json"  # beside a model
OUTSIDE = 0.005  # share of melodies that lie below the low bound of a feature, and above the high one
STEP = 2  # semitones of the widest step
LEAP = 7  # semitones beyond which an interval counts as a leap
FEATURES = (  # and the melodies each is there to catch
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
    "span",  # semitones from lowest to highest: a melody on the spot; one without a place
    "rests",  # share of steps: mostly silence
    "longest rest",  # in steps: a melody that breaks off
    "mean length",  # in steps: drones
    "longest note",  # in steps: one drone within a melody
    "equal bars",  # bars that repeat an earlier one exactly: one bar over and over
)
TOO_LITTLE = ("notes", "pitches", "pitch classes", "span")  # may be too low; of the others only too much is a fault


def features(states: np.ndarray) -> np.ndarray:
    """(B, F) float, one column for each of `FEATURES`, of melodies (B, 256).

    Raises:
        ValueError: if they are no melodies.
    """
    states = np.atleast_2d(canonical(states))
    found = onsets(states)
    count = len(states)
    of_pitch = np.bincount(found.row * HOLD + found.pitch, minlength=count * HOLD).reshape(count, HOLD)
    classes = np.bincount(found.row * 12 + found.pitch % 12, minlength=count * 12).reshape(count, 12)
    commonest = np.sort(of_pitch, axis=1)[:, :-3:-1]  # (B, 2)
    some = np.maximum(found.counts, 1)
    row, semitones = intervals(found)
    moves = np.maximum(np.bincount(row, minlength=count), 1)

    def share(of: np.ndarray) -> np.ndarray:
        return np.bincount(row, of, count) / moves

    two_on = found.row[2:] == found.row[:-2]
    returning = two_on & (found.pitch[2:] == found.pitch[:-2]) & (found.pitch[2:] != found.pitch[1:-1])
    length = lengths(states, found)
    rest = states == REST
    resting, step = np.nonzero(rest)
    lowest, highest = (of_pitch > 0).argmax(axis=1), HOLD - 1 - (of_pitch > 0)[:, ::-1].argmax(axis=1)
    _, bar = np.unique(np.ascontiguousarray(states).view(f"V{STEPS_PER_BAR}"), return_inverse=True)
    bar = np.sort(bar.reshape(count, BARS), axis=1)  # equal bars have equal numbers
    columns = (
        found.counts,
        (of_pitch > 0).sum(axis=1),
        (classes > 0).sum(axis=1),
        commonest[:, 0] / some,
        commonest.sum(axis=1) / some,
        _longest(found.row, found.pitch, count),
        share(semitones == 0),
        np.bincount(found.row[2:], returning, count) / some,
        share((semitones != 0) & (abs(semitones) <= STEP)),
        share(abs(semitones) > LEAP),
        np.where(found.counts > 0, highest - lowest, 0),
        rest.mean(axis=1),
        _longest(resting, step - np.arange(len(step)), count),  # what is equal along a run of rests
        np.bincount(found.row, length, count) / some,
        _most(found.row, length, count),
        (bar[:, 1:] == bar[:, :-1]).sum(axis=1),
    )
    return np.stack(columns, axis=1).astype(float)


def _longest(row: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """(count,) the most entries in a row of one value (N,), of those of each row (N,)."""
    new = np.ones(len(row), bool)
    new[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    run = np.cumsum(new) - 1
    return _most(row[new], np.bincount(run, minlength=int(new.sum())), count)


def _most(row: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """(count,) the highest value (N,) of each row (N,), 0 where there is none."""
    most = np.zeros(count, int)
    np.maximum.at(most, row, value)
    return most


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest plausible value of each feature, both included."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    what: str  # the melodies they come from

    @classmethod
    def of(cls, states: np.ndarray, what: str) -> Bounds:
        """Where melodies (B, 256) lie in each feature, but for the 0.5 % that are lowest and the 0.5 % highest."""
        found = features(states)
        low = np.quantile(found, OUTSIDE, axis=0, method="lower")
        low[[name not in TOO_LITTLE for name in FEATURES]] = 0
        high = np.quantile(found, 1 - OUTSIDE, axis=0, method="higher")
        return cls(tuple(low.tolist()), tuple(high.tolist()), what)

    def including(self, states: np.ndarray) -> Bounds:
        """As far as melodies (B, 256) or one (256,) go beyond them, widened.

        What is odd about one's own melody is no fault of what is made of it.
        """
        found = features(states)
        low, high = np.minimum(self.low, found.min(axis=0)), np.maximum(self.high, found.max(axis=0))
        return Bounds(tuple(low.tolist()), tuple(high.tolist()), self.what)

    def violations(self, states: np.ndarray) -> np.ndarray:
        """(B, F) bool: which features of melodies (B, 256) are not plausible."""
        found = features(states)
        return (found < self.low) | (found > self.high)

    def plausible(self, states: np.ndarray) -> np.ndarray:
        """(B,) bool: which of melodies (B, 256) are, in every feature."""
        return np.asarray(~self.violations(states).any(axis=1))

    def violated(self, melody: np.ndarray) -> tuple[str, ...]:
        """The names of the features in which one melody (256,) is not plausible."""
        (outside,) = self.violations(melody)
        return tuple(name for name, out in zip(FEATURES, outside, strict=True) if out)

    def save(self, model_path: Path) -> None:
        """Write them beside a model, rounded outwards."""
        low, high = np.floor(np.multiply(self.low, 1e4)) / 1e4, np.ceil(np.multiply(self.high, 1e4)) / 1e4
        stored = {name: pair for name, *pair in zip(FEATURES, low.tolist(), high.tolist(), strict=True)}
        with atomic_write(model_path.with_name(FILE)) as beside:
            beside.write_text(json.dumps({"what": self.what, "bounds": stored}, indent=2) + "\n")


def bounds(model: Model) -> Bounds:
    """The bounds stored beside a model; those of its bank where there are none.

    Raises:
        UserError: if the file is damaged, or of other features.
    """
    path = model.path.with_name(FILE)
    if not path.exists():
        return Bounds.of(model.bank.states, "melodies of the model's bank (of its training split)")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        pairs = [stored["bounds"][name] for name in FEATURES]
        numbers = np.array(pairs, float)
        if numbers.shape != (len(FEATURES), 2) or not (numbers[:, 0] <= numbers[:, 1]).all():
            raise ValueError("a low bound above a high one")
        what = str(stored["what"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"model: expected the bounds of {len(FEATURES)} features in {path}, it is damaged or of another version "
            f"({type(error).__name__}: {error}); without the file they are taken from the model's bank"
        ) from error
    return Bounds(tuple(numbers[:, 0].tolist()), tuple(numbers[:, 1].tolist()), what)

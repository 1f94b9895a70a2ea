"""Simulated listeners with known tastes: how soon a preference agrees with them, by the choice of questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc import rules
from melodylc.constraints.preference import PreferenceFeatures, most_informative
from melodylc.latent import preference
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.rules.note_arrays import intervals, lengths, onsets

ANSWERS = (8, 16, 24, 32, 40)  # after which agreement is measured
QUESTIONS_AT_ONCE = 4  # answers between two fits of the preference
PAIRS = 3000  # of unseen melodies, ordered by the preference and by the listener
POOL = 512  # melodies that a listener can be asked about
UNSEEN = 1024  # melodies that no question is about
LISTENERS = 3  # of each taste, asked about different melodies
DENSE = 128  # notes that count as much, for the taste of two parts, as all notes in the key

Taste = Callable[[np.ndarray], np.ndarray]  # (B, 256) -> (B,), the higher the better liked


def _small_intervals(states: np.ndarray) -> np.ndarray:
    row, semitones = intervals(onsets(states))
    total = np.bincount(row, np.abs(semitones), len(states))
    return -total / np.maximum(np.bincount(row, minlength=len(states)), 1)


def _mean_pitch(states: np.ndarray) -> np.ndarray:
    notes = onsets(states)
    return np.bincount(notes.row, notes.pitch, len(states)) / np.maximum(notes.counts, 1)


def _held_share(states: np.ndarray) -> np.ndarray:
    return (states == HOLD).mean(axis=1)


def _share_of_notes(states: np.ndarray, first: int, end: int) -> np.ndarray:
    begins = states < HOLD
    return begins[:, first:end].sum(axis=1) / np.maximum(begins.sum(axis=1), 1)


def _last_length(states: np.ndarray) -> np.ndarray:
    notes = onsets(states)
    length = np.zeros(len(states))
    length[notes.row] = lengths(states, notes)  # of each melody the last one written is of its last note
    return length


TASTES: dict[str, Taste] = {
    "many notes": lambda states: (states < HOLD).sum(axis=1).astype(float),
    "high": _mean_pitch,
    "in G major": rules.pitch_classes("G major"),
    "small intervals": _small_intervals,
    "syncopated": rules.syncopation(1.0),
    "held notes": _held_share,
    "rhythm that comes back": rules.motif(1.0),
    "rising": rules.contour("rising", 1.0),
    "denser in the second half": lambda states: _share_of_notes(states, 128, 256),
    "a long last note": _last_length,
    "in D major and dense": lambda states: rules.pitch_classes("D major")(states) + (states < HOLD).sum(axis=1) / DENSE,
}


@dataclass(frozen=True)
class Agreement:
    """The share of unseen pairs that a preference orders as a listener of one taste would, after so many answers."""

    taste: str
    random_questions: tuple[float, ...]  # one for each of ANSWERS
    informative_questions: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in evaluation.json."""
        return {
            "taste": self.taste,
            "answers": ANSWERS,
            "random questions": self.random_questions,
            "informative questions": self.informative_questions,
        }


def measure_agreement(model: Model, *, seed: int = 0) -> list[Agreement]:
    """Let listeners answer about melodies of the model's bank, and measure how well each taste is known.

    A listener likes a melody whose value by their taste is above the median of all these melodies.
    """
    space = PreferenceFeatures.of(model)
    _, states = model.bank.known()
    rng = np.random.default_rng(seed)
    states = states[rng.permutation(len(states))[: POOL * LISTENERS + UNSEEN]]
    features = space.of_melodies(states)
    unseen = np.arange(POOL * LISTENERS, len(states))
    first, second = rng.choice(unseen, PAIRS), rng.choice(unseen, PAIRS)
    table = []
    for name, taste in TASTES.items():
        value = taste(states)
        likes = (value > np.median(value)).astype(float)
        differ = value[first] != value[second]
        ordered = (value[first] > value[second])[differ]

        def agreement(belief: preference.Belief, differ: np.ndarray = differ, ordered: np.ndarray = ordered) -> float:
            mean = belief.mean(features)
            return float(((mean[first] > mean[second])[differ] == ordered).mean())

        curves = np.zeros((2, LISTENERS, len(ANSWERS)))
        for listener in range(LISTENERS):
            pool = range(listener * POOL, (listener + 1) * POOL)
            for informative in (False, True):
                curves[int(informative), listener] = _interview(features, likes, pool, informative, agreement)
        random, chosen = curves.mean(axis=1).round(4).tolist()
        table.append(Agreement(name, tuple(random), tuple(chosen)))
    return table


def _interview(
    features: np.ndarray,
    likes: np.ndarray,
    pool: range,
    informative: bool,
    agreement: Callable[[preference.Belief], float],
) -> list[float]:
    """Return the agreement after each of ANSWERS, of a listener asked about a pool.

    Args:
        features: (N, D) of all melodies.
        likes: (N,) each 0 or 1.
        pool: the melodies that may be asked about.
        informative: ask about the melodies whose answers tell most, or at random.
    """
    left = list(pool)
    asked: list[int] = []
    belief = preference.fit(features[asked], likes[asked])
    curve = []
    while len(asked) < ANSWERS[-1]:
        chosen = list(range(QUESTIONS_AT_ONCE))  # the pool is in random order, so its first are a random choice
        if informative:
            chosen = most_informative(belief, features[left], likes[asked], QUESTIONS_AT_ONCE)
        asked += [left[index] for index in chosen]
        left = [melody for index, melody in enumerate(left) if index not in chosen]
        belief = preference.fit(features[asked], likes[asked])
        if len(asked) in ANSWERS:
            curve.append(agreement(belief))
    return curve


def agreement_text(table: list[Agreement]) -> str:
    """Return the table for a terminal."""
    lines = [f"{'agreement on unseen pairs after':<32}" + "".join(f"{count:>14}" for count in ANSWERS) + " answers"]
    lines.append(f"{'(random / informative questions)':<32}")
    means = np.mean([[row.random_questions, row.informative_questions] for row in table], axis=0)
    for row in [*table, Agreement("mean", tuple(means[0]), tuple(means[1]))]:
        cells = (f"{a:.1%} / {b:.1%}" for a, b in zip(row.random_questions, row.informative_questions, strict=True))
        lines.append(f"{row.taste:<32}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)

"""Simulated listeners with known tastes: how soon a preference agrees with them, asking at random or asking well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from melodylc import rules
from melodylc.constraints.preference import PreferenceFeatures, most_informative
from melodylc.latent import preference
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.rules.note_arrays import intervals, onsets

ANSWERS = (8, 16, 24, 32, 40)
STEP = 4  # answers between two rounds of asking
PAIRS = 3000
POOL = 512  # melodies that can be asked about
UNSEEN = 1024
LISTENERS = 3  # of each taste, asked about different melodies

Taste = Callable[[np.ndarray], np.ndarray]  # (B, 256) -> (B,), what is higher is liked better


def _leaps(states: np.ndarray) -> np.ndarray:
    row, semitones = intervals(onsets(states))
    total = np.bincount(row, np.abs(semitones), len(states))
    return -total / np.maximum(np.bincount(row, minlength=len(states)), 1)


def _high(states: np.ndarray) -> np.ndarray:
    found = onsets(states)
    return np.bincount(found.row, found.pitch, len(states)) / np.maximum(found.counts, 1)


def _long(states: np.ndarray) -> np.ndarray:
    return (states == HOLD).mean(axis=1)


TASTES: dict[str, Taste] = {
    "many notes": lambda states: (states < HOLD).sum(axis=1).astype(float),
    "high": _high,
    "in G major": rules.pitch_classes("G major"),
    "small intervals": _leaps,
    "syncopated": rules.syncopation(1.0),
    "held notes": _long,
    "rhythm that comes back": rules.motif(1.0),
    "rising": rules.contour("rising", 1.0),
    "in D major and dense": lambda states: rules.pitch_classes("D major")(states) + (states < HOLD).sum(axis=1) / 128,
}


@dataclass(frozen=True)
class Agreement:
    """For one taste: the share of unseen pairs ordered as the listener would, after so many answers."""

    taste: str
    asked_at_random: tuple[float, ...]  # by ANSWERS
    asked_well: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        return {"taste": self.taste, "answers": ANSWERS, "random": self.asked_at_random, "asked": self.asked_well}


def agreements(model: Model, *, seed: int = 0) -> list[Agreement]:
    """Listeners like a melody if it is above the middle of the melodies that the bank knows, by their taste."""
    features = PreferenceFeatures.of(model)
    _, states = model.bank.known()
    rng = np.random.default_rng(seed)
    states = states[rng.permutation(len(states))[: POOL * LISTENERS + UNSEEN]]
    x = features.of_melodies(states)
    unseen = np.arange(POOL * LISTENERS, len(states))
    first, second = rng.choice(unseen, PAIRS), rng.choice(unseen, PAIRS)
    table = []
    for name, taste in TASTES.items():
        value = taste(states)
        likes = torch.from_numpy((value > np.median(value)).astype(float))
        differ = value[first] != value[second]

        def agreement(belief: preference.Belief, value: np.ndarray = value, differ: np.ndarray = differ) -> float:
            mean = belief.mean(x).numpy()
            return float(((mean[first] > mean[second]) == (value[first] > value[second]))[differ].mean())

        curves = np.zeros((2, LISTENERS, len(ANSWERS)))
        for listener in range(LISTENERS):
            pool = range(listener * POOL, (listener + 1) * POOL)
            for way in range(2):
                left = list(pool)
                asked: list[int] = []
                belief = preference.fit(x[asked], likes[asked])
                while len(asked) < ANSWERS[-1]:
                    # the pool is in random order: the first of it are as good as any
                    at_random = list(range(STEP))
                    chosen = most_informative(belief, x[left], likes[asked], STEP) if way else at_random
                    asked += [left[c] for c in chosen]
                    left = [at for index, at in enumerate(left) if index not in chosen]
                    belief = preference.fit(x[asked], likes[asked])
                    if len(asked) in ANSWERS:
                        curves[way, listener, ANSWERS.index(len(asked))] = agreement(belief)
        random, well = curves.mean(axis=1).round(4).tolist()
        table.append(Agreement(name, tuple(random), tuple(well)))
    return table


def text(table: list[Agreement]) -> str:
    """The table for a terminal."""
    lines = [f"{'agreement on unseen pairs after':<32}" + "".join(f"{count:>14}" for count in ANSWERS) + " answers"]
    lines.append(f"{'(asked at random / asked well)':<32}")
    means = np.mean([[row.asked_at_random, row.asked_well] for row in table], axis=0)
    for row in [*table, Agreement("mean", tuple(means[0]), tuple(means[1]))]:
        cells = (f"{a:.1%} / {b:.1%}" for a, b in zip(row.asked_at_random, row.asked_well, strict=True))
        lines.append(f"{row.taste:<32}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)

"""How well a judge that learns tells two sets of melodies apart: the area under its ROC curve.

0.5: the judge guesses; 1: it is always right. Histograms compare one feature at a time, over all melodies together. A
judge also sees what only holds within a melody, such as a bar that returns while its rhythm does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import BARS, HOLD, STEPS_PER_BAR, repeated_bars
from melodylc.plausibility import features
from melodylc.rules.note_arrays import bars, intervals, lengths, onsets
from melodylc.vae.metrics import scale_shares

REPEATS = 3  # of the two folds, each split otherwise: how much the area owes to the split
FEWEST = 4  # melodies of each set: two in each fold
OCTAVE = 12  # semitones up or down; wider intervals fall into the last bin
LONGEST = 16  # steps, one bar; longer notes fall into the last bin
LAGS = (1, 2, 4, 8)  # bars: where phrases return in most tunes
SEEN_AT_ONCE = 0.3  # share of the features that a split of a tree chooses from: the judge relies on no single one
LEAF = 20  # melodies of the smallest leaf of a tree, as in scikit-learn; a quarter of each set where there are few


@dataclass(frozen=True)
class TellingApart:
    """The area under the ROC curve of a judge, on melodies that it has not learned from."""

    auc: float  # mean of all folds: 0.5 by chance, 1 where every melody is told
    spread: float  # standard deviation over the repeats, each of other folds
    melodies: int  # of each set


def judge_features(states: np.ndarray) -> np.ndarray:
    """Return what the judge sees of melodies (B, 256), (B, F) float.

    The features of plausibility; histograms of intervals, note lengths and the positions of notes in the bar; the share
    of notes in the best-fitting major scale; and how much bars and their rhythms return. Register and key are no part
    of it: a transposed melody has the features of the original.
    """
    notes = onsets(states)
    count = len(states)
    row, semitones = intervals(notes)
    interval = _shares(row, np.clip(semitones, -OCTAVE, OCTAVE) + OCTAVE, count, 2 * OCTAVE + 1)
    length = _shares(notes.row, np.minimum(lengths(states, notes), LONGEST) - 1, count, LONGEST)
    position = _shares(notes.row, notes.step % STEPS_PER_BAR, count, STEPS_PER_BAR)
    single = [scale_shares(states), repeated_bars(states), repeated_rhythms(states)]
    single += [_equal_after(states, lag) for lag in LAGS]
    single += [_equal_after(rhythms(states), lag) for lag in LAGS]
    return np.column_stack([features(states), interval, length, position, *single])


def rhythms(states: np.ndarray) -> np.ndarray:
    """Return melodies (B, 256) with every pitch replaced by the same one: what is left is rhythm."""
    return np.where(states < HOLD, 0, states).astype(np.uint8)


def repeated_rhythms(states: np.ndarray) -> np.ndarray:
    """Count the bars, of 16, of each melody (B, 256) whose rhythm, lengths included, an earlier one has too, (B,)."""
    return repeated_bars(rhythms(states))


def _shares(row: np.ndarray, value: np.ndarray, count: int, bins: int) -> np.ndarray:
    """Return (count, bins) the histogram of values (N,) of each row (N,), as shares; zeros where a row has none."""
    hits = np.bincount(row * bins + value, minlength=count * bins).reshape(count, bins)
    return hits / np.maximum(hits.sum(axis=1, keepdims=True), 1)


def _equal_after(states: np.ndarray, lag: int) -> np.ndarray:
    """Return (B,) the share of steps that are the same so many bars later."""
    bar = bars(states)
    return (bar[:, lag:] == bar[:, : BARS - lag]).mean(axis=(1, 2))


def told_apart(first: np.ndarray, second: np.ndarray, seed: int = 0) -> TellingApart:
    """Return how well a gradient-boosted classifier tells melodies (N, 256) from others (M, 256).

    It learns on one half of both and judges the other, both ways; the larger set is cut to the size of the smaller.
    Give real melodies one a file: windows of one file are alike, and what is learned from one would judge another.

    Raises:
        UserError: for fewer than 4 melodies in either.
        ImportError: without scikit-learn.
    """
    classifier, area = learning()
    size = min(len(first), len(second))
    if size < FEWEST:
        raise UserError(f"told apart: expected at least {FEWEST} melodies in both sets, got {size}; take more")
    seen = np.concatenate([judge_features(first[:size]), judge_features(second[:size])])
    is_second = np.repeat([False, True], size)
    areas = []
    for repeat in range(REPEATS):
        rng = np.random.default_rng([seed, repeat])
        half = np.concatenate([rng.permutation(size) < size // 2 for _ in range(2)])
        folds = []
        for learned in (half, ~half):
            leaf = min(LEAF, size // 4)
            judge = classifier(
                min_samples_leaf=leaf,
                max_features=SEEN_AT_ONCE,
                early_stopping=False,
                random_state=int(rng.integers(1 << 31)),
            )
            judge.fit(seen[learned], is_second[learned])
            folds.append(area(is_second[~learned], judge.predict_proba(seen[~learned])[:, 1]))
        areas.append(float(np.mean(folds)))
    return TellingApart(float(np.mean(areas)), float(np.std(areas)), size)


def learning() -> tuple[Any, Any]:
    """Return scikit-learn's classifier and its area under the ROC curve.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise ImportError(
            "telling melodies apart needs scikit-learn; install it with: pip install 'melodylc[evaluate]'"
        ) from error
    return HistGradientBoostingClassifier, roc_auc_score

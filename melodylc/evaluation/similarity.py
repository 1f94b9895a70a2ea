"""How much melodies differ from one another, and whether a changed melody is still like the one it started from."""

from __future__ import annotations

import numpy as np

PAIRS = 20_000  # random pairs whose distances are averaged: a standard error below 0.004
OTHER_STARTS = 9  # that a melody is compared with beside its own, so that chance is one in ten


def pairwise_distance(states: np.ndarray, seed: int = 0) -> float:
    """Return the mean share of steps in which two melodies of a batch (B, 256) differ, over random pairs."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(len(states), size=(2, PAIRS))
    pairs = first != second
    return float((states[first[pairs]] != states[second[pairs]]).mean())


def nearest_to_own_start(starts: np.ndarray, melodies: np.ndarray, seed: int = 0) -> float:
    """Return the share of melodies (B, 256) nearer to the decode of their own start (B, 256) than to nine others.

    The nearer of two has more equal steps. 0.1 is chance; a tie counts as a miss.
    """
    rng = np.random.default_rng(seed)
    equal_to_own = (starts == melodies).mean(axis=1)
    nearest = np.ones(len(starts), bool)
    for _ in range(min(OTHER_STARTS, len(starts) - 1)):
        other = (np.arange(len(starts)) + rng.integers(1, len(starts), len(starts))) % len(starts)
        nearest &= equal_to_own > (starts[other] == melodies).mean(axis=1)
    return float(nearest.mean())

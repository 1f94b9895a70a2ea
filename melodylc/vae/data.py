"""Training examples from a corpus: which windows, how often, transposed how far."""

from __future__ import annotations

import numpy as np

from melodylc.extraction.corpus import Corpus
from melodylc.melody import HOLD, STEPS_PER_BAR


class TrainingWindows:
    """The windows of one split and how likely each is drawn.

    A collection (the first part of the source) of n windows weighs the cube root of n, and within it a file of m
    windows weighs sqrt(m): long files and large collections count more than short ones, but do not drown them. Within a
    file the track whose pitch is the k-th highest on average weighs 1 / k: tunes lie on top, and the lower a part, the
    more it holds, repeats and leaps to fill the chords of others.
    """

    def __init__(self, corpus: Corpus, split: str) -> None:
        self.states = corpus.states(split)  # (N, 256) uint8
        self.sources = corpus.sources(split)  # (N,) str
        if not len(self.states):
            raise ValueError(f"corpus: expected windows in the split {split!r}, found none; extract more files")
        _, file, of_file = np.unique(self.sources, return_inverse=True, return_counts=True)
        _, collection, of_collection = np.unique(collections_of(self.sources), return_inverse=True, return_counts=True)
        weights = 1 / ranks(self.states, file, corpus.tracks(split))
        weights *= np.sqrt(of_file)[file] / np.bincount(file, weights)[file]
        weights *= np.cbrt(of_collection)[collection] / np.bincount(collection, weights)[collection]
        self.weights = weights / weights.sum()
        self._cumulative = np.cumsum(self.weights)

    def draw(self, count: int, transpose: int, rng: np.random.Generator) -> np.ndarray:
        """(count, 256) uint8, each transposed by up to `transpose` semitones either way, within MIDI's range."""
        at = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1])
        return transposed(self.states[at], rng.integers(-transpose, transpose + 1, count))


def collections_of(sources: np.ndarray) -> np.ndarray:
    """(N,) the first part of each source: the name of the folder that was extracted."""
    return np.array([source.split("/")[0] for source in sources])


def ranks(states: np.ndarray, file: np.ndarray, track: np.ndarray) -> np.ndarray:
    """(N,) which place the track of each window (N, 256) has among those of its file by mean pitch: 1 for the highest.

    Args:
        file, track: (N,) integers.
    """
    onsets = states < HOLD
    pitch = np.where(onsets, states, 0).sum(axis=1) / np.maximum(onsets.sum(axis=1), 1)
    lines, line = np.unique(np.stack([file, track]), axis=1, return_inverse=True)
    mean = np.bincount(line.reshape(-1), pitch) / np.bincount(line.reshape(-1))
    order = np.lexsort((-mean, lines[0]))
    first = np.searchsorted(lines[0][order], lines[0])  # where the lines of the same file begin in that order
    rank = np.empty(len(order), int)
    rank[order] = np.arange(1, len(order) + 1)
    return (rank - first)[line.reshape(-1)]


def transposed(states: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """Melodies or bars (B, n) moved by (B,) semitones; a move that would leave 0..127 is not made."""
    notes = states < HOLD
    lowest = np.where(notes, states, 127).min(axis=1).astype(int)
    highest = np.where(notes, states, 0).max(axis=1).astype(int)
    fits = (lowest + semitones >= 0) & (highest + semitones <= 127)
    moved = states + np.where(fits, semitones, 0)[:, None]
    return np.where(notes, moved, states).astype(np.uint8)


def distinct_bars(states: np.ndarray) -> np.ndarray:
    """The different bars (M, 16) of melodies (N, 256)."""
    bars = np.ascontiguousarray(states).reshape(-1, STEPS_PER_BAR)
    return np.unique(bars.view(f"V{STEPS_PER_BAR}")).view(np.uint8).reshape(-1, STEPS_PER_BAR)

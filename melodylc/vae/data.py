"""Training examples drawn from a corpus: the weights of windows, and their transposition."""

from __future__ import annotations

import numpy as np

from melodylc.extraction.corpus import Corpus
from melodylc.melody import HOLD, STEPS_PER_BAR


class TrainingWindows:
    """The windows of one split and the probability of drawing each.

    A collection (the first part of the source) of n windows has a weight of the cube root of n, and within it a file of
    m windows one of sqrt(m): large collections and long files count more than small ones, but do not dominate. Within a
    file, the track with the k-th highest mean pitch has a weight of 1 / k: tunes are mostly in the highest part, and
    lower parts hold, repeat and leap more, to fill chords.
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
        """Return (count, 256) uint8 windows, each transposed by up to `transpose` semitones within MIDI's range."""
        index = np.searchsorted(self._cumulative, rng.random(count) * self._cumulative[-1])
        return transposed(self.states[index], rng.integers(-transpose, transpose + 1, count))


def collections_of(sources: np.ndarray) -> np.ndarray:
    """Return (N,) the first part of each source: the name of the folder that was extracted."""
    return np.array([source.split("/")[0] for source in sources])


def ranks(states: np.ndarray, file: np.ndarray, track: np.ndarray) -> np.ndarray:
    """Return (N,) the rank by mean pitch of the track of each window (N, 256) among those of its file; 1 is highest.

    Args:
        file: (N,) integers, the file of each window.
        track: (N,) integers, its track.
    """
    onsets = states < HOLD
    pitch = np.where(onsets, states, 0).sum(axis=1) / np.maximum(onsets.sum(axis=1), 1)
    tracks, index = np.unique(np.stack([file, track]), axis=1, return_inverse=True)
    mean = np.bincount(index.reshape(-1), pitch) / np.bincount(index.reshape(-1))
    order = np.lexsort((-mean, tracks[0]))
    first = np.searchsorted(tracks[0][order], tracks[0])  # where the tracks of each file begin in that order
    rank = np.empty(len(order), int)
    rank[order] = np.arange(1, len(order) + 1)
    return (rank - first)[index.reshape(-1)]


def transposed(states: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """Return melodies or bars (B, n) transposed by (B,) semitones; one that would leave 0..127 stays as it is."""
    notes = states < HOLD
    lowest = np.where(notes, states, 127).min(axis=1).astype(int)
    highest = np.where(notes, states, 0).max(axis=1).astype(int)
    fits = (lowest + semitones >= 0) & (highest + semitones <= 127)
    moved = states + np.where(fits, semitones, 0)[:, None]
    return np.where(notes, moved, states).astype(np.uint8)


def distinct_bars(states: np.ndarray) -> np.ndarray:
    """Return the different bars (M, 16) of melodies (N, 256)."""
    bars = np.ascontiguousarray(states).reshape(-1, STEPS_PER_BAR)
    return np.unique(bars.view(f"V{STEPS_PER_BAR}")).view(np.uint8).reshape(-1, STEPS_PER_BAR)

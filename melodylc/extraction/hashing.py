"""Hashes of 128 bits, by which equal windows are found without keeping the windows in memory.

Two multiplicative hashes of 64 bits with the finaliser of SplitMix64 (Steele, Lea, Flood 2014). The chance that two
different windows of a corpus of ten million share a hash is about 2^-80. A file made on purpose can collide with
another; the corpus then lacks a window.
"""

from __future__ import annotations

import numpy as np

from midi_io import compiled
from midi_io.compiled import njit

_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)  # the hashes of no words


@njit
def _mix(x):  # pragma: no cover - compiled
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit
def _add(a, b, word):  # pragma: no cover - compiled
    """Return both hashes of a window with one word more."""
    return _mix(a + word), _mix((b ^ word) * np.uint64(0x9E3779B97F4A7C15))


@njit
def _hash_window(words):  # pragma: no cover - compiled
    """Return the two hashes of a window of (32,) words; interpreted, of (32, N) words at once."""
    a, b = _A, _B
    for word in words:
        a, b = _add(a, b, word)
    return a, b


@njit
def _hash_all(words, out):  # pragma: no cover - compiled
    # eight windows at a time: the steps of one hash wait for each other
    a, b = np.empty(8, np.uint64), np.empty(8, np.uint64)
    whole = words.shape[0] // 8 * 8
    for begin in range(0, whole, 8):
        a[:], b[:] = _A, _B
        for k in range(32):
            for lane in range(8):
                a[lane], b[lane] = _add(a[lane], b[lane], words[begin + lane, k])
        for lane in range(8):
            out[begin + lane, 0], out[begin + lane, 1] = a[lane], b[lane]
    for row in range(whole, words.shape[0]):
        out[row, 0], out[row, 1] = _hash_window(words[row])


def hash_windows(states: np.ndarray) -> np.ndarray:
    """Return the hashes (N, 16) uint8 of windows (N, 256) uint8."""
    words = np.ascontiguousarray(states).view("<u8")  # (N, 32)
    out = np.empty((len(words), 2), np.uint64)
    if compiled.interpreting():  # row by row it would take a hundred times as long
        out[:, 0], out[:, 1] = _hash_window(words.T)
    else:
        _hash_all(words, out)
    return out.view(np.uint8)

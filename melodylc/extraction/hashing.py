"""128 bits that stand for a window, so that equal windows are found without keeping them.

Two multiplicative hashes of 64 bits with the finaliser of SplitMix64 (Steele, Lea, Flood 2014). By accident two windows
share one with a chance of about 2^-80 in a corpus of ten million; on purpose one can be made, and costs its maker a
window.
"""

from __future__ import annotations

import numpy as np

from midi_io import compiled
from midi_io.compiled import njit


@njit
def _mix(x):  # pragma: no cover - compiled
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit
def _digest(words):  # pragma: no cover - compiled
    """The two hashes of (32,) words; interpreted, of (32, N) words at once."""
    a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
    for word in words:
        a = _mix(a + word)
        b = _mix((b ^ word) * np.uint64(0x9E3779B97F4A7C15))
    return a, b


@njit
def _digests(words, out):  # pragma: no cover - compiled
    for row in range(words.shape[0]):
        out[row, 0], out[row, 1] = _digest(words[row])


def hash_windows(states: np.ndarray) -> np.ndarray:
    """(N, 256) uint8 to (N, 16) uint8."""
    words = np.ascontiguousarray(states).view("<u8")  # (N, 32)
    out = np.empty((len(words), 2), np.uint64)
    if compiled.interpreting():  # row by row that would take a hundred times as long
        out[:, 0], out[:, 1] = _digest(words.T)
    else:
        _digests(words, out)
    return out.view(np.uint8)

"""Hashes of 128 bits, by which equal windows are found without keeping the windows in memory.

A bar is mixed one-to-one into two numbers of 64 bits, with the finaliser of SplitMix64 (Steele, Lea, Flood 2014). A
window's two numbers are polynomials of those of its bars, modulo 2^64, so that a window costs a few operations where
its bars are known. Windows that differ in one bar never share a hash. The chance that two others do is about 2^-128,
and 2^-97 at worst, where all bars that differ are the same two bars in another arrangement. So in ten million windows
(5e13 pairs) the chance of any collision is about 2^-82, and below 2^-51 even if all pairs were of the worst kind. A
file made on purpose can collide with another; the corpus then lacks a window.
"""

from __future__ import annotations

import numpy as np

from melodylc.melody import HOLD, REST
from midi_io.compiled import njit

_START, _SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
# The variables of the two polynomials are 3 modulo 8, as then 2 divides the differences of their powers five times at
# most.
_A, _B = np.uint64(0x9FB21C651E98DF2B), np.uint64(0xC2B2AE3D27D4EB53)
_POWERS = np.array([[pow(int(variable), bar, 1 << 64) for variable in (_A, _B)] for bar in range(17)], np.uint64)


@njit
def _mix(x):  # pragma: no cover - compiled
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit
def _hash_bar(low, high):  # pragma: no cover - compiled
    """Return the two numbers of a bar of two words."""
    inner = _mix(low + _START)
    outer = _mix(inner ^ high)
    return outer, _mix((inner * _SPREAD) ^ outer)


@njit
def _hash_all(bars, words, firsts, out):  # pragma: no cover - compiled
    """Write the two numbers of each window as a row of `out` (W, 2); words (B, 2) are those of bars (B, 16)."""
    count = bars.shape[0]
    numbers = np.empty((count, 2), np.uint64)
    for bar in range(count):
        numbers[bar, 0], numbers[bar, 1] = _hash_bar(words[bar, 0], words[bar, 1])
    before = np.zeros((count + 1, 2), np.uint64)  # the polynomials of all bars before each one
    for bar in range(count):
        before[bar + 1, 0] = before[bar, 0] * _A + numbers[bar, 0]
        before[bar + 1, 1] = before[bar, 1] * _B + numbers[bar, 1]
    silent = np.empty(16, np.uint8)
    silent_words = silent.view(np.uint64)
    for row in range(firsts.size):
        first = firsts[row]
        a = before[first + 16, 0] - before[first, 0] * _POWERS[16, 0]
        b = before[first + 16, 1] - before[first, 1] * _POWERS[16, 1]
        cut = bars[first, 0] == HOLD  # what sounds across the left edge of a window is rest in it
        bar = first
        while cut:
            for step in range(16):
                cut = cut and bars[bar, step] == HOLD
                silent[step] = REST if cut else bars[bar, step]
            a_silent, b_silent = _hash_bar(silent_words[0], silent_words[1])
            a += (a_silent - numbers[bar, 0]) * _POWERS[first + 15 - bar, 0]
            b += (b_silent - numbers[bar, 1]) * _POWERS[first + 15 - bar, 1]
            bar += 1
        out[row, 0], out[row, 1] = a, b


def hash_windows(bars: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the hashes (W, 16) uint8 of the windows that begin with the bars `firsts` (W,) of bars (B, 16) uint8."""
    out = np.empty((len(firsts), 2), np.uint64)
    with np.errstate(over="ignore"):  # interpreted
        _hash_all(bars, bars.view(np.uint64), firsts, out)
    return out.view(np.uint8)

"""The stretches of a file: its parts in one time signature, and which of them are read as 4/4.

The steps are those of docs/extraction.md, in integer arithmetic on ticks.
"""

from __future__ import annotations

import numpy as np

from midi_io import smf
from midi_io.compiled import njit

STRETCH_REASON = "not in 4/4"
AS_FOUR = frozenset({(4, 4), (2, 2)})  # the signatures for which `_is_four`

# Columns of stretches. An END of -1 is the end of the file. BARS_IN_ONE is the number of the file's bars that make one
# of 4/4, and 0 where the stretch is skipped.
START, END, FIRST_BAR, BARS_IN_ONE, IN_FORCE_NUMERATOR, IN_FORCE_DENOMINATOR = range(6)


@njit
def _is_four(numerator, denominator):  # pragma: no cover - compiled
    """Return whether a bar of this signature has four quarters in the same metre as 4/4."""
    return (numerator == 4 and denominator == 4) or (numerator == 2 and denominator == 2)


@njit
def find_stretches(signatures, division, pair):  # pragma: no cover - compiled
    """Return the stretches (K, 6) of a file, from its sorted signature events (S, 3)."""
    out = np.empty((signatures.shape[0] + 1, 6), np.int64)
    count = 1
    out[0, 0], out[0, 1], out[0, 2], out[0, 3], out[0, 4], out[0, 5] = 0, -1, 0, 1, 4, 4
    for i in range(signatures.shape[0]):
        tick, n, d = signatures[i, 0], signatures[i, 1], signatures[i, 2]
        if i + 1 < signatures.shape[0] and signatures[i + 1, 0] == tick:
            continue  # of several events in one tick the last counts
        start = out[count - 1, START]
        numerator, denominator = out[count - 1, IN_FORCE_NUMERATOR], out[count - 1, IN_FORCE_DENOMINATOR]
        same = (_is_four(n, d) and _is_four(numerator, denominator)) or (n == numerator and d == denominator)
        if numerator == 0:  # bars of an invalid signature are counted as bars of 4/4
            numerator = denominator = np.int64(4)
        # a bar lasts numerator * 4 * division / denominator ticks; compare without dividing
        elapsed = (tick - start) * denominator
        bar = numerator * 4 * division
        bars = max((2 * elapsed + bar) // (2 * bar), 0)
        on_line = 32 * abs(elapsed - bars * bar) <= division * denominator  # within an eighth of a step
        if on_line:
            if same:
                continue
            tick = start + (2 * bars * bar + denominator) // (2 * denominator)
        else:
            bars = max((elapsed + bar - 1) // bar, 0)
        if tick > start:
            out[count - 1, END] = tick
            out[count, FIRST_BAR] = out[count - 1, FIRST_BAR] + bars
            count += 1
            start = tick
        out[count - 1, START], out[count - 1, END] = start, -1
        out[count - 1, BARS_IN_ONE] = 1 if _is_four(n, d) else (2 if pair and n == 2 and d == 4 else 0)
        out[count - 1, IN_FORCE_NUMERATOR], out[count - 1, IN_FORCE_DENOMINATOR] = n, d
    return out[:count]


@njit
def stretch_of(stretches, tick):  # pragma: no cover - compiled
    """Return the stretch that a tick lies in, by binary search: a file may have as many stretches as lines."""
    low, high = 0, stretches.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if stretches[middle, START] <= tick:
            low = middle
        else:
            high = middle
    return low


def stretches_in(parsed: smf.Parsed, pair_2_4: bool = False) -> np.ndarray:
    """Return the stretches (K, 6) of one parsed file, in their order; the columns are START, END and so on."""
    return find_stretches(parsed.signatures, parsed.ticks_per_quarter, pair_2_4)


def signature_name(numerator: int, denominator: int) -> str:
    """Return what a message calls a time signature, such as 3/4."""
    return f"{numerator}/{denominator}" if numerator else "a nonsense time signature"

"""Windows as 16 of a row of bars: those that overlap share their bars, so that each bar is kept and hashed once."""

from __future__ import annotations

import numpy as np

from melodylc.melody import BARS, HOLD, REST, STEPS


def states_of_windows(bars: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the states (W, 256) of the windows that begin with the bars `firsts` (W,) of bars (B, 16) uint8."""
    states = bars.take(firsts[:, None] + np.arange(BARS), axis=0).reshape(-1, STEPS)
    cut = states[:, 0] == HOLD
    states[cut] = silenced(states[cut])
    return states


def silenced(states: np.ndarray) -> np.ndarray:
    """Return states (N, K) whose first HOLDs are REST: what began before them is not heard."""
    return np.where(np.logical_and.accumulate(states == HOLD, axis=1), np.uint8(REST), states)

"""Windows as places in a row of bars: those that overlap share their bars, so that each bar is kept and hashed once."""

from __future__ import annotations

import numpy as np

from melodylc.melody import HOLD, REST, STEPS, STEPS_PER_BAR


def states_of_windows(bars: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the states (W, 256) of the windows that begin with the bars `firsts` (W,) of bars (B, 16) uint8."""
    if not len(firsts):
        return np.empty((0, STEPS), np.uint8)
    everywhere = np.lib.stride_tricks.sliding_window_view(bars.reshape(-1), STEPS)
    states = everywhere[::STEPS_PER_BAR][firsts]
    cut = states[:, 0] == HOLD
    states[cut] = silenced(states[cut])
    return states


def silenced(states: np.ndarray) -> np.ndarray:
    """Return states (N, K) whose first HOLDs are REST: what began before them is not heard."""
    return np.where(np.logical_and.accumulate(states == HOLD, axis=1), np.uint8(REST), states)

"""Hears when notes begin in samples: independent of the code that placed them."""

import base64

import numpy as np

RATE = 44100


def samples(text):
    """The samples that a page sent as base64 of 32-bit floats."""
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)


def onsets(signal, *, apart=0.05):
    """Return the seconds at which the signal rises steeply, at least `apart` from each other."""
    size = RATE // 1000
    bright = np.diff(signal, 2, prepend=[0, 0])  # beginnings are bright, what dies away is not
    peaks = np.abs(bright[: len(bright) // size * size]).reshape(-1, size).max(1)  # of each millisecond
    before = np.concatenate([np.zeros(8), peaks])
    before = np.lib.stride_tricks.sliding_window_view(before, 8).max(1)[: len(peaks)]  # the highest of the 8 before
    rises = np.flatnonzero((peaks > 0.15 * peaks.max()) & (peaks > 2 * before))
    found = []
    for at in rises * size / RATE:
        if not found or at - found[-1] > apart:
            found.append(at)
    return np.array(found)

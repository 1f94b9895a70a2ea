"""Notes of a given melody that a key or range does not allow, moved to ones that it does; all others stay.

No change keeps more notes. Which of the allowed pitches near a note it becomes is the decoder's choice: the likeliest
at its place, then others as they are likely, for where the likeliest make no plausible melody.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from melodylc.melody import HOLD, canonical
from melodylc.runtime.interface import MelodyModel

NEAREST = 2  # allowed pitches on either side that a note may become
OCTAVES = (-24, -12, 12, 24)  # or the same note in another octave, where a range ends
VARIANTS = 48  # of a repaired melody
CLOSE = 0.35  # of log-likelihood a semitone: what a pitch costs for being further off


def repaired(model: MelodyModel, melody: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return variants (V, 256) of a melody (256,) whose notes are all allowed, the likeliest first.

    Args:
        allowed: (128,) bool, pitches; one at least.
    """
    steps = np.flatnonzero(melody < HOLD)
    steps = steps[~allowed[melody[steps]]]
    variants = np.tile(melody, (VARIANTS, 1))
    if not len(steps):
        return variants[:1]
    logits = model.logits(model.encode(melody).mean, melody)
    for step in steps:
        pitch = int(melody[step])
        near = candidates(pitch, allowed)
        value = logits[step, near] - CLOSE * np.minimum(abs(near - pitch), abs(near - pitch) % 12 + 4)
        noise = rng.gumbel(size=(VARIANTS, len(near)))
        noise[0] = 0
        variants[:, step] = near[(value + noise).argmax(axis=1)]
    return variants[np.sort(np.unique(variants, axis=0, return_index=True)[1])]


def candidates(pitch: int, allowed: np.ndarray) -> np.ndarray:
    """Return the allowed pitches, (128,) bool, that a note may become: the nearest ones, and in other octaves."""
    there = np.flatnonzero(allowed)
    below, above = there[there < pitch][-NEAREST:], there[there > pitch][:NEAREST]
    octaves = [pitch + octave for octave in OCTAVES if 0 <= pitch + octave < HOLD and allowed[pitch + octave]]
    return np.unique(np.concatenate([below, above, octaves]).astype(int))


def notes_put_back(changed: np.ndarray, melody: np.ndarray, reward: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Put back every note of a melody (256,) that costs the changed one (256,) no reward, in order."""
    onsets = np.flatnonzero(melody < HOLD)
    ends = np.append(onsets, len(melody))[1:]
    best = float(reward(changed[None])[0])
    for onset, end in zip(onsets, ends, strict=True):
        if (changed[onset:end] == melody[onset:end]).all():
            continue
        tried = changed.copy()
        tried[onset:end] = melody[onset:end]
        tried = canonical(tried)
        value = float(reward(tried[None])[0])
        if value >= best:
            changed, best = tried, value
    return changed


def part_of(whole: np.ndarray, melody: np.ndarray, amount: float) -> np.ndarray:
    """Return a melody (256,) with a share of the changes that lead to another (256,), spread evenly over them."""
    steps = np.flatnonzero(whole != melody)
    taken = steps[np.floor((np.arange(len(steps)) + 1) * amount) > np.floor(np.arange(len(steps)) * amount)]
    part = melody.copy()
    part[taken] = whole[taken]
    return canonical(part)

"""Realism of a set of melodies: how far the histograms of what is in them are from those of held-out melodies.

Overlap area and KL divergence, as Yang and Lerch (2020) compare sets of music. A melody in C major cannot have the
pitch classes of melodies in all keys, so pitches are counted from each melody's own median.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from melodylc.melody import repeated_bars
from melodylc.model import Model
from melodylc.rules.note_arrays import intervals, lengths, onsets
from midi_io.atomic import atomic_write

REFERENCE = "held-out.json"  # beside a model: histograms of melodies it was not trained on
SPAN = 24  # semitones counted to either side; what is further falls into the last bin
LONGEST = 32  # steps
SMOOTHING = 1e-4  # added to every bin, so that KL stays finite

Histograms = dict[str, np.ndarray]  # shares that sum to 1


def histograms(states: np.ndarray) -> Histograms:
    """Of melodies (N, 256): pitch from the melody's median (49 bins), interval (49), duration in steps (32), and
    repetition: the number of bars of a melody that repeat an earlier one (16)."""
    found = onsets(states)
    # notes are sorted by melody, then by pitch: the median is in the middle of each run
    order = np.lexsort((found.pitch, found.row))
    counts = found.counts
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    median = np.zeros(len(states), int)
    some = counts > 0
    median[some] = found.pitch[order][first[some] + counts[some] // 2]
    return {
        "pitch": _shares(np.clip(found.pitch - median[found.row], -SPAN, SPAN) + SPAN, 2 * SPAN + 1),
        "interval": _shares(np.clip(intervals(found)[1], -SPAN, SPAN) + SPAN, 2 * SPAN + 1),
        "duration": _shares(np.minimum(lengths(states, found), LONGEST) - 1, LONGEST),
        "repetition": _shares(repeated_bars(states), 16),
    }


def _shares(bins: np.ndarray, count: int) -> np.ndarray:
    hits = np.bincount(bins, minlength=count).astype(float)
    return hits / max(hits.sum(), 1)


def overlap(a: Histograms, b: Histograms) -> dict[str, float]:
    """The area under both histograms, 1 where they are equal, 0 where they share nothing."""
    return {name: float(np.minimum(a[name], b[name]).sum()) for name in a}


def divergence(a: Histograms, b: Histograms) -> dict[str, float]:
    """KL(a || b) in nats, of smoothed histograms."""

    def smooth(shares: np.ndarray) -> np.ndarray:
        return (shares + SMOOTHING) / (shares + SMOOTHING).sum()

    return {name: float((smooth(a[name]) * np.log(smooth(a[name]) / smooth(b[name]))).sum()) for name in a}


def write_reference(model_path: Path, states: np.ndarray, said: str) -> None:
    """Store the histograms of held-out melodies (N, 256) beside a model, with what they are."""
    shares = {name: [round(x, 6) for x in values.tolist()] for name, values in histograms(states).items()}
    with atomic_write(model_path.with_name(REFERENCE)) as beside:
        beside.write_text(json.dumps({"melodies": len(states), "what": said, **shares}) + "\n")


def reference(model: Model) -> tuple[Histograms, str]:
    """The histograms stored beside a model and what they are of; of its bank where there are none."""
    path = model.path.with_name(REFERENCE)
    if not path.exists():
        return histograms(model.bank.states), "melodies of the model's bank (of its training split)"
    stored = json.loads(path.read_text())
    return {name: np.array(stored[name]) for name in ("pitch", "interval", "duration", "repetition")}, stored["what"]

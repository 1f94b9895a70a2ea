"""Realism of a set of melodies: how far its histograms are from those of held-out melodies.

Overlap area and KL divergence, as Yang and Lerch (2020) compare sets of music. A melody in C major cannot have the
pitch classes of melodies in all keys, so pitches are counted from each melody's own median.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from melodylc.melody import BARS, repeated_bars
from melodylc.model import Model
from melodylc.rules.note_arrays import intervals, lengths, onsets
from midi_io.atomic import atomic_write

REFERENCE = "held-out.json"  # beside a model: histograms of melodies it was not trained on
SPAN = 24  # semitones counted to either side; anything further away falls into the last bin
LONGEST = 32  # steps, two bars; longer notes fall into the last bin
SMOOTHING = 1e-4  # added to every bin, so that KL stays finite

Histograms = dict[str, np.ndarray]  # shares that sum to 1


def histograms(states: np.ndarray) -> Histograms:
    """Return the shares of four features in melodies (N, 256).

    Pitch from the melody's median (49 bins), interval (49), duration in steps (32), and repetition: the number of bars
    of a melody that repeat an earlier one (16).
    """
    notes = onsets(states)
    # notes are sorted by melody, then by pitch: the median is in the middle of each melody
    order = np.lexsort((notes.pitch, notes.row))
    counts = notes.counts
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    median = np.zeros(len(states), int)
    sounding = counts > 0
    median[sounding] = notes.pitch[order][first[sounding] + counts[sounding] // 2]
    return {
        "pitch": _shares(np.clip(notes.pitch - median[notes.row], -SPAN, SPAN) + SPAN, 2 * SPAN + 1),
        "interval": _shares(np.clip(intervals(notes)[1], -SPAN, SPAN) + SPAN, 2 * SPAN + 1),
        "duration": _shares(np.minimum(lengths(states, notes), LONGEST) - 1, LONGEST),
        "repetition": _shares(repeated_bars(states), BARS),
    }


def _shares(bins: np.ndarray, count: int) -> np.ndarray:
    hits = np.bincount(bins, minlength=count).astype(float)
    return hits / max(hits.sum(), 1)


def overlap(a: Histograms, b: Histograms) -> dict[str, float]:
    """Return the area under both histograms, 1 where they are equal, 0 where they share nothing."""
    return {name: float(np.minimum(a[name], b[name]).sum()) for name in a}


def divergence(a: Histograms, b: Histograms) -> dict[str, float]:
    """Return KL(a || b) in nats, of smoothed histograms."""

    def smooth(shares: np.ndarray) -> np.ndarray:
        return (shares + SMOOTHING) / (shares + SMOOTHING).sum()

    return {name: float((smooth(a[name]) * np.log(smooth(a[name]) / smooth(b[name]))).sum()) for name in a}


def write_reference(model_path: Path, states: np.ndarray, origin: str) -> None:
    """Store the histograms of held-out melodies (N, 256) beside a model, with a text that says where they come from."""
    shares = {name: [round(x, 6) for x in values.tolist()] for name, values in histograms(states).items()}
    with atomic_write(model_path.with_name(REFERENCE)) as beside:
        beside.write_text(json.dumps({"melodies": len(states), "what": origin, **shares}) + "\n")


def reference_histograms(model: Model) -> tuple[Histograms, str]:
    """Return the histograms stored beside a model (else those of its bank), and which melodies they are of."""
    path = model.path.with_name(REFERENCE)
    if not path.exists():
        return histograms(model.bank.states), "melodies of the model's bank (of its training split)"
    stored = json.loads(path.read_text())
    return {name: np.array(stored[name]) for name in ("pitch", "interval", "duration", "repetition")}, stored["what"]

"""Features of melodies, of which preferences learn the relevant ones."""

from __future__ import annotations

import numpy as np

from melodylc.melody import REST, STEPS_PER_BAR, STEPS_PER_BEAT
from melodylc.rules.contour import contour
from melodylc.rules.key import SCALES
from melodylc.rules.note_arrays import intervals, lengths, onsets
from melodylc.rules.repetition import motif, repetition
from melodylc.rules.rhythm import on_the_beat, swing, syncopation

_MAJOR = np.array([[(pitch - tonic) % 12 in SCALES["major"] for tonic in range(12)] for pitch in range(12)], float)


def melody_features(states: np.ndarray) -> np.ndarray:
    """Return (B, 38) float64 features of canonical melodies (B, 256).

    They are about density, register, intervals, note lengths, metre, repetition and contour, and the share of notes in
    each of the twelve major keys.
    """
    notes = onsets(states)
    count = notes.counts
    divisor = np.maximum(count, 1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(notes.row, values, len(states)) / divisor

    row, semitones = intervals(notes)
    moves = np.maximum(np.bincount(row, minlength=len(states)), 1)

    def of_intervals(values: np.ndarray) -> np.ndarray:
        return np.bincount(row, values, len(states)) / moves

    pitch, length = mean(notes.pitch), lengths(states, notes)
    size = np.abs(semitones)
    classes = np.stack([notes.share(notes.pitch % 12 == c) for c in range(12)], axis=1)  # (B, 12)
    columns = [
        count,
        np.log(divisor),
        pitch,
        np.sqrt(np.maximum(mean(notes.pitch**2.0) - pitch**2, 0)),
        np.where(states < 128, states, 127).min(axis=1),
        np.where(states < 128, states, 0).max(axis=1),
        of_intervals(size),
        of_intervals(size <= 2),
        of_intervals(size == 0),
        of_intervals(semitones > 0),
        mean(length),
        (states == REST).mean(axis=1),
        mean(notes.step % STEPS_PER_BAR == 0),
        mean(notes.step % STEPS_PER_BEAT == 0),
        mean(notes.step % 2 == 1),
        classes.max(axis=1),
    ]
    rules = (
        *(syncopation(1.0), on_the_beat(1.0), swing(1.0), repetition(1.0), motif(1.0), motif(1.0, "intervals")),
        *(contour(shape, 1.0) for shape in ("rising", "falling", "arch", "valley")),
    )
    columns += [rule.function(states) for rule in rules]
    return np.concatenate([np.stack(columns, axis=1), classes @ _MAJOR], axis=1)

"""Features of melodies, of which preferences learn the relevant ones."""

from __future__ import annotations

import numpy as np

from melodylc.melody import REST, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT
from melodylc.rules.contour import contour
from melodylc.rules.key import SCALES
from melodylc.rules.note_arrays import Onsets, intervals, lengths, onsets
from melodylc.rules.repetition import motif, repetition
from melodylc.rules.rhythm import on_the_beat, swing, syncopation

QUARTERS = 4  # of a melody, four bars each
_MAJOR = np.array([[(pitch - tonic) % 12 in SCALES["major"] for tonic in range(12)] for pitch in range(12)], float)


def melody_features(states: np.ndarray) -> np.ndarray:
    """Return (B, 50) float64 features of canonical melodies (B, 256).

    They are about density, register, intervals, note lengths, metre, repetition and contour, the share of notes in each
    of the twelve major keys, and where in the melody things happen: see `_by_position`.
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
    return np.concatenate([np.stack(columns, axis=1), classes @ _MAJOR, _by_position(states, notes)], axis=1)


def _by_position(states: np.ndarray, notes: Onsets) -> np.ndarray:
    """Return (B, 12): shares of notes and pitches above the mean of four quarters, the last note's, how it begins."""
    count = np.maximum(notes.counts, 1)
    pitch = np.bincount(notes.row, notes.pitch, len(states)) / count
    quarter = notes.row * QUARTERS + notes.step // (STEPS // QUARTERS)
    in_quarter = np.bincount(quarter, minlength=QUARTERS * len(states))
    above = np.bincount(quarter, notes.pitch - pitch[notes.row], QUARTERS * len(states)) / np.maximum(in_quarter, 1)
    shares = in_quarter.reshape(-1, QUARTERS) / count[:, None]
    last, length, first = np.zeros(len(states)), np.zeros(len(states)), np.full(len(states), STEPS)
    last[notes.row] = notes.pitch - pitch[notes.row]  # of a melody's notes, the last one written stays
    length[notes.row] = np.log(lengths(states, notes))
    np.minimum.at(first, notes.row, notes.step)
    ends = (states[:, ::-1] != REST).argmax(axis=1)  # steps of rest at the end; none of a silent melody
    return np.column_stack([shares, above.reshape(-1, QUARTERS), last, length, first, ends])

"""The representation of melodies that all parts share: a melody is 256 sixteenth-note steps, each in one of 130 states.

States 0..127: a note of that MIDI pitch starts. HOLD: the sounding note goes on. REST: nothing sounds.
A melody is a `uint8` array (256,), a batch is (B, 256). Canonical melodies have no HOLD with nothing sounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from midi_io.files import Note

BARS = 16
STEPS_PER_BAR = 16
STEPS = BARS * STEPS_PER_BAR
STEPS_PER_BEAT = 4
BEATS = STEPS // STEPS_PER_BEAT
ADDED_BARS = 8  # by which a melody goes on at a time, after at least as many that are known
HOLD = 128
REST = 129
STATES = 130


@dataclass(frozen=True)
class Melody:
    """One melody with its notes spelt out, for code that thinks in notes rather than in states.

    `notes` are midi_io notes: pitch, start and end in quarter-note beats (a bar has four), velocity.
    """

    states: np.ndarray  # (256,) uint8, canonical
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, states: np.ndarray) -> Melody:
        """Return the melody of states (256,), canonical or not."""
        states = canonical(states)
        return cls(states, tuple(to_notes(states)))


def check(states: np.ndarray, bars: int | None = BARS) -> np.ndarray:
    """Return the same melody or batch as uint8.

    Args:
        bars: how many it has; None for one or more.

    Raises:
        ValueError: unless its shape is (S,) or (B, S), S being 16 steps for each of the bars, and every state lies in
            0..129.
    """
    states = np.asarray(states)
    length = states.shape[-1] if states.ndim in (1, 2) else 0
    if bars is None and (length % STEPS_PER_BAR or not length):
        raise ValueError(f"melody: expected whole bars of {STEPS_PER_BAR} steps, got {states.shape}")
    if bars is not None and length != bars * STEPS_PER_BAR:
        steps = bars * STEPS_PER_BAR
        raise ValueError(f"melody: expected shape ({steps},) or (B, {steps}), got {states.shape}")
    if states.dtype != np.uint8 or (states.size and states.max() > REST):
        whole = np.issubdtype(states.dtype, np.integer)
        if not whole or (states.size and (states.min() < 0 or states.max() > REST)):
            raise ValueError(f"melody: expected integers 0 to 129, got {states.dtype} {states.reshape(-1)[:8]}")
    return states.astype(np.uint8, copy=False)


def canonical(states: np.ndarray) -> np.ndarray:
    """Return a melody or batch, of any number of bars, with every HOLD that holds nothing turned into a REST."""
    states = check(states, None)
    steps = np.arange(states.shape[-1])
    # the last step that was no HOLD decides: if it is a REST, or there is none, the HOLD is empty
    last = np.maximum.accumulate(np.where(states == HOLD, -1, steps), axis=-1)
    before = np.take_along_axis(states, np.maximum(last, 0), axis=-1)
    empty = (states == HOLD) & ((last < 0) | (before == REST))
    return np.where(empty, np.uint8(REST), states)


def repeated_bars(states: np.ndarray) -> np.ndarray:
    """Count the bars, of 16, of each melody (B, 256) that repeat an earlier one exactly, (B,).

    A bar without a note start repeats nothing.
    """
    bars = states.reshape(-1, BARS, STEPS_PER_BAR)
    same = (bars[:, :, None] == bars[:, None]).all(axis=3) & np.tri(BARS, k=-1, dtype=bool)  # (B, T, T)
    return (same.any(axis=2) & (bars < HOLD).any(axis=2)).sum(axis=1)


def to_notes(states: np.ndarray, velocity: int = 90) -> list[Note]:
    """Return the notes of one melody, of any number of bars, in beats, in order."""
    states = canonical(states)
    onsets = np.flatnonzero(states < HOLD)
    # a note ends at the next step that is no HOLD
    changes = np.append(np.flatnonzero(states != HOLD), len(states))
    ends = changes[np.searchsorted(changes, onsets, side="right")]
    return [
        Note(int(states[onset]), onset / STEPS_PER_BEAT, end / STEPS_PER_BEAT, velocity)
        for onset, end in zip(onsets.tolist(), ends.tolist(), strict=True)
    ]


def from_notes(notes: Iterable[Note], bars: int = BARS) -> np.ndarray:
    """Return one melody of so many bars (S,) from timed notes in beats.

    Times are rounded to the nearest sixteenth (halves up), a note lasts at least one step, several onsets in one step
    leave the highest, a later onset cuts a sounding note unless that one is higher: the skyline of the extraction.
    What lies outside the bars is left out.
    """
    steps, rounded = bars * STEPS_PER_BAR, []
    for note in notes:
        onset = int(np.floor(note.start * STEPS_PER_BEAT + 0.5))
        offset = max(int(np.floor(note.end * STEPS_PER_BEAT + 0.5)), onset + 1)
        if 0 <= onset < steps:
            rounded.append((onset, -note.pitch, -min(offset, steps)))
    states = np.full(steps, REST, np.uint8)
    pitch, end = -1, 0
    taken = -1
    for onset, minus_pitch, minus_end in sorted(rounded):
        if onset == taken or (end > onset and pitch > -minus_pitch):
            continue
        taken, pitch = onset, -minus_pitch
        states[onset:end] = REST  # the note that sounded is cut and does not come back
        end = -minus_end
        states[onset] = pitch
        states[onset + 1 : end] = HOLD
    return states

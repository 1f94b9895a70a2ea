"""Melodies that are given between their notes and the grid of sixteenths, on which the model makes others.

What stays of a melody comes back as it was played, off the grid and with its chords.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from melodylc.bridge.questions import step_of
from melodylc.melody import HOLD, REST, STEPS_PER_BAR, STEPS_PER_BEAT, from_notes, to_notes
from melodylc.tasks.locks import FREE, LOCKED, RHYTHM
from midi_io.files import Note

VELOCITY = 90  # of new notes, where no other is known


def states_of(notes: Iterable[Note], bars: int) -> np.ndarray:
    """Return the melody (S,) of notes: the highest where several sound."""
    last = bars * STEPS_PER_BAR - 1
    # what begins on the last sixteenth, but nearer to the bar that follows, is in this one
    clipped = (note._replace(start=min(note.start, last / STEPS_PER_BEAT)) for note in notes)
    return from_notes(clipped, bars)


def anew(remake: Iterable[tuple[float, float]], bars: int) -> np.ndarray:
    """Return the steps (S,) bool that lie in stretches of quarter notes."""
    steps = np.zeros(bars * STEPS_PER_BAR, bool)
    for begin, end in remake:
        steps[step_of(begin) : step_of(end)] = True
    return steps


def locked(states: np.ndarray, anew: np.ndarray, kept: int = FREE) -> tuple[np.ndarray, np.ndarray]:
    """Return a melody (S,) and its locks (S,) so that notes that begin in steps (S,) bool are made anew, no others.

    A note that begins before them stays to its end. One that goes on after them is cut, so that nothing new begins
    there; where the rhythm is kept, it keeps its length.

    Args:
        kept: what stays of the notes that are made anew, one of `melodylc.tasks.locks`.
    """
    held = states == HOLD
    onset = np.maximum.accumulate(np.where(held, 0, np.arange(len(states))))
    new = np.where(held, anew[onset], anew)
    cut = new & ~anew if kept != RHYTHM else np.zeros(len(states), bool)
    return np.where(cut, np.uint8(REST), states), np.where(new & ~cut, kept, LOCKED)


def notes_of(states: np.ndarray, given: Sequence[Note] = (), stays: np.ndarray | None = None) -> list[Note]:
    """Return the notes of a melody (S,) that was made of given ones.

    Given notes that begin on steps that stay are as they were, all of them; so are others that are in the melody
    unchanged. A new pitch in the place of an old one has its place and velocity; other notes have a usual velocity.

    Args:
        stays: (S,) bool; default: none.
    """
    stays = np.zeros(len(states), bool) if stays is None else stays
    steps = len(states)
    old = {}  # the highest on each step, and of these the longest
    for note in sorted(given, key=lambda each: (each.pitch, each.end)):
        old[_onset(note, steps)] = note
    usual = round(float(np.median([note.velocity for note in given]))) if given else VELOCITY
    notes = [note for note in given if stays[_onset(note, steps)]]
    for note in to_notes(states):
        step = step_of(note.start)
        if stays[step]:
            continue
        before = old.get(step)
        if before is None:
            notes.append(note._replace(velocity=usual))
        elif _end(before, steps) == step_of(note.end):
            notes.append(before._replace(pitch=note.pitch))
        else:
            notes.append(note._replace(velocity=before.velocity))
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def _onset(note: Note, steps: int) -> int:
    return min(step_of(note.start), steps - 1)


def _end(note: Note, steps: int) -> int:
    return min(max(step_of(note.end), _onset(note, steps) + 1), steps)

"""The field's own figures of melodies, by the library that defined them: MusPy (Dong et al., 2020)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from melodylc.melody import STEPS_PER_BAR, STEPS_PER_BEAT
from melodylc.rules.note_arrays import Onsets, lengths, onsets

# Each measured on every melody. Polyphony says nothing of one line, pitch range is plausibility's span.
FIGURES = ("pitch entropy", "pitch class entropy", "scale consistency", "groove consistency", "empty beat rate")


def field_figures(states: np.ndarray) -> dict[str, float]:
    """Return the mean of each of `FIGURES` over melodies (B, 256).

    Entropies are in bits. A figure that a melody does not have, such as the entropy of silence, does not count.

    Raises:
        ImportError: without MusPy.
    """
    muspy = library()
    values = np.array([_of_one(muspy, music) for music in _as_music(muspy, states)]).reshape(len(states), len(FIGURES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing, which is nan
        return dict(zip(FIGURES, np.nanmean(values, axis=0).tolist(), strict=True))


def _of_one(muspy: Any, music: Any) -> tuple[float, ...]:
    return (
        muspy.pitch_entropy(music),
        muspy.pitch_class_entropy(music),
        muspy.scale_consistency(music),
        muspy.groove_consistency(music, STEPS_PER_BAR),
        muspy.empty_beat_rate(music),
    )


def _as_music(muspy: Any, states: np.ndarray) -> list[Any]:
    """Return melodies (B, 256) as MusPy has them: one time step is a sixteenth."""
    notes: Onsets = onsets(states)
    made: list[list[Any]] = [[] for _ in states]
    for row, step, pitch, length in zip(notes.row, notes.step, notes.pitch, lengths(states, notes)):
        made[row].append(muspy.Note(time=int(step), pitch=int(pitch), duration=int(length)))
    return [muspy.Music(resolution=STEPS_PER_BEAT, tracks=[muspy.Track(notes=track)]) for track in made]


def library() -> Any:
    """Return MusPy.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        import muspy
    except ImportError as error:
        raise ImportError(
            "the field's figures need MusPy; install it with: pip install 'melodylc[evaluate]'"
        ) from error
    return muspy

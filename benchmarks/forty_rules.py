"""Forty rules to search and to learn for, of every family and of the kinds that are hardest to learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from melodylc import rules
from melodylc.melody import BARS, HOLD, STEPS_PER_BAR, Melody
from melodylc.rules import Rule
from melodylc.rules.note_arrays import lengths, onsets

CLAVE = np.isin(np.arange(32), (0, 6, 12, 20, 24))  # where notes begin in two bars


def whole(name: str, of_pitches: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> Rule:
    """Make a function of the pitches, first steps and lengths of a melody's notes a rule; none without two notes."""

    def rewards(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        length = lengths(states, notes)
        ends = np.cumsum(notes.counts)[:-1]
        each = zip(*(np.split(values, ends) for values in (notes.pitch, notes.step, length)), strict=True)
        return np.array([float(of_pitches(*values)) if len(values[0]) > 1 else 0.0 for values in each])

    return Rule(name, rewards)


def by_bar(name: str, of_bars: Callable[[np.ndarray], np.ndarray]) -> Rule:
    """Make a function of bars (B, 16, 16) to rewards (B,) a rule."""
    return Rule(name, lambda states: of_bars(states.reshape(-1, BARS, STEPS_PER_BAR)).astype(float))


def close(value: float, wanted: float, unit: float) -> float:
    """Return 1 for the value wanted, less the further off it is, 0 from a unit on."""
    return max(0.0, 1 - abs(value - wanted) / unit)


def rhythm(bars: np.ndarray) -> np.ndarray:
    """Return bars with all pitches alike."""
    return np.where(bars < HOLD, 0, bars)


def same(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (B,) the share of steps that are the same in two arrays of bars (B, N, 16)."""
    return np.asarray((first == second).mean(axis=(1, 2)))


def last_of_bar(melody: Melody, bar: int) -> int | None:
    """Return the pitch class of the last note that begins before the end of a bar, from 1."""
    before = [note.pitch % 12 for note in melody.notes if note.start < 4 * bar]
    return before[-1] if before else None


@rules.per_melody
def question_and_answer(melody: Melody) -> float:
    """Bar 4 ends anywhere but where bar 8 does, which is where the melody began."""
    if not melody.notes:
        return 0.0
    home = melody.notes[0].pitch % 12
    return ((last_of_bar(melody, 4) != home) + (last_of_bar(melody, 8) == home)) / 2


RARE = (
    whole("exactly five pitches", lambda pitch, *_: close(len(set(pitch.tolist())), 5, 16)),
    whole("exactly 64 notes", lambda pitch, *_: close(len(pitch), 64, 64)),
    by_bar("bars 1 to 4 in the rhythm of 9 to 12", lambda bars: same(rhythm(bars[:, :4]), rhythm(bars[:, 8:12]))),
    whole("no pitch twice in a row", lambda pitch, *_: (np.diff(pitch) != 0).mean()),
    whole("three different lengths", lambda _, __, length: close(len(set(length.tolist())), 3, 6)),
    whole("the lowest note once", lambda pitch, *_: 1 / (pitch == pitch.min()).sum()),
    whole("an octave from lowest to highest", lambda pitch, *_: close(int(np.ptp(pitch)), 12, 24)),
    by_bar("bars 3 and 4 as bars 1 and 2", lambda bars: same(bars[:, :2], bars[:, 2:4])),
    by_bar("no rest", lambda bars: (bars != 129).mean(axis=(1, 2))),
    whole("all on two sixteenths", lambda _, step, __: (step % 2 == 0).mean()),
)
EVERYWHERE = (
    rules.chord_tones("C | Am | F | G", at_least=0.9),
    by_bar("a clave", lambda bars: ((bars.reshape(-1, 8, 32) < HOLD) == CLAVE).mean(axis=(1, 2))),
    by_bar("AABA", lambda bars: (same(bars[:, :4], bars[:, 4:8]) + same(bars[:, :4], bars[:, 12:])) / 2),
    by_bar("a note on every first beat", lambda bars: (bars[..., 0] < HOLD).mean(axis=1)),
    by_bar("one rhythm throughout", lambda bars: same(rhythm(bars[:, 1:]), rhythm(bars[:, :1]))),
    by_bar("a breath every four bars", lambda bars: (bars[:, 3::4, 14:] == 129).mean(axis=(1, 2))),
    by_bar("notes on every beat", lambda bars: (bars[..., ::4] < HOLD).mean(axis=(1, 2))),
    by_bar("five notes a bar at most", lambda bars: ((bars < HOLD).sum(axis=2) <= 5).mean(axis=1)),
    rules.pitch_classes("C major pentatonic") & rules.notes(at_least=100),
    rules.chord_tones("Am | G | F | E", at_least=0.8),
)
DISTANT = (
    whole("the last pitch class is the first", lambda pitch, *_: pitch[0] % 12 == pitch[-1] % 12),
    whole("one climax", lambda pitch, *_: 1 / (pitch == pitch.max()).sum()),
    whole("the climax in bars 9 to 12", lambda pitch, step, _: 128 <= step[pitch.argmax()] < 192),
    question_and_answer,
    by_bar("bar 16 as bar 1", lambda bars: same(bars[:, :1], bars[:, 15:])),
    whole("the last note is the longest", lambda _, __, length: min(1.0, length[-1] / length.max())),
    whole("the lowest note first and last", lambda pitch, *_: (pitch[[0, -1]] == pitch.min()).mean()),
    whole(
        "the second half higher",
        lambda pitch, step, _: (
            len(set(step < 128)) == 2 and min(1.0, max(0.0, (pitch[step >= 128].mean() - pitch[step < 128].mean()) / 4))
        ),
    ),
    by_bar("rhythm the same backwards", lambda bars: same(rhythm(bars[:, :8]), rhythm(bars[:, :7:-1]))),
    whole(
        "denser in the second half", lambda _, step, __: min(1.0, (step >= 128).sum() / (1.5 * (step < 128).sum() + 1))
    ),
)
BUILT_IN = (
    rules.syncopation(0.4),
    rules.contour("arch", 0.8),
    rules.contour("valley", 0.8),
    rules.leaps(5),
    rules.stepwise(0.7),
    rules.note_lengths(2, 8),
    rules.motif(),
    rules.call_and_response(),
    rules.phrase_endings([0, 4, 7]),
    rules.pitch_classes("E minor") & rules.contour("arch") & rules.notes(at_least=80),
)
KINDS = {"rare": RARE, "everywhere": EVERYWHERE, "distant": DISTANT, "built in": BUILT_IN}

"""Swing and triplets: recognised in what musicians play, straightened for the model, and given back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import melodylc
from melodylc.live.feel import EVEN, Feel
from melodylc.live.feel_finder import feel_of
from melodylc.live.phrases import phrase_of
from melodylc.melody import HOLD, REST, STEPS, canonical, to_notes
from midi_io.files import Note
from midi_io.swing import EIGHTHS, SIXTEENTHS, Swing

SEEDS = range(20)
FEELS = st.builds(
    Feel,
    st.builds(Swing, st.floats(0.5, 0.7), st.sampled_from([SIXTEENTHS, EIGHTHS])),
    st.lists(st.booleans(), max_size=8).map(tuple),
)
MELODIES = st.lists(st.sampled_from([60, 64, 67, HOLD, HOLD, REST]), min_size=STEPS, max_size=STEPS).map(
    lambda states: canonical(np.array(states, np.uint8))
)


def played(positions, tempo, seed, jitter=0.015):
    """Positions in beats, as somebody plays them, who is off by a deviation in seconds."""
    return np.array(positions) + np.random.default_rng(seed).normal(0, jitter, len(positions)) * tempo / 60


def share_error(tempo, notes, pair):
    """How far off a share may be: four deviations of the best there is for so many notes, half of each kind."""
    return 4 * 0.015 * tempo / 60 / pair * np.sqrt(4 / notes)


def eighths(share, bars=4):
    return [beat + at for beat in range(4 * bars) for at in (0, share)]


def triplets(bars=4):
    return [beat + third / 3 for beat in range(4 * bars) for third in range(3)]


@pytest.mark.parametrize("tempo", [60, 110, 170])
@pytest.mark.parametrize("share", [0.58, 0.62, 2 / 3])
def test_swung_eighths_are_recognised(share, tempo):
    feels = [feel_of(played(eighths(share), tempo, seed), 60 / tempo) for seed in SEEDS]
    recognised = [feel.swing.share for feel in feels if feel.swing.pair == EIGHTHS]
    assert len(recognised) >= (1.0 if tempo < 150 else 0.8) * len(SEEDS)
    assert recognised == pytest.approx([share] * len(recognised), abs=share_error(tempo, 32, EIGHTHS))
    assert not any(any(feel.triplets) for feel in feels)


@pytest.mark.parametrize("share", [0.57, 0.62])
def test_swung_sixteenths_are_recognised(share):
    positions = [beat + half + at / 2 for beat in range(16) for half in (0, 0.5) for at in (0, share)]
    for seed in SEEDS:
        feel = feel_of(played(positions, 90, seed), 60 / 90)
        assert feel.swing.pair == SIXTEENTHS
        assert feel.swing.share == pytest.approx(share, abs=share_error(90, 64, SIXTEENTHS))


@pytest.mark.parametrize("tempo", [60, 110, 150])
def test_triplets_are_recognised(tempo):
    for seed in SEEDS:
        feel = feel_of(played(triplets(), tempo, seed), 60 / tempo)
        assert all(feel.triplets)


def test_triplets_among_straight_beats_are_those_beats():
    """Eighths, but for triplets in the second and the fourth beat of every bar."""
    odd = [4 * bar + beat for bar in range(4) for beat in (1, 3)]
    positions = [beat + at for beat in range(16) for at in ((0, 1 / 3, 2 / 3) if beat in odd else (0, 0.5))]
    right = 0
    for seed in SEEDS:
        feel = feel_of(played(positions, 100, seed), 60 / 100)
        assert feel.swing.share == 0.5
        right += sum(found == (beat in odd) for beat, found in enumerate(feel.triplets))
    assert right >= 0.95 * 16 * len(SEEDS)


def test_real_melodies_that_are_played_straight_stay_straight():
    rng = np.random.default_rng(0)
    states = melodylc.load().bank.states
    phrases = [np.flatnonzero(melody[:64] < HOLD) / 4 for melody in states[rng.choice(len(states), 300)]]
    wrong = 0
    for seed, positions in enumerate(phrases):
        if len(positions):
            tempo = rng.uniform(60, 180)
            wrong += feel_of(played(positions, tempo, seed), 60 / tempo) != EVEN
    assert wrong <= 3  # of 300


def test_what_is_early_or_late_as_a_whole_is_not_swing():
    for late in (-0.05, 0.05):
        assert feel_of(np.arange(16) + late, 0.5) == EVEN
        assert feel_of(np.arange(32) / 2 + late, 0.5) == EVEN


@given(MELODIES, FEELS)
def test_what_is_played_is_rounded_to_what_it_was(states, feel):
    """But for fourth notes of triplets, which a melody has and a phrase has not."""
    notes = to_notes(states)
    fourths = {int(note.start * 4) for note in notes if note.start % 1 == 0.75 and feel.in_thirds(int(note.start))}
    with_fourths = {step // 4 for step in fourths}
    for note, back in zip(notes, feel.played(notes), strict=False) if not fourths else ():
        assert feel.step(back.start) == round(note.start * 4)
        if note.end % 1 != 0.75 or not feel.in_thirds(int(note.end)):
            assert feel.step(back.end) == round(note.end * 4)
    bent = feel.played(notes)
    assert [note.start for note in bent] == sorted({note.start for note in bent})
    assert all(note.start < note.end for note in bent)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(bent))
    in_thirds = [3 * note.start for note in bent if feel.in_thirds(int(note.start))]
    assert in_thirds == pytest.approx(np.round(in_thirds))
    assert len(bent) >= len(notes) - len(with_fourths)


def test_triplets_are_the_first_three_sixteenths_of_their_beat():
    notes = [Note(60 + number, start, start + 1 / 3, 80) for number, start in enumerate(triplets(bars=1))]
    phrase = phrase_of(notes, 120, None)
    assert all(phrase.feel.triplets)
    expected = [state for beat in range(4) for state in (60 + 3 * beat, 61 + 3 * beat, 62 + 3 * beat, HOLD)]
    assert phrase.states[:16].tolist() == expected
    back = phrase.feel.played(to_notes(phrase.states[:16]))
    assert [note.start for note in back] == pytest.approx(triplets(bars=1))
    assert [note.end for note in back] == pytest.approx([start + 1 / 3 for start in triplets(bars=1)])


@pytest.mark.parametrize(
    ("begin", "thirds"),
    [
        ((0, 1, 2), (0, 1, 2)),
        ((0, 3), (0, 2)),  # a dotted eighth and a sixteenth
        ((0, 2), (0, 2)),
        ((0, 2, 3), (0, 1, 2)),
        ((0, 1, 3), (0, 1, 2)),
        ((0, 1, 2, 3), (0, 1, 2)),
    ],
)
def test_rhythms_of_a_beat_in_triplets(begin, thirds):
    states = np.full(16, HOLD, np.uint8)
    states[list(begin)] = [60 + step for step in begin]
    bent = Feel(triplets=(True, False, False, False)).played(to_notes(states))
    assert [note.start for note in bent] == pytest.approx([third / 3 for third in thirds])
    assert bent[-1].end == 4

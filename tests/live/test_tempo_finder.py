"""The tempo of a phrase, from its notes alone: real melodies, played by somebody who is off by some milliseconds."""

import numpy as np
import pytest

import melodylc
from melodylc.live.tempo_finder import TOGETHER, USUAL, TempoFinder
from melodylc.melody import HOLD
from midi_io.swing import EIGHTHS, Swing

JITTER = 0.015  # seconds
BARS = 4


@pytest.fixture(scope="module")
def phrases():
    """The positions in beats of the notes of four bars, of melodies of the corpus, from the first beat on."""
    rng = np.random.default_rng(1)
    states = melodylc.load().bank.states
    found = []
    while len(found) < 100:
        melody, bar = states[rng.integers(len(states))], rng.integers(17 - BARS)
        positions = np.flatnonzero(melody[bar * 16 : (bar + BARS) * 16] < HOLD) / 4
        if len(positions) >= 8 and positions[0] == 0:
            found.append(positions)
    return found


def found(positions, tempo, seed, jitter=JITTER):
    finder = TempoFinder()
    moments = positions * 60 / tempo + np.random.default_rng(seed).normal(0, jitter, len(positions))
    for moment in np.sort(moments) + 1000.0:
        finder.take(float(moment))
    return finder


@pytest.mark.parametrize("tempo", [60, 85, 110, 140, 180])
@pytest.mark.parametrize("swing", [Swing(), Swing(0.62, EIGHTHS)])
def test_it_is_within_three_per_cent_or_a_half_or_a_double(phrases, tempo, swing):
    right = 0
    for seed, positions in enumerate(phrases):
        ratio = found(np.array([swing.swung(at) for at in positions]), tempo, seed).tempo / tempo
        right += any(abs(ratio / known - 1) < 0.03 for known in (0.5, 1, 2))
    assert right >= 90  # of 100; benchmarks/phrases.py has the figures


def test_it_follows_a_player_who_speeds_up():
    """From 90 to 108 bpm in eight bars of eighths and quarters."""
    positions = np.array([beat + half for beat in range(32) for half in ((0, 0.5) if beat % 2 else (0,))])
    moments = 60 / np.linspace(90, 108, 3200) * 0.01
    at = np.concatenate([[0], np.cumsum(moments)])[(positions * 100).astype(int)]
    finder = TempoFinder()
    for moment in at:
        finder.take(float(moment))
    assert finder.tempo == pytest.approx(107, rel=0.02)
    assert finder.position(float(at[-1])) == pytest.approx(positions[-1], abs=0.05)


def test_positions_are_those_that_were_played(phrases):
    positions = phrases[0]
    finder = found(positions, 100, seed=0, jitter=0.0)
    assert finder.tempo == pytest.approx(100, rel=0.002)
    moments = 1000.0 + positions * 0.6
    assert finder.positions(moments.tolist()) == pytest.approx(positions, abs=0.08)
    assert finder.position(1000.0 + 70 * 0.6) == pytest.approx(70, abs=0.1)


def test_a_chord_counts_as_one_and_a_single_note_says_nothing():
    finder, chords = TempoFinder(), TempoFinder()
    assert finder.tempo == pytest.approx(USUAL, rel=0.02)
    for beat in range(8):
        finder.take(beat * 0.5)
        for late in (0, 0.5, 0.9):
            chords.take(beat * 0.5 + late * TOGETHER)
    assert chords.tempo == finder.tempo == pytest.approx(120, rel=0.005)

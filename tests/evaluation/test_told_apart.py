"""The judge that tells melodies apart: what it must see, what it must not, and what chance gives."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from melodylc.evaluation.histograms import histograms, overlap
from melodylc.evaluation.told_apart import judge_features, repeated_rhythms, told_apart
from melodylc.melody import HOLD, REST, canonical


def random_melodies(count, seed, low=55, high=80):
    """Random walks over random rhythms."""
    rng = np.random.default_rng(seed)
    pitch = np.clip(67 + np.cumsum(rng.integers(-4, 5, (count, 256)), axis=1), low, high)
    kind = rng.random((count, 256))
    return canonical(np.where(kind < 0.3, pitch, np.where(kind < 0.9, HOLD, REST)).astype(np.uint8))


@settings(max_examples=3)
@given(st.integers(0, 2**31))
def test_melodies_of_one_kind_are_told_apart_by_chance_only(seed):
    both = random_melodies(400, seed)
    # 100 judged of each set and fold: a standard error of 0.04, and of 0.03 for the mean of two folds
    assert abs(told_apart(both[:200], both[200:], seed).auc - 0.5) < 0.13


def test_one_repeated_note_is_always_told():
    repeated = np.tile(np.array([60, HOLD, HOLD, HOLD], np.uint8), 64)[None].repeat(200, axis=0)
    found = told_apart(repeated, random_melodies(240, 0))
    assert (found.auc, found.spread, found.melodies) == (1.0, 0.0, 200)
    assert told_apart(random_melodies(240, 0), repeated).auc == 1.0


def test_the_judge_sees_what_histograms_do_not():
    """Bars of rhythm, four times each in one melody or dealt out over all: no histogram sees the difference."""
    rng = np.random.default_rng(3)
    begins = rng.random((200, 4, 16)) < 0.35
    begins[:, :, 0] = True  # no bar holds what came before
    together = begins.repeat(4, axis=1)
    dealt = together.reshape(-1, 16)[rng.permutation(200 * 16)].reshape(together.shape)

    def with_pitches(rhythm):
        pitch = rng.choice([60, 62, 64, 65, 67], rhythm.shape)
        return np.where(rhythm, pitch, HOLD).astype(np.uint8).reshape(200, 256)

    first, second = with_pitches(together), with_pitches(dealt)
    assert min(overlap(histograms(first), histograms(second)).values()) > 0.95
    assert told_apart(first, second).auc > 0.99


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.integers(-40, 40))
def test_register_and_key_are_hidden_from_the_judge(seed, semitones):
    melodies = random_melodies(4, seed)
    moved = np.where(melodies < HOLD, melodies.astype(int) + semitones, melodies).astype(np.uint8)
    np.testing.assert_allclose(judge_features(melodies), judge_features(moved))


def test_silence_has_features():
    silence = np.full((2, 256), REST, np.uint8)
    assert np.isfinite(judge_features(silence)).all()


def test_one_seed_gives_one_area():
    first, second = random_melodies(40, 0), random_melodies(60, 1, high=70)
    assert told_apart(first, second, 5) == told_apart(first, second, 5)
    assert told_apart(first, second, 5).melodies == 40


def test_repeated_rhythms_by_hand():
    bar = np.full(16, HOLD, np.uint8)
    bar[[0, 4]] = 60, 62
    other = bar.copy()
    other[4] = 70  # another melody in the same rhythm
    third = bar.copy()
    third[8] = 60
    melody = np.concatenate([bar, other, third, *[np.full(16, REST, np.uint8)] * 13])
    assert repeated_rhythms(melody[None]).tolist() == [1]  # rests repeat nothing
    assert repeated_rhythms(np.tile(bar, 16)[None]).tolist() == [15]


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(UserError, match="at least 4 melodies in both sets, got 3"):
        told_apart(random_melodies(3, 0), random_melodies(9, 1))
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ImportError, match=r"pip install 'melodylc\[evaluate\]'"):
        told_apart(random_melodies(9, 0), random_melodies(9, 1))

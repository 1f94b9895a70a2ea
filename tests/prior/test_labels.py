"""Labels are of requests that the melodies satisfy: checked by the rules, which know nothing of labels."""

from __future__ import annotations

import numpy as np
import pytest

from melodylc import rules
from melodylc.attributes import ASKED, CENTRES, FORBIDDEN, LABELS, NUMBERS, TONIC, UNITS, Attributes
from melodylc.melody import HOLD, REST, canonical
from melodylc.prior import labels
from melodylc.prior.requests import random_attributes
from melodylc.rules.key import SCALES, Key


def random_melodies(rng, count, scale=None):
    """Melodies of some of a scale's pitches, or of any."""
    states = np.full((count, 256), HOLD, np.uint8)
    pitches = np.array([p for p in range(48, 85) if scale is None or (scale >> (p % 12)) & 1])
    onset = rng.random(states.shape) < 0.4
    states[onset] = rng.choice(pitches, int(onset.sum()))
    states[rng.random(states.shape) < 0.05] = REST
    states[:, 0] = pitches[len(pitches) // 2]
    return canonical(states)


def test_facts_by_hand():
    states = np.full((2, 256), HOLD, np.uint8)
    states[0, :8] = [60, HOLD, 64, HOLD, 67, 60, HOLD, REST]
    states[0, 8:] = REST
    states[1, [0, 100, 200]] = [57, 45, 57]
    found = labels.facts(canonical(states))
    assert found.notes.tolist() == [4, 3]
    assert found.low.tolist() == [60, 45]
    assert found.high.tolist() == [67, 57]
    assert found.classes.tolist() == [1 << 0 | 1 << 4 | 1 << 7, 1 << 9]
    assert found.tonic.tolist() == [0, 9]


def test_the_tonic_is_heard_in_every_key():
    steps = np.array([0, 2, 4, 5, 7, 9, 11, 12, 7, 4, 0])
    for tonic in range(12):
        states = np.full((1, 256), HOLD, np.uint8)
        states[0, : 4 * len(steps) : 4] = 60 + tonic + steps
        states[0, 4 * len(steps) :] = REST
        assert labels.facts(canonical(states)).tonic.tolist() == [tonic]


def attributes_of(row):
    """What labels (32,) ask for."""
    classes = [c for c in range(12) if not row[FORBIDDEN + c]]
    numbers = row[NUMBERS:ASKED] * np.array(UNITS) + np.array(CENTRES)
    given = row[ASKED:] == 1
    return classes, [number if there else None for number, there in zip(numbers, given, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_melodies_satisfy_what_their_labels_ask_for(seed):
    rng = np.random.default_rng(seed)
    scale = rng.choice(labels.SCALE_SETS)
    states = np.concatenate([random_melodies(rng, 40, scale), random_melodies(rng, 40)])
    known = labels.facts(states)
    none = np.zeros(80, bool)
    drawn = labels.draw_labels(known, rng, np.zeros(80, int), none, none)
    assert drawn.shape == (80, LABELS)
    for melody, row in zip(states, drawn, strict=True):
        classes, (least, most, low, high) = attributes_of(row)
        notes = melody[melody < HOLD]
        assert rules.pitch_classes(classes).satisfied(melody[None])[0]
        assert least is None or len(notes) >= least - 1e-3
        assert most is None or len(notes) <= most + 1e-3
        assert low is None or notes.min() >= low - 1e-3
        assert high is None or notes.max() <= high + 1e-3
    assert (drawn == 0).all(axis=1).any()
    assert drawn[:, TONIC : TONIC + 12].sum(axis=1).max() == 1


def test_what_was_transposed_is_always_asked_for():
    rng = np.random.default_rng(0)
    states = random_melodies(rng, 200, labels.SCALE_SETS[20])
    all_ = np.ones(200, bool)
    drawn = labels.draw_labels(labels.facts(states), rng, np.zeros(200, int), all_, all_)
    assert drawn[:, FORBIDDEN : FORBIDDEN + 12].any(axis=1).mean() > 0.9
    assert drawn[:, ASKED + 2 :].all()


def test_snapped_melodies_keep_the_scale_and_the_rhythm():
    rng = np.random.default_rng(1)
    states = random_melodies(rng, 60)
    scale = rng.choice(labels.SCALE_SETS, 60)
    moved = labels.snapped(states, scale, rng.random(60) < 0.5)
    np.testing.assert_array_equal(moved >= HOLD, states >= HOLD)
    assert np.abs(moved.astype(int) - states)[states < HOLD].max() <= 3
    for melody, one in zip(moved, scale, strict=True):
        assert rules.pitch_classes([c for c in range(12) if one >> c & 1]).satisfied(melody[None])[0]


def test_every_scale_on_every_tonic_is_known():
    known = set(labels.SCALE_SETS.tolist())
    for name in set(SCALES) - {"chromatic"}:
        for tonic in range(12):
            assert sum(1 << c for c in Key.parse(f"C {name}").transposed(tonic).classes) in known


def test_requests_are_of_all_kinds():
    rng = np.random.default_rng(2)
    drawn = [random_attributes(rng) for _ in range(2000)]
    assert len({each.key.classes for each in drawn if each.key}) > 300
    assert {each.key.tonic for each in drawn if each.key} == {None, *range(12)}
    assert min(each.low for each in drawn if each.low is not None) < 32
    assert max(each.high for each in drawn if each.high is not None) > 92
    assert any(each.at_most is not None and each.notes is not None for each in drawn)
    for each in drawn[:100]:
        assert Attributes(each.key, each.notes, each.low, each.high, at_most=each.at_most) == each

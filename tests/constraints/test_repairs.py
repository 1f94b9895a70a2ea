"""Notes of a given melody that a key does not allow: moved to ones that it does, all others stay."""

import numpy as np
import pytest
from generated import melodies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import melodylc
from melodylc import rules
from melodylc.attributes import Attributes
from melodylc.constraints.repairs import candidates, notes_put_back, part_of, repaired
from melodylc.constraints.transformation import pitches_kept
from melodylc.melody import HOLD, canonical
from melodylc.rules.key import SCALES, Key

KEYS = [f"{tonic} {scale}" for tonic in ("C", "F#", "Bb") for scale in SCALES if scale != "chromatic"]


@settings(deadline=None, max_examples=30)
@given(melodies(), st.sampled_from(KEYS), st.integers(0, 100))
def test_only_notes_that_are_not_allowed_move(melody, key, seed):
    allowed = Key.parse(key).pitches()
    variants = repaired(melodylc.load(), melody, allowed, np.random.default_rng(seed))
    onset = melody < HOLD
    right = onset & allowed[np.where(onset, melody, 0)]
    assert (variants[:, right | ~onset] == melody[right | ~onset]).all()
    assert allowed[variants[:, onset]].all()
    assert (abs(variants[:, onset].astype(int) - melody[onset]) <= 24).all()


@given(st.integers(0, 127), st.sampled_from(KEYS), st.integers(0, 100), st.integers(8, 40))
def test_a_note_may_become_what_is_near_or_an_octave_away(pitch, key, low, width):
    allowed = Key.parse(key).pitches()
    allowed[:low] = allowed[low + width :] = False
    assume(allowed.any() and not allowed[pitch])
    found = candidates(pitch, allowed)
    assert allowed[found].all()
    nearest = np.flatnonzero(allowed)[abs(np.flatnonzero(allowed) - pitch).argmin()]
    assert nearest in found


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes("C major"),
        Attributes("A minor pentatonic"),
        Attributes("E blues"),
        Attributes("F# whole tone"),
        Attributes("D harmonic minor", low="C4", high="C6"),
    ],
    ids=str,
)
def test_no_fewer_notes_are_kept_than_by_moving_each_to_the_nearest(attributes):
    model = melodylc.load()
    for melody in model.bank.states[:12]:
        made = melodylc.transform(model, melody, attributes, seed=1)
        onset = melody < HOLD
        assert all(rule.satisfied(made.melodies)[0] for rule in attributes.rules())
        assert pitches_kept(melody[None], made.melodies)[0] >= attributes.pitches()[melody[onset]].mean() - 1e-9


def test_an_amount_of_the_change_is_a_share_of_its_notes():
    model, asked = melodylc.load(), Attributes("E blues")
    melody = next(each for each in model.bank.states if (~asked.pitches()[each[each < HOLD]]).sum() > 20)
    made = [melodylc.transform(model, melody, asked, amount=share, seed=1).melodies[0] for share in (0, 0.5, 1)]
    changed = [(each != melody).sum() for each in made]
    assert changed[0] == 0
    assert changed[1] == pytest.approx(changed[2] / 2, abs=1)


@given(melodies(), melodies(), st.floats(0, 1))
def test_part_of_a_change(melody, whole, amount):
    assert (part_of(whole, melody, 0.0) == melody).all()
    assert (part_of(whole, melody, 1.0) == whole).all()
    part = part_of(whole, melody, amount)
    assert (part == canonical(part)).all()


@given(melodies(), melodies())
def test_notes_are_put_back_where_they_cost_nothing(melody, changed):
    """Where anything will do all of it comes back, and never does what is asked for get worse."""
    back = notes_put_back(changed, melody, lambda states: np.ones(len(states)))
    assert (back[np.maximum.accumulate(melody < HOLD)] == melody[np.maximum.accumulate(melody < HOLD)]).all()
    rule = rules.notes(at_least=100)
    back = notes_put_back(changed, melody, rule)
    assert rule(back) >= rule(changed)
    assert pitches_kept(melody[None], back[None]) >= pitches_kept(melody[None], changed[None])

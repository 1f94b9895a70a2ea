"""Which notes a rule does not allow, for showing them."""

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.constraints.infilling import notes_outside as notes_that_stay_outside
from melodylc.melody import HOLD, REST
from melodylc.rules.outside import notes_outside


def melody(bars, notes):
    states = np.full(16 * bars, REST, np.uint8)
    for step, pitch in notes.items():
        states[step] = pitch
    return states


def test_notes_outside_a_key_a_range_and_a_chord():
    """C major over C and F: F sharp is outside the key, 84 too high, D on a beat no tone of C, E none of F."""
    states = melody(2, {0: 60, 2: 66, 4: 62, 6: 62, 8: 84, 16: 65, 20: 64, 22: 64})
    key, low, over = rules.pitch_classes("C major"), rules.pitch_range(48, 72), rules.chord_tones("C | F")
    assert notes_outside([key], states) == [(2, "C major")]
    assert notes_outside([low], states) == [(8, "pitches 48 to 72")]
    assert notes_outside([over], states) == [(4, over.name), (20, over.name)]
    everything = [(2, key.name), (4, over.name), (8, low.name), (20, over.name)]
    assert notes_outside([key & low, over, key, rules.syncopation(), ~key], states) == everything
    all_notes = rules.chord_tones("C | F", strong=False)
    assert [step for step, _ in notes_outside([all_notes], states)] == [2, 4, 6, 20, 22]


def test_chords_go_on_after_sixteen_bars():
    over = rules.chord_tones("C | F | G")  # bar 18 is the third in its place
    states = melody(40, {16 * bar: 60 for bar in range(40)})  # C is no tone of G
    assert [step // 16 for step, _ in notes_outside([over], states)] == list(range(2, 40, 3))
    assert [step // 16 for step, _ in notes_outside([over.beginning(16)], states)] == list(range(1, 40, 3))


@given(melodies(), st.sampled_from(["C major", "F# blues", "0,2,4"]), st.sampled_from(["C", "Am F | G7", "F#m7b5"]))
def test_a_rule_is_satisfied_where_no_note_is_outside(states, key, chords):
    for rule in (rules.pitch_classes(key), rules.pitch_range(50, 70), rules.chord_tones(chords)):
        outside = notes_outside([rule], states)
        among = (states < HOLD) & ((np.arange(256) % 4 == 0) | (rule.outside is None))
        assert all(among[step] for step, _ in outside)
        assert float(rule(states)) == pytest.approx(1 - len(outside) / among.sum() if among.any() else 0)
        if rule.allowed_pitches is not None:  # as infilling counts them where all notes stay
            stay = notes_that_stay_outside(rule, states, np.ones(256, bool)) >= 0
            assert [step for step, _ in outside] == np.flatnonzero(stay).tolist()


def test_what_is_no_melody_is_refused():
    for wrong in (np.zeros((2, 16), np.uint8), np.zeros(5, np.uint8), np.full(16, 200)):
        with pytest.raises(ValueError, match="melody: expected"):
            notes_outside([], wrong)

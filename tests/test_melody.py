import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc.melody import HOLD, REST, canonical, check, from_notes, to_notes
from midi_io.files import Note


@given(melodies())
def test_states_to_notes_to_states(states):
    np.testing.assert_array_equal(from_notes(to_notes(states)), states)


@given(st.integers(0, 2**32 - 1))
def test_canonical_keeps_what_sounds_and_is_its_own_image(seed):
    states = np.random.default_rng(seed).integers(120, 130, 256).astype(np.uint8)
    expected, sounding = [], False
    for state in states.tolist():
        sounding = state < HOLD or (state == HOLD and sounding)
        expected.append(REST if state == HOLD and not sounding else state)
    np.testing.assert_array_equal(canonical(states), expected)
    np.testing.assert_array_equal(canonical(canonical(states)), canonical(states))
    np.testing.assert_array_equal(canonical(states[None])[0], canonical(states))


def test_notes_of_a_melody_a_musician_can_read():
    states = np.full(256, REST, np.uint8)
    states[0:4] = [60, HOLD, HOLD, HOLD]  # a quarter C
    states[4:6] = [60, HOLD]  # the same again, an eighth
    states[6] = 62  # a sixteenth D, then silence
    assert to_notes(states) == [Note(60, 0.0, 1.0), Note(60, 1.0, 1.5), Note(62, 1.5, 1.75)]


def test_skyline_of_notes():
    chord = [Note(60, 0, 2), Note(67, 0, 1), Note(64, 0.5, 3), Note(72, 2, 3), Note(50, 2.5, 4), Note(50, 3, 3.5)]
    # the G wins the chord and silences the E that starts below it; the C in the bass does not come back
    assert [note[:3] for note in to_notes(from_notes(chord))] == [(67, 0, 1), (72, 2, 3), (50, 3, 3.5)]


@pytest.mark.parametrize(
    "bad",
    [np.zeros(255, np.uint8), np.zeros((2, 2, 256), np.uint8), np.full(256, 130), np.zeros(256), -np.ones(256, int)],
)
def test_what_is_no_melody_is_refused(bad):
    with pytest.raises(ValueError, match="melody: expected"):
        check(bad)


@given(melodies(), st.sampled_from([40.0, 93.7, 120.0, 233.0]))
def test_pretty_midi_and_back(states, tempo):
    from melodylc.exchange import from_pretty_midi, to_pretty_midi

    midi = to_pretty_midi(states, tempo)
    notes = to_notes(states)
    # the library's own tempo map reads the beats we meant
    read = [midi.time_to_tick(note.start) / midi.resolution for note in midi.instruments[0].notes]
    np.testing.assert_allclose(read, [note.start for note in notes], atol=1 / 480)
    np.testing.assert_array_equal(from_pretty_midi(midi), states)


@given(melodies(), st.sampled_from([40.0, 93.7, 120.0, 233.0]))
def test_note_sequence_agrees_with_note_seq(states, tempo):
    import note_seq

    from melodylc.exchange import from_note_sequence, to_note_sequence

    sequence = to_note_sequence(states, tempo)
    np.testing.assert_array_equal(from_note_sequence(sequence), states)
    # note-seq's own quantiser puts every note on the step we have it on
    quantised = note_seq.quantize_note_sequence(sequence, steps_per_quarter=4)
    theirs = [(n.pitch, n.quantized_start_step, n.quantized_end_step) for n in quantised.notes]
    assert theirs == [(n.pitch, round(n.start * 4), round(n.end * 4)) for n in to_notes(states)]


def test_note_seq_melody_is_ours():
    import note_seq

    from melodylc.exchange import to_note_sequence

    states = np.full(256, REST, np.uint8)
    states[0:8] = [60, HOLD, 62, HOLD, HOLD, HOLD, 64, REST]
    quantised = note_seq.quantize_note_sequence(to_note_sequence(states), steps_per_quarter=4)
    melody = note_seq.Melody()
    melody.from_quantized_sequence(quantised, gap_bars=20)
    assert list(melody)[:7] == [60, -2, 62, -2, -2, -2, 64]  # -2: no event, the note goes on


def test_pretty_midi_keeps_its_guard_against_absurd_ticks():
    import pretty_midi

    from melodylc.exchange import _note_seq

    _note_seq()
    assert pretty_midi.pretty_midi.MAX_TICK == 1e7

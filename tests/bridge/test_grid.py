"""Between the notes of a DAW and the grid: what stays comes back as it was played."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from questions_drawn import melodies

from melodylc.bridge import grid
from melodylc.bridge.questions import step_of
from melodylc.melody import HOLD, REST, canonical, to_notes
from melodylc.tasks.locks import FREE, LOCKED, RHYTHM
from midi_io.files import Note


def as_notes(listed):
    return [Note(pitch, start, start + length, velocity) for pitch, start, length, velocity in listed]


given_melodies = st.integers(1, 6).flatmap(lambda bars: st.tuples(melodies(bars).map(as_notes), st.just(bars)))


@given(given_melodies, st.data())
def test_notes_outside_what_is_remade_are_as_they_were_whatever_the_model_makes(melody, data):
    notes, bars = melody
    begin = data.draw(st.integers(0, bars * 16 - 1))
    end = data.draw(st.integers(begin + 1, bars * 16))
    new = grid.anew([(begin / 4, end / 4)], bars)
    states, locks = grid.locked(grid.states_of(notes, bars), new)
    drawn = np.array(data.draw(st.lists(st.integers(40, REST), min_size=len(states), max_size=len(states))), np.uint8)
    made = canonical(np.where(locks == LOCKED, states, drawn))
    back = grid.notes_of(made, notes, ~new)

    def outside(found):
        return sorted(note for note in found if not new[min(step_of(note.start), len(new) - 1)])

    assert outside(back) == outside(notes)
    inside = [note for note in back if new[min(step_of(note.start), len(new) - 1)]]
    onsets = np.flatnonzero(made < HOLD)
    assert len(inside) == new[onsets].sum()
    assert all(note.pitch in made[begin:end] for note in inside)


@given(given_melodies)
def test_a_melody_that_comes_back_unchanged_is_its_highest_notes_as_they_were_played(melody):
    notes, bars = melody
    states = grid.states_of(notes, bars)
    back = grid.notes_of(states, notes)
    assert len(back) == (states < HOLD).sum()
    starts = {(note.pitch, step_of(note.start)) for note in notes}
    for note, made in zip(sorted(back, key=lambda each: step_of(each.start)), to_notes(states), strict=True):
        assert note.pitch == made.pitch
        assert note.velocity in {each.velocity for each in notes}
        assert (note.pitch, step_of(note.start)) in starts or step_of(note.start) == bars * 16 - 1


@given(given_melodies, st.data())
def test_locks_leave_whole_notes_and_nothing_new_begins_elsewhere(melody, data):
    notes, bars = melody
    begin = data.draw(st.integers(0, bars * 16 - 1))
    end = data.draw(st.integers(begin + 1, bars * 16))
    given_states, new = grid.states_of(notes, bars), np.zeros(bars * 16, bool)
    new[begin:end] = True
    states, locks = grid.locked(given_states, new)
    assert (new | (locks == LOCKED)).all()
    for note in to_notes(given_states):
        first, last = step_of(note.start), step_of(note.end)
        if not new[first]:
            assert (locks[first:last] == LOCKED).all()
            assert (states[first:last] == given_states[first:last]).all()
    assert (canonical(states) == states).all() or new[np.flatnonzero(canonical(states) != states)].all()


def test_a_note_that_goes_on_after_what_is_remade_is_cut_or_keeps_its_length_with_the_rhythm():
    states = np.full(16, HOLD, np.uint8)
    states[[0, 6]] = 60, 62
    new = np.arange(16) // 8 == 0
    cut, locks = grid.locked(states, new)
    assert cut.tolist() == [60, *[HOLD] * 5, 62, HOLD, *[REST] * 8]
    assert locks.tolist() == [FREE] * 8 + [LOCKED] * 8
    whole, locks = grid.locked(states, new, RHYTHM)
    assert (whole == states).all()
    assert (locks == RHYTHM).all()


def test_what_was_played_off_the_grid_over_a_chord_comes_back_so():
    played = [Note(48, 0, 16, 30), Note(60, 0.02, 1.0, 90), Note(64, 0.98, 2.1, 70), Note(67, 7.9, 9, 50)]
    states = grid.states_of(played, 4)
    made = states.copy()
    made[4:8] = 65, HOLD, HOLD, HOLD  # another pitch in the place of E
    back = grid.notes_of(made, played, ~grid.anew([(1, 2)], 4))
    assert back == [Note(48, 0, 16, 30), Note(60, 0.02, 1.0, 90), Note(65, 0.98, 2.1, 70), Note(67, 7.9, 9, 50)]
    made[4:8] = 65, HOLD, 67, HOLD
    back = grid.notes_of(made, played, ~grid.anew([(1, 2)], 4))
    assert back[2:4] == [Note(65, 1, 1.5, 70), Note(67, 1.5, 2, 60)], "a usual velocity, the middle of all"


@given(given_melodies)
def test_states_have_as_many_bars_as_are_given(melody):
    notes, bars = melody
    assume(notes)
    states = grid.states_of(notes, bars)
    assert len(states) == bars * 16
    assert (states < HOLD).any()

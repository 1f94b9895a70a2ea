"""Clips as they are written and read: over a real socket, whatever their notes and loops are."""

import pytest
from ableton_stand_in import LiveClip, StandIn, free_port
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.ableton import clips
from melodylc.ableton.clips import Slot
from melodylc.ableton.connection import Connection

SLOT = Slot(1, 0)
NOTES = st.lists(
    st.tuples(
        st.integers(58, 62) | st.integers(0, 125),
        st.integers(0, 255).map(lambda step: step / 4),
        st.sampled_from([0.25, 0.5, 1 / 3, 4.0]),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=150,
    unique_by=lambda note: note[:2],
)
BEGINS = st.sampled_from([0.0, 0.25, 1 / 3, 3.9995, 64.1234567, 1000.0])


@pytest.fixture(scope="module")
def live_and_connection():
    answers = free_port()
    with StandIn(answers, tick=0.001) as live, Connection(live.port, answers) as connection:
        yield live, connection


def cut(notes, end):
    """Return notes in their order, as Live can have them: none over the next of its pitch, nor over the end."""
    ordered = sorted(notes, key=lambda note: (note[1], note[0]))
    starts = [(pitch, start) for pitch, start, _, _ in ordered] + [(pitch, end) for pitch in range(128)]
    return [
        (pitch, start, min(length, min(at for other, at in starts if other == pitch and at > start) - start), velocity)
        for pitch, start, length, velocity in ordered
    ]


@settings(max_examples=40)
@given(notes=NOTES, begin=BEGINS, old=st.sampled_from([1.0, 16.0, 64.0, 100.0]), cuts=st.booleans())
def test_what_is_written_over_a_clip_is_what_plays_of_it(live_and_connection, notes, begin, old, cuts):
    live, connection = live_and_connection
    live.version.cuts_overlaps = cuts
    beside = [
        (126, begin - 1.0, 9.0, 70.0, False),
        (126, begin + 128.0, 1.0, 70.0, True),
        (127, begin, 1.0, 70.0, True),
    ]
    live.clips(1)[0] = clip = LiveClip(old, "old", [*beside, (61, begin, 0.5, 70.0, False)], loop_start=begin)
    clips.replace_notes(connection, SLOT, "new", notes, 64.0)
    read = clips.read_clip(connection, SLOT)
    assert read.name == "new"
    assert (read.begin, read.quarters) == (pytest.approx(begin, abs=1e-4), pytest.approx(64.0, abs=1e-4))
    # as it was asked for to a thousandth of a quarter, and never before the loop, where it would not play
    assert sorted(read.notes, key=lambda note: (round(note[1], 1), note[0])) == [
        (pitch, pytest.approx(start, abs=2e-3), pytest.approx(length, abs=2e-3), velocity)
        for pitch, start, length, velocity in cut(notes, 64.0)
    ]
    assert all(begin - 1e-4 <= start for _, start, _, _, _ in clip.notes if start != begin - 1.0)
    assert set(beside) <= set(clip.notes)
    assert len(clip.notes) == len(notes) + 3


@settings(max_examples=20)
@given(notes=NOTES, begin=st.sampled_from([0.0, 3.9995, 1000.0]), places=st.data())
def test_what_stays_is_not_touched(live_and_connection, notes, begin, places):
    """Live knows more of a note than AbletonOSC tells, such as its probability: what is written anew loses it."""
    live, connection = live_and_connection
    played = [(p, s + places.draw(st.floats(0, 0.2)), length, v) for p, s, length, v in cut(notes, 64.0)]
    held = [(p, begin + s, length, float(v), False) for p, s, length, v in cut(played, 64.0)]
    live.clips(1)[0] = clip = LiveClip(64.0, "clip", [*held, (127, begin + 1.0, 1.0, 9.0, False)], loop_start=begin)
    given_back = clips.read_clip(connection, SLOT).notes
    clips.replace_notes(connection, SLOT, "clip", [n for n in given_back if n[0] != 127] + [(126, 2.0, 1.0, 9)], 64.0)
    stay = [note for note in held if note[1] >= begin + 1e-3]  # what begins with the loop may be moved into it
    assert {id(note) for note in stay} <= {id(note) for note in clip.notes}
    assert len(clip.notes) == len(held) + 1


@settings(max_examples=40)
@given(notes=NOTES, muted=st.integers(0, 200), begin=BEGINS)
def test_what_is_read_is_what_plays(live_and_connection, notes, muted, begin):
    live, connection = live_and_connection
    held = [
        (pitch, start, length, float(velocity), n == muted) for n, (pitch, start, length, velocity) in enumerate(notes)
    ]
    held.append((60, begin + 15.0, 2.0, 64.0, False))
    live.clips(1)[0] = clip = LiveClip(16.0, "clip", held, loop_start=begin)
    plays = [note for note in clip.notes if begin <= note[1] < begin + 16 and not note[4]]
    read = clips.read_clip(connection, SLOT).notes
    assert len(read) == len(plays)
    for note, (pitch, start, length, velocity, _) in zip(sorted(read), sorted(plays), strict=True):
        assert note[0::3] == (pitch, velocity)
        assert note[1:3] == pytest.approx((start - begin, min(length, begin + 16 - start)), abs=1e-3)

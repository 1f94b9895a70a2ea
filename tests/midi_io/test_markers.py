"""The markers of MIDI files, of whatever is left of them."""

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_io import markers


def written(path, *messages, further=()):
    """Write a file of tracks of (beat, meta message, fields), 96 ticks a quarter; return it."""
    file = mido.MidiFile(type=1, ticks_per_beat=96)
    for each in (messages, *further):
        track, now = mido.MidiTrack(), 0
        for beat, kind, fields in each:
            track.append(mido.MetaMessage(kind, **fields, time=round(beat * 96) - now))
            now = round(beat * 96)
        file.tracks.append(track)
    file.save(path)
    return path


FOUR = (0, "time_signature", {"numerator": 4, "denominator": 4})
THREE = (64, "time_signature", {"numerator": 3, "denominator": 4})
MARKS = [(0, "marker", {"text": "verse"}), (16.5, "marker", {"text": "melody 7\0" + "x" * 100})]


def test_markers_of_the_first_track_are_read(tmp_path):
    path = written(tmp_path / "a.mid", FOUR, *MARKS, further=[[(8, "marker", {"text": "elsewhere"})]])
    assert markers.read(path) == [(0, "verse"), (16.5, "melody 7" + "x" * (markers.LONGEST - 8))]


@pytest.mark.parametrize("messages", [[], [FOUR, *MARKS, THREE]])
def test_files_without_them_or_in_other_bars_have_none(tmp_path, messages):
    assert markers.read(written(tmp_path / "a.mid", *messages)) == []


@given(st.data())
def test_whatever_is_left_of_a_file_gives_markers_or_none(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("damaged") / "a.mid", FOUR, *MARKS)
    whole = bytearray(path.read_bytes())
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4)):
        whole[at] = value
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for marker in markers.read(path):
        assert marker.beat >= 0
        assert marker.text.isprintable()

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from generated import END, midi
from hypothesis import given
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from melodylc.extraction.selection import Choice, choices, select_melody
from melodylc.melody import to_notes
from midi_io.files import Note, write

QUARTERS = [Note(60 + i % 12, i, i + 1) for i in range(80)]


def test_the_first_sixteen_bars(tmp_path):
    write(tmp_path / "a.mid", QUARTERS)
    picked = select_melody(tmp_path / "a.mid")
    assert str(picked) == "bars 1 to 16 of track 2, channel 1"
    assert [note[:3] for note in to_notes(picked.states)] == [note[:3] for note in QUARTERS[:64]]


def test_a_bar_and_a_track_of_ones_choice(tmp_path):
    write(tmp_path / "a.mid", QUARTERS)
    picked = select_melody(tmp_path / "a.mid", track=1, bar=2)
    assert (picked.bar, to_notes(picked.states)[0].pitch) == (2, 68)
    with pytest.raises(
        UserError, match=r"no melody begins in track 2 at bar 31; 16 bars can begin in track 2 from bar 1"
    ):
        select_melody(tmp_path / "a.mid", track=1, bar=30)


def test_a_short_melody_is_closed_with_rests(tmp_path):
    write(tmp_path / "a.mid", QUARTERS[:12])
    assert len(to_notes(select_melody(tmp_path / "a.mid").states)) == 12


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty file"),
        (b"no midi", "no MThd"),
        (midi(END), "no pitched notes$"),
        (
            midi(b"\x00\xff\x58\x04\x03\x02\x18\x08\x00\x90\x3c\x40\x60\x80\x3c\x00" + END),
            "4/4, all are in 3/4; call it 4/4 in",
        ),
        (  # a note 10 ticks before the 3/4 of bar 2, and one there: a sixteenth has 120 ticks
            midi(
                b"\x8e\x76\x90\x3c\x40\x0a\xff\x58\x04\x03\x02\x18\x08\x00\x80\x3c\x00"
                b"\x00\x90\x3c\x40\x60\x80\x3c\x00" + END
            ),
            "its notes in 4/4 all start less than a sixteenth before another time signature",
        ),
        (
            midi(b"\x00\x90\x3c\x40" + 4 * b"\xff\xff\xff\x7f\xff\x01\x00" + b"\x60\x80\x3c\x00" + END),
            "no line of its notes in 4/4 can be taken: more than 125,000 bars",
        ),
    ],
)
def test_files_without_a_melody_say_why(tmp_path, data, said):
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(UserError, match=said):
        select_melody(tmp_path / "a.mid")


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        select_melody(tmp_path / "a.mid")


def line(channel, notes, program=0):
    """A track of one line: (beat, pitch) notes of one beat each."""
    events = [(beat, 0x90, pitch) for beat, pitch in notes] + [(beat + 1, 0x80, pitch) for beat, pitch in notes]
    body, at = bytes([0, 0xC0 | channel, program]), 0
    for beat, status, pitch in sorted(events):
        body += variable_length(96 * (beat - at)) + bytes([status | channel, pitch, 64])
        at = beat
    return body


def variable_length(ticks):
    return bytes([0x80 | ticks >> 7, ticks & 127]) if ticks >= 128 else bytes([ticks])


def test_where_sixteen_bars_can_begin(tmp_path):
    """A bass of one note a bar comes first in the file; the melody in the track after it is preferred."""
    melody = [(beat, 60 + beat % 5) for beat in range(8, 4 * 20)]  # from its third bar to its twentieth
    bass = [(beat, 36) for beat in range(4, 4 * 18, 4)]
    drums = [(beat, 40) for beat in range(80)]
    data = midi(line(0, bass, 33) + END, line(3, melody, 73) + END, line(9, drums) + END, division=96)
    (tmp_path / "a.mid").write_bytes(data)
    found = choices(tmp_path / "a.mid")
    assert found == (Choice(1, 3, 73, 0, 4, 1), Choice(0, 0, 33, 0, 2, 0))
    assert str(select_melody(tmp_path / "a.mid")) == "bars 2 to 17 of track 2, channel 4"


@given(st.integers(0, 2**32 - 1))
def test_the_first_choice_is_what_is_selected(seed):
    rng = np.random.default_rng(seed)
    tracks = []
    for _ in range(rng.integers(1, 4)):
        beats = np.flatnonzero(rng.random(rng.integers(1, 120)) < rng.choice([0.05, 0.3, 0.9]))
        tracks.append(line(int(rng.integers(0, 9)), [(int(b), int(rng.integers(40, 80))) for b in beats]) + END)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.mid")
        path.write_bytes(midi(*tracks, division=96))
        try:
            found = choices(path)
        except UserError as error:
            with pytest.raises(UserError, match=re.escape(str(error))):
                select_melody(path)
            return
        assert select_melody(path)[1:] == (*found[0][:3], found[0].bar)
        assert len({each[:2] for each in found}) == len(found)
        for choice in found:
            assert select_melody(path, track=choice.track, channel=choice.channel)[1:] == (*choice[:3], choice.bar)
            for bar in (choice.first, choice.last):
                assert select_melody(path, track=choice.track, channel=choice.channel, bar=bar).bar == bar
            for bar in (choice.first - 1, choice.last + 1):
                with pytest.raises(UserError):
                    select_melody(path, track=choice.track, channel=choice.channel, bar=bar)


@pytest.mark.parametrize(("data", "said"), [(b"no midi", "no MThd"), (midi(END), "no pitched notes$")])
def test_choices_of_files_without_a_melody_say_why(tmp_path, data, said):
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(UserError, match=said):
        choices(tmp_path / "a.mid")
    with pytest.raises(UserError, match="cannot be read"):
        choices(tmp_path / "b.mid")

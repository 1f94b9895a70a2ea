import pytest
from generated import END, midi

from melodylc.base.errors import UserError
from melodylc.extraction.selection import select_melody
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
        (midi(END), "no pitched notes in 4/4"),
        (midi(b"\x00\xff\x58\x04\x03\x02\x18\x08\x00\x90\x3c\x40\x60\x80\x3c\x00" + END), "all are in 3/4"),
    ],
)
def test_files_without_a_melody_say_why(tmp_path, data, said):
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(UserError, match=said):
        select_melody(tmp_path / "a.mid")


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        select_melody(tmp_path / "a.mid")

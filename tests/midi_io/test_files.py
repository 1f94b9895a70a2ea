import os
import shutil

import mido
import numpy as np
import pretty_midi
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from melodylc.extraction.selection import ANY_WINDOW, select_melody
from melodylc.extraction.windows import extract_windows
from melodylc.melody import BEATS, from_notes, to_notes
from midi_io import files, smf
from midi_io.atomic import sweep
from midi_io.files import Note

TEMPOS = st.floats(4, 1000, allow_nan=False)
DIVISIONS = st.sampled_from([4, 24, 96, 100, 120, 384, 480, 960, 1001, 32767])


@given(melodies(), TEMPOS, DIVISIONS)
def test_states_to_file_to_states(tmp_path_factory, states, tempo, division):
    path = tmp_path_factory.mktemp("file") / "melody.mid"
    files.write(path, to_notes(states), beats=BEATS, tempo=tempo, ticks_per_quarter=division)
    instruments = files.read(path)
    read = [note for notes in instruments.values() for note in notes]
    np.testing.assert_array_equal(from_notes(read), states)
    # the extraction sees the same melody
    if read:
        found = extract_windows(smf.parse(path.read_bytes()), ANY_WINDOW, pad=True)
        np.testing.assert_array_equal(found.states[0], states)
    # and so does an independent library
    theirs = [note for part in pretty_midi.PrettyMIDI(str(path)).instruments for note in part.notes]
    assert sorted(note.pitch for note in theirs) == sorted(note.pitch for note in read)


def test_file_says_tempo_signature_and_length(tmp_path):
    files.write(tmp_path / "a.mid", [Note(60, 0, 1)], beats=64, tempo=90)
    file = mido.MidiFile(tmp_path / "a.mid")
    messages = {message.type: message for track in file.tracks for message in track}
    assert mido.tempo2bpm(messages["set_tempo"].tempo) == pytest.approx(90, abs=1e-3)
    assert (messages["time_signature"].numerator, messages["time_signature"].denominator) == (4, 4)
    assert file.length == pytest.approx(64 * 60 / 90, abs=1e-3)


@pytest.mark.parametrize(
    ("notes", "options"),
    [
        ([Note(128, 0, 1)], {}),
        ([Note(60, 1, 1)], {}),
        ([Note(60, -1, 1)], {}),
        ([Note(60, 0, float("nan"))], {}),
        ([Note(60, 0, 1, 0)], {}),
        ([], {"tempo": 3}),
        ([], {"tempo": float("nan")}),
        ([], {"ticks_per_quarter": 0}),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_nothing_is_left(tmp_path, notes, options):
    with pytest.raises(ValueError, match="expected"):
        files.write(tmp_path / "a.mid", notes, **options)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")

    def half_written():
        with files.atomic_write(path) as beside:
            beside.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_written()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mid"]


@pytest.mark.parametrize("stem", ["a" * 251, "é" * 125, "a" + "𝄞" * 62])
def test_a_name_as_long_as_systems_take_is_written_and_swept(tmp_path, stem):
    path = tmp_path / f"{stem}.mid"
    with files.atomic_write(path) as beside:
        beside.write_bytes(b"whole")
        assert beside.suffix == ".mid"
        (tmp_path / "left").mkdir()
        left = shutil.copy(beside, tmp_path / "left")  # as by a process that was killed
    assert path.read_bytes() == b"whole"
    os.utime(left, (0, 0))
    sweep(tmp_path / "left")
    (tmp_path / "left").rmdir()
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    for special in (tmp_path, "/dev/zero"):
        with pytest.raises(smf.BrokenFileError, match="not a regular file"):
            files.contents(special)
    os.mkfifo(tmp_path / "pipe.mid")
    for reading in (files.contents, files.read):
        with pytest.raises(smf.BrokenFileError, match="not a regular file"):
            reading(tmp_path / "pipe.mid")
    with pytest.raises(UserError, match="not a regular file"):
        select_melody(tmp_path / "pipe.mid")


def test_no_more_than_the_limit_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.mid"
    with path.open("wb") as file:
        file.truncate(6 << 30)  # sparse
    for reading in (files.contents, files.read):
        with pytest.raises(smf.BrokenFileError, match="larger than"):
            reading(path)
    with pytest.raises(UserError, match="larger than"):
        select_melody(path)
    # one that grows meanwhile gives what it had
    path.write_bytes(b"MThd")
    fstat = os.fstat

    def and_it_grows(handle):
        status = fstat(handle)
        with path.open("ab") as file:
            file.write(b"more")
        return status

    monkeypatch.setattr(os, "fstat", and_it_grows)
    assert files.contents(path) == b"MThd"


def test_no_file_is_an_os_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        files.contents(tmp_path / "a.mid")
    assert error.value.filename == str(tmp_path / "a.mid")

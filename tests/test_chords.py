"""Melodies over chords, and their chords as notes."""

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import melodylc
from melodylc import chords
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from midi_io import files


def pitches_at(notes, beat):
    return sorted(note.pitch for note in notes if note.start <= beat < note.end)


def test_chords_as_notes():
    """By hand: A minor in root position, F, C over E, G in the half bar."""
    notes = chords.block_chords("Am | F | C/E | G7 C")
    assert pitches_at(notes, 0) == [57, 60, 64]
    assert pitches_at(notes, 4) == [53, 57, 60]
    assert pitches_at(notes, 8) == [52, 55, 60]
    assert pitches_at(notes, 12) == [55, 59, 62, 65]
    assert pitches_at(notes, 14) == [48, 52, 55]
    assert pitches_at(notes, 16) == [57, 60, 64]
    assert max(note.end for note in notes) == 64


def test_chords_of_twelve_bars_go_on_where_they_are_after_sixteen():
    """A blues: bar 17 is its fifth, bar 25 its first again."""
    blues = "C C C C F F C C G F C G"
    notes = chords.block_chords(blues, 28)
    for bar, lowest in ((0, 48), (4, 53), (11, 55), (12, 48), (16, 53), (20, 55), (24, 48)):
        assert pitches_at(notes, 4 * bar)[0] == lowest
    assert max(note.end for note in notes) == 28 * 4
    rule = chords.rule(blues)
    on_f = np.full((1, 256), 128, np.uint8)
    on_f[0, ::16] = 65
    assert rule(on_f)[0] < 0.5
    assert rule.beginning(16).name == rule.name
    assert rule.beginning(0)(on_f) == rule.beginning(24)(on_f) == rule(on_f)
    two = np.full((1, 256), 129, np.uint8)
    two[0, :32:4] = 65  # F in the first two bars: C to begin with, F from the fifth bar and the seventeenth on
    assert [float(rule.beginning(bar)(two)[0]) for bar in (0, 4, 16)] == [0, 1, 1]


def test_the_key_is_of_all_bars_of_a_long_progression():
    long = " ".join(["C"] * 16 + ["E"])
    assert 8 in chords.key_of(long).classes


def test_a_chord_that_stays_is_held():
    assert len(chords.block_chords("C")) == 3
    assert {(note.start, note.end) for note in chords.block_chords("C C F F")} >= {(0, 8), (8, 16)}


def test_chords_by_name():
    """By hand, of three bars: A minor, C over E for a bar and a half, then G seven."""
    assert chords.named("Am | C/E | C/E G7", 3) == [
        (0, 16, "Am", (57, 60, 64)),
        (16, 40, "C/E", (52, 55, 60)),
        (40, 48, "G7", (55, 59, 62, 65)),
    ]
    assert [each.name for each in chords.named("B♭ Amin7 F#°", 4)] == ["B♭", "Amin7", "F#°", "B♭"]


@given(
    st.lists(st.sampled_from(["C", "Am7", "C6/A", "A Am", "F#m7b5 B7 Em E"]), min_size=1, max_size=20),
    st.integers(1, 40),
)
def test_named_chords_sound_as_block_chords_do(bars, count):
    progression = " | ".join(bars)
    notes = chords.block_chords(progression, count)
    named = chords.named(progression, count)
    assert [each.start for each in named] == [0, *(each.end for each in named[:-1])]
    assert named[-1].end == 16 * count
    for each in named:
        for step in (each.start, each.end - 1):
            assert tuple(pitches_at(notes, step / 4)) == each.pitches


@pytest.mark.parametrize(
    ("progression", "classes"),
    [
        ("C | Am | F | G", {0, 2, 4, 5, 7, 9, 11}),
        ("Am F C G", {0, 2, 4, 5, 7, 9, 11}),
        ("Am E7", {0, 2, 4, 5, 7, 8, 9, 11}),  # the G sharp of E too
        ("Gm C7 F", {0, 2, 4, 5, 7, 9, 10}),
    ],
)
def test_the_key_of_a_progression(progression, classes):
    assert chords.key_of(progression).classes == classes
    assert {note.pitch % 12 for note in chords.block_chords(progression)} <= classes


def test_a_key_that_is_given_stays():
    assert chords.fitting("Am F", Attributes("A blues", 50)) == Attributes("A blues", 50)
    fitted = chords.fitting("Am F C G", Attributes(notes=50, low="C4"))
    assert (fitted.notes, fitted.low) == (50, 60)
    assert fitted.key == chords.key_of("Am F C G")


@pytest.mark.usefixtures("every_core")
def test_melodies_fit_chords():
    model = melodylc.load()
    made = melodylc.generate(model, chords="Dm | G7 | C | Am", count=4, seed=2)
    rule = chords.rule("Dm | G7 | C | Am")
    assert rule.satisfied(made.melodies).all()
    assert made.summary.startswith("made for ")
    assert rule(model.sample(200, seed=1)).mean() < 0.7
    notes = made.melodies[made.melodies < 128] % 12
    assert np.isin(notes, [0, 2, 4, 5, 7, 9, 11]).all()


@pytest.mark.usefixtures("every_core")
def test_chords_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ["generate", "--chords", "Am F C G", "--with-chords", "--count", "1", "--seed", "3"]
    assert main(asked) == 0
    assert "1 of 1 kept" in capsys.readouterr().out
    tracks = {track.name: track for track in mido.MidiFile("melodies/01.mid").tracks if track.name}
    assert set(tracks) == {"melody", "chords"}
    read = files.read("melodies/01.mid")
    (_, melody), (_, block) = sorted(read.items())
    assert pitches_at(block, 0) == [57, 60, 64]
    assert len(melody) > 10
    for wrong, message in (
        (["--chords", "H7"], "chords: expected a root"),
        (["--chords", "C | A B D"], "expected 1, 2 or 4 chords"),
        (["--with-chords"], "--with-chords: expected --chords"),
    ):
        assert main(["generate", *wrong]) == 2
        assert message in capsys.readouterr().err


def test_what_is_no_progression_is_refused():
    for wrong in ("", "X", "C | | F", "C | A B D"):
        with pytest.raises(UserError, match="chords: expected"):
            chords.rule(wrong)

"""Staff notation, read back by music21, which has readers of its own."""

import builtins
import re

import numpy as np
import pytest
from generated import melodies
from hypothesis import given, settings
from hypothesis import strategies as st

import melodylc
from melodylc.base.errors import UserError
from melodylc.melody import HOLD, REST, to_notes
from melodylc.notation import to_abc, to_musicxml
from melodylc.rules.key import COMMON_SCALES, Key
from melodylc.spelling import signature

music21 = pytest.importorskip("music21")
LOWEST_READ = 14
KEYS = ["C", "Gm", "F# dorian", "Db", "C# minor", "G# major", "Cb lydian", "E phrygian", "B locrian", "A mixolydian"]
KEYS += ["E blues", "A harmonic minor", "C,D,Eb", "D# minor", "C chromatic"]


def played(text, form):
    """The notes that music21 reads: pitch, start and length in beats, with ties joined."""
    # in a bass clef music21 would read ABC two octaves lower, as no clef does in ABC 2.1
    part = music21.converter.parse(text.replace(" clef=bass", ""), format=form).parts[0]
    assert [measure.duration.quarterLength for measure in part.getElementsByClass("Measure")] == [4.0] * bars_of(part)
    notes = part.flatten().stripTies(matchByPitch=False).notes  # F and F natural are one pitch
    return [(n.pitch.midi, float(n.offset), float(n.quarterLength)) for n in notes if not isinstance(n, CHORD)], part


CHORD = music21.harmony.ChordSymbol


def bars_of(part):
    return len(part.getElementsByClass("Measure"))


def expected(states):
    return [(note.pitch, note.start, note.end - note.start) for note in to_notes(states)]


@pytest.mark.parametrize("key", [None, "A minor"])
def test_real_melodies_come_back_from_abc_and_musicxml(key):
    for states in melodylc.load().sample(3, seed=3):
        assert played(to_abc(states, key=key), "abc")[0] == expected(states)
        assert played(to_musicxml(states, key=key), "musicxml")[0] == expected(states)


def any_melody():
    """Of two to four bars, since music21 takes its time, and no notes below D0, which it misreads in ABC."""
    return st.tuples(melodies(), st.integers(2, 4)).map(lambda drawn: without_low_notes(drawn[0][: 16 * drawn[1]]))


def without_low_notes(states):
    return np.where(states < LOWEST_READ, states + 12 * 2, states).astype(np.uint8)


@settings(max_examples=25)
@given(any_melody(), st.sampled_from(KEYS), st.sampled_from([None, "C", "Am | F C", "C D Eb F | G"]))
def test_any_melody_comes_back_from_abc(states, key, chords):
    """However far accidentals hold for a reader: for a letter in all octaves, as ABC 2.1 says, or in its own."""
    text = to_abc(states, key=key, chords=chords)
    assert text.count("|") == len(states) // 16
    assert played(text, "abc")[0] == expected(states)
    octave = text.replace("X:1\n", "X:1\n%%propagate-accidentals octave\n")
    assert played(octave, "abc")[0] == expected(states)


@settings(max_examples=15)
@given(any_melody(), st.sampled_from(KEYS), st.sampled_from([None, "Am | F C"]))
def test_any_melody_comes_back_from_musicxml(states, key, chords):
    found, part = played(to_musicxml(states, key=key, chords=chords), "musicxml")
    assert found == expected(states)
    assert bars_of(part) == len(states) // 16


def melody(bars, *notes):
    states = np.full(16 * bars, REST, np.uint8)
    for start, end, pitch in notes:
        states[start:end] = HOLD
        states[start] = pitch
    return states


def music(text):
    return text.split("\nK:")[1].split("\n", 1)[1].strip()


def test_a_tune_by_hand():
    """In F: B flat by the signature, B natural, again in the next octave, B flat once more; a tie over the bar line."""
    states = melody(2, (0, 2, 70), (2, 4, 71), (4, 8, 83), (8, 10, 71), (10, 11, 70), (12, 20, 70), (24, 32, 65))
    text = to_abc(states, tempo=92.5, key="F", chords="F | Bb C7/E", title="One")
    assert text == (
        '%abc-2.1\nX:1\nT:One\nM:4/4\nL:1/16\nQ:1/4=92.5\nK:F\n"F"B2=B2 =b4 B2_Bz B4- | "Bb"B4 z4 "C7/E"F8 |]\n'
    )


def test_accidentals_hold_to_the_end_of_the_bar():
    states = melody(2, (0, 4, 66), (4, 8, 66), (8, 12, 65), (12, 16, 66), (16, 20, 66), (20, 24, 78), (24, 32, 65))
    assert music(to_abc(states, key="C")) == "^F4 F4 =F4 ^F4 | ^F4 ^f4 =F8 |]"
    twice = melody(2, (12, 26, 61), (26, 28, 61), (28, 32, 61))
    assert music(to_abc(twice, key="C")) == "z8 z4 ^C4- | ^C8- ^C2^C2 C4 |]"
    tied = melody(2, (0, 20, 61), (20, 24, 61), (24, 32, 60))
    assert music(to_abc(tied, key="C")) == "^C16- | ^C4 ^C4 =C8 |]"


@pytest.mark.parametrize(
    ("notes", "written"),
    [
        ([(0, 6), (6, 8), (8, 16)], "C6 C2 C8"),
        ([(0, 2), (2, 6), (6, 8), (8, 12)], "C2C4 C2 C4 z4"),
        ([(0, 4), (4, 12), (12, 16)], "C4 C8 C4"),
        ([(0, 12), (12, 16)], "C12 C4"),
        ([(2, 14)], "z2C6- C6 z2"),
        ([(1, 9)], "zC3- C4- Czz2 z4"),
        ([(0, 1), (1, 3), (3, 4), (4, 7), (7, 9)], "CC2C C3C- Czz2 z4"),
        ([(5, 10)], "z4 zC3- C2z2 z4"),
        ([], "z16"),
    ],
)
def test_notes_are_cut_where_they_would_hide_the_beats(notes, written):
    assert music(to_abc(melody(1, *((start, end, 60) for start, end in notes)), key="C")) == f"{written} |]"


def test_a_note_is_tied_where_the_chord_changes():
    text = to_abc(melody(2, (0, 32, 60)), chords="C Am | F", key="C")
    assert music(text) == '"C"C8- "Am"C8- | "F"C16 |]'
    text = to_abc(melody(2), chords="B♭min7 F#°/C# | E-7", key="C")
    assert music(text) == '"Bbm7"z8 "F#dim/C#"z8 | "Em7"z16 |]'


def test_four_bars_a_line_and_a_clef_by_range():
    low = to_abc(np.tile(melody(1, (0, 16, 48)), 10), key="Gm")
    assert "K:Gm clef=bass\n" in low
    assert [line.count("|") for line in music(low).splitlines()] == [4, 4, 2]
    clef = music21.converter.parse(low, format="abc").flatten().getElementsByClass("Clef")[0]
    assert isinstance(clef, music21.clef.BassClef)
    assert "clef" not in to_abc(melody(1, (0, 16, 60)))


@pytest.mark.parametrize(
    ("key", "tonic", "mode", "fifths"),
    [
        ("C major", "C", "major", 0),
        ("Bb minor", "Bb", "minor", -5),
        ("F# dorian", "F#", "dorian", 4),
        ("E phrygian", "E", "phrygian", 0),
        ("Db lydian", "Db", "lydian", -4),
        ("G mixolydian", "G", "mixolydian", 0),
        ("B locrian", "B", "locrian", 0),
        ("C# major", "Db", "major", -5),  # not seven sharps
        ("D# major", "Eb", "major", -3),
        ("A# minor", "Bb", "minor", -5),
        ("E harmonic minor", "E", "minor", 1),
        ("A blues", "A", "minor", 0),
        ("G major pentatonic", "G", "major", 1),
        ("D,E,F#,G,A,B,C#", "D", "major", 2),
    ],
)
def test_signatures_that_musicians_know(key, tonic, mode, fifths):
    assert signature(Key.parse(key), np.array([60])) == (tonic, mode, fifths)


def test_keys_in_abc():
    for key, written in (("Bb minor", "Bbm"), ("F# dorian", "F#Dor"), ("A mixolydian", "AMix"), ("B locrian", "C")):
        assert f"\nK:{written}\n" in to_abc(melody(1), key=key)


def test_without_a_key_the_signature_fits_most_notes():
    assert signature(None, np.array([62, 64, 66, 67, 69, 71, 73])).fifths == 2
    assert signature(None, np.array([], int)).fifths == 0
    assert to_abc(melody(1), chords="Gm Cm F Bb").split("K:")[1].startswith("Bb\n")


@given(st.sampled_from(KEYS), st.integers(0, 127))
def test_a_pitch_is_spelt_as_itself(key, pitch):
    written = signature(Key.parse(key), np.array([60]))
    letter, accidental, octave = written.spelt(pitch)
    assert music21.pitch.Pitch(step=letter, octave=octave, accidental=accidental).midi == pitch
    expected = music21.key.KeySignature(written.fifths).accidentalByStep(letter)
    assert written.accidental(letter) == (expected.alter if expected else 0)


@pytest.mark.parametrize("tonic", ["C", "G", "D", "A", "E", "B", "F#", "F", "Bb", "Eb", "Ab", "Db", "Gb"])
@pytest.mark.parametrize("mode", ["major", "minor", "dorian", "mixolydian", "phrygian", "lydian", "locrian"])
def test_a_mode_is_written_without_accidentals(tonic, mode):
    root = music21.pitch.Pitch(tonic.replace("b", "-")).pitchClass
    notes = [(2 * i, 2 * i + 2, 60 + root + step) for i, step in enumerate(COMMON_SCALES[mode])]
    text = music(to_abc(melody(1, *notes), key=f"{tonic} {mode}"))
    assert not re.search("[_^=]", text)


def test_chord_symbols_and_tempo_come_back_from_musicxml():
    text = to_musicxml(melody(4), tempo=96, key="F", chords="F Gm7 | C7/E | Bbmaj7 | Em7b5 A9", title="a < b & c")
    found, part = played(text, "musicxml")
    assert found == []
    chords = part.flatten().getElementsByClass(CHORD)
    assert [(each.figure, float(each.offset)) for each in chords] == [
        ("F", 0),
        ("Gm7", 2),
        ("C7/E", 4),
        ("B-maj7", 8),
        ("Eø7", 12),
        ("A9", 14),
    ]
    assert part.flatten().getElementsByClass("MetronomeMark")[0].number == 96
    assert part.flatten().getElementsByClass("KeySignature")[0].sharps == -1
    assert "<work-title>a &lt; b &amp; c</work-title>" in text


@given(st.text(max_size=40))
def test_a_title_is_one_line(title):
    text = to_abc(melody(1), title=title)
    assert text.startswith("%abc-2.1\nX:1\nT:")
    assert len(text.splitlines()) - len(title.split()) <= 8
    assert text.split("\n")[3:] == to_abc(melody(1)).split("\n")[3:]


@pytest.mark.parametrize("write", [to_abc, to_musicxml])
def test_what_is_refused(write):
    with pytest.raises(ValueError, match="melody: expected"):
        write(np.zeros((2, 16), np.uint8))
    with pytest.raises(UserError, match="tempo: expected a number from 1 to 1000"):
        write(melody(1), tempo=0)
    with pytest.raises(UserError, match="chords: expected a root"):
        write(melody(1), chords="H")
    with pytest.raises(UserError, match="key: expected"):
        write(melody(1), key="H minor")


def test_without_music21_it_says_how_to_install_it(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **words):
        if name.startswith("music21"):
            raise ImportError(name)
        return imported(name, *rest, **words)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'melodylc\[musicxml\]'"):
        to_musicxml(melody(1))
    assert "K:C" in to_abc(melody(1))

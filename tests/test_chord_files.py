"""Chords read from MIDI files: those that were written come back, and what is no chord is made the best of."""

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import melodylc
from melodylc.base.errors import UserError
from melodylc.chord_files import progression_of
from melodylc.chords import one_a_bar
from melodylc.cli import main
from melodylc.extraction.selection import select_melody
from melodylc.melody import REST
from melodylc.rules.harmony import CHORDS, chords, roots
from melodylc.rules.key import NAMES
from midi_io import files
from midi_io.files import Note

SYMBOLS = st.builds(str.__add__, st.sampled_from(NAMES), st.sampled_from(sorted(CHORDS)))
SILENT = np.full(256, REST, np.uint8)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(SYMBOLS, min_size=1, max_size=2), min_size=1, max_size=8))
def test_chords_that_were_written_come_back(tmp_path_factory, bars):
    """Any chord, one or two a bar, beside a melody: the tones and the bass are the same at every step."""
    progression = one_a_bar(" | ".join(" ".join(bar) for bar in bars))
    path = tmp_path_factory.mktemp("chords") / "song.mid"
    melody = melodylc.load().bank.states[len(bars)]
    melodylc.write_midi(path, melody, chords=progression)
    found = progression_of(path)
    assert (chords(found) == chords(progression)).all(), found
    assert (roots(found) == roots(progression)).all(), found


@pytest.mark.parametrize("progression", ["Am | F | C | G", "C/E | F", "Dm7 G7 | C", "F# | B7", "C G | C G"])
def test_what_comes_again_is_named_once(tmp_path, progression):
    melodylc.write_midi(tmp_path / "song.mid", SILENT, chords=progression)
    assert progression_of(tmp_path / "song.mid") == progression


def test_two_chords_in_the_only_bar_stay_in_one_bar(tmp_path):
    """By hand: one bar, half C, half G; without a bar line it would be read as a bar of each."""
    halves = [Note(p, 0, 2) for p in (48, 52, 55)] + [Note(p, 2, 4) for p in (55, 59, 62)]
    files.write(tmp_path / "song.mid", halves)
    found = progression_of(tmp_path / "song.mid")
    assert found == "C G | C G"
    assert one_a_bar(found) == found


def test_broken_chords_and_passing_notes_are_heard_as_chords(tmp_path):
    """By hand: C broken over two beats with a passing D, then A minor in an upper part, then a silent bar."""
    broken = [Note(pitch, beat, beat + 0.5, 80) for beat, pitch in enumerate([48, 55, 52, 50, 48, 55, 64, 60])]
    minor = [Note(pitch, 8, 12, 80) for pitch in (57, 60, 64)]
    files.write(tmp_path / "song.mid", [*broken, *minor, Note(60, 16, 20, 80), Note(64, 16, 20, 80)], beats=20)
    assert progression_of(tmp_path / "song.mid", bar=1).split(" | ")[2:4] == ["Am", "Am"]
    assert progression_of(tmp_path / "song.mid", bar=3).startswith("Am")


METRE = st.sampled_from([(1, 4), (2, 4), (3, 4), (5, 4), (6, 8), (7, 8)])
TRIADS = {"C": (48, 52, 55), "F": (53, 57, 60), "G": (55, 59, 62), "Am": (57, 60, 64)}


def write_song(path, *parts):
    """Write bars of chords, one a bar, in parts: (numerator, denominator), the chords, in quarters; 96 ticks each."""
    conductor, track = mido.MidiTrack(), mido.MidiTrack()
    for (numerator, denominator), symbols in parts:
        bar = 384 * numerator // denominator
        conductor.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator))
        conductor.append(mido.MetaMessage("marker", text="end of part", time=bar * len(symbols)))
        for symbol in symbols:
            track += [mido.Message("note_on", note=pitch) for pitch in TRIADS[symbol]]
            track.append(mido.Message("note_off", note=TRIADS[symbol][0], time=bar))
            track += [mido.Message("note_off", note=pitch) for pitch in TRIADS[symbol][1:]]
    mido.MidiFile(tracks=[conductor, track], ticks_per_beat=96).save(path)


@settings(deadline=None, max_examples=20)
@given(METRE, st.integers(1, 3), st.lists(st.sampled_from(sorted(TRIADS)), min_size=16, max_size=18))
def test_bars_are_those_of_the_file_whatever_metre_came_before(tmp_path_factory, metre, before, symbols):
    """The chords begin where the melody that is taken from the same file does."""
    path = tmp_path_factory.mktemp("chords") / "song.mid"
    write_song(path, (metre, ["F"] * before), ((4, 4), symbols))
    taken = select_melody(path, bar=before + len(symbols) - 16)
    assert (roots(progression_of(path, taken.bar + 1)) == roots(" | ".join(symbols[-16:]))).all()
    assert (roots(progression_of(path)) == roots(" | ".join(symbols[:16]))).all()


def test_chords_of_another_metre_are_not_read(tmp_path):
    """By hand: eight bars of 4/4, one of 2/4 at bar 9, sixteen of 4/4 from bar 10 on, then 3/4 from bar 26 on."""
    path = tmp_path / "song.mid"
    write_song(path, ((4, 4), ["C"] * 8), ((2, 4), ["F"]), ((4, 4), ["Am", "G"] * 8), ((3, 4), ["F"] * 4))
    assert progression_of(path) == "Am | G"
    assert progression_of(path, bar=1) == "C"
    assert progression_of(path, bar=25) == "G"
    for bar, metre in ((9, "2/4"), (26, "3/4"), (99, "3/4")):
        with pytest.raises(UserError, match=f"^chords: expected bar {bar} of .*song.mid in 4/4, it is in {metre}$"):
            progression_of(path, bar=bar)


def test_a_file_with_nothing_in_four_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_song("waltz.mid", ((3, 4), ["C", "F"]), ((6, 8), ["G"]))
    assert main(["generate", "--chords", "from:waltz.mid"]) == 2
    assert capsys.readouterr().err == "melodylc: chords: expected notes in 4/4 in waltz.mid, all are in 3/4, 6/8\n"


def test_chords_played_a_little_early_begin_with_their_bar(tmp_path):
    """By hand: the first of four chords begins a hundredth of a beat before the second bar."""
    notes = [
        Note(pitch, 4 * bar - 0.01, 4 * bar + 3.9, 80)
        for bar, symbol in enumerate(("C", "G", "Am", "F"), start=1)
        for pitch in TRIADS[symbol]
    ]
    files.write(tmp_path / "song.mid", notes)
    assert progression_of(tmp_path / "song.mid") == "C | G | Am | F"


def test_drums_are_no_chords(tmp_path):
    song = mido.MidiFile()
    for channel, pitches in ((9, (36, 42, 46)), (0, (55, 59, 62))):
        track = mido.MidiTrack()
        song.tracks.append(track)
        for message in ("note_on", "note_off"):
            for index, pitch in enumerate(pitches):
                wait = 1920 if message == "note_off" and index == 0 else 0
                track.append(mido.Message(message, channel=channel, note=pitch, velocity=80, time=wait))
    song.save(tmp_path / "song.mid")
    assert progression_of(tmp_path / "song.mid") == "G"


def test_the_command_takes_the_chords_of_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    melodylc.write_midi("song.mid", SILENT, chords="Dm | Bb | F | C")
    asked = ["generate", "--chords", "from:song.mid", "--with-chords", "--count", "1", "--seed", "1"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "song.mid: Dm | Bb | F | C" in said
    assert "chord tones of Dm | Bb | F | C" in said
    assert progression_of("melodies/01.mid") == "Dm | Bb | F | C"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no.mid", "chords: no.mid cannot be read: not a MIDI file (no MThd header)"),
        ("silent.mid", "chords: expected notes in silent.mid, found none"),
        ("none.mid", "chords: none.mid cannot be read: No such file or directory"),
        ("", "--chords: expected the name of a MIDI file after from:, such as from:song.mid"),
    ],
)
def test_what_has_no_chords_is_one_line(tmp_path, monkeypatch, capsys, name, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.mid").write_bytes(b"<html>nothing</html>")
    melodylc.write_midi("silent.mid", SILENT)
    assert main(["generate", "--chords", f"from:{name}"]) == 2
    assert capsys.readouterr().err == f"melodylc: {why}\n"
    if name:
        with pytest.raises(UserError):
            progression_of(name)


def test_no_chords_from_a_bar_after_the_last(tmp_path):
    melodylc.write_midi(tmp_path / "song.mid", SILENT, chords="C")
    with pytest.raises(UserError, match="from bar 40"):
        progression_of(tmp_path / "song.mid", bar=40)

"""Melodies of other lengths than 16 bars: shorter ones end, longer ones go on."""

from itertools import combinations, pairwise

import mido
import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st
from small_budgets import fill_in_briefly

import melodylc
from melodylc import chords, plausibility, rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.constraints.lengths import ending, lively_as, longer, rewards, sixteens
from melodylc.constraints.search import SearchBudget
from melodylc.melody import HOLD, REST, canonical, to_notes
from melodylc.rules import Rule

C_MAJOR = (0, 2, 4, 5, 7, 9, 11)


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """What is added is found or not in as many draws, each of which is a quarter of the work."""
    fill_in_briefly(monkeypatch)


def beats_in(path):
    """Return how long a file is, by another reader."""
    read = mido.MidiFile(path)
    return max(sum(message.time for message in track) for track in read.tracks) / read.ticks_per_beat


@given(melodies(), st.integers(1, 40))
def test_rules_see_sixteen_bars_of_any_length(melody, bars):
    """Every step is seen: a shorter melody returns until 16 bars are full, of a longer one every eighth begins some."""
    steps = bars * 16
    played = canonical(np.resize(melody, steps))
    seen = sixteens(played[None])
    assert seen.shape[1:] == (1, 256)
    assert len(seen) == (1 if bars <= 16 else 1 + -(-(bars - 16) // 8))
    assert (seen == canonical(seen.reshape(-1, 256)).reshape(seen.shape)).all()
    first, last = min(steps, 256), seen[-1, 0]
    assert (seen[0, 0, :first] == played[:first]).all()
    if bars > 16:  # a note that began before the window is a rest in it
        ends = played[-256:]
        assert ((last == ends) | ((last == REST) & (ends == HOLD))).all()
    few = rules.notes(at_least=1)
    assert rewards(few, played[None])[0] == min(few(window)[0] for window in seen)


def test_what_comes_to_rest_by_hand():
    states = np.full((3, 256), REST, np.uint8)
    states[:, 0] = 62
    states[0, 112:129] = [60] + [HOLD] * 15 + [64]  # C, a whole note; what follows the eighth bar does not count
    states[1, 124:128] = [60] + [HOLD] * 3  # C, a quarter
    states[2, 112:128] = [67] + [HOLD] * 15  # G
    np.testing.assert_allclose(ending(Attributes("C major"), 8)(states), [1, 0.75, 0.5])
    np.testing.assert_allclose(ending(Attributes("0,2,4,5,7"), 8)(states), [1, 0.5, 1])  # without a tonic
    assert ending(Attributes(), 8)(np.full((1, 256), REST, np.uint8)) == 0


def test_melodies_of_a_key_end_on_its_tonic_about_as_often_as_tunes_do(model):
    """In two of five, where single draws do in one of four; the notes of C major and A minor are the same."""

    def last(key):
        made = melodylc.generate(model, Attributes(key), 96, seed=0)
        assert made.ways.count("prior") >= 90
        return np.array([to_notes(melody)[-1].pitch % 12 for melody in made.melodies])

    major, minor = last("C major"), last("A minor")
    assert (major == 0).mean() > 0.35 > (minor == 0).mean()
    assert (minor == 9).mean() > 0.35 > (major == 9).mean()


def test_what_is_as_lively_as_before_by_hand():
    begun = np.tile(np.repeat(np.array([60, 62, 64, 65], np.uint8), 4), 16)  # four pitches, every step a note
    same, still, sparse = begun.copy(), begun.copy(), begun.copy()
    still[128:] = 60
    sparse[128:] = np.where(np.arange(128) % 4 == 0, begun[128:], HOLD)
    rule = lively_as(begun, 8)
    np.testing.assert_allclose(rule(np.stack([same, still, sparse])), [1, 1 / 3, 0.5])


@pytest.mark.parametrize("bars", [1, 4, 6, 8, 12])
def test_shorter_melodies_keep_what_is_asked_and_end(bars, model):
    made = melodylc.generate(model, Attributes("G major"), 2, bars=bars, seed=bars)
    assert made.melodies.shape == (2, bars * 16)
    for melody in made.melodies:
        notes = to_notes(melody)
        assert {note.pitch % 12 for note in notes} <= {(c + 7) % 12 for c in C_MAJOR}
        assert notes[-1].pitch % 12 == 7
        assert notes[-1].end - notes[-1].start >= min(bars, 2)  # beats


@pytest.mark.parametrize(("bars", "count"), [(17, 2), (28, 1)])
def test_longer_melodies_go_on_from_what_they_were_and_end(model, bars, count):
    asked = Attributes("A minor")
    begun = melodylc.generate(model, asked, count, seed=4).melodies
    made = melodylc.generate(model, asked, count, bars=bars, seed=4)
    assert made.melodies.shape == (count, bars * 16)
    assert (made.melodies[:, :256] == begun).all()
    assert f"gone on to {bars} bars" in made.summary
    for melody in made.melodies:
        notes = to_notes(melody)
        assert np.mean([note.pitch % 12 in C_MAJOR for note in notes]) == 1
        assert notes[-1].pitch % 12 == 9
        assert notes[-1].end - notes[-1].start >= 2
        new = melody[256:]
        if bars > 17:
            assert len(set(new[new < HOLD].tolist())) >= 4  # no drone


def test_what_is_added_is_as_varied_as_what_was_there(model):
    """The last eight bars of 40 have about as many pitches as the first; without the rule they came to rest on two."""
    made = melodylc.generate(model, None, 2, bars=40, seed=7).melodies
    first, last = made[:, :128], made[:, -128:]
    different = [[len(set(part[part < HOLD].tolist())) for part in parts] for parts in (first, last)]
    assert np.mean(different[1]) > 0.7 * np.mean(different[0])
    assert not any((a[-128:] == b[-128:]).all() for a, b in pairwise(made))


def test_what_is_given_stays_and_rules_are_kept(model):
    melody = model.bank.states[5]
    rule = rules.leaps(12, at_least=0.6)
    made = melodylc.continue_melody(model, melody, bars=24, count=2, rules=rule, seed=1)
    assert (rewards(rule, made.melodies) == 1).all()
    assert (made.melodies[:, :256] == melody).all()
    assert made.ways == ["your melody"] * 2
    assert not (made.melodies[0] == made.melodies[1]).all()


def test_what_is_not_found_differs_from_melody_to_melody(model):
    """The second search of one melody has not the noise of the first search of the next."""
    never, asked = Rule("never", lambda states: np.zeros(len(states))), Attributes()
    bounds, budget = plausibility.bounds(model), SearchBudget(decodes=2, first=2)
    made = [
        longer(model, model.bank.states[5], 24, [never], asked, bounds, budget=budget, seed=seed, ends=False)[0]
        for seed in (7, 8, 9)
    ]
    assert all((a != b).any() for a, b in combinations(made, 2))


def test_a_key_is_for_the_new_bars_where_the_given_ones_are_in_another(model):
    out = rules.pitch_classes("C major")
    melody = next(each for each in model.bank.states if out(each[None])[0] < 0.8)
    made = melodylc.continue_melody(model, melody, Attributes("C major"), bars=24, count=2, seed=1)
    new = made.melodies[:, 256:]
    assert np.mean(np.isin(new[new < HOLD] % 12, C_MAJOR)) > 0.97
    inside = np.isin(new % 12, C_MAJOR) | (new >= HOLD)
    assert ((rewards(out, made.melodies, made.given) == 1) == inside.all(axis=1)).all()


def test_the_command_writes_as_many_bars_as_were_asked_for(tmp_path, capsys):
    command = ["generate", "--bars", "8", "--key", "C major", "--count", "2", "--seed", "3"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "2 of 2 kept" in capsys.readouterr().out
    assert beats_in(tmp_path / "01.mid") == 32


def test_a_file_goes_on(tmp_path, capsys, model):
    given, out = tmp_path / "mine.mid", tmp_path / "out"
    melodylc.write_midi(given, model.bank.states[3])
    command = ["continue", str(given), "--bars", "24", "--chords", "C F G C", "--with-chords", "--count", "1"]
    assert main([*command, "--seed", "1", "--out", str(out)]) == 0
    assert "gone on to 24 bars" in capsys.readouterr().out
    assert beats_in(out / "01.mid") == 96


def test_a_melody_of_24_bars_keeps_the_chords_of_a_blues(model):
    blues = "C C C C F F C C G F C G"
    made = melodylc.generate(model, chords=blues, count=1, bars=24, seed=2).melodies
    assert rewards(chords.rule(blues), made) == 1
    found = [note for note in to_notes(made[0]) if note.start % 1 == 0 and note.start >= 64]
    tones = [{0, 4, 7}, {5, 9, 0}, {7, 11, 2}]
    over = [tones["CFG".index(blues.split()[int(note.start // 4) % 12])] for note in found]
    assert np.mean([note.pitch % 12 in each for note, each in zip(found, over, strict=True)]) > 0.6


def test_a_long_file_goes_on_from_its_end_and_a_short_one_is_filled_up_first(tmp_path, capsys, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    song = np.concatenate([model.bank.states[5], model.bank.states[3]])
    melodylc.write_midi("song.mid", song)
    assert main(["continue", "song.mid", "--bars", "17", "--count", "1", "--seconds", "1", "--seed", "1"]) == 0
    assert "song.mid: took bars 17 to 32" in capsys.readouterr().out
    melodylc.write_midi("short.mid", model.bank.states[3][:48])
    assert main(["continue", "short.mid"]) == 2
    said = capsys.readouterr().err
    assert "expected 16 bars to go on from, the melody has 3; melodylc infill --bars 4-16 fills the others" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bars", "0"], "from 1 to 256"),
        (["--bars", "8", "--form", "AABA"], "form: melodies in a form have 16 bars"),
        (["--bars", "8", "--rule", "syncopation", "--rounds", "2"], "--bars: melodies of fewer than 16 bars"),
        (["--bars", "8", "--chords", "C F G"], "that divides 8, got 3"),
        (["--bars", "6", "--chords", "| Am | F | C | G |"], "that divides 6, got 4"),
    ],
)
def test_lengths_that_cannot_be_made_are_one_line(arguments, said, capsys):
    try:
        code = main(["generate", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert said in capsys.readouterr().err


def test_lengths_that_cannot_be_made_in_python(model):
    with pytest.raises(UserError, match="expected a melody of 16 bars or more"):
        melodylc.continue_melody(model, model.bank.states[0], bars=16)
    with pytest.raises(ValueError, match="expected whole bars"):
        melodylc.continue_melody(model, model.bank.states[0][:250])
    with pytest.raises(UserError, match="fewer than 16 bars are searched for"):
        melodylc.generate(model, rules=rules.syncopation(), bars=4, how="learn")

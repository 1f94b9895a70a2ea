"""A melody of which a part is made anew: what is locked stays to the last step."""

import numpy as np
import pytest
from generated import melodies
from hypothesis import given, settings
from hypothesis import strategies as st

import melodylc
from melodylc import rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.constraints.infilling import Infilling, allowed_at_each_step, held_on, in_order
from melodylc.infilling import in_words, numbers_of_bars
from melodylc.melody import HOLD, REST, STATES, canonical, to_notes
from melodylc.runtime.flow import form_of
from midi_io import files

ANEW = np.repeat(np.isin(np.arange(16), [4, 5, 6, 7]), 16)  # bars 5 to 8


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


def filled(infilling, count, seed=1):
    noise = infilling.noise(count, seed)
    return infilling.decoded(infilling.latent(noise), noise, infilling.model.source(seed))


@settings(deadline=None, max_examples=12)
@given(melodies(), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.sampled_from([None, "rhythm", "notes"]))
def test_what_is_locked_stays_to_the_last_step(melody, bars, seed, keep):
    """Whatever the melody and the bars; what its holds hold stays as well."""
    locked = np.repeat([bool(bars >> bar & 1) for bar in range(16)], 16)
    made = filled(Infilling(melodylc.load(), melody, locked, keep=keep), 2, seed % 1000)
    assert (made == canonical(made)).all()
    own = {(note.pitch, note.end) for note in to_notes(melody)}
    for each in made:
        assert (each[locked] == melody[locked]).all()
        if keep == "rhythm":
            assert ((each < HOLD) == (melody < HOLD)).all()
            assert ((each == REST) == (melody == REST)).all()
        if keep == "notes":
            onset = melody < HOLD
            assert (each[onset] == melody[onset]).all()
        for note in to_notes(each):
            last = round(note.end * 4) - 1
            if locked[last] and locked[min(last + 1, 255)]:
                assert (note.pitch, note.end) in own


def test_a_rhythm_that_stays_keeps_the_beginning_of_a_note_held_into_a_locked_bar():
    melody = np.full(256, HOLD)
    melody[[0, 60]] = 60, 64  # the second one is held over the bar line at 64
    locked = np.arange(256) >= 64
    assert filled(Infilling(melodylc.load(), melody, locked, keep="rhythm"), 4)[:, 60].tolist() == [64] * 4


def test_single_steps_may_be_locked(model):
    melody = model.bank.states[3]
    locked = np.random.default_rng(0).random(256) < 0.5
    made = filled(Infilling(model, melody, locked), 3)
    assert (made[:, locked] == melody[locked]).all()
    assert (made != melody).any(axis=1).all()


def test_new_bars_belong_to_the_others(model):
    """They keep to the pitch classes and the register of the locked ones, nearer than draws do."""
    held = model.bank.states[:24]
    made = np.stack([filled(Infilling(model, melody, ~ANEW), 1)[0] for melody in held])
    drawn = model.sample(24, seed=2)

    def fit(parts, wholes):
        shares = []
        for part, whole in zip(parts[:, ANEW], wholes[:, ~ANEW], strict=True):
            part, whole = part[part < HOLD].astype(int), whole[whole < HOLD].astype(int)
            if len(part) and len(whole):
                shares.append((np.isin(part % 12, whole % 12).mean(), abs(part.mean() - whole.mean())))
        return np.mean(shares, axis=0)

    (own, near), (other, far) = fit(made, held), fit(drawn, held)
    assert own > 0.9 > other
    assert near < 4 < far


def test_equal_bars_return(model):
    """Of a melody whose bars 1 to 4 come three times, the fourth time is often another."""
    verse = model.bank.states[5][:64]
    melody = np.tile(verse, 4)
    infilling = Infilling(model, melody, ~ANEW)
    made = filled(infilling, 32)
    again = (made[:, ANEW].reshape(32, 4, 16) == verse.reshape(4, 16)).all(axis=2).mean()
    assert again > 0.3
    noise = infilling.noise(8, seed=3)
    form = form_of(noise)
    assert (form[:, [0, 8, 12]] == 0).all()


def test_states_allowed_at_each_step():
    melody = np.array([60, HOLD, REST, 62] + [HOLD] * 252, np.uint8)
    locked = np.zeros(256, bool)
    locked[3] = True
    allowed = allowed_at_each_step(melody, locked, "rhythm")
    assert allowed.shape == (256, STATES)
    assert (allowed.sum(axis=1)[:5] == [128, 1, 1, 1, 1]).all()
    assert allowed_at_each_step(melody, locked, "notes").sum(axis=1)[:4].tolist() == [1, STATES, STATES, 1]
    in_key = np.zeros(STATES, bool)
    in_key[[60, 64, HOLD, REST]] = True
    allowed = allowed_at_each_step(melody, locked, None, in_key)
    assert allowed[3].nonzero()[0].tolist() == [62]  # what is locked may be what it is
    assert (allowed[0] == in_key).all()


@given(melodies(), melodies(), st.lists(st.booleans(), min_size=16, max_size=16))
def test_pitches_stay_in_order(melody, other, bars):
    locked = np.repeat(bars, 16)
    mixed = np.where(locked, melody, other)
    wanted = melody[(melody < HOLD) & ~locked]
    if (~locked).sum() == 0:
        return
    found = in_order(mixed, melody, locked)
    assert (found[(found < HOLD) & ~locked] == wanted).all()
    assert (found[locked] == melody[locked]).all()


def test_a_locked_hold_goes_on_holding_its_note():
    melody = np.full(256, REST, np.uint8)
    melody[60] = 64
    melody[61:70] = HOLD
    locked = np.arange(256) >= 64
    for before in (REST, 71):
        made = melody.copy()
        made[56:64] = before
        (found,) = held_on(made[None], melody, locked)
        assert (found[63], found[64]) == (64, HOLD)
    made[56:64] = REST
    made[40] = 64
    (found,) = held_on(made[None], melody, locked, longer=True)
    assert (found[41:70] == HOLD).all()


@pytest.mark.usefixtures("every_core")
def test_rules_hold_for_the_whole(model):
    melody = next(each for each in model.bank.states if rules.pitch_classes("C major").satisfied(each[None])[0])
    rule = rules.contour("arch", 0.5) | rules.notes(at_least=90)
    made = melodylc.infill(model, melody, Attributes("C major"), bars="5-8", rules=rule, count=3, seed=1)
    assert (made.melodies[:, ~ANEW] == melody[~ANEW]).all()
    assert rules.pitch_classes("C major").satisfied(made.melodies).all()
    assert len({each.tobytes() for each in made.melodies}) == 3
    assert made.summary.startswith("bars 5-8 made anew; searched ")


def test_notes_that_stay_are_not_held_against_the_new_ones(model):
    melody = next(each for each in model.bank.states if 61 in each[:64])
    made = melodylc.infill(model, melody, Attributes("C major"), bars=[5, 6, 7, 8], count=2, seed=2)
    assert "of the notes that stay outside C major" in made.summary
    new = made.melodies[:, 64:127]  # on the last step, a note may begin that bar 9 goes on with
    assert np.isin(new[new < HOLD] % 12, [0, 2, 4, 5, 7, 9, 11]).all()


def test_the_same_seed_fills_in_the_same(model):
    one, other, third = (
        melodylc.infill(model, model.bank.states[0], bars="9-12", count=2, seed=seed).melodies for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_pitches_are_kept_in_new_rhythms(model):
    melody = model.bank.states[2]
    made = melodylc.infill(model, melody, keep="pitches", count=3, seed=3)
    for each in made.melodies:
        assert each[each < HOLD].tolist() == melody[melody < HOLD].tolist()
    assert ((made.melodies < HOLD) != (melody < HOLD)).any(axis=1).all()
    assert "their pitches kept" in made.summary


def test_bars_as_people_name_them():
    assert numbers_of_bars("5-8") == [5, 6, 7, 8]
    assert numbers_of_bars("1, 3,9-10") == [1, 3, 9, 10]
    assert in_words(np.repeat(np.isin(np.arange(1, 17), [1, 3, 9, 10]), 16)) == "1, 3, 9-10"
    for wrong in ("", "0", "8-5", "5-17", "a", "5-", "1,,2", [], [0], [1.5], [True]):
        with pytest.raises(UserError, match="bars: expected"):
            numbers_of_bars(wrong)


def test_what_cannot_be_filled_in_is_refused(model, tiny_model):
    melody = model.bank.states[0]
    for options, message in (
        ({}, "expected bars to make anew, or locked steps, one of them"),
        ({"bars": "5", "locked": np.zeros(256, bool)}, "one of them"),
        ({"bars": "5", "keep": "tempo"}, "keep as one of rhythm, pitches, notes"),
        ({"locked": np.zeros(16, bool)}, r"locked as \(256,\) bool"),
        ({"locked": np.ones(256, bool)}, "every step is locked"),
    ):
        with pytest.raises(UserError, match=message):
            melodylc.infill(model, melody, **options)
    with pytest.raises(UserError, match="realistic prior"):
        melodylc.infill(tiny_model, melody, bars="5-8")


@pytest.mark.usefixtures("every_core")
def test_infill_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = melodylc.load()
    melody = model.bank.states[7]
    files.write("mine.mid", to_notes(melody), beats=64)
    assert main(["infill", "mine.mid", "--bars", "5-8", "--key", "A minor", "--count", "2", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert "bars 5-8 made anew" in out
    assert (tmp_path / "melodies" / "02.png").exists()
    assert main(["infill", "mine.mid", "--bars", "17"]) == 2
    assert "bars: expected a whole number from 1 to 16" in capsys.readouterr().err
    assert main(["infill", "mine.mid"]) == 2
    assert "expected --bars, those to make anew, or --keep" in capsys.readouterr().err


def test_noise_of_two_fillings_is_the_same_on_every_machine(model):
    infilling = Infilling(model, model.bank.states[0], ~ANEW)
    np.testing.assert_array_equal(infilling.noise(3, seed=1)[:2], infilling.noise(2, seed=1))

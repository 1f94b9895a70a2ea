"""One's own style: learned from melodies that differ in kind, draws are of that kind, and no copies."""

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from small_budgets import fill_in_briefly

import melodylc
from melodylc import plausibility, rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.loading import with_torch
from melodylc.melody import HOLD
from melodylc.style import in_style, learn_style, load_style, stretches_of

COUNT = 24  # melodies that a style is learned from, of the model's held-out ones


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


@pytest.fixture(scope="module")
def kinds(model):
    """Return real melodies that are slow, and others that are fast."""
    notes = (model.bank.states < HOLD).sum(axis=1)
    return {
        "slow": model.bank.states[(notes > 25) & (notes < 45)][:COUNT],
        "fast": model.bank.states[(notes > 105) & (notes < 125)][:COUNT],
    }


@pytest.fixture(scope="module")
def styles(model, kinds):
    return {name: learn_style(model, given, progress=False) for name, given in kinds.items()}


def test_draws_are_of_the_kind_that_was_learned(model, styles):
    """Slow ones from slow melodies and fast ones from fast ones, and as plausible as without a style."""
    bounds = plausibility.bounds(model)
    plain = (model.sample(96, seed=1) < HOLD).sum(axis=1)
    made = {name: in_style(model, style).sample(96, seed=1) for name, style in styles.items()}
    notes = {name: (states < HOLD).sum(axis=1) for name, states in made.items()}
    assert np.median(notes["slow"]) < 50 < np.median(plain) < np.median(notes["fast"])
    assert np.median(notes["fast"]) > 85
    for states in made.values():
        assert bounds.plausible(states).mean() > 0.75
        assert len(np.unique(states, axis=0)) == len(states)


def test_more_of_a_style_goes_further(model, styles):
    counts = [np.mean(in_style(model, styles["fast"], amount).sample(64, seed=2) < HOLD) for amount in (0.4, 1.0, 1.6)]
    assert counts == sorted(counts)
    assert (in_style(model, styles["fast"], 0).sample(4, seed=2) == model.sample(4, seed=2)).all()


def test_rules_locks_and_chords_work_in_a_style(model, styles, monkeypatch):
    fill_in_briefly(monkeypatch)
    styled = in_style(model, styles["fast"])
    made = melodylc.generate(styled, Attributes("A minor"), 2, rules=rules.stepwise(0.5), seed=1)
    assert rules.pitch_classes("A minor").satisfied(made.melodies).all()
    assert rules.stepwise(0.5).satisfied(made.melodies).all()
    given = model.bank.states[7]
    filled = melodylc.infill(styled, given, bars="5-8", count=2, seed=1).melodies
    assert (filled[:, :64] == given[:64]).all()
    assert (filled[:, 128:] == given[128:]).all()
    longer = melodylc.generate(styled, None, 1, bars=24, seed=1, chords="Am F C G").melodies
    assert longer.shape == (1, 384)


def test_new_bars_are_in_the_style(model, styles, kinds, monkeypatch):
    """The same bars of the same melodies, filled in either style."""
    fill_in_briefly(monkeypatch)
    given = np.concatenate([kinds["slow"][:1], kinds["fast"][:1]])
    notes = {}
    for name, style in styles.items():
        made = [melodylc.infill(in_style(model, style), each, bars="5-12", count=4, seed=3).melodies for each in given]
        notes[name] = np.mean([states[:, 64:192] < HOLD for states in made])
    assert notes["slow"] < notes["fast"]


def test_what_is_copied_is_told(model, styles, kinds):
    style = styles["fast"]
    assert (style.copied(kinds["fast"]) == 1).all()
    assert style.copied(in_style(model, style).sample(64, seed=3)).mean() < 0.05
    assert style.copied(np.full((1, 256), 129, np.uint8)).tolist() == [0]


def test_what_copies_is_not_kept(model, styles, kinds):
    """A melody of the files is plausible without the style and not in it, unless it is the one that is changed."""
    plain, styled = plausibility.bounds(model), plausibility.bounds(in_style(model, styles["fast"]))
    given = kinds["fast"][plain.plausible(kinds["fast"])][:8]
    assert len(given) == 8
    assert [styled.violated(each) for each in given] == [("copied",)] * 8
    widened = styled.including(given[0])  # for a melody that is changed: what it has is not copied
    assert widened.violated(given[0]) == ()
    half = np.append(given[0][:128], given[1][128:])[None]
    assert "copied" in widened.violated(half[0])
    made = melodylc.generate(in_style(model, styles["fast"]), count=16, seed=2)
    assert (styles["fast"].copied(made.melodies) <= 0.1).all()
    assert made.implausible == [()] * 16


@given(melodies(), st.integers(-12, 12), st.integers(0, 16))
def test_stretches_are_the_same_in_any_key_and_anywhere(melody, semitones, later):
    onsets = np.flatnonzero(melody < HOLD)
    middle = np.full(256, HOLD, np.uint8)
    kept = onsets[onsets < 256 - later]
    middle[kept + later] = np.clip(melody[kept].astype(int), 12, 115) + semitones
    plain = np.full(256, HOLD, np.uint8)
    plain[kept] = np.clip(melody[kept].astype(int), 12, 115)
    found = stretches_of(middle[None])
    assert found.tolist() == stretches_of(plain[None]).tolist()
    assert len(found) <= max(len(kept) - 7, 0)


def test_other_notes_are_another_stretch():
    first = np.full(256, HOLD, np.uint8)
    first[:16:2] = [60, 62, 64, 65, 67, 69, 71, 72]
    other, longer = first.copy(), first.copy()
    other[14] = 74
    longer[14], longer[15] = HOLD, 72
    digests = [stretches_of(each[None]).tolist() for each in (first, other, longer)]
    assert [len(each) for each in digests] == [1, 1, 1]
    assert len({each[0] for each in digests}) == 3


def test_a_style_comes_back_as_it_was_saved(model, styles, tmp_path):
    styles["slow"].save(tmp_path / "mine.safetensors")
    again = load_style(tmp_path / "mine.safetensors", model)
    assert (in_style(model, again).sample(4, seed=1) == in_style(model, styles["slow"]).sample(4, seed=1)).all()
    assert again.card["melodies"] == COUNT


def test_one_style_is_not_drawn_through_another(model, styles):
    slow, fast = in_style(model, styles["slow"]), in_style(model, styles["fast"])
    assert (in_style(slow, styles["fast"]).sample(4, seed=1) == fast.sample(4, seed=1)).all()
    assert (in_style(slow, styles["fast"], 0).sample(4, seed=1) == model.sample(4, seed=1)).all()


def test_a_model_without_torch_in_a_style_keeps_it_with_torch(model, styles):
    drawn = in_style(melodylc.load(drawn=True), styles["slow"], 0.7)
    again = with_torch(drawn, "this test")
    assert (again.sample(4, seed=1) == in_style(model, styles["slow"], 0.7).sample(4, seed=1)).all()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("forms", lambda forms: forms[:, :5].contiguous()),
        ("forms", lambda forms: forms + 99),
        ("forms", lambda forms: forms[0, 0]),
        ("factor", lambda factor: factor * float("nan")),
        ("mean", lambda mean: mean[:3]),
        ("stretches", lambda stretches: stretches.float()),
    ],
)
def test_a_damaged_style_is_said_when_it_is_loaded(name, changed, model, styles, tmp_path):
    path = tmp_path / "mine.safetensors"
    styles["slow"].save(path)
    tensors = load_file(path)
    save_file({**tensors, name: changed(tensors[name])}, path, metadata={"format": "pt"})
    with pytest.raises(UserError, match="style: "):
        load_style(path, model)


def test_a_style_of_one_s_files(model, kinds, tmp_path, capsys, monkeypatch):
    """From MIDI files to melodies, as the README has it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-midi").mkdir()
    for number, states in enumerate(kinds["fast"]):
        melodylc.write_midi(tmp_path / "my-midi" / f"{number}.mid", states)
    assert main(["style", "my-midi", "--out", "mine.safetensors"]) == 0
    said = capsys.readouterr().out
    assert f"melodies of {COUNT} files" in said
    assert "eight-note stretches" in said
    command = ["generate", "--style", "mine.safetensors", "--key", "G major", "--seed", "1", "--out", "out"]
    assert main([*command, "--count", "2"]) == 0
    assert "2 of 2 kept" in capsys.readouterr().out


def test_what_is_no_style_is_one_line(model, styles, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="expected 4 melodies"):
        learn_style(model, model.bank.states[:3])
    with pytest.raises(UserError, match="amount"):
        in_style(model, styles["slow"], 3)
    styles["slow"].save("mine.safetensors")
    card = (tmp_path / "mine.json").read_text()
    (tmp_path / "mine.json").write_text(card.replace(styles["slow"].card["model"], "another"))
    assert main(["generate", "--style", "mine.safetensors"]) == 2
    assert main(["generate", "--style", "none.safetensors"]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["style", "empty", "--out", "nowhere/other.safetensors"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3
    assert main(["style", "empty", "--out", "other.safetensors"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("melodylc: style: expected melodies of 16 bars")
    assert "learned on another model" in errors[0]

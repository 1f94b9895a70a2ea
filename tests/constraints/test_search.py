"""Search for melodies that keep rules, and the variations it tries."""

import numpy as np
import pytest
import torch
from generated import melodies
from hypothesis import given, settings
from hypothesis import strategies as st

import melodylc
from melodylc import plausibility, rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.constraints import variations
from melodylc.constraints.draws import PriorDraws
from melodylc.constraints.search import SearchBudget, search
from melodylc.latent.rewards import Budget
from melodylc.melody import HOLD, REST
from melodylc.runtime.choosing import states_for

SHORT = Budget(
    rounds=1, fresh=8, tried=8, bank_steps=1, critic_steps=1, actor_steps=1, critic_batch=8, actor_batch=8,
    actor_hidden=(8,),
)  # fmt: skip


@rules.rule
def five_pitches(states):
    """Exactly five, which half a draw in a hundred has."""
    counts = np.array([len(set(melody[melody < HOLD].tolist())) for melody in states])
    return np.maximum(0, 1 - abs(counts - 5) / 16)


@rules.per_melody
def ends_where_it_began(melody):
    """All or nothing: the reward does not say how far off a melody is."""
    return float(bool(melody.notes) and melody.notes[0].pitch % 12 == melody.notes[-1].pitch % 12)


@rules.rule
def never(states):
    return np.zeros(len(states))


def asked(model, *wanted, count=4, **options):
    return search(PriorDraws(model), wanted, count, plausibility.bounds(model), **options)


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize(
    "rule", [five_pitches, ends_where_it_began, rules.contour("valley", 0.8), rules.chord_tones("C | Am | F | G", 0.9)]
)
def test_rules_that_draws_hardly_satisfy_are_found(rule):
    """Also one that no draw in a thousand satisfies; of each, four melodies that are four."""
    model = melodylc.load()
    found = asked(model, rule, seed=3)
    assert (found.scores == 1).all()
    assert found.decodes <= 2000
    assert rule.satisfied(found.melodies).all()
    assert plausibility.bounds(model).plausible(found.melodies).all()
    notes = found.melodies < HOLD
    shared = ((found.melodies[:, None] == found.melodies) & notes).sum(axis=2) / notes.sum(axis=1)
    assert shared[~np.eye(4, dtype=bool)].max() < 0.6


@pytest.mark.usefixtures("every_core")
def test_what_is_found_is_still_music():
    """No way out by repeating: bars, pitches and rhythms vary as those of draws do."""
    model = melodylc.load()
    found = asked(model, five_pitches, count=6, seed=5).melodies
    features = dict(zip(plausibility.FEATURES, plausibility.features(found).T, strict=True))
    assert (features["pitches"] == 5).all()
    assert features["equal bars"].mean() <= 9
    assert features["commonest pitch"].mean() < 0.5
    assert features["notes"].mean() > 30


def test_the_same_seed_finds_the_same(tiny_model):
    budget = SearchBudget(decodes=300)
    one, other = (asked(tiny_model, never, five_pitches, seed=2, budget=budget) for _ in range(2))
    np.testing.assert_array_equal(one.melodies, other.melodies)
    assert not np.array_equal(one.melodies, asked(tiny_model, never, five_pitches, seed=3, budget=budget).melodies)


def test_a_search_ends_with_its_budget(tiny_model):
    assert asked(tiny_model, never, count=3, budget=SearchBudget(decodes=10)).decodes == 9
    first = asked(tiny_model, never, count=2, budget=SearchBudget(seconds=0))
    assert (first.decodes, len(first.melodies)) == (256, 2)
    assert asked(tiny_model, never, count=2, budget=SearchBudget(decodes=300)).decodes <= 300
    nothing = asked(tiny_model, never, count=0)
    assert (nothing.melodies.shape, nothing.decodes) == ((0, 256), 0)
    for wrong in ({"decodes": 0}, {"seconds": float("nan")}):
        with pytest.raises(UserError, match="search: "):
            SearchBudget(**wrong)


def test_a_longer_search_finds_no_worse(tiny_model):
    short, long = (
        asked(tiny_model, five_pitches, rules.notes(at_least=250), budget=SearchBudget(decodes=n)).scores
        for n in (256, 800)
    )
    assert (long >= short).all()
    assert long.mean() > short.mean()


def test_a_model_without_a_realistic_prior_is_searched_too(tiny_model):
    assert tiny_model.realistic is None
    assert asked(tiny_model, rules.notes(at_least=1), count=2).melodies.shape == (2, 256)


@settings(deadline=None)
@given(melodies(), melodies(), st.booleans(), st.integers(0, 2**32 - 1))
def test_bars_come_from_one_of_two(melody, other, anywhere, seed):
    changed = variations.bars_from(melody, other, np.random.default_rng(seed), anywhere)
    for bar, (new, old) in enumerate(zip(changed.reshape(16, 16), melody.reshape(16, 16), strict=True)):
        others = other.reshape(16, 16) if anywhere else other.reshape(16, 16)[bar : bar + 1]
        assert (new == old).all() or (new == others).all(axis=1).any()


def test_variations_change_a_few_steps_within_what_is_allowed(tiny_model):
    rng = np.random.default_rng(0)
    melody, allowed = tiny_model.bank.states[0], states_for(Attributes("C major").pitches())
    z = tiny_model.encode(melody).mean
    steps, likely = variations.alternatives(tiny_model, z, melody, allowed)
    for _ in range(50):
        changed = variations.steps_changed(melody, steps, likely, rng)
        different = changed != melody
        assert 1 <= different.sum() <= variations.MOST_STEPS
        assert allowed[changed[different]].all()
    made = variations.variations(tiny_model, z, melody, tiny_model.bank.states, rng)
    assert made.shape == (variations.BARS_MOVED + variations.STEPS_CHANGED, 256)


def test_steps_change_as_the_decoder_says(tiny_model):
    """Of many changes of one step, each state comes as often as it is likely."""
    melody = tiny_model.bank.states[1]
    steps, cumulated = variations.alternatives(tiny_model, tiny_model.encode(melody).mean, melody, None)
    np.testing.assert_array_equal(steps, np.arange(256))
    with torch.no_grad():
        z, states = tiny_model.encode(melody).mean, torch.from_numpy(melody.astype(int))[None]
        expected = tiny_model.vae.logits(z, states)[0, 7].softmax(dim=0).numpy()
    expected[melody[7]] = 0
    drawn = np.diff(cumulated[7], prepend=0)
    np.testing.assert_allclose(drawn, expected / expected.sum(), atol=1e-5)


def test_generate_says_which_way_it_went(tiny_model):
    made = melodylc.generate(tiny_model, count=2, rules=rules.notes(at_least=1), how="search", seed=1)
    assert set(made.ways) == {"search"}
    assert "decodes in" in made.summary
    few = SearchBudget(decodes=2)
    made = melodylc.generate(tiny_model, count=2, rules=never, searching=few, budget=SHORT, tries=1, seed=1)
    assert made.summary.startswith("searched 2 decodes in")
    assert "which kept 0; an actor learned for never" in made.summary
    made = melodylc.generate(tiny_model, count=2, rules=never, how="learn", budget=SHORT, tries=1, seed=1)
    assert "search" not in made.summary


def test_what_no_search_can_have_is_refused(tiny_model, tmp_path):
    for options, message in (
        ({"how": "guess", "rules": never}, "expected one of auto, search, learn"),
        ({"how": "search"}, "a search expects a rule"),
        ({"how": "search", "rules": never, "keep": tmp_path / "a.safetensors"}, "neither actors nor"),
    ):
        with pytest.raises(UserError, match=message):
            melodylc.generate(tiny_model, count=1, **options)


@pytest.mark.usefixtures("every_core")
def test_rules_are_searched_for_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(
        "from melodylc import rules\n\n@rules.per_melody\ndef ends_high(melody):\n"
        "    return float(bool(melody.notes) and melody.notes[-1].pitch == max(n.pitch for n in melody.notes))\n"
    )
    command = ["generate", "--rule", "my.py:ends_high", "--key", "G major", "--count", "2", "--seed", "4"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out.startswith("2 of 2 kept; made for G major, searched ")
    assert "learning" not in said.err
    for further, message in (
        (["--how", "search", "--rounds", "3"], "--rounds: a search learns nothing"),
        (["--how", "learn", "--actor", "x.safetensors"], "--how: an --actor is learned already"),
    ):
        assert main([*command, *further]) == 2
        assert message in capsys.readouterr().err
    assert main(["generate", "--how", "search"]) == 2
    assert "--how: nothing is searched for without --rule" in capsys.readouterr().err


def test_rests_and_holds_may_be_changed_too(tiny_model):
    melody = np.full(256, REST, np.uint8)
    melody[:4] = [60, HOLD, HOLD, HOLD]
    steps, likely = variations.alternatives(tiny_model, tiny_model.encode(melody).mean, melody, None)
    changed = np.stack([variations.steps_changed(melody, steps, likely, np.random.default_rng(s)) for s in range(200)])
    assert (changed[:, 4:] < HOLD).any()
    assert (changed[:, 1:4] != HOLD).any()

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_budgets import learn_realism_briefly

import melodylc
from melodylc import generation, plausibility, rules, transforming
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.constraints import conditional, rule_actor
from melodylc.constraints.best_melodies import BestMelodies
from melodylc.constraints.composition import compose
from melodylc.constraints.conditional_training import ConditionalSettings, train_conditional_actor
from melodylc.constraints.sampling import score
from melodylc.latent.rewards import PAPER_BUDGET, Budget
from melodylc.melody import HOLD
from melodylc.plausibility import FEATURES, Bounds
from melodylc.vae import storage

BUDGET = Budget(
    rounds=2, fresh=16, tried=8, bank_steps=3, critic_steps=2, actor_steps=2, critic_batch=16, actor_batch=16,
    actor_hidden=(8,),
)  # fmt: skip


@pytest.fixture(autouse=True)
def brief_realism(monkeypatch):
    """What is composed here is looked at, whatever comes of it."""
    learn_realism_briefly(monkeypatch)


@pytest.fixture(scope="module")
def learned(tiny_model):
    rule = rules.pitch_classes("C major") & rules.notes(at_least=40)
    return rule_actor.learn(tiny_model, rule, budget=BUDGET, seed=4, progress=False)


def test_an_actor_is_saved_and_loaded(learned, tiny_model, tmp_path):
    learned.save(tmp_path / "actor.safetensors")
    again = rule_actor.load_actor(tmp_path / "actor.safetensors", tiny_model)
    z = tiny_model.prior(5, seed=0)
    torch.testing.assert_close(again.move(z), learned.move(z), atol=1e-2, rtol=1e-2)  # half precision
    card = json.loads((tmp_path / "actor.json").read_text())
    assert card["rule"] == "(C major and 40 notes)"
    assert (card["seed"], card["temperature"], len(card["curve"])) == (4, 0.5, 2)
    assert card["outcome"] in ("reached", "partly reached", "out of reach")
    assert {"rewarded", "seconds", "kept", "satisfied", "shift", "spread"} <= set(card["curve"][0])
    assert again.report == learned.report
    np.testing.assert_array_equal(again.sample(3, seed=1), again.sample(3, seed=1))
    torch.testing.assert_close(again.judge(z), learned.judge(z), atol=5e-2, rtol=5e-2)
    np.testing.assert_array_equal(again.examples, learned.examples)


def test_an_actor_of_another_model_is_refused(learned, tiny_model, tmp_path):
    learned.save(tmp_path / "actor.safetensors")
    card = json.loads((tmp_path / "actor.json").read_text())
    (tmp_path / "actor.json").write_text(json.dumps({**card, "model": "other"}))
    with pytest.raises(UserError, match="learned on another model"):
        rule_actor.load_actor(tmp_path / "actor.safetensors", tiny_model)
    hostile = {**card, "budget": {**card["budget"], "actor_hidden": [10**9]}}
    (tmp_path / "actor.json").write_text(json.dumps(hostile))
    with pytest.raises(UserError, match="do not fit each other"):
        rule_actor.load_actor(tmp_path / "actor.safetensors", tiny_model)
    (tmp_path / "actor.json").write_text(json.dumps(card))
    (tmp_path / "actor.safetensors").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(UserError, match="expected safetensors"):
        rule_actor.load_actor(tmp_path / "actor.safetensors", tiny_model)


def test_the_progress_shows_reward_and_shares_kept_and_satisfied(tiny_model, capsys):
    rule_actor.learn(tiny_model, rules.notes(at_least=10), budget=BUDGET, seed=0)
    shown = capsys.readouterr().err
    assert "reward=" in shown
    assert "kept=" in shown
    assert "satisfied=" in shown
    assert "\r" not in shown  # it is no terminal
    assert shown.count("\n") == 1


def test_a_rule_that_returns_nonsense_ends_the_learning_by_name(tiny_model):
    wrong = rules.Rule("wrong", lambda states: np.full(len(states), 2.0))
    with pytest.raises(UserError, match="'wrong'"):
        rule_actor.learn(tiny_model, wrong, budget=BUDGET, progress=False)


def test_one_seed_one_actor(tiny_model):
    a, b = (
        rule_actor.learn(tiny_model, rules.notes(at_least=60), budget=BUDGET, seed=3, progress=False) for _ in range(2)
    )
    z = tiny_model.prior(4, seed=0)
    torch.testing.assert_close(a.move(z), b.move(z), rtol=0, atol=0)


def test_a_rule_out_of_reach_ends_with_that_word_and_the_nearest(tiny_model):
    """No melody has a note on pitch 127 in every step; some have more notes than others."""
    never = rules.Rule("never", lambda states: (states < 128).mean(axis=1) * 0.5)
    learned = rule_actor.learn(tiny_model, never, budget=BUDGET, progress=False)
    assert learned.outcome == "out of reach"
    assert learned.examples.shape == (3, 256)
    scores, of_draws = (
        score(states, [never], plausibility.bounds(tiny_model)) for states in (learned.examples, tiny_model.bank.drawn)
    )
    assert (np.diff(scores) <= 0).all()
    assert scores[0] >= of_draws.max()


def test_what_is_satisfied_and_not_plausible_is_not_reached(tiny_model, monkeypatch):
    anything = rules.Rule("anything", lambda states: np.ones(len(states)))
    never = Bounds((1.0,) * len(FEATURES), (0.0,) * len(FEATURES), "no melody")
    monkeypatch.setattr(plausibility, "bounds", lambda model: never)
    for budget in (BUDGET, replace(BUDGET, bank_steps=0), replace(BUDGET, plausibility=False)):
        learned = rule_actor.learn(tiny_model, anything, budget=budget, progress=False)
        assert learned.outcome == "out of reach"
        assert learned.report == "anything: out of reach, kept in 0% of single draws (satisfied 100%)"
        assert (learned.card["prior_kept"], learned.card["prior_satisfied"]) == (0, 1)
        assert learned.judge(tiny_model.prior(2, 0)).shape == (2, 4 if budget.plausibility else 2)


def test_one_repeated_note_is_no_example_where_a_tune_comes_near(tiny_model):
    """It alone satisfies the rule; all others come near, and most of them are plausible."""
    note = np.tile(np.array([60] + [HOLD] * 3, np.uint8), 64)
    rule = rules.Rule("itself", lambda states: np.where((states == note).all(axis=1), 1.0, 0.99))
    learned = rule_actor.learn(tiny_model, rule, budget=BUDGET, progress=False, bank=note[None])
    assert not plausibility.bounds(tiny_model).plausible(note)[0]
    assert plausibility.bounds(tiny_model).plausible(learned.examples).all()


def test_an_actor_saved_before_kept_was_counted_loads_and_reports(tiny_model, tmp_path):
    """As they were: one output for each part and each being full, cards that know what is satisfied."""
    budget = replace(BUDGET, plausibility=False)
    learned = rule_actor.learn(tiny_model, rules.notes(at_least=60), budget=budget, progress=False)
    learned.save(tmp_path / "old.safetensors")
    card = json.loads((tmp_path / "old.json").read_text())
    del card["budget"]["plausibility"], card["prior_kept"], card["best"]["kept"]
    for row in card["curve"]:
        del row["kept"]
    (tmp_path / "old.json").write_text(json.dumps({**card, "outcome": "reached"}))
    again = rule_actor.load_actor(tmp_path / "old.safetensors", tiny_model)
    assert again.report == f"60 notes: reached, satisfied in {card['best']['satisfied']:.0%} of single draws"
    assert again.judge(tiny_model.prior(2, 0)).shape == (2, 2)
    newer = rule_actor.learn(tiny_model, rules.notes(at_least=70), budget=BUDGET, progress=False)
    assert compose(again, newer).move(tiny_model.prior(2, 0)).shape == (2, tiny_model.latent)


def test_the_nearest_are_the_best_and_different():
    nearest = BestMelodies(3)
    states = np.zeros((6, 256), np.uint8)
    states[:, 0] = [1, 2, 3, 3, 4, 5]
    nearest.consider(states[:3], np.array([0.1, 0.9, 0.5]))
    nearest.consider(states[3:], np.array([0.5, 0.7, 0.0]))
    assert nearest.melodies[:, 0].tolist() == [2, 4, 3]
    assert nearest.scores.tolist() == [0.9, 0.7, 0.5]


def test_the_papers_loop_uses_decodes_only(tiny_model):
    seen = []

    def count(states):
        seen.append(len(states))
        return (states < 128).mean(axis=1)

    budget = replace(PAPER_BUDGET, rounds=2, fresh=16, tried=8, critic_steps=2, actor_steps=2, actor_hidden=(8,))
    learned = rule_actor.learn(
        tiny_model, rules.Rule("count", count), budget=replace(budget, critic_hidden=(8,)), progress=False
    )
    assert sum(seen) == len(tiny_model.bank.drawn) + 16 + 2 * 24  # the first is only to tell how often the prior does
    assert learned.critics == ()
    with pytest.raises(UserError, match="without critics of bars"):
        compose(learned)


def test_ctrl_c_keeps_the_best_so_far(tiny_model):
    def stop(row):
        if row.round == 1:
            raise KeyboardInterrupt

    learned = rule_actor.learn(
        tiny_model, rules.notes(at_least=10), budget=replace(BUDGET, rounds=9), progress=False, on_round=stop
    )
    assert len(learned.card["curve"]) == 2


def test_controls_of_different_models_do_not_compose(learned):
    composed = compose(learned, learned)
    z = learned.model.prior(3, seed=0)
    moved = composed.move(z)
    assert moved.shape == z.shape
    assert torch.isfinite(moved).all()
    assert composed.sample(2, seed=0).shape == (2, 256)
    other = replace(learned, card={**learned.card, "model": "another"})
    with pytest.raises(UserError, match="actors of one model"):
        compose(learned, other)
    with pytest.raises(UserError, match="got none"):
        compose()


@pytest.mark.parametrize("name", ["x.json", "x", "x.safetensors.bak", "x.pt"])
def test_weights_have_one_suffix_so_that_a_card_cannot_overwrite_them(name, learned, tiny_model, tmp_path):
    for save in (
        learned.save,
        lambda path: storage.save(tiny_model.vae, path, {}),
        conditional.ConditionalActor(learned.network, {"curve": []}).save,
    ):
        with pytest.raises(UserError, match=r"save: expected a path that ends in \.safetensors, got '.*x"):
            save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"budget": Budget(rounds=0)}, "budget: rounds: expected a whole number from 1 to 1000000, got 0"),
        ({"budget": Budget(rounds=2.0)}, "got 2.0"),
        ({"budget": Budget(rounds=True)}, "got True"),
        ({"budget": Budget(seconds=float("nan"))}, "budget: seconds: expected a number from 0 .* got nan"),
        ({"budget": Budget(seconds=-1)}, "got -1"),
        ({"budget": Budget(learning_rate=float("inf"))}, "budget: learning_rate"),
        ({"budget": Budget(learning_rate=None)}, "got None"),
        ({"budget": Budget(fresh=10**12)}, "budget: fresh"),
        ({"budget": Budget(actor_hidden=())}, "expected 1 to 16 widths"),
        ({"seed": -1}, "seed: expected a whole number from 0"),
        ({"seed": 1.0}, "got 1.0"),
        ({"seed": 2**63}, "seed"),
        ({"temperature": float("nan")}, "temperature: expected a number from 0 to 10, got nan"),
        ({"temperature": True}, "got True"),
    ],
)
def test_nonsense_numbers_are_refused_before_anything_is_learned(wrong, said, tiny_model):
    def never(states):
        raise AssertionError

    with pytest.raises(UserError, match=said):
        rule_actor.learn(tiny_model, rules.Rule("never", never), progress=False, **wrong)


def test_the_same_numbers_are_refused_everywhere(tiny_model):
    melody = tiny_model.bank.states[0]
    rule, many = rules.notes(at_least=10), Attributes(notes=100)
    for call, said in (
        (lambda: tiny_model.sample(-1), "count: expected a whole number from 0"),
        (lambda: tiny_model.sample(2.0), "got 2.0"),
        (lambda: tiny_model.sample(10**9), "count"),
        (lambda: tiny_model.sample(1, seed=-3), "seed"),
        (lambda: tiny_model.sample(1, seed="1"), "got '1'"),
        (lambda: tiny_model.sample(1, temperature="hot"), "got 'hot'"),
        (lambda: tiny_model.between(melody, melody, 1), "count: expected a whole number from 2"),
        (lambda: melodylc.transform(tiny_model, melody, rules=rule, amount=float("nan")), "amount: .* got nan"),
        (lambda: melodylc.transform(tiny_model, melody, rules=rule, seed=-1), "seed"),
        (lambda: melodylc.transform(tiny_model, melody, rules=rule, temperature=-1), "temperature"),
        (lambda: generation.generate(tiny_model, many, -1), "count"),
        (lambda: generation.generate(tiny_model, many, 1, tries=0), "tries"),
        (lambda: generation.generate(tiny_model, many, 1, seed=0.5), "seed"),
        (lambda: transforming.transform(tiny_model, melody, many, temperature=99), "temperature"),
        (lambda: transforming.interpolate(tiny_model, melody, melody, 1), "count"),
        (lambda: Attributes(notes=0), "notes: expected a whole number from 1 to 256, got 0"),
        (lambda: Attributes(low=1.5), "low"),
        (lambda: Attributes(high=True), "high"),
        (lambda: melodylc.Filters(min_notes=-1), "min_notes"),
        (
            lambda: train_conditional_actor(tiny_model, settings=ConditionalSettings(rounds=0)),
            "conditional actor: rounds",
        ),
        (lambda: train_conditional_actor(tiny_model, seed=-1), "seed"),
    ):
        with pytest.raises(UserError, match=said) as refused:
            call()
        assert "\n" not in str(refused.value)
    assert tiny_model.sample(np.int64(1), seed=np.uint8(3), temperature=np.float32(0.5)).shape == (1, 256)


def test_a_plain_function_is_told_how_to_become_a_rule(tiny_model):
    def plain(states):
        return np.ones(len(states))

    melody = tiny_model.bank.states[0]
    for call in (
        lambda: melodylc.learn(tiny_model, plain),
        lambda: melodylc.transform(tiny_model, melody, rules=plain),
        lambda: generation.generate(tiny_model, Attributes(), 1, rules=[plain]),
        lambda: transforming.transform(tiny_model, melody, Attributes(), rules=[plain]),
        lambda: transforming.interpolate(tiny_model, melody, melody, 2, rules=[plain]),
    ):
        with pytest.raises(UserError, match=r"plain function 'plain'; put @rules\.rule .* or @rules\.per_melody"):
            call()


def test_a_rule_in_the_place_of_attributes_is_told_where_it_goes(tiny_model):
    melody, rule = tiny_model.bank.states[0], rules.notes(at_least=60)
    for call in (
        lambda: melodylc.generate(tiny_model, rule),
        lambda: melodylc.transform(tiny_model, melody, rule),
        lambda: melodylc.interpolate(tiny_model, melody, melody, 2, rule),
    ):
        with pytest.raises(UserError, match=r"attributes: .* got the rule '60 notes'; rules go to rules="):
            call()


def test_a_rule_is_computed_once_on_the_bank(tiny_model):
    seen = []

    def count(states):
        seen.append(len(states))
        return (states < 128).mean(axis=1)

    learned = rule_actor.learn(tiny_model, rules.Rule("count", count), budget=BUDGET, progress=False)
    bank = len(tiny_model.bank.states) + len(tiny_model.bank.drawn)
    assert seen == [bank, 16, 24, 24]
    rule = rules.notes(at_least=60) & rules.pitch_range(40, 90)
    learned = rule_actor.learn(tiny_model, rule, budget=BUDGET, progress=False, bank=tiny_model.bank.states[:5])
    drawn = tiny_model.bank.drawn
    satisfied, plausible = rule.satisfied(drawn), plausibility.bounds(tiny_model).plausible(drawn)
    assert learned.card["prior_satisfied"] == round(float(satisfied.mean()), 4)
    assert learned.card["prior_kept"] == round(float((satisfied & plausible).mean()), 4)


def test_what_is_learned_first_is_bounded_and_can_be_kept(tiny_model, tmp_path):
    kept = tmp_path / "kept.safetensors"
    rule, melody = rules.notes(at_least=256), tiny_model.bank.states[0]
    for make in (
        lambda **options: generation.generate(tiny_model, Attributes(), 2, seed=0, rules=[rule], **options),
        lambda **options: transforming.transform(tiny_model, melody, Attributes(), rules=[rule], **options),
        lambda **options: transforming.transform(
            tiny_model, melody, Attributes(), rules=[rule], how="gradient", **options
        ),
        lambda **options: transforming.interpolate(tiny_model, melody, melody, 2, rules=[rule], **options),
    ):
        make(budget=replace(BUDGET, seconds=0), keep=kept)
        assert len(rule_actor.load_actor(kept, tiny_model).card["curve"]) == 1
        kept.unlink()
        with pytest.raises(UserError, match="save: expected a path that ends"):
            make(budget=BUDGET, keep=tmp_path / "kept.json")


def test_an_actor_that_is_missing_is_called_one(tiny_model, tmp_path):
    for path in (tmp_path / "missing", tmp_path / "missing.safetensors"):
        with pytest.raises(
            UserError, match=r"^actor: expected weights at .* melodylc learn --out FILE\.safetensors makes"
        ):
            rule_actor.load_actor(path, tiny_model)
    storage.save(tiny_model.vae, tmp_path / "model.safetensors", {})
    with pytest.raises(UserError, match=r"^actor: expected melodylc.actor version 1, .* is of melodylc.vae version 1"):
        rule_actor.load_actor(tmp_path / "model.safetensors", tiny_model)

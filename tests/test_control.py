import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from melodylc import control, rules
from melodylc.composition import compose
from melodylc.control import Nearest
from melodylc.errors import UserError
from melodylc.latent.rewards import PAPER, Budget

BUDGET = Budget(
    rounds=2, fresh=16, tried=8, bank_steps=3, critic_steps=2, actor_steps=2, critic_batch=16, actor_batch=16,
    actor_hidden=(8,),
)  # fmt: skip


@pytest.fixture(scope="module")
def learned(tiny_model):
    rule = rules.pitch_classes("C major") & rules.notes(at_least=40)
    return control.learn(tiny_model, rule, budget=BUDGET, seed=4, progress=False)


def test_an_actor_is_saved_and_loaded(learned, tiny_model, tmp_path):
    learned.save(tmp_path / "actor.safetensors")
    again = control.load_control(tmp_path / "actor.safetensors", tiny_model)
    z = tiny_model.prior(5, seed=0)
    torch.testing.assert_close(again.move(z), learned.move(z), atol=1e-2, rtol=1e-2)  # half precision
    card = json.loads((tmp_path / "actor.json").read_text())
    assert card["rule"] == "(C major and 40 notes)"
    assert (card["seed"], card["temperature"], len(card["curve"])) == (4, 0.5, 2)
    assert card["outcome"] in ("reached", "partly reached", "out of reach")
    assert {"rewarded", "seconds", "satisfied", "shift", "spread"} <= set(card["curve"][0])
    np.testing.assert_array_equal(again.sample(3, seed=1), again.sample(3, seed=1))
    torch.testing.assert_close(again.judge(z), learned.judge(z), atol=5e-2, rtol=5e-2)
    np.testing.assert_array_equal(again.examples, learned.examples)


def test_an_actor_of_another_model_is_refused(learned, tiny_model, tmp_path):
    learned.save(tmp_path / "actor.safetensors")
    card = json.loads((tmp_path / "actor.json").read_text())
    (tmp_path / "actor.json").write_text(json.dumps({**card, "model": "other"}))
    with pytest.raises(UserError, match="learned on another model"):
        control.load_control(tmp_path / "actor.safetensors", tiny_model)
    hostile = {**card, "budget": {**card["budget"], "actor_hidden": [10**9]}}
    (tmp_path / "actor.json").write_text(json.dumps(hostile))
    with pytest.raises(UserError, match="do not fit each other"):
        control.load_control(tmp_path / "actor.safetensors", tiny_model)
    (tmp_path / "actor.json").write_text(json.dumps(card))
    (tmp_path / "actor.safetensors").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(UserError, match="expected safetensors"):
        control.load_control(tmp_path / "actor.safetensors", tiny_model)


def test_the_progress_shows_reward_and_share_satisfied(tiny_model, capsys):
    control.learn(tiny_model, rules.notes(at_least=10), budget=BUDGET, seed=0)
    shown = capsys.readouterr().err
    assert "reward=" in shown
    assert "satisfied=" in shown


def test_a_rule_that_returns_nonsense_ends_the_learning_by_name(tiny_model):
    wrong = rules.Rule("wrong", lambda states: np.full(len(states), 2.0))
    with pytest.raises(UserError, match="'wrong'"):
        control.learn(tiny_model, wrong, budget=BUDGET, progress=False)


def test_one_seed_one_actor(tiny_model):
    a, b = (
        control.learn(tiny_model, rules.notes(at_least=60), budget=BUDGET, seed=3, progress=False) for _ in range(2)
    )
    z = tiny_model.prior(4, seed=0)
    torch.testing.assert_close(a.move(z), b.move(z), rtol=0, atol=0)


def test_a_rule_out_of_reach_ends_with_that_word_and_the_nearest(tiny_model):
    """No melody has a note on pitch 127 in every step; some have more notes than others."""
    never = rules.Rule("never", lambda states: (states < 128).mean(axis=1) * 0.5)
    learned = control.learn(tiny_model, never, budget=BUDGET, progress=False)
    assert learned.outcome == "out of reach"
    assert learned.examples.shape == (3, 256)
    rewards = never(learned.examples)
    assert (np.diff(rewards) <= 0).all()
    assert rewards[0] >= never(tiny_model.bank.drawn).max()


def test_the_nearest_are_the_best_and_different():
    nearest = Nearest()
    states = np.zeros((6, 256), np.uint8)
    states[:, 0] = [1, 2, 3, 3, 4, 5]
    nearest.see(states[:3], np.array([0.1, 0.9, 0.5]))
    nearest.see(states[3:], np.array([0.5, 0.7, 0.0]))
    assert nearest.melodies[:, 0].tolist() == [2, 4, 3]
    assert nearest.rewards.tolist() == [0.9, 0.7, 0.5]


def test_the_papers_loop_uses_decodes_only(tiny_model):
    seen = []

    def count(states):
        seen.append(len(states))
        return (states < 128).mean(axis=1)

    budget = replace(PAPER, rounds=2, fresh=16, tried=8, critic_steps=2, actor_steps=2, actor_hidden=(8,))
    learned = control.learn(
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

    learned = control.learn(
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
    with pytest.raises(UserError, match="controls of one model"):
        compose(learned, other)
    with pytest.raises(UserError, match="got none"):
        compose()

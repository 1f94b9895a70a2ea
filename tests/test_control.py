import json

import numpy as np
import pytest
import torch

from melodylc import control, rules
from melodylc.errors import UserError
from melodylc.evaluation import table2
from melodylc.gauges import Gauges, Wish, measure, random_wish
from melodylc.latent.loops import Budget
from melodylc.rules import Key

BUDGET = Budget(
    rounds=2, fresh=16, bank_steps=3, critic_steps=2, actor_steps=2, batch=16, actor_hidden=(8,), critic_hidden=(8,)
)


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
    np.testing.assert_array_equal(again.sample(3, seed=1), again.sample(3, seed=1))


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


def test_transform_keeps_its_shape_and_leaves_what_is_right_alone(learned, tiny_model):
    melodies = tiny_model.bank.states[:3]
    rule = rules.pitch_classes("C major") & rules.notes(at_least=40)
    changed = control.transform(tiny_model, melodies, rule, control=learned)
    assert changed.shape == (3, 256)
    assert control.transform(tiny_model, melodies[0], rule, control=learned).shape == (256,)
    always = rules.Rule("always", lambda states: np.ones(len(states)))
    np.testing.assert_array_equal(control.transform(tiny_model, melodies, always, control=learned), melodies)


def test_on_the_way_stops_at_the_first_and_keeps_the_best():
    start, goal = torch.zeros(3, 1), torch.tensor([[10.0], [100.0], [1.0]])

    def decoded(z):
        return np.repeat(z.round().numpy().astype(np.uint8), 256, axis=1)

    def reward(melodies):  # full from 5 on
        return np.minimum(melodies[:, 0] / 5, 1.0)

    reached = control.on_the_way(start, goal, decoded, reward)[:, 0]
    assert reached.tolist() == [5, 10, 2]  # half of the way; the first step of ten; never, but the furthest is best


def test_table_2_measures_what_it_says(learned, tiny_model):
    table = table2.rows(tiny_model, {"C major": learned}, draws=64, seed=1)
    assert [(row.name, row.temperature) for row in table] == [
        (name, temperature) for temperature in (0.5, 1.0, 0.0) for name in ("prior", "C major")
    ]
    prior = table[0]
    melodies = tiny_model.decode(tiny_model.prior(64, 1), temperature=0.5, seed=1)
    assert prior.pitch_mean == pytest.approx(rules.pitch_classes("C major")(melodies).mean())
    assert (prior.z_mse, prior.distance) == (0, 1)
    moved = learned.move(tiny_model.prior(64, 1))
    assert table[1].z_mse == pytest.approx(float(((moved - tiny_model.prior(64, 1)) ** 2).mean()))
    assert set(prior.as_json()) >= {"name", "pitch", "density", "z_mse", "unique", "distance", "temperature"}
    assert "paper: prior" in table2.text(table)


def test_pairwise_distance_by_hand():
    same = np.zeros((4, 256), np.uint8)
    assert table2.pairwise_distance(same) == 0
    half = same.copy()
    half[:2, :128] = 1
    # of the pairs of different melodies, two in three differ, in half their steps
    assert table2.pairwise_distance(half) == pytest.approx(1 / 3, abs=0.01)


def test_gauges_measure_what_they_predict():
    states = np.full((1, 256), 129, np.uint8)
    states[0, :4] = [60, 128, 67, 72]
    measured = measure(states)[0]
    assert measured[:12].tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]  # only C and G sound
    assert measured[12:].tolist() == [3, 60, 72]


def test_gauges_energy_falls_as_the_wish_is_granted():
    """Gauges that read the note count off the first coordinate: the proposal moves there and leaves the rest."""
    torch.manual_seed(0)
    gauges = Gauges(12, hidden=(4,))
    with torch.no_grad():
        for layer in gauges.critic.layers:
            if hasattr(layer, "weight"):
                layer.weight.zero_()
                layer.bias.zero_()
        first, last = gauges.critic.layers[0], gauges.critic.layers[-1]
        first.weight[0, 0], first.weight[1, 0] = 1.0, -1.0
        last.weight[12, 0], last.weight[12, 1] = 1.0, -1.0  # mean of the count: 96 + 32 z_0
        last.bias[15:] = -2.0
    gauges.requires_grad_(False)
    z = torch.full((2, 12), 0.1)
    moved = gauges.propose(z, Wish(notes=150), torch.ones(12))
    assert (gauges(moved)[1][:, 0] > 150).all()
    assert float((moved - z)[:, 1:].abs().max()) < 1e-3
    assert (gauges.energy(moved, Wish(notes=150)) < gauges.energy(z, Wish(notes=150))).all()


def test_wishes_say_the_same_as_their_rules():
    rng = np.random.default_rng(0)
    for _ in range(50):
        wish = random_wish(rng)
        states = rng.integers(40, 90, (4, 256)).astype(np.uint8)
        allowed = wish.pitches()[states].all(axis=1)
        pitch_rules = [rule for rule in wish.rules() if "notes" not in rule.name]
        satisfied = np.all([rule.satisfied(states) for rule in pitch_rules] or [np.ones(4, bool)], axis=0)
        np.testing.assert_array_equal(allowed, satisfied)
    assert Wish(Key.parse("C major"), 100, 60, 72).pitches().sum() == 8

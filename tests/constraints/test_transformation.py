from copy import deepcopy

import numpy as np
import pytest
import torch
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.base.errors import UserError
from melodylc.constraints import rule_actor
from melodylc.constraints.transformation import (
    Transformed,
    descend,
    onsets_kept,
    pitches_kept,
    restore_bars,
    transform_batch,
    transform_towards,
    unchanged_bars,
)
from melodylc.latent.rewards import Budget
from melodylc.melody import canonical

RULE = rules.pitch_classes("C major") & rules.notes(at_least=40)


@pytest.fixture(scope="module")
def learned(tiny_model):
    budget = Budget(
        rounds=2, fresh=16, tried=8, bank_steps=3, critic_steps=2, actor_steps=2, critic_batch=16, actor_batch=16,
        actor_hidden=(8,),
    )  # fmt: skip
    return rule_actor.learn(tiny_model, RULE, budget=budget, seed=4, progress=False)


@pytest.mark.parametrize("how", ["actor", "gradient"])
def test_its_shape_is_kept_and_what_is_right_is_left_alone(learned, tiny_model, how):
    given = tiny_model.bank.states[:3]
    changed = transform_batch(tiny_model, given, RULE, learned, how=how)
    assert changed.shape == (3, 256)
    assert (RULE(changed) >= RULE(given)).all()  # never worse than it was
    always = rules.Rule("always", lambda states: np.ones(len(states)))
    np.testing.assert_array_equal(transform_batch(tiny_model, given, always, learned, how=how), given)


def test_amount_moves_from_the_melody_to_the_whole_change(learned, tiny_model):
    given = tiny_model.bank.states[:4]
    at = [transform_batch(tiny_model, given, RULE, learned, amount=amount) for amount in (0, 0.5, 1)]
    np.testing.assert_array_equal(at[0], given)
    np.testing.assert_array_equal(at[2], transform_batch(tiny_model, given, RULE, learned))
    assert ((at[1] == given).mean() >= (at[2] == given).mean()) or (at[1] == given).mean() > 0.5


def test_strict_keeps_a_rule_on_pitches_by_construction(learned, tiny_model):
    rule = rules.pitch_classes("F# dorian") & rules.pitch_range(40, 80)
    changed = transform_batch(tiny_model, tiny_model.bank.states[:5], rule, learned, strict=True)
    assert rule.satisfied(changed).all()
    with pytest.raises(UserError, match="strict: expected a rule on pitches"):
        transform_batch(tiny_model, tiny_model.bank.states[:1], rules.notes(at_least=3), learned, strict=True)


def test_what_was_asked_wrongly(learned, tiny_model):
    melody = tiny_model.bank.states[0]
    with pytest.raises(UserError, match="expected how as one of actor, gradient, got 'magic'"):
        transform_batch(tiny_model, melody, RULE, learned, how="magic")
    with pytest.raises(UserError, match=r"amount: expected a number from 0 to 1, got 1\.5"):
        transform_batch(tiny_model, melody, RULE, learned, amount=1.5)


def test_descent_stops_where_critics_are_sure(learned):
    z = learned.model.prior(4, seed=0)
    moved = descend(learned)(z)
    costs = [torch.nn.functional.softplus(-learned.judge(x)).sum(dim=1) for x in (z, moved)]
    assert (costs[1] <= costs[0] + 1e-4).all()


def test_descent_listens_to_every_control(learned, tiny_model):
    """A second control that is never content keeps vectors moving that the first one alone would freeze."""
    z = learned.model.prior(4, seed=0)
    sure, unsure = (deepcopy(learned) for _ in range(2))
    for one, bias in ((sure, 50.0), (unsure, -50.0)):
        for critic in one.critics:
            critic.whole[-1].bias += bias
    torch.testing.assert_close(descend(sure)(z), z)
    assert (descend(sure, unsure)(z) - z).abs().max() > 0.1


class Line:
    """A model whose z is one number and whose melodies are full of it, rounded."""

    def encode(self, states):
        class Posterior:
            mean = torch.from_numpy(states[:, :1].astype(np.float32))

        return Posterior


def test_the_first_on_the_way_is_taken():
    states = np.zeros((3, 256), np.uint8)
    goals = torch.tensor([[10.0], [100.0], [1.0]])

    def decoded(z):
        return np.repeat(z.round().numpy().astype(np.uint8), 256, axis=1)

    def reward(melodies):  # full from 5 on, if all of it is as high
        return np.minimum(melodies.min(axis=1) / 5, 1.0)

    reached = transform_towards(Line(), states, lambda _: goals, decoded, reward)
    assert isinstance(reached, Transformed)
    assert reached.melodies[:, 0].tolist() == [5, 10, 2]  # half of the way; the first step; never, but the best
    assert reached.shares.tolist() == [0.5, 0.1, 1.5]
    assert reached.rewards.tolist() == [1, 1, 0.4]


@given(melodies(), melodies(), st.integers(0, 255))
def test_put_back_costs_no_reward_and_changes_no_more(before, after, threshold):
    before, after = before[None], after[None]

    def reward(states):
        return ((states < 128).sum(axis=1) >= threshold / 2).astype(float) * (states[:, 40] == after[0, 40])

    back = restore_bars(after, before, reward)
    assert (reward(back) >= reward(after)).all()
    bars = (back.reshape(16, 16) == before.reshape(16, 16)).all(axis=1)
    whole = (after.reshape(16, 16) == before.reshape(16, 16)).all(axis=1)
    assert bars.sum() >= whole.sum() - 1  # canonical form may touch a bar's first holds


def test_everything_is_put_back_where_nothing_had_to_change():
    rng = np.random.default_rng(0)
    before, after = (canonical(rng.integers(0, 130, (4, 256)).astype(np.uint8)) for _ in range(2))
    np.testing.assert_array_equal(restore_bars(after, before, lambda states: np.ones(len(states))), before)


def test_only_the_bar_that_breaks_the_rule_is_changed():
    before, after = np.full((1, 256), 60, np.uint8), np.full((1, 256), 62, np.uint8)
    before[0, 33] = 61  # in the third bar
    in_key = rules.pitch_classes("C major")
    back = restore_bars(after, before, in_key)
    assert (back[0, 32:48] == 62).all()
    assert (back[0, :32] == 60).all()
    assert (back[0, 48:] == 60).all()


def test_bars_that_decode_as_they_would_anyway_stay():
    played, plain = np.full((1, 256), 60, np.uint8), np.full((1, 256), 61, np.uint8)
    made = plain.copy()
    made[0, 16:32] = 70
    kept = unchanged_bars(made, plain, played)
    assert (kept[0, 16:32] == 70).all()
    assert (np.delete(kept[0], np.s_[16:32]) == 60).all()


def test_what_is_kept_by_hand():
    before, after = np.full((2, 256), 129, np.uint8), np.full((2, 256), 129, np.uint8)
    before[0, [0, 4, 8, 12]] = [60, 62, 64, 65]
    after[0, [0, 4, 9, 12]] = [60, 63, 64, 65]
    assert onsets_kept(before, after).tolist() == [0.75, 0]
    assert pitches_kept(before, after).tolist() == [0.5, 0]

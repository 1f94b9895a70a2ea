"""Losses against values by hand, loops on a latent space whose answer is known."""

import ast
import math
from pathlib import Path

import pytest
import torch

import melodylc.latent
from melodylc.latent import losses
from melodylc.latent.loops import Budget, both, learn, optimise
from melodylc.latent.networks import LARGE, SMALL, Actor, Critic


def test_distance_by_hand():
    moved = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    z = torch.zeros(2, 2)
    sigma_bar = torch.tensor([1.0, 0.5])
    # log 2 / 1, 0, 0, log 10 / 0.25; their mean
    expected = (math.log(2) + 4 * math.log(10)) / 4
    assert float(losses.distance(moved, z, sigma_bar)) == pytest.approx(expected)
    torch.testing.assert_close(
        losses.distances(moved, z, sigma_bar), torch.tensor([math.log(2) / 2, 4 * math.log(10) / 2])
    )


def test_outside_by_hand():
    z = torch.tensor([[2.0, 0.0], [0.1, 0.1], [2.0, 2.0]])  # mean squares 2, 0.01, 4: beyond 1 by 1, 0 and 3
    torch.testing.assert_close(losses.outside(z), torch.tensor([1.0, 0.0, 9.0]))


def test_regression_by_hand():
    logits, rewards = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.25], [1.0]])
    expected = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert float(losses.regression(logits, rewards)) == pytest.approx(expected)


def test_climb_by_hand():
    logits = torch.tensor([[0.0, 1.0], [-1.0, 5.0]])
    minus_log = [-math.log(1 / (1 + math.exp(-x))) for x in (0, 1, -1, 5)]
    assert float(losses.climb(logits)) == pytest.approx(sum(minus_log) / 2)


def test_shift_by_hand():
    moved, z = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2)
    assert float(losses.shift(moved, z)) == 2.5
    assert float(losses.shift(moved, z, torch.tensor([1.0, 0.5]))) == (1 + 16) / 2


def test_gradients_numerically():
    torch.manual_seed(0)
    z = torch.randn(3, 4, dtype=torch.double)
    moved = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    sigma_bar = torch.rand(4, dtype=torch.double) + 0.2
    rewards = torch.rand(3, 4, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda m: losses.distances(m, z, sigma_bar), moved)
    assert torch.autograd.gradcheck(losses.climb, moved)
    assert torch.autograd.gradcheck(lambda m: losses.regression(m, rewards), moved)


def test_networks_have_the_papers_layers():
    actor = Actor(512, LARGE)
    widths = [tuple(layer.weight.shape) for layer in actor.layers if hasattr(layer, "weight")]
    assert widths == [(2048, 512), (2048, 2048), (2048, 2048), (2048, 2048), (1024, 2048)]
    small = Critic(100, SMALL)
    widths = [tuple(layer.weight.shape) for layer in small.layers if hasattr(layer, "weight")]
    assert widths == [(256, 100), (256, 256), (256, 256), (1, 256)]


def test_the_actor_is_gated():
    actor = Actor(3, SMALL)
    z = torch.randn(5, 3)
    with torch.no_grad():
        actor.layers[-1].weight.zero_()
        actor.layers[-1].bias.copy_(torch.tensor([7.0, 8.0, 9.0, -50.0, 50.0, 0.0]))
        moved = actor(z)
    torch.testing.assert_close(moved[:, 0], z[:, 0])  # shut
    torch.testing.assert_close(moved[:, 1], torch.full((5,), 8.0))  # open
    torch.testing.assert_close(moved[:, 2], (z[:, 2] + 9) / 2)  # half


def right_half(z):
    """Reward 1 from 1.5 on along the first dimension, a ramp below."""
    return ((z[:, :1] + 1) / 2.5).clamp(0, 1)


@pytest.fixture(scope="module")
def learned():
    torch.manual_seed(0)
    bank = torch.randn(4000, 8) * 1.5
    budget = Budget(rounds=40, fresh=128, batch=256, critic_hidden=(64, 64), actor_hidden=(64, 64), penalty=0.1)
    return learn(right_half, (bank, right_half(bank)), torch.ones(8), budget, seed=1)


def test_the_actor_moves_to_the_rewarded_side_and_no_further_than_needed(learned):
    z = torch.randn(1000, 8, generator=torch.Generator().manual_seed(5))
    moved = learned.actor(z).detach()
    assert float((right_half(moved) == 1).float().mean()) > 0.9
    # what carries no reward stays nearly where it was; what does is moved to about where the reward is full
    assert float((moved - z)[:, 1:].pow(2).mean()) < 0.15
    assert 1.5 < float(moved[:, 0].mean()) < 2.6
    # points that were there already move less than those that were not
    there = z[:, 0] > 1.8
    assert float((moved - z)[there].pow(2).mean()) < 0.5 * float((moved - z)[~there].pow(2).mean())


def test_the_curve_and_the_best_are_told(learned):
    assert [row.round for row in learned.curve] == list(range(40))
    assert learned.best in learned.curve
    assert learned.best.satisfied >= 0.9


def test_one_seed_one_actor():
    bank = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    budget = Budget(rounds=2, fresh=32, bank_steps=5, critic_steps=4, actor_steps=3, batch=32, critic_hidden=(8,))
    a, b = (learn(right_half, (bank, right_half(bank)), torch.ones(3), budget, seed=3) for _ in range(2))
    for x, y in zip(a.actor.parameters(), b.actor.parameters()):
        torch.testing.assert_close(x, y, rtol=0, atol=0)


def test_stopping_keeps_the_best_so_far():
    bank = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    budget = Budget(rounds=50, fresh=32, bank_steps=5, critic_steps=4, actor_steps=3, batch=32, critic_hidden=(8,))

    def stop(row):
        if row.round == 2:
            raise KeyboardInterrupt

    learned = learn(right_half, (bank, right_half(bank)), torch.ones(3), budget, on_round=stop)
    assert len(learned.curve) == 3


def test_both_says_reward_and_whether_it_is_full():
    rewards = torch.tensor([[1.0, 0.5], [0.999, 1.0]])
    torch.testing.assert_close(both(rewards), torch.tensor([[1.0, 0.5, 1, 0], [0.999, 1.0, 0, 1]]))


def test_optimise_finds_the_minimum_and_freezes_what_is_done():
    z = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    goal = torch.tensor([2.0, 1.0])
    moved = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), steps=300)
    torch.testing.assert_close(moved, goal.expand(2, 2), atol=0.02, rtol=0)
    frozen = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), done=lambda x: x[:, 0] > 1.0)
    torch.testing.assert_close(frozen[1], z[1])  # was done before the first step
    assert 1.0 < float(frozen[0, 0]) < 1.3  # stopped as soon as it was


def test_nothing_in_latent_knows_melodies_or_images():
    """It imports torch and itself, nothing else of ours."""
    for path in Path(melodylc.latent.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] in ("melodylc", "midi_io", "vision")]
            assert all(name.startswith("melodylc.latent") for name in ours), path

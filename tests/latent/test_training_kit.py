"""The parts that the loops of learning are made of, each alone."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from melodylc.latent import losses
from melodylc.latent.critics import CriticEnsemble, lowest_logits, teach
from melodylc.latent.distance_weight import DistanceWeight
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, BETAS, adam
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.stopping import BestSoFar, interruptible

shares = st.floats(0, 1)


def linear(value):
    """A network of one weight."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    return network


@given(shares, st.floats(-100, 100), st.floats(-100, 100))
def test_an_average_lies_between_what_it_was_and_what_it_follows(decay, before, after):
    average = MovingAverage(linear(before))
    average.follow(linear(after), decay)
    assert average.network.weight.item() == pytest.approx(decay * before + (1 - decay) * after, abs=1e-4)


def test_an_average_with_no_decay_is_a_copy_and_can_be_restarted_and_taken():
    average = MovingAverage(linear(1.0))
    average.follow(linear(2.0), 0.0)
    assert average.network.weight.item() == 2.0
    average.restart(linear(5.0))
    taken = average.snapshot()
    average.follow(linear(7.0), 0.5)
    assert (taken.weight.item(), average.network.weight.item()) == (5.0, 6.0)
    assert not taken.weight.requires_grad
    assert not taken.training


def test_an_average_is_of_its_own_and_works_for_lstms():
    lstm = nn.LSTM(2, 3)
    average = MovingAverage(lstm)
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter.zero_()
    assert all(float(p.detach().abs().sum()) > 0 for p in average.network.parameters())
    assert average.network(torch.zeros(1, 1, 2))[0].shape == (1, 1, 3)


@given(st.integers(1, 500), shares, shares)
def test_the_final_decay_goes_from_one_down_to_its_end(steps, share, end):
    factors = [final_decay(step, steps, share, end) for step in range(steps)]
    assert factors == sorted(factors, reverse=True)
    assert all(end <= factor <= 1 for factor in factors)
    assert all(factor == 1 for step, factor in enumerate(factors) if step < (1 - share) * steps - 1e-6)
    if share:
        assert final_decay(steps, steps, share, end) == min(1.0, end)


def test_a_step_goes_down_with_the_gradient_clipped():
    network = linear(1.0)
    plain = torch.optim.SGD(network.parameters(), 1.0)
    set_learning_rate(plain, 0.5)
    descend(plain, 3 * network.weight.sum())
    assert network.weight.item() == -0.5
    descend(plain, 3 * network.weight.sum(), largest_norm=1.0)
    assert network.weight.item() == pytest.approx(-1.0, abs=1e-5)
    descend(plain, 0.5 * network.weight.sum(), largest_norm=1.0)  # below it, as it is; nothing left of steps before
    assert network.weight.item() == pytest.approx(-1.25, abs=1e-5)


def test_the_optimisers_are_those_of_section_9_2():
    assert adam(linear(0.0).parameters(), 3e-4).defaults["betas"] == BETAS == (0.9, 0.999)
    assert adam(linear(0.0).parameters(), 3e-4, ADVERSARIAL_BETAS).defaults["betas"] == (0.0, 0.9)


@given(st.floats(0.01, 10), shares, shares, st.integers(1, 100))
def test_the_distance_weight_follows_the_share_kept_within_bounds(weight, kept, target, rounds):
    follows = DistanceWeight(growth=1.2, shrinkage=0.9, least=0.01, most=10.0)
    following = follows.after(weight, kept, target)
    assert following >= weight if kept > target else following <= weight
    assert follows.after(weight, kept, target, varied=False) >= weight
    for _ in range(rounds):
        weight = follows.after(weight, kept, target)
        assert 0.01 <= weight <= 10


@given(st.lists(st.one_of(st.floats(), st.just(math.nan)), min_size=1, max_size=20))
def test_the_best_so_far_is_the_first_of_the_highest_score(scores):
    best = BestSoFar()
    assert not best
    with pytest.raises(ValueError, match="expected a round or more"):
        best.result()
    network = linear(0.0)
    for number, score in enumerate(scores):
        nn.init.constant_(network.weight, float(number))
        best.consider(score, number, network)
    number, kept = best.result()
    assert kept.weight.item() == number  # a copy of the network as it was then
    assert best.rounds_since == len(scores) - 1 - number
    real = [score for score in scores if not math.isnan(score)]
    if not math.isnan(scores[0]):
        assert number == scores.index(max(real))


@pytest.mark.parametrize("has_result", [True, False])
def test_an_interruption_ends_quietly_only_with_a_result(has_result):
    if has_result:
        with interruptible(lambda: True):
            raise KeyboardInterrupt
    else:
        with pytest.raises(KeyboardInterrupt), interruptible(lambda: False):
            raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), interruptible(lambda: has_result):
        raise ZeroDivisionError


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 8), st.integers(1, 40), st.integers(0, 99))
def test_a_replay_buffer_draws_pairs_of_the_newest_additions(sizes, newest, count, seed):
    buffer = ReplayBuffer()
    for number, size in enumerate(sizes):
        buffer.add(torch.full((size, 2), float(number)), torch.full((size, 1), float(number)))
    inputs, targets = buffer.draw(count, torch.Generator().manual_seed(seed), newest=newest)
    assert inputs.shape == (count, 2)
    torch.testing.assert_close(inputs[:, :1], targets)
    first = max(0, len(sizes) - newest) if newest else 0
    assert first <= float(targets.min())
    assert float(targets.max()) <= len(sizes) - 1


def test_critics_learn_what_the_buffer_holds_and_the_lower_counts():
    torch.manual_seed(0)
    buffer = ReplayBuffer()
    inputs = torch.randn(300, 2)
    buffer.add(inputs.half(), (inputs[:, :1] > 0).float())
    critics = CriticEnsemble(
        [nn.Linear(2, 1), nn.Linear(2, 1)], losses.regression, learning_rate=0.05, batch=32, newest=1
    )
    critics.train_round(buffer, 101, torch.Generator().manual_seed(0))
    logits = torch.stack([critic(inputs) for critic in critics.critics])
    assert float(((logits > 0) == (inputs[:, :1] > 0)).float().mean()) > 0.95
    lowest = lowest_logits(critics.critics, inputs)
    assert (lowest <= logits).all()
    torch.testing.assert_close(lowest, logits.min(dim=0).values)
    assert not torch.equal(*logits)  # each has batches of its own


def test_a_critic_makes_each_step_on_a_loss_of_its_own():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = torch.optim.SGD([weight], lr=0.5)
    factors, seen = iter([1.0, 2.0, 4.0]), []
    # down f w: w loses f / 2 a step, from 1 to 0.5, to -0.5, where it is held at 0, and to -2, held again
    last = teach(
        optimiser,
        lambda: next(factors) * weight.sum(),
        3,
        after=lambda: (seen.append(weight.item()), weight.data.clamp_(min=0)),
    )
    assert seen == [0.5, -0.5, -2.0]
    assert last == 0
    assert not last.requires_grad
    assert torch.isnan(teach(optimiser, weight.sum, 0))


def test_critics_that_judge_are_given_no_gradients():
    learned, critic = torch.nn.Linear(3, 2), torch.nn.Linear(2, 1)
    critics = CriticEnsemble([critic], losses.regression, learning_rate=0.1, batch=4, newest=1)
    before = learned.weight.detach().clone()
    with critics.judging():
        descend(adam(learned.parameters()), critic(learned(torch.ones(1, 3))).sum())
    assert (learned.weight != before).any()
    assert critic.weight.grad is None
    assert critic.weight.requires_grad


def test_adam_is_that_of_torch_and_does_not_import_its_compiler():
    code = """
import sys, torch
from melodylc.latent.gradient_steps import descend
from melodylc.latent.optimisers import adam

def learned(make):
    torch.manual_seed(0)
    network, x = torch.nn.Linear(3, 1), torch.randn(8, 3)
    optimiser = make(network.parameters())
    for _ in range(5):
        descend(optimiser, network(x).square().mean())
    return network.weight.detach()

ours = learned(lambda parameters: adam(parameters, 0.1, (0.5, 0.9)))
assert "torch._dynamo" not in sys.modules
assert torch.equal(ours, learned(lambda parameters: torch.optim.Adam(parameters, 0.1, (0.5, 0.9))))
"""
    subprocess.run([sys.executable, "-c", code], check=True)

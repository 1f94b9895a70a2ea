"""Losses against values by hand."""

import math

import pytest
import torch

from melodylc.latent import losses


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


def test_shell_penalty_by_hand():
    z = torch.tensor([[2.0, 0.0], [0.1, 0.1], [2.0, 2.0]])  # mean squares 2, 0.01, 4: beyond 1 by 1, 0 and 3
    torch.testing.assert_close(losses.shell_penalty(z), torch.tensor([1.0, 0.0, 9.0]))


def test_regression_by_hand():
    logits, rewards = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.25], [1.0]])
    expected = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert float(losses.regression(logits, rewards)) == pytest.approx(expected)


def test_actor_loss_by_hand():
    logits = torch.tensor([[0.0, 1.0], [-1.0, 5.0]])
    minus_log = [-math.log(1 / (1 + math.exp(-x))) for x in (0, 1, -1, 5)]
    assert float(losses.actor_loss(logits)) == pytest.approx(sum(minus_log) / 2)


def test_actor_loss_gains_nothing_beyond_enough():
    logits = torch.tensor([[1.0], [3.0], [9.0]], requires_grad=True)
    losses.actor_loss(logits, enough=3.0).backward()
    assert logits.grad[0] < 0
    assert logits.grad[2] == 0
    at_three = math.log(1 + math.exp(-3))
    assert float(losses.actor_loss(logits.detach(), 3.0)) == pytest.approx(
        (math.log(1 + math.exp(-1)) + 2 * at_three) / 3
    )


def test_constraint_and_violation_loss_are_the_two_cross_entropies():
    logits = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.double)
    d = 1 / (1 + torch.exp(-logits))
    torch.testing.assert_close(losses.constraint_loss(logits), -torch.log(d))
    torch.testing.assert_close(losses.violation_loss(logits), -torch.log(1 - d))  # not -(1 - log D), as printed


def test_realism_by_hand():
    encodings, prior, moved = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0]]), torch.tensor([[-1.0], [0.0]])
    sigmoid = [1 / (1 + math.exp(-x)) for x in (0, 1, 2, -1, 0)]
    real = -(math.log(sigmoid[0]) + math.log(sigmoid[1])) / 2
    false = -(math.log(1 - sigmoid[3]) + math.log(1 - sigmoid[4])) / 2
    expected = real + false - 0.1 * math.log(1 - sigmoid[2])  # draws of the prior at a tenth of the rate
    assert float(losses.realism(encodings, prior, moved)) == pytest.approx(expected)


def test_gradient_penalty_by_hand():
    """A linear critic has one gradient everywhere, a quadratic one that of the point between."""
    w = torch.tensor([3.0, 4.0])  # of norm 5
    real, other, share = torch.zeros(2, 2), torch.ones(2, 2), torch.tensor([[0.3], [0.9]])
    assert float(losses.gradient_penalty(lambda z: z @ w, real, other, share)) == pytest.approx(10 * (5 - 1) ** 2)
    small = losses.gradient_penalty(lambda z: z @ w / 10, real, other, share)
    assert float(small) == pytest.approx(10 * 0.25)  # two-sided: too small a gradient costs as well
    squares = losses.gradient_penalty(lambda z: (z**2).sum(dim=1) / 2, real, other, share)
    norms = [0.3 * math.sqrt(2), 0.9 * math.sqrt(2)]  # the gradient of |z|^2 / 2 is z
    assert float(squares.detach()) == pytest.approx(10 * sum((norm - 1) ** 2 for norm in norms) / 2)


def test_the_gradient_penalty_teaches_the_critic():
    weight = torch.tensor([[0.2, 0.1]], dtype=torch.double, requires_grad=True)
    real = torch.randn(4, 2, dtype=torch.double, generator=torch.Generator().manual_seed(0))

    def penalty(weight):
        return losses.gradient_penalty(
            lambda z: torch.tanh(z @ weight.T), real, -real, torch.full((4, 1), 0.4).double()
        )

    assert torch.autograd.gradcheck(penalty, weight)


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
    assert torch.autograd.gradcheck(losses.actor_loss, moved)
    assert torch.autograd.gradcheck(lambda m: losses.regression(m, rewards), moved)
    assert torch.autograd.gradcheck(lambda m: losses.realism(m, z, 2 * m), moved)
    assert torch.autograd.gradcheck(losses.shell_penalty, 2 * moved.detach().requires_grad_(True))
    assert torch.autograd.gradcheck(lambda m: losses.shift(m, z, sigma_bar), moved)
    assert torch.autograd.gradcheck(lambda m: losses.actor_loss(m, 0.7), moved)

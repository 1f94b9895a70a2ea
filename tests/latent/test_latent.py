"""Losses against values by hand, loops on a latent space whose answer is known."""

import math
from dataclasses import replace

import pytest
import torch
from imports import imports_beyond

import melodylc.latent
from melodylc.latent import adversarial, losses, optimisers
from melodylc.latent.adversarial import AdversarialSettings, train_attribute_critic
from melodylc.latent.descent import combined_energy, optimise, transform_latents
from melodylc.latent.networks import LARGE, SMALL, Actor, Critic, PartsCritic
from melodylc.latent.posterior import Posterior
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.rewards import (
    PAPER_BUDGET,
    Budget,
    Round,
    selection_score,
    train_from_rewards,
    with_satisfaction,
)


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


def test_networks_have_the_papers_layers():
    actor = Actor(512, LARGE)
    widths = [tuple(layer.weight.shape) for layer in actor.layers if hasattr(layer, "weight")]
    assert widths == [(2048, 512), (2048, 2048), (2048, 2048), (2048, 2048), (1024, 2048)]
    small = Critic(100, SMALL)
    widths = [tuple(layer.weight.shape) for layer in small.layers if hasattr(layer, "weight")]
    assert widths == [(256, 100), (256, 256), (256, 256), (1, 256)]


def test_labels_pass_a_linear_layer_of_2048_and_join_z():
    actor = Actor(100, LARGE, labels=10)
    assert tuple(actor.label.weight.shape) == (2048, 10)
    assert tuple(actor.layers[0].weight.shape) == (2048, 2148)
    critic = Critic(4, (8,), 1, labels=3, label_units=6)
    z, y = torch.randn(5, 4), torch.randn(5, 3)
    joined = torch.cat([z, y @ critic.label.weight.T + critic.label.bias], dim=1)
    torch.testing.assert_close(critic(z, y), critic.layers(joined))
    torch.testing.assert_close(critic(z, y[0]), critic(z, y[:1].expand(5, 3)))  # one set of labels for all
    for wrong in (None, y[:, :2]):
        with pytest.raises(ValueError, match="labels: expected 3"):
            critic(z, wrong)
    with pytest.raises(ValueError, match="labels: expected none"):
        Critic(4, (8,))(z, y)


def test_an_actor_initialised_as_identity_hardly_moves():
    torch.manual_seed(0)
    z = torch.randn(64, 16)
    with torch.no_grad():
        assert float(losses.shift(Actor(16, SMALL).initialise_as_identity()(z), z)) < 0.03
        assert float(losses.shift(Actor(16, SMALL)(z), z)) > 0.1


def test_a_critic_of_parts_learns_what_every_part_must_have():
    """The whole is right if each of four parts is positive: 200 examples teach it, 1,000 others agree."""
    torch.manual_seed(0)
    parts = torch.randn(1200, 4, 3) + torch.tensor([0.9, 0, 0])
    right = (parts[:, :, 0] > 0).all(dim=1, keepdim=True).float()
    critic = PartsCritic(4, 3)
    adam = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(150):
        adam.zero_grad()
        losses.regression(critic(parts[:200]), right[:200]).backward()
        adam.step()
    assert float(((critic(parts[200:]) > 0) == (right[200:] == 1)).float().mean()) > 0.9


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
    budget = Budget(rounds=40, fresh=128, critic_hidden=(64, 64), actor_hidden=(64, 64))
    return train_from_rewards(right_half, (bank, right_half(bank)), torch.ones(8), budget, seed=1)


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


def test_the_curve_and_the_best_are_given(learned):
    assert [row.round for row in learned.curve] == list(range(len(learned.curve)))
    assert [row.rewarded for row in learned.curve] == [128 + 192 * (n + 1) for n in range(len(learned.curve))]
    assert learned.best in learned.curve
    assert learned.best.satisfied >= 0.9


def test_training_longer_never_ends_in_a_worse_actor(learned):
    """What is returned has the highest score of all rounds, whatever came after it."""
    curve = learned.curve
    scores = [selection_score(curve[max(0, n - 2) : n + 1], 0.97) for n in range(len(curve))]
    assert learned.best is curve[scores.index(max(scores))]


def test_the_score_weighs_what_is_kept_then_nearness_and_variety():
    row = Round(0, 0, 0.0, 0.9, kept=0.9, satisfied=0.9, shift=0.2, spread=0.9, penalty=1.0)

    def score(**others):
        return selection_score([row._replace(**others)], 0.97)

    assert score() > score(kept=0.5)
    assert score(kept=0.99) == score(kept=0.97)  # beyond the target nothing more is won
    assert score(shift=0.1) > score() > score(spread=0.4)
    assert selection_score([row, row._replace(kept=0.1)], 0.97) < score()  # one round may be lucky


def test_the_score_never_prefers_an_actor_that_does_nothing():
    """Rules that were learned and thrown away: the first round, nearly the identity, won over all that came later."""
    first = Round(0, 0, 0.0, reward=0.55, kept=0.002, satisfied=0.002, shift=0.01, spread=1.0, penalty=0.3)
    for later in (
        first._replace(reward=0.8, kept=0.24, satisfied=0.24, shift=0.5, spread=0.6),
        first._replace(reward=0.9, kept=0.56, satisfied=0.56, shift=0.9, spread=0.45),
        first._replace(reward=0.8, kept=0.0, satisfied=0.0, shift=0.3),  # not kept yet, and on the way
    ):
        assert selection_score([later], 0.94) > selection_score([first], 0.94)


def test_the_papers_loop_on_two_dimensions():
    """Decodes only, one critic, a fixed distance penalty: it gets there too, given more rewards."""
    budget = replace(
        PAPER_BUDGET, rounds=15, fresh=128, critic_steps=60, actor_hidden=(64,) * 2, critic_hidden=(64,) * 2
    )
    nothing = (torch.zeros(0, 2), torch.zeros(0, 1))
    learned = train_from_rewards(right_half, nothing, torch.ones(2), replace(budget, learning_rate=1e-3), seed=0)
    assert learned.curve[-1].satisfied > 0.8
    assert learned.curve[0].satisfied < 0.5
    assert len({row.penalty for row in learned.curve}) == 1


def test_features_are_what_critics_read():
    """Only the second of two parts is rewarded: the actor moves its dimensions and leaves the first part's alone."""

    def parts(z):
        return z.reshape(len(z), 2, 3)

    def reward(z):
        return ((z[:, 3:4] + 1) / 2.5).clamp(0, 1)

    bank = torch.randn(2000, 6, generator=torch.Generator().manual_seed(0)) * 1.3
    budget = Budget(rounds=12, fresh=96, actor_hidden=(64, 64), shell=0.0)  # few dimensions have no shell
    learned = train_from_rewards(reward, (bank, reward(bank)), torch.ones(6), budget, features=parts, seed=2)
    z = torch.randn(1000, 6, generator=torch.Generator().manual_seed(1))
    moved = learned.actor(z).detach()
    assert float((reward(moved) == 1).float().mean()) > 0.85
    assert float((moved - z)[:, :3].pow(2).mean()) < 0.2 * float((moved - z)[:, 3].pow(2).mean())
    assert all(isinstance(critic, PartsCritic) for critic in learned.critics)


def far_and_plausible(z):
    """Reward 1 from 1 on along the first dimension, plausible from -0.5 on along the second."""
    return torch.cat([((z[:, :1] + 1) / 2).clamp(0, 1), 1 - (z[:, 1:2] < -0.5).float() / 4], dim=1)


PLAUSIBLE = Budget(rounds=20, fresh=128, actor_hidden=(64, 64), critic_hidden=(64, 64), shell=0.0)


def with_plausibility(rewards, **changes):
    bank = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0)) * 1.5
    budget = replace(PLAUSIBLE, **changes)
    return train_from_rewards(rewards, (bank, rewards(bank)), torch.ones(4), budget, plausibility=True, seed=1)


def test_plausibility_is_learned_as_one_more_reward_where_the_budget_says_so():
    """Seven draws in ten are plausible; the actor leaves them so, and moves the others."""
    learned, without = with_plausibility(far_and_plausible), with_plausibility(far_and_plausible, plausibility=False)
    z = torch.randn(1000, 4, generator=torch.Generator().manual_seed(5))
    rewards, others = (far_and_plausible(result.actor(z).detach()) for result in (learned, without))
    assert float((rewards == 1).all(dim=1).float().mean()) > 0.9
    assert float((rewards[:, 0] == 1).float().mean()) > 0.9
    assert float((others[:, 0] == 1).float().mean()) > 0.9
    assert float((others[:, 1] == 1).float().mean()) < 0.8
    assert learned.critics[0](z).shape == (1000, 4)
    assert without.critics[0](z).shape == (1000, 2)


@pytest.mark.parametrize("plausibility", [True, False])
def test_what_is_satisfied_and_never_plausible_is_not_kept(plausibility):
    """Nothing is ever plausible: all is satisfied, nothing kept, and lambda falls as where nothing is satisfied."""

    def rewards(z):
        return torch.cat([torch.ones(len(z), 1), torch.full((len(z), 1), 0.75)], dim=1)

    learned = with_plausibility(rewards, rounds=4, plausibility=plausibility)
    for before, row in zip(learned.curve, learned.curve[1:]):
        assert (row.reward, row.satisfied, row.kept) == (1, 1, 0)
        varied = before.spread >= 0.85
        assert (row.penalty < before.penalty) == varied  # it falls only while outputs have not grown alike


def test_without_plausibility_all_that_is_satisfied_is_kept(learned):
    assert [row.kept for row in learned.curve] == [row.satisfied for row in learned.curve]


def test_examples_are_drawn_from_all_or_from_the_newest():
    buffer = ReplayBuffer()
    for number in range(5):
        buffer.add(torch.full((3, 1), float(number)), torch.full((3, 2), float(number)))
    generator = torch.Generator().manual_seed(0)
    read, rewards = buffer.draw(500, generator)
    assert set(read[:, 0].tolist()) == {0, 1, 2, 3, 4}
    torch.testing.assert_close(read.expand(-1, 2), rewards)
    assert set(buffer.draw(200, generator, newest=2)[0][:, 0].tolist()) == {3, 4}
    assert set(buffer.draw(200, generator, newest=9)[0][:, 0].tolist()) == {0, 1, 2, 3, 4}


def test_one_seed_one_actor():
    bank = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    budget = Budget(rounds=2, fresh=32, bank_steps=5, critic_steps=4, actor_steps=3, critic_hidden=(8,))
    a, b = (train_from_rewards(right_half, (bank, right_half(bank)), torch.ones(3), budget, seed=3) for _ in range(2))
    for x, y in zip(a.actor.parameters(), b.actor.parameters()):
        torch.testing.assert_close(x, y, rtol=0, atol=0)


def test_stopping_keeps_the_best_so_far():
    bank = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    budget = Budget(rounds=50, fresh=32, bank_steps=5, critic_steps=4, actor_steps=3, critic_hidden=(8,))

    def stop(row):
        if row.round == 2:
            raise KeyboardInterrupt

    learned = train_from_rewards(right_half, (bank, right_half(bank)), torch.ones(3), budget, on_round=stop)
    assert len(learned.curve) == 3


def test_rewards_come_with_whether_each_is_full():
    rewards = torch.tensor([[1.0, 0.5], [0.999, 1.0]])
    asked = [(torch.ones(2), [[1, 0], [0, 1]]), (torch.tensor([0.9, 0.6]), [[1, 0], [1, 1]])]
    for full, expected in asked:
        found = with_satisfaction(rewards, full)
        torch.testing.assert_close(found, torch.cat([rewards, torch.tensor(expected).float()], dim=1))


def test_optimise_finds_the_minimum_and_freezes_what_is_done():
    z = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    goal = torch.tensor([2.0, 1.0])
    moved = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), steps=300)
    torch.testing.assert_close(moved, goal.expand(2, 2), atol=0.02, rtol=0)
    frozen = optimise(z, lambda x: ((x - goal) ** 2).sum(dim=1), done=lambda x: x[:, 0] > 1.0)
    torch.testing.assert_close(frozen[1], z[1])  # was done before the first step
    assert 1.0 < float(frozen[0, 0]) < 1.3  # stopped as soon as it was


QUICK = AdversarialSettings(
    steps=150,
    critic_steps=5,
    batch=64,
    learning_rate=2e-3,
    actor_hidden=(64, 64),
    critic_hidden=(64, 64),
    label_units=16,
)


def gaussian(middle, count=2000, deviation=0.3, seed=0):
    return torch.tensor(middle) + deviation * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("middle", [[2.5, 0.0], [-1.5, 2.0]])
def test_the_realism_actor_moves_to_where_encodings_are(middle):
    learned = adversarial.train_adversaries(gaussian(middle), torch.ones(2), QUICK, seed=0)
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(9))
    moved = learned.actor(z).detach()
    assert float((moved - torch.tensor(middle)).norm(dim=1).median()) < 0.8
    unseen = gaussian(middle, 500, seed=3)
    assert float((learned.critic(unseen) > learned.critic(z)).float().mean()) > 0.9
    assert len(learned.curve) == QUICK.steps


def test_with_a_distance_penalty_the_realism_actor_goes_no_further_than_needed():
    """Encodings fill a wide strip to the right: any height is real, so heights should stay."""
    strip = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.3, 1.0])
    strip = strip + torch.tensor([2.5, 0.0])
    z = torch.randn(500, 2, generator=torch.Generator().manual_seed(9))
    shifts = []
    for penalty in (0.0, 0.3):
        settings = replace(QUICK, penalty=penalty, from_encodings=False)
        moved = adversarial.train_adversaries(strip, torch.ones(2), settings, seed=1).actor(z).detach()
        assert float(moved[:, 0].median()) > 1.2
        shifts.append(float((moved - z)[:, 1].pow(2).mean()))
    assert shifts[1] < 0.25
    assert shifts[1] < shifts[0]


def test_a_conditional_actor_goes_where_its_label_says():
    z = torch.cat([gaussian([2.0, 0.0]), gaussian([-2.0, 0.0], seed=1)])
    labels = torch.cat([torch.ones(2000, 1), torch.zeros(2000, 1)])
    learned = adversarial.train_adversaries(
        z, torch.ones(2), QUICK, sigma=torch.full_like(z, 0.1), labels=labels, seed=0
    )
    draws = torch.randn(300, 2, generator=torch.Generator().manual_seed(9))
    right, left = (learned.actor(draws, torch.tensor([label])).detach() for label in (1.0, 0.0))
    assert float((right[:, 0] > 0.8).float().mean()) > 0.9
    assert float((left[:, 0] < -0.8).float().mean()) > 0.9
    # real z with another's label is no real pair (the authors' third negative)
    there = gaussian([2.0, 0.0], 300, seed=5)
    assert float((learned.critic(there, torch.ones(1)) > learned.critic(there, torch.zeros(1))).float().mean()) > 0.9


def test_with_an_auxiliary_classifier_the_actor_goes_where_its_label_says():
    z = torch.cat([gaussian([2.0, 0.0]), gaussian([-2.0, 0.0], seed=1)])
    labels = torch.cat([torch.ones(2000, 1), torch.zeros(2000, 1)])
    settings = replace(QUICK, auxiliary=True, steps=300)
    learned = adversarial.train_adversaries(z, torch.ones(2), settings, labels=labels, seed=0)
    draws = torch.randn(300, 2, generator=torch.Generator().manual_seed(9))
    for label, side in ((1.0, 1), (0.0, -1)):
        moved = learned.actor(draws, torch.tensor([label])).detach()
        assert float((side * moved[:, 0] > 0.8).float().mean()) > 0.9
    # the critic takes no label: one output is realism, the other predicts the label
    realism, label = learned.critic(gaussian([2.0, 0.0], 300, seed=5)).unbind(dim=1)
    assert float((label > 0).float().mean()) > 0.95
    assert float((realism > learned.critic(gaussian([2.0, 3.0], 300, seed=5))[:, 0]).float().mean()) > 0.9


def test_without_an_actor_the_inner_loop_sharpens_the_critic():
    settings = replace(QUICK, steps=40, actor_hidden=None, inner_steps=5)
    learned = adversarial.train_adversaries(gaussian([2.0, 0.0]), torch.ones(2), settings, seed=0)
    assert learned.actor is None
    near, far = gaussian([2.0, 0.0], 300, seed=4), gaussian([2.0, 2.5], 300, seed=4)
    assert float((learned.critic(near) > learned.critic(far)).float().mean()) > 0.9


def test_stopping_keeps_the_adversaries():
    def stop(row):
        if row.step == 3:
            raise KeyboardInterrupt

    assert len(adversarial.train_adversaries(gaussian([1.0, 0.0]), torch.ones(2), QUICK, on_step=stop).curve) == 4


def test_attribute_critics_and_transformation_by_both_critics():
    """Attributes are the sides of two axes; each vector moves until both hold, and those that are right stay."""
    z = torch.randn(3000, 2, generator=torch.Generator().manual_seed(0))
    critic = train_attribute_critic(z, (z > 0).float(), hidden=(64, 64), steps=400, learning_rate=2e-3)
    unseen = torch.randn(500, 2, generator=torch.Generator().manual_seed(1))
    assert float(((critic(unseen) > 0) == (unseen > 0)).float().mean()) > 0.95

    def real(moved):  # real is what lies within 2 of the origin
        return 4 * (2 - moved.norm(dim=1, keepdim=True))

    start = torch.tensor([[-0.8, -0.5], [0.9, 0.7], [-0.6, 0.9]])
    wanted = torch.tensor([[1.0, 1.0]]).expand(3, 2)
    moved = transform_latents(start, real, critic, wanted, thresholds=(0.5, 0.7))
    assert (moved > 0).all()
    assert (real(moved) > 0).all()
    torch.testing.assert_close(moved[1], start[1])  # it had both: frozen before the first step
    assert abs(float(moved[2, 1] - start[2, 1])) < 0.6  # what was right hardly moves


def test_energies_add_up():
    start = torch.zeros(2, 3)
    a, b = (lambda z: z[:, :1]), (lambda z: -z[:, 1:2])
    moved = torch.tensor([[1.0, -1.0, 0.0], [0.5, 2.0, 0.0]])
    one = [combined_energy(start, torch.ones(3), [critic], penalty=0.0, shell=0.0)(moved) for critic in (a, b)]
    both_critics = combined_energy(start, torch.ones(3), [a, b], penalty=0.0, shell=0.0)(moved)
    torch.testing.assert_close(both_critics, one[0] + one[1])
    torch.testing.assert_close(one[0], torch.log1p(torch.exp(-moved[:, 0])))
    held = combined_energy(start, torch.ones(3), [], penalty=0.5, shell=2.0)(moved)
    torch.testing.assert_close(
        held, 0.5 * losses.distances(moved, start, torch.ones(3)) + 2 * losses.shell_penalty(moved)
    )


def test_composed_energies_meet_both_critics():
    """Two critics learned apart, one for each axis: descent on their sum ends where both hold."""
    z = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0)) * 1.5
    right, up = (
        train_attribute_critic(z, (z[:, axis : axis + 1] > 1).float(), hidden=(64,), steps=300, learning_rate=3e-3)
        for axis in (0, 1)
    )
    start = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    moved = optimise(start, combined_energy(start, torch.ones(2), [right, up], penalty=0.05, shell=0.0))
    assert float((moved > 1).all(dim=1).float().mean()) > 0.9


def test_nothing_in_latent_knows_melodies_or_images():
    assert imports_beyond(melodylc.latent, "melodylc.latent", "melodylc.base") == []


def test_the_optimisers_are_those_of_section_9_2():
    parameters = [torch.nn.Parameter(torch.ones(2))]
    (group,) = optimisers.adam(parameters).param_groups
    assert (group["lr"], group["betas"]) == (3e-4, (0.9, 0.999))
    (group,) = optimisers.adam(parameters, 1e-3, optimisers.ADVERSARIAL_BETAS, fused=True).param_groups
    assert (group["lr"], group["betas"], group["fused"]) == (1e-3, (0.0, 0.9), True)


def test_the_kl_of_a_posterior_is_torchs_by_dimension():
    torch.manual_seed(0)
    posterior = Posterior.from_outputs(torch.randn(5, 14).half(), 1e-4)
    assert posterior.mean.dtype == posterior.sigma.dtype == torch.float32
    normal = torch.distributions.Normal(posterior.mean, posterior.sigma)
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(posterior.kl(), expected)


def test_samples_of_a_posterior_have_its_mean_and_sigma():
    posterior = Posterior(torch.tensor([[1.0, -2.0]]).expand(20_000, 2), torch.tensor([[0.5, 0.1]]).expand(20_000, 2))
    z = posterior.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(dim=0), posterior.mean[0], rtol=0, atol=0.02)
    torch.testing.assert_close(z.std(dim=0), posterior.sigma[0], rtol=0.02, atol=0)
    assert torch.equal(z, posterior.sample(torch.Generator().manual_seed(0)))

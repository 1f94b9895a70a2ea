"""Learning from rewards on a latent space whose answer is known."""

from dataclasses import replace

import pytest
import torch

from melodylc.latent import losses
from melodylc.latent.networks import PartsCritic
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.rewards import (
    PAPER_BUDGET,
    Budget,
    Round,
    selection_score,
    train_from_rewards,
    with_satisfaction,
)


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
    scores = [selection_score(curve[max(0, n - 2) : n + 1], 0.94) for n in range(len(curve))]
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


@pytest.mark.parametrize("in_bank", [False, True])
def test_an_actor_starts_where_it_is_told_and_that_is_read_once(in_bank, monkeypatch):
    """Starts that lie in the bank are neither rewarded nor read again; others are, once, before the first step."""
    budget = Budget(
        rounds=2, fresh=12, tried=4, bank_steps=3, critic_steps=4, actor_steps=3, actor_batch=8, actor_hidden=(8,)
    )
    bank, elsewhere, rewarded, read = torch.randn(50, 6), torch.randn(20, 6) + 5, [], []
    bank[30:] += 5

    def reward(z):
        rewarded.append(z)
        return right_half(z)

    def parts(z):
        read.append(z.detach())
        return z.reshape(len(z), 2, 3)

    apart, shift = [], losses.shift  # how far parts were moved: a little at first, if they are of the same vectors

    def shift_of_parts(moved, z, sigma_bar=None):
        if moved.ndim == 3:
            apart.append(float((moved - z).detach().abs().mean()))
        return shift(moved, z, sigma_bar)

    monkeypatch.setattr(losses, "shift", shift_of_parts)
    starts = slice(30, 50) if in_bank else elsewhere
    learned = train_from_rewards(
        reward, (bank, right_half(bank)), torch.ones(6), budget, features=parts, starts=starts, seed=4
    )
    steps = budget.rounds * budget.actor_steps * budget.actor_batch
    rounds = budget.rounds * (budget.fresh + budget.tried)
    first = 0 if in_bank else budget.fresh  # rewarded before the first round
    assert learned.curve[-1].rewarded == sum(len(z) for z in rewarded) == rounds + first
    assert len(apart) == budget.rounds * budget.actor_steps
    assert apart[0] < 0.75  # of the parts of others it would be above 1
    known = len(bank) if in_bank else len(bank) + len(elsewhere)
    assert sum(len(z) for z in read) == 1 + known + first + steps + rounds  # 1: how wide parts are
    if in_bank:
        assert float(rewarded[0].mean()) > 3  # the actor, near the identity still, moved those rows of the bank
    else:
        assert (rewarded[0][:, None] == elsewhere).all(dim=-1).any(dim=1).all()

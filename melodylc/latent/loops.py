"""The loops that train an actor and its critics from rewards alone, and the one that moves vectors by gradient.

Section 6 of Latent Constraints: the critic learns the reward of a latent vector, the actor climbs the critic. Ours to
add: a bank of vectors whose rewards are known before the first step, a second critic output for P(reward is 1), two
critics of which the lower counts, and a distance penalty whose weight follows the share satisfied.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from melodylc.latent import losses
from melodylc.latent.networks import SMALL, Actor, Critic

Score = Callable[[Tensor], Tensor]  # (B, Z) -> (B, R) rewards in [0, 1], on the CPU


@dataclass(frozen=True)
class Budget:
    """How an actor is learned."""

    rounds: int = 60  # of fresh rewards
    fresh: int = 192  # outputs of the averaged actor rewarded a round
    tried: int = 96  # outputs of the actor as it is, rewarded a round
    average: float = 0.98  # of the moving average of the actor, a step
    bank_steps: int = 400  # critic steps on the bank before the first round
    critic_steps: int = 30  # a round
    actor_steps: int = 30  # a round
    batch: int = 512
    learning_rate: float = 1e-3  # three times the paper's: the networks are small
    actor_hidden: tuple[int, ...] = SMALL
    critic_hidden: tuple[int, ...] = (512, 512, 512)
    critics: int = 2
    patience: int = 25  # rounds without a better actor after which it ends
    target: float = 0.95  # share satisfied above which the distance penalty grows, below which it shrinks
    shell: float = 10.0  # weight of `losses.outside`
    penalty: float = 1.0  # its first weight, lambda: the actor starts out near and goes further as it must


class Round(NamedTuple):
    """What one round showed, on fresh rewards of the actor's outputs (one each, no selection)."""

    round: int
    reward: float  # mean over vectors and rewards
    satisfied: float  # share of vectors whose rewards are all 1
    shift: float  # mean squared shift
    penalty: float  # lambda


@dataclass
class Learned:
    """The best actor, the critics at the end, and the curve."""

    actor: Actor
    critics: list[Critic]
    curve: list[Round]
    best: Round


def lower(critics: list[Critic], z: Tensor) -> Tensor:
    """The lower of the critics' logits, (B, O): what one critic overrates by mistake does not count."""
    return torch.stack([critic(z) for critic in critics]).amin(dim=0)


def learn(
    score: Score,
    bank: tuple[Tensor, Tensor],
    sigma_bar: Tensor,
    budget: Budget = Budget(),
    *,
    seed: int = 0,
    on_round: Callable[[Round], None] = lambda _: None,
) -> Learned:
    """Learn to move draws from N(0, I) to vectors of full reward.

    Args:
        score: rewards of vectors; need not be differentiable, may be random.
        bank: (N, Z) vectors and their (N, R) rewards, known beforehand.
        sigma_bar: (Z,), weights the distance penalty (equation 3).
        on_round: called after each round; what it raises ends the learning (KeyboardInterrupt keeps the best so far).
    """
    generator = torch.Generator().manual_seed(seed)
    bank_z, bank_rewards = bank
    latent, rewards = bank_z.shape[1], bank_rewards.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(latent, budget.actor_hidden)
        critics = [Critic(latent, budget.critic_hidden, 2 * rewards) for _ in range(budget.critics)]
    average = deepcopy(actor)  # an actor that climbs a moving critic swings; its average does not
    actor_adam = torch.optim.Adam(actor.parameters(), budget.learning_rate, betas=(0.0, 0.9))
    critic_adams = [torch.optim.Adam(c.parameters(), budget.learning_rate, betas=(0.0, 0.9)) for c in critics]

    def draw(vectors: Tensor, known: Tensor, count: int) -> tuple[Tensor, Tensor]:
        at = torch.randint(len(vectors), (count,), generator=generator)
        return vectors[at], known[at]

    def teach(steps: int, replay: tuple[Tensor, Tensor] | None) -> None:
        for _ in range(steps):
            for critic, adam in zip(critics, critic_adams, strict=True):
                z, known = draw(bank_z, bank_rewards, budget.batch // 2)
                if replay is not None:
                    again = draw(*replay, budget.batch // 2)
                    z, known = torch.cat([z, again[0]]), torch.cat([known, again[1]])
                adam.zero_grad()
                losses.regression(critic(z), both(known)).backward()
                adam.step()

    teach(budget.bank_steps, None)
    # the critics' first fresh examples: draws of the prior, where the actor starts from
    start = torch.randn(budget.fresh, latent, generator=generator)
    replay_z, replay_rewards = [start], [score(start)]
    penalty = budget.penalty
    curve: list[Round] = []
    best, best_value, best_actor = None, float("-inf"), actor
    recent: list[float] = []
    try:
        for number in range(budget.rounds):
            # the newest rounds weigh as much as all the others, so the critics are sharpest where the actor is
            old = (torch.cat(replay_z), torch.cat(replay_rewards))
            new = (torch.cat(replay_z[-4:]), torch.cat(replay_rewards[-4:]))
            teach(budget.critic_steps // 2, old)
            teach(budget.critic_steps - budget.critic_steps // 2, new)
            for _ in range(budget.actor_steps):
                z = torch.randn(budget.batch, latent, generator=generator)
                moved = actor(z)
                loss = losses.climb(lower(critics, moved)) + penalty * losses.distance(moved, z, sigma_bar)
                loss = loss + budget.shell * losses.outside(moved).mean()
                actor_adam.zero_grad()
                loss.backward()
                actor_adam.step()
                with torch.no_grad():
                    torch._foreach_lerp_(list(average.parameters()), list(actor.parameters()), 1 - budget.average)
            with torch.no_grad():
                # the average is what is kept; what the actor itself tries is worth knowing to the critics
                z = torch.randn(budget.fresh + budget.tried, latent, generator=generator)
                moved = torch.cat([average(z[: budget.fresh]), actor(z[budget.fresh :])])
                rewarded = score(moved)
            replay_z.append(moved)
            replay_rewards.append(rewarded)
            fresh = rewarded[: budget.fresh]
            satisfied = float((fresh == 1).all(dim=1).float().mean())
            shift = float(losses.shift(moved[: budget.fresh], z[: budget.fresh]))
            row = Round(number, float(fresh.mean()), satisfied, shift, penalty)
            curve.append(row)
            penalty = min(max(penalty * (1.15 if satisfied > budget.target else 0.8), 0.02), 10.0)
            recent = [*recent[-2:], satisfied]
            # satisfaction first, up to the target; beyond it the smaller shift is better
            value = min(sum(recent) / 3, budget.target) - 0.05 * row.shift
            if value > best_value:
                best, best_value, best_actor = row, value, deepcopy(average)
            on_round(row)
            if best is not None and number - best.round >= budget.patience:
                break
    except KeyboardInterrupt:
        if best is None:
            raise
    assert best is not None
    return Learned(best_actor, critics, curve, best)


def both(rewards: Tensor) -> Tensor:
    """(B, R) rewards to (B, 2 R): the rewards, then whether each is exactly 1."""
    return torch.cat([rewards, (rewards == 1).to(rewards.dtype)], dim=1)


def optimise(
    z: Tensor,
    energy: Callable[[Tensor], Tensor],
    *,
    steps: int = 100,
    learning_rate: float = 0.1,
    done: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """G_opt: descend an energy from z by Adam (section 9.2: 100 steps, rate 0.1, betas 0.9 and 0.999).

    Args:
        z: (B, Z), where to start.
        energy: (B, Z) -> (B,), lower is better.
        done: (B, Z) -> (B,) bool; a vector is frozen once it is done (section 5).
    """
    moved = z.clone().requires_grad_(True)
    adam = torch.optim.Adam([moved], learning_rate)
    frozen = torch.zeros(len(z), dtype=torch.bool)
    for _ in range(steps):
        if done is not None:
            with torch.no_grad():
                frozen |= done(moved)
            if frozen.all():
                break
        before = moved.detach().clone()
        adam.zero_grad()
        with torch.enable_grad():
            energy(moved).sum().backward()
        adam.step()
        if frozen.any():
            with torch.no_grad():
                moved[frozen] = before[frozen]
    return moved.detach()

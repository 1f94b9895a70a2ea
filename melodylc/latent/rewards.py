"""The loop that teaches an actor and its critics from rewards alone, without labels (section 6).

The critics learn the reward of a latent vector, the actor climbs the critics. Ours to add to the paper's loop, each
switched off in `PAPER`: vectors whose rewards are known before the first step, a second output of each critic for
P(the reward is exactly 1), two critics of which the lower counts, critics that read what the generator makes of z on
its way (`features`), and a distance penalty whose weight follows the share satisfied.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from melodylc.latent import losses
from melodylc.latent.networks import SMALL, Actor, Critic, PartsCritic

Score = Callable[[Tensor], Tensor]  # (B, Z) -> (B, R) rewards in [0, 1], on the CPU
Features = Callable[[Tensor], Tensor]  # (B, Z) -> (B, P, E), differentiable


@dataclass(frozen=True)
class Budget:
    """How an actor is learned."""

    rounds: int = 30  # of fresh rewards, at most
    seconds: float | None = None  # after which no further round begins
    fresh: int = 128  # outputs of the averaged actor rewarded a round
    tried: int = 64  # outputs of the actor as it is, rewarded a round
    average: float = 0.9  # of the moving average of the actor, a step
    bank_steps: int = 100  # critic steps on the bank before the first round; 0 leaves the bank out
    critic_steps: int = 20  # a round
    actor_steps: int = 20  # a round
    critic_batch: int = 256
    actor_batch: int = 128
    learning_rate: float = 1e-3  # three times the paper's: the networks are small
    actor_hidden: tuple[int, ...] = SMALL
    critic_hidden: tuple[int, ...] = (512, 512, 512)  # of critics that read z itself
    critics: int = 2
    parts: bool = True  # whether critics read what the generator makes of z, where it is given, or z itself
    satisfaction: bool = True  # whether critics also predict that the reward is exactly 1
    patience: int = 12  # rounds without a better actor after which it ends
    target: float = 0.985  # share satisfied above which the distance penalty grows, below which it shrinks
    enough: float | None = 4.0  # logits beyond which the actor wins nothing more (`losses.actor_loss`)
    near: float = 1.2  # weight, in units of lambda, of the mean squared distance between features
    shell: float = 10.0  # weight of `losses.shell_penalty`
    penalty: float = 0.3  # lambda; the first one, where it adapts
    adapts: bool = True  # whether lambda follows the share satisfied


# The loop of the paper: rewards of decoded samples only, one critic of z, a fixed lambda, 10 critic steps to 1. Its
# small networks: the large ones take a minute of two cores for every three rounds.
PAPER_BUDGET = Budget(
    rounds=60,
    average=0.0,
    bank_steps=0,
    critic_steps=200,
    actor_steps=20,
    critic_batch=128,
    learning_rate=3e-4,
    actor_hidden=SMALL,
    critic_hidden=SMALL,
    critics=1,
    parts=False,
    satisfaction=False,
    enough=None,
    shell=0.0,
    penalty=0.1,
    adapts=False,
)


class Round(NamedTuple):
    """What one round showed, on fresh rewards of the actor's outputs (one each, no selection)."""

    round: int
    rewarded: int  # outputs rewarded so far
    seconds: float  # since the start
    reward: float  # mean over vectors and rewards
    satisfied: float  # share of vectors whose rewards are all 1
    shift: float  # mean squared shift
    spread: float  # variance of the outputs over that of the draws: what falls where outputs grow alike
    penalty: float  # lambda


@dataclass
class TrainingResult:
    """The best actor, the critics at the end, and the curve."""

    actor: Actor
    critics: list[nn.Module]
    curve: list[Round]
    best: Round


class ReplayBuffer:
    """Vectors whose rewards are known, newest last, as the critics read them."""

    def __init__(self) -> None:
        self.read: list[Tensor] = []
        self.rewards: list[Tensor] = []

    def add(self, read: Tensor, rewards: Tensor) -> None:
        self.read.append(read)
        self.rewards.append(rewards)

    def draw(self, count: int, generator: torch.Generator, *, newest: int = 0) -> tuple[Tensor, Tensor]:
        """`count` of them at random, with replacement; of the newest so many additions only, if given."""
        sizes = [len(r) for r in self.rewards]
        first = len(sizes) - newest if newest and newest < len(sizes) else 0
        low = sum(sizes[:first])
        at, _ = torch.randint(low, sum(sizes), (count,), generator=generator).sort()
        bounds = torch.tensor([0, *sizes]).cumsum(0)
        part = torch.bucketize(at, bounds[1:], right=True)
        read, rewards = [], []
        for index in part.unique().tolist():
            rows = at[part == index] - bounds[index]
            read.append(self.read[index][rows])
            rewards.append(self.rewards[index][rows])
        return torch.cat(read), torch.cat(rewards)


def lower(critics: list[nn.Module], read: Tensor) -> Tensor:
    """The lower of the critics' logits, (B, O): what one critic overrates by mistake does not count."""
    return torch.stack([critic(read) for critic in critics]).amin(dim=0)


def value(satisfied: float, row: Round, target: float) -> float:
    """What makes one actor better than another: satisfaction up to the target first, then nearness and variety."""
    return min(satisfied, target) - 0.05 * row.shift - max(0.0, 0.85 - row.spread)


def train_from_rewards(
    score: Score,
    bank: tuple[Tensor, Tensor],
    sigma_bar: Tensor,
    budget: Budget = Budget(),
    *,
    features: Features | None = None,
    seed: int = 0,
    on_round: Callable[[Round], None] = lambda _: None,
) -> TrainingResult:
    """Learn to move draws from N(0, I) to vectors of full reward.

    Args:
        score: rewards of vectors; need not be differentiable, may be random.
        bank: (N, Z) vectors and their (N, R) rewards, known beforehand; N may be 0.
        sigma_bar: (Z,), weights the distance penalty (equation 3).
        features: what critics read in place of z: the parts in which the generator makes its output.
        on_round: called after each round; what it raises ends the learning (KeyboardInterrupt keeps the best so far).
    """
    began = time.monotonic()
    generator = torch.Generator().manual_seed(seed)
    latent, rewards = len(sigma_bar), bank[1].shape[1]
    if not budget.parts:
        features = None
    outputs = 2 * rewards if budget.satisfaction else rewards
    read: Features = features if features is not None else lambda z: z
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(latent, budget.actor_hidden)
        if budget.adapts:
            actor.initialise_as_identity()
        critics: list[nn.Module] = []
        for _ in range(budget.critics):
            if features is None:
                critics.append(Critic(latent, budget.critic_hidden, outputs))
            else:
                shape = features(torch.zeros(1, latent)).shape
                critics.append(PartsCritic(shape[1], shape[2], outputs))
    average = deepcopy(actor)  # an actor that climbs a moving critic swings; its average does not
    actor_adam = torch.optim.Adam(actor.parameters(), budget.learning_rate, betas=(0.0, 0.9))
    critic_adams = [torch.optim.Adam(c.parameters(), budget.learning_rate, betas=(0.0, 0.9)) for c in critics]
    known = ReplayBuffer()

    def reward(moved: Tensor) -> Tensor:
        with torch.no_grad():
            given = score(moved)
            known.add(read(moved), given)
        return given

    def teach(steps: int, newest: int = 0) -> None:
        for _ in range(steps):
            for critic, adam in zip(critics, critic_adams, strict=True):
                seen, given = known.draw(budget.critic_batch, generator, newest=newest)
                adam.zero_grad()
                losses.regression(critic(seen), both(given) if budget.satisfaction else given).backward()
                adam.step()

    if budget.bank_steps and len(bank[0]):
        with torch.no_grad():
            known.add(torch.cat([read(part) for part in bank[0].split(256)]), bank[1])
        teach(budget.bank_steps)
    # the critics' first fresh examples: draws of the prior, where the actor starts from
    reward(torch.randn(budget.fresh, latent, generator=generator))
    rewarded = budget.fresh
    penalty = budget.penalty
    curve: list[Round] = []
    best, best_value, best_actor = None, float("-inf"), average
    try:
        for number in range(budget.rounds):
            # the newest rounds weigh as much as all the others, so the critics are sharpest where the actor is
            teach(budget.critic_steps // 2)
            teach(budget.critic_steps - budget.critic_steps // 2, newest=4)
            for _ in range(budget.actor_steps):
                z = torch.randn(budget.actor_batch, latent, generator=generator)
                moved = actor(z)
                parts = read(moved)
                loss = losses.actor_loss(lower(critics, parts), budget.enough)
                loss = loss + penalty * losses.distance(moved, z, sigma_bar)
                if budget.near and features is not None:
                    with torch.no_grad():
                        before = read(z)
                    loss = loss + penalty * budget.near * losses.shift(parts, before)
                loss = loss + budget.shell * losses.shell_penalty(moved).mean()
                actor_adam.zero_grad()
                loss.backward()
                actor_adam.step()
                with torch.no_grad():
                    torch._foreach_lerp_(list(average.parameters()), list(actor.parameters()), 1 - budget.average)
            with torch.no_grad():
                # the average is what is kept; what the actor itself tries is worth knowing to the critics
                z = torch.randn(budget.fresh + budget.tried, latent, generator=generator)
                moved = torch.cat([average(z[: budget.fresh]), actor(z[budget.fresh :])])
            given = reward(moved)[: budget.fresh]
            rewarded += len(z)
            z, moved = z[: budget.fresh], moved[: budget.fresh]
            row = Round(
                round=number,
                rewarded=rewarded,
                seconds=time.monotonic() - began,
                reward=float(given.mean()),
                satisfied=float((given == 1).all(dim=1).float().mean()),
                shift=float(losses.shift(moved, z)),
                spread=float(moved.var(dim=0).sum() / z.var(dim=0).sum()),
                penalty=penalty,
            )
            curve.append(row)
            if budget.adapts:
                penalty = min(max(penalty * (1.15 if row.satisfied > budget.target else 0.8), 0.01), 10.0)
            recent = sum(r.satisfied for r in curve[-3:]) / 3  # one round alone may be lucky
            if best is None or value(recent, row, budget.target) > best_value:  # NaN is above nothing
                best, best_value, best_actor = row, value(recent, row, budget.target), deepcopy(average)
            on_round(row)
            late = budget.seconds is not None and row.seconds >= budget.seconds
            if late or (best is not None and number - best.round >= budget.patience):
                break
    except KeyboardInterrupt:
        if best is None:
            raise
    assert best is not None
    return TrainingResult(best_actor, critics, curve, best)


def both(rewards: Tensor) -> Tensor:
    """(B, R) rewards to (B, 2 R): the rewards, then whether each is exactly 1."""
    return torch.cat([rewards, (rewards == 1).to(rewards.dtype)], dim=1)

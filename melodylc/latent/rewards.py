"""The loop that teaches an actor and its critics from rewards alone, without labels (section 6).

The critics learn to predict the rewards of a latent vector, the actor moves vectors to where the critics predict full
reward. The last reward may be the plausibility of what the generator makes: *satisfied* is a vector whose other rewards
are all 1, *kept* one that is plausible too, and what is kept decides which actor is best.

What this loop adds to the paper's, each switched off in `PAPER_BUDGET`: plausibility as one more reward, vectors whose
rewards are known before the first step, a second output of each critic for P(the reward is full), two critics of which
the lower counts, critics that read what the generator makes of z on its way (`features`), a distance penalty whose
weight follows the share kept, and a loss for outputs that grow alike. Full is 1, but less while hardly any has that.
Critics compute in bf16 where the hardware does, in that loop too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from melodylc.latent import losses
from melodylc.latent.budget import PAPER_BUDGET as PAPER_BUDGET
from melodylc.latent.budget import Budget as Budget
from melodylc.latent.critics import CriticEnsemble
from melodylc.latent.distance_weight import DistanceWeight
from melodylc.latent.gradient_steps import descend
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.networks import Actor, Critic, PartsCritic
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.stopping import BestSoFar, interruptible

RewardFunction = Callable[[Tensor], Tensor]  # (B, Z) -> (B, R) rewards in [0, 1], on the CPU
Features = Callable[[Tensor], Tensor]  # (B, Z) -> (B, P, E), differentiable

# In balance while three rounds in five are above the target: what is kept comes first. C major on the embedded model
# takes lambda from 0.3 to 0.015 within 18 rounds; the bounds guard against rules that are trivial or out of reach.
DISTANCE_WEIGHT = DistanceWeight(growth=1.15, shrinkage=0.8, least=0.01, most=10.0)
REWARD_COUNTS = 0.3  # mean reward, in share kept: decides while little is kept
SHIFT_COST = 0.05  # of a mean squared shift of 1, as a share: decides between actors of which as much is kept
# Variance of outputs over that of draws; what is missing costs as great a share, or the choice would fall on actors
# whose outputs grow alike: in C major those of the last rounds, all satisfied at 0.66, over 98 % at 0.78.
LEAST_SPREAD = 0.85
VARIETY = 20.0  # weight of what is missing of it, squared, in the actor's loss
# While fewer outputs than this share have full reward, that of the best tenth counts as full: a critic that is to tell
# what nothing has yet learns nothing.
FEWEST_FULL, EASED = 0.03, 0.9
NEWEST = 4  # rounds whose rewards half of the critics' steps are made on
RECENT = 3  # rounds over which the share kept is averaged: one alone may be lucky
READ_AT_ONCE = 256  # vectors whose features are computed together, which bounds the memory


class Round(NamedTuple):
    """The figures of one round, from fresh rewards of the averaged actor's outputs (one each, no selection)."""

    round: int
    rewarded: int  # outputs rewarded so far
    seconds: float  # since the start
    reward: float  # mean over vectors and rewards, plausibility left out
    kept: float  # share of vectors that are satisfied and plausible
    satisfied: float  # share of vectors whose rewards are all 1, plausible or not
    shift: float  # mean squared shift
    spread: float  # variance of the outputs over that of the draws: falls where outputs grow alike
    penalty: float  # lambda


@dataclass
class TrainingResult:
    """The best actor, the critics at the end, and the curve."""

    actor: Actor
    critics: list[nn.Module]
    curve: list[Round]
    best: Round


@dataclass(frozen=True)
class Starts:
    """Draws of the prior, where an actor starts."""

    z: Tensor  # (N, Z)
    inputs: Tensor | None  # what critics read of them, (N, ...), where that is known

    def at(self, rows: Tensor) -> Starts:
        """Return some of them, by their rows (B,)."""
        return Starts(self.z[rows], None if self.inputs is None else self.inputs[rows])


class _Learning:
    """An actor, its critics and the rewards known so far, in the middle of learning."""

    def __init__(
        self,
        reward_function: RewardFunction,
        rewards: int,
        sigma_bar: Tensor,
        budget: Budget,
        features: Features | None,
        plausibility: bool,
        seed: int,
    ) -> None:
        self.asked = rewards - plausibility  # rewards without plausibility, which is the last
        rewards = rewards if budget.plausibility else self.asked
        self.learned = rewards  # rewards that critics learn, the first ones
        self.reward_function, self.budget, self.sigma_bar, self.features = reward_function, budget, sigma_bar, features
        self.generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor, critics = networks(len(sigma_bar), rewards, budget, features)
        self.average = MovingAverage(self.actor)
        self.optimiser = adam(self.actor.parameters(), budget.learning_rate, ADVERSARIAL_BETAS)
        self.critics = CriticEnsemble(
            critics,
            self._critic_loss,
            learning_rate=budget.learning_rate,
            batch=budget.critic_batch,
            newest=NEWEST,
            half=True,
        )
        self.buffer = ReplayBuffer()
        self.rewarded = 0  # outputs so far
        self.penalty = budget.penalty
        self.full = torch.zeros(rewards)  # (R,): each counts as full from there
        self.starts: Starts | None = None

    def draw(self, count: int) -> Starts:
        """Draw where the actor starts, `count` vectors: of those that are given, else of N(0, I)."""
        if self.starts is None:
            z = torch.randn(count, len(self.sigma_bar), generator=self.generator)
            return Starts(z, None)
        return self.starts.at(torch.randint(len(self.starts.z), (count,), generator=self.generator))

    def read(self, z: Tensor) -> Tensor:
        """Return what the critics read of vectors (B, Z)."""
        return z if self.features is None else self.features(z)

    @torch.no_grad()
    def read_all(self, z: Tensor) -> Tensor:
        """Return the same of many vectors (N, Z), a part of them at a time."""
        return torch.cat([self.read(part) for part in z.split(READ_AT_ONCE)])

    def remember(self, z: Tensor, rewards: Tensor) -> None:
        """Let the critics learn from vectors (B, Z) and their rewards (B, R) from now on."""
        self.buffer.add(self.read_all(z), rewards[:, : self.learned])

    def reward(self, z: Tensor) -> Tensor:
        """Reward vectors (B, Z) and remember them; returns the rewards (B, R)."""
        with torch.no_grad():
            rewards = self.reward_function(z)
        self.remember(z, rewards)
        self.rewarded += len(z)
        return rewards

    def _critic_loss(self, logits: Tensor, rewards: Tensor) -> Tensor:
        return losses.regression(logits, with_satisfaction(rewards, self.full) if self.budget.satisfaction else rewards)

    def ease(self, rewards: Tensor) -> None:
        """Let each reward count as full from where the newest, (B, R), are nearly; never from less than before."""
        newest = rewards[:, : self.learned]
        nearly = newest.quantile(EASED, dim=0)
        easier = ((newest == 1).float().mean(dim=0) < FEWEST_FULL) & (nearly > newest.amin(dim=0))
        self.full = torch.maximum(self.full, torch.where(easier, nearly, torch.ones_like(nearly)))

    def actor_step(self) -> None:
        """Move draws, let the critics judge where they went, descend, and let the average follow."""
        starts = self.draw(self.budget.actor_batch)
        with self.critics.judging():
            descend(self.optimiser, self._actor_loss(starts, self.actor(starts.z)))
        self.average.follow(self.actor, self.budget.average)

    def _actor_loss(self, starts: Starts, moved: Tensor) -> Tensor:
        """Return the loss of draws and where they were moved, (B, Z): equation 3, and what we add to it."""
        budget, z = self.budget, starts.z
        inputs = self.read(moved)
        loss = losses.actor_loss(self.critics.lowest(inputs), budget.enough)
        loss = loss + self.penalty * losses.distance(moved, z, self.sigma_bar)
        if budget.near and self.features is not None:
            before = self.read_all(z) if starts.inputs is None else starts.inputs
            loss = loss + self.penalty * budget.near * losses.shift(inputs, before)
        if budget.adapts:
            loss = loss + VARIETY * (LEAST_SPREAD - spread(moved, z)).clamp(min=0).square()
        return loss + budget.shell * losses.shell_penalty(moved).mean()

    def fresh_round(self, number: int, began: float) -> Round:
        """Reward outputs of the average, which is what is saved, and of the actor; returns what the average's show."""
        fresh = self.budget.fresh
        with torch.no_grad():
            z = self.draw(fresh + self.budget.tried).z
            # what the actor itself does at the moment is worth knowing to the critics
            moved = torch.cat([self.average.network(z[:fresh]), self.actor(z[fresh:])])
        rewards = self.reward(moved)[:fresh]
        self.ease(rewards)
        asked = rewards[:, : self.asked]
        z, moved = z[:fresh], moved[:fresh]
        return Round(
            round=number,
            rewarded=self.rewarded,
            seconds=time.monotonic() - began,
            reward=float(asked.mean()),
            kept=float((rewards == 1).all(dim=1).float().mean()),
            satisfied=float((asked == 1).all(dim=1).float().mean()),
            shift=float(losses.shift(moved, z)),
            spread=float(spread(moved, z)),
            penalty=self.penalty,
        )


def train_from_rewards(
    reward_function: RewardFunction,
    bank: tuple[Tensor, Tensor],
    sigma_bar: Tensor,
    budget: Budget = Budget(),
    *,
    features: Features | None = None,
    plausibility: bool = False,
    starts: Tensor | slice | None = None,
    seed: int = 0,
    on_round: Callable[[Round], None] = lambda _: None,
) -> TrainingResult:
    """Learn to move draws of the prior to vectors of full reward.

    Args:
        reward_function: rewards of vectors; need not be differentiable, may be random.
        bank: (N, Z) vectors and their (N, R) rewards, known beforehand; N may be 0.
        sigma_bar: (Z,), weights the distance penalty (equation 3).
        features: what critics read in place of z: the parts in which the generator makes its output.
        plausibility: whether the last reward says how plausible an output is, 1 where it is; else all count as such.
        starts: draws of the prior (M, Z), or which rows of the bank are such draws; at least one. Default: N(0, I).
        on_round: called after each round; what it raises ends the learning (KeyboardInterrupt keeps the best so far).
    """
    began = time.monotonic()
    z, rewards = bank
    read = features if budget.parts else None
    learning = _Learning(reward_function, rewards.shape[1], sigma_bar, budget, read, plausibility, seed)
    if budget.bank_steps and len(z):
        learning.remember(z, rewards)
        learning.ease(rewards)
        learning.critics.train(learning.buffer, budget.bank_steps, learning.generator)
    if isinstance(starts, slice) and learning.buffer.inputs:  # read and rewarded already
        learning.starts = Starts(z[starts], learning.buffer.inputs[0][starts])
    else:
        if starts is not None:
            given = z[starts] if isinstance(starts, slice) else starts
            learning.starts = Starts(given, learning.read_all(given))
        # the critics' first fresh examples: where the actor starts from
        learning.ease(learning.reward(learning.draw(budget.fresh).z))

    curve: list[Round] = []
    best: BestSoFar[Round, Actor] = BestSoFar()
    with interruptible(lambda: bool(best)):
        for number in range(budget.rounds):
            learning.critics.train_round(learning.buffer, budget.critic_steps, learning.generator)
            for _ in range(budget.actor_steps):
                learning.actor_step()
            row = learning.fresh_round(number, began)
            curve.append(row)
            if budget.adapts:
                varied = row.spread >= LEAST_SPREAD
                learning.penalty = DISTANCE_WEIGHT.after(row.penalty, row.kept, budget.target, varied)
            best.consider(selection_score(curve[-RECENT:], budget.target), row, learning.average.network)
            on_round(row)
            late = budget.seconds is not None and row.seconds >= budget.seconds
            if late or best.rounds_since >= budget.patience:
                break
    figures, actor = best.result()
    return TrainingResult(actor, learning.critics.critics, curve, figures)


def networks(latent: int, rewards: int, budget: Budget, features: Features | None) -> tuple[Actor, Sequence[nn.Module]]:
    """Return the untrained actor and critics of a budget."""
    actor = Actor(latent, budget.actor_hidden)
    if budget.adapts:
        actor.initialise_as_identity()
    outputs = 2 * rewards if budget.satisfaction else rewards
    if features is None:
        return actor, [Critic(latent, budget.critic_hidden, outputs) for _ in range(budget.critics)]
    _, parts, width = features(torch.zeros(1, latent)).shape
    return actor, [PartsCritic(parts, width, outputs) for _ in range(budget.critics)]


def selection_score(recent: Sequence[Round], target: float) -> float:
    """Return what makes the actor of the last of some rounds better than another.

    What is kept, up to the target, and reward, both means over the rounds, less a share for shift and lack of variety:
    a share, so that they decide between actors that do as well, and never for one that does nothing.
    """
    last = recent[-1]
    kept, reward = (sum(getattr(row, name) for row in recent) / len(recent) for name in ("kept", "reward"))
    cost = SHIFT_COST * last.shift + max(0.0, LEAST_SPREAD - last.spread)
    return (min(kept, target) + REWARD_COUNTS * reward) * max(0.0, 1 - cost)


def spread(moved: Tensor, z: Tensor) -> Tensor:
    """Return the variance of where vectors (B, Z) were moved, (B, Z), over their own."""
    return moved.var(dim=0).sum() / z.var(dim=0).sum()


def with_satisfaction(rewards: Tensor, full: Tensor) -> Tensor:
    """Return rewards (B, R) followed by whether each is as high as counts as full (R,), (B, 2 R)."""
    return torch.cat([rewards, (rewards >= full).to(rewards.dtype)], dim=1)

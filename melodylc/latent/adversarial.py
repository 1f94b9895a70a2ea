"""The loops that learn from encodings: the realism constraint and the conditional actor and critic (sections 3 and 4).

Here labels are known and rewards are not; the loop for rewards is in `rewards`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from melodylc.latent import losses
from melodylc.latent.critics import teach
from melodylc.latent.descent import optimise
from melodylc.latent.gradient_steps import descend, final_decay, set_learning_rate
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.networks import LABEL_UNITS, LARGE, Actor, Critic
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.processes import ALONE, Processes
from melodylc.latent.stopping import interruptible


@dataclass(frozen=True)
class AdversarialSettings:
    """How an actor and a critic are trained against each other: as in section 9.2, unless a comment says otherwise."""

    steps: int = 1000  # of the actor; the critic makes `critic_steps` for each
    critic_steps: int = 10
    batch: int = 128
    learning_rate: float = 3e-4
    penalty: float = 0.0  # lambda of the distance penalty
    gradient_penalty: float = 10.0
    actor_hidden: tuple[int, ...] | None = LARGE  # None: no actor, the critic's inner loop G_opt moves the draws
    critic_hidden: tuple[int, ...] = LARGE
    label_units: int = LABEL_UNITS
    auxiliary: bool = False  # the critic classifies instead of being conditioned (AC-GAN, Odena et al. 2017)
    wrong_labels: bool = True  # encodings with another's labels are negatives too (the authors' notebook)
    from_encodings: bool = True  # with a distance penalty, the actor also starts from encodings (the notebook)
    inner_steps: int = 20  # of G_opt, where there is no actor; 100 in the paper
    average: float = 0.0  # decay of the moving average of the actor, a step; the average is what is kept (ours)
    decay: float = 0.0  # share of the steps, the last, in which the learning rates fall to 0 (ours)


class Progress(NamedTuple):
    """The figures of one step of the actor."""

    step: int
    critic_loss: float
    actor_loss: float
    real: float  # mean D(encodings)
    moved: float  # mean D(outputs)
    shift: float  # mean squared shift of outputs


@dataclass
class Adversaries:
    """The actor (None with G_opt), the critic and the curve."""

    actor: Actor | None
    critic: Critic
    curve: list[Progress]


def networks(latent: int, settings: AdversarialSettings, labels: int = 0) -> tuple[Actor | None, Critic]:
    """Return the untrained actor, None where G_opt takes its place, and the untrained critic of the settings."""
    auxiliary_labels = labels if settings.auxiliary else 0
    critic = Critic(
        latent, settings.critic_hidden, 1 + auxiliary_labels, labels - auxiliary_labels, settings.label_units
    )
    if settings.actor_hidden is None:
        return None, critic
    return Actor(latent, settings.actor_hidden, labels, settings.label_units), critic


@dataclass(frozen=True)
class LabelledEncodings:
    """Encodings and their labels, from which batches are drawn."""

    mean: Tensor  # (N, Z), means of q(z|x)
    sigma: Tensor | None  # (N, Z), with which encodings are drawn from q(z|x); without it they are the means
    labels: Tensor | None  # (N, Y)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Draw encodings (count, Z) and their labels (count, Y), with replacement."""
        device = self.mean.device
        at = torch.randint(len(self.mean), (count,), generator=generator, device=device)
        z = self.mean[at]
        if self.sigma is not None:
            z = z + self.sigma[at] * torch.randn(z.shape, generator=generator, device=device)
        return z, None if self.labels is None else self.labels[at]


@dataclass(frozen=True)
class _Judge:
    """A critic, read as realism and, if it classifies, as labels."""

    critic: Critic
    auxiliary_labels: int  # labels that the critic predicts; 0 where it is conditioned on them instead

    def realism(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return logits of realism, (B, 1)."""
        return self.critic(z)[:, :1] if self.auxiliary_labels else self.critic(z, y)

    def auxiliary_loss(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return the auxiliary classifier's cross-entropy of all labels together; 0 where there is none."""
        if not self.auxiliary_labels or y is None:
            return z.new_zeros(())
        return self.auxiliary_labels * losses.regression(self.critic(z)[:, 1:], y)


class AdversarialLearning:
    """An actor and a critic in the middle of their training against each other.

    What comes next depends on their weights, optimisers and moving average, and on the state of `generator`. Of several
    processes each draws whole batches, and takes its share of them.
    """

    def __init__(
        self,
        encodings: LabelledEncodings,
        sigma_bar: Tensor,
        settings: AdversarialSettings,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        self.processes = processes
        self.encodings, self.sigma_bar, self.settings = encodings, sigma_bar, settings
        self.device, self.latent = encodings.mean.device, encodings.mean.shape[1]
        self.generator = torch.Generator(self.device).manual_seed(seed)
        labels = 0 if encodings.labels is None else encodings.labels.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.actor, critic = networks(self.latent, settings, labels)
        self.judge = _Judge(critic.to(self.device), labels if settings.auxiliary else 0)
        self.optimisers = [adam(critic.parameters(), settings.learning_rate, ADVERSARIAL_BETAS)]
        self.average = None
        if self.actor is not None:
            self.average = MovingAverage(self.actor.to(self.device))
            self.optimisers.append(adam(self.actor.parameters(), settings.learning_rate, ADVERSARIAL_BETAS))

    def draw(self) -> tuple[Tensor, Tensor | None]:
        """Draw a batch of encodings and their labels."""
        return self.encodings.draw(self.settings.batch, self.generator)

    def _share(self, z: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return this process's share of a batch."""
        return self.processes.share(z), None if y is None else self.processes.share(y)

    def prior(self, count: int) -> Tensor:
        """Draw vectors (count, Z) of the prior."""
        return torch.randn(count, self.latent, generator=self.generator, device=self.device)

    def move(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return where the actor, or G_opt in its place, moves vectors (B, Z) under labels (B, Y)."""
        if self.actor is not None:
            return self.actor(z, y)

        def energy(moved: Tensor) -> Tensor:
            return losses.constraint_loss(self.judge.realism(moved, y)).sum(dim=-1)

        return optimise(z, energy, steps=self.settings.inner_steps)

    def critic_loss(self) -> Tensor:
        """Draw encodings, move draws of the prior; returns the loss of the critic, which is to tell them apart."""
        batch, judge = self.settings.batch, self.judge
        all_encoded, all_y = self.draw()
        encoded, y = self._share(all_encoded, all_y)
        with torch.no_grad():
            moved = self.move(self.processes.share(self.prior(batch)), y)
        # as draws of the prior weigh little, a few of them are enough: too few to be divided
        few = self.prior(max(1, int(losses.PRIOR_RATE * batch)))
        few_y = None if all_y is None else all_y[: len(few)]
        loss = losses.realism(judge.realism(encoded, y), judge.realism(few, few_y), judge.realism(moved, y))
        loss = loss + judge.auxiliary_loss(encoded, y) + judge.auxiliary_loss(moved, y)
        if all_y is not None and self.settings.wrong_labels and not judge.auxiliary_labels:
            loss = loss + self._wrong_labels_loss(all_encoded, all_y)
        if self.settings.gradient_penalty:
            share = self.processes.share(torch.rand(batch, 1, generator=self.generator, device=self.device))
            loss = loss + losses.gradient_penalty(
                lambda z: judge.realism(z, y), encoded, moved, share, self.settings.gradient_penalty
            )
        return loss

    def _wrong_labels_loss(self, encoded: Tensor, y: Tensor) -> Tensor:
        """Return the loss of encodings (B, Z) of a batch given the labels of others, as negatives; 0 where none do."""
        others = y[torch.randperm(len(y), generator=self.generator, device=self.device)]
        differ = (others != y).any(dim=-1)
        if not differ.any():
            return encoded.new_zeros(())
        mine = self.processes.share(torch.arange(len(y), device=self.device))
        mine = mine[differ[mine]]
        losses_of_mine = losses.violation_loss(self.judge.realism(encoded[mine], others[mine]))
        return losses_of_mine.sum() * self.processes.count / differ.sum()  # the mean of all, once it is averaged

    def actor_step(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draw, move, judge, descend, average; returns the actor's loss, where it moved to, and from where."""
        _, y = self._share(*self.draw())
        z = self.prior(self.settings.batch)
        if self.actor is None or self.average is None:
            z = self.processes.share(z)
            moved = self.move(z, y)
            return losses.actor_loss(self.judge.realism(moved, y)).detach(), moved, z
        if self.settings.penalty and self.settings.from_encodings:
            # half from encodings of other labels than those they are moved to: what a transformation starts from
            half = len(z) // 2
            z = torch.cat([z[:half], self.encodings.draw(len(z) - half, self.generator)[0]])
        z = self.processes.share(z)
        moved = self.move(z, y)
        loss = losses.actor_loss(self.judge.realism(moved, y)) + self.judge.auxiliary_loss(moved, y)
        loss = loss + self.settings.penalty * losses.distance(moved, z, self.sigma_bar)
        descend(self.optimisers[1], loss)
        self.average.follow(self.actor, self.settings.average)
        return loss.detach(), moved.detach(), z

    def step(self, number: int) -> Progress:
        """Make a step of the actor, after those of the critic that belong to it."""
        settings = self.settings
        for optimiser in self.optimisers:
            factor = final_decay(number, settings.steps, settings.decay)
            set_learning_rate(optimiser, settings.learning_rate * factor)
        critic_loss = teach(self.optimisers[0], self.critic_loss, settings.critic_steps)
        actor_loss, moved, z = self.actor_step()
        with torch.no_grad():
            encoded, y = self._share(*self.draw())
            return Progress(
                number,
                float(critic_loss),
                float(actor_loss),
                real=float(torch.sigmoid(self.judge.realism(encoded, y)).mean()),
                moved=float(torch.sigmoid(self.judge.realism(moved, y)).mean()),
                shift=float(losses.shift(moved, z)),
            )


class AttributeLearning:
    """An attribute critic D_attr in the middle of its training (section 5)."""

    def __init__(
        self,
        encodings: LabelledEncodings,
        hidden: tuple[int, ...],
        batch: int,
        learning_rate: float,
        seed: int,
        processes: Processes = ALONE,
        gradient_penalty: float = 0.0,
    ) -> None:
        self.processes = processes
        assert encodings.labels is not None, "labels are what is learned"
        self.encodings, self.batch, device = encodings, batch, encodings.mean.device
        self.gradient_penalty = gradient_penalty
        self.generator = torch.Generator(device).manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic(encodings.mean.shape[1], hidden, encodings.labels.shape[1]).to(device)
        self.optimiser = adam(self.critic.parameters(), learning_rate, ADVERSARIAL_BETAS)

    def loss(self) -> Tensor:
        """Draw encodings; returns the cross-entropy of their labels, and the gradient penalty if there is one."""
        z, y = self.encodings.draw(self.batch, self.generator)
        assert y is not None
        share = self.processes.share
        loss = losses.regression(self.critic(share(z)), share(y))
        return loss + self._penalty(z) if self.gradient_penalty else loss

    def step(self) -> Tensor:
        """Make a step; returns the loss, the gradient penalty included."""
        return teach(self.optimiser, self.loss)

    def _penalty(self, z: Tensor) -> Tensor:
        """Return the gradient penalty between encodings (B, Z) and draws of the prior, of one label of each at random.

        Without it the critic is as sure far from encodings as among them, where a descent then ends.
        """
        assert self.encodings.labels is not None
        count, labels = len(z), self.encodings.labels.shape[1]
        prior = torch.randn(z.shape, generator=self.generator, device=z.device)
        share = torch.rand(count, 1, generator=self.generator, device=z.device)
        label = torch.randint(labels, (count, 1), generator=self.generator, device=z.device)
        z, prior, share, label = (self.processes.share(rows) for rows in (z, prior, share, label))
        return losses.gradient_penalty(
            lambda between: self.critic(between).gather(1, label), z, prior, share, self.gradient_penalty
        )


def train_adversaries(
    encodings: Tensor,
    sigma_bar: Tensor,
    settings: AdversarialSettings = AdversarialSettings(),
    *,
    sigma: Tensor | None = None,
    labels: Tensor | None = None,
    seed: int = 0,
    on_step: Callable[[Progress], None] = lambda _: None,
) -> Adversaries:
    """Train a critic of realism and an actor that satisfies it; with labels, both depend on them (a latent CGAN).

    Args:
        encodings: (N, Z), means of q(z|x).
        sigma_bar: (Z,), weights the distance penalty.
        sigma: (N, Z); with it encodings are drawn from q(z|x), without it they are the means.
        labels: (N, Y), each in [0, 1].
        on_step: called after each actor step; KeyboardInterrupt from it ends the learning and keeps what there is.
    """
    learning = AdversarialLearning(LabelledEncodings(encodings, sigma, labels), sigma_bar, settings, seed)
    curve: list[Progress] = []
    with interruptible(lambda: bool(curve)):
        for number in range(settings.steps):
            row = learning.step(number)
            curve.append(row)
            on_step(row)
    actor = None if learning.average is None else learning.average.network
    return Adversaries(actor, learning.judge.critic, curve)


def train_attribute_critic(
    encodings: Tensor,
    labels: Tensor,
    *,
    sigma: Tensor | None = None,
    hidden: tuple[int, ...] = LARGE,
    steps: int = 1000,
    batch: int = 128,
    learning_rate: float = 3e-4,
    gradient_penalty: float = 0.0,
    seed: int = 0,
) -> Critic:
    """Train the attribute critic D_attr (section 5): p(y | z) of encodings, by cross-entropy.

    Args:
        encodings: (N, Z), means of q(z|x); with sigma (N, Z) they are drawn from it.
        labels: (N, Y), each in [0, 1].
        gradient_penalty: its weight, between encodings and draws of the prior (10 in section 9.2).
    """
    labelled = LabelledEncodings(encodings, sigma, labels)
    learning = AttributeLearning(labelled, hidden, batch, learning_rate, seed, gradient_penalty=gradient_penalty)
    teach(learning.optimiser, learning.loss, steps)
    return learning.critic

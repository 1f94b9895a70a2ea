"""The loops that learn from encodings: the realism constraint and the conditional actor and critic (sections 3 and 4).

Labels are known here, rewards are not; `rewards` is the loop for those.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from melodylc.latent import losses
from melodylc.latent.descent import optimise
from melodylc.latent.networks import LABEL_UNITS, LARGE, Actor, Critic


@dataclass(frozen=True)
class AdversarialSettings:
    """Section 9.2's, unless said otherwise."""

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
    average: float = 0.0  # of the moving average of the actor, a step; the average is what is kept (ours)
    decay: float = 0.0  # share of the steps, the last, in which the learning rates fall to 0 (ours)


class Progress(NamedTuple):
    """What one actor step showed."""

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
    """The untrained actor, unless G_opt takes its place, and critic of the settings."""
    auxiliary_labels = labels if settings.auxiliary else 0
    critic = Critic(
        latent, settings.critic_hidden, 1 + auxiliary_labels, labels - auxiliary_labels, settings.label_units
    )
    if settings.actor_hidden is None:
        return None, critic
    return Actor(latent, settings.actor_hidden, labels, settings.label_units), critic


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
    """A critic of realism and an actor that meets it; with labels, both are conditioned on them (a latent CGAN).

    Args:
        encodings: (N, Z), means of q(z|x).
        sigma_bar: (Z,), weights the distance penalty.
        sigma: (N, Z); with it encodings are drawn from q(z|x), without it they are the means.
        labels: (N, Y), each in [0, 1].
        on_step: called after each actor step; KeyboardInterrupt from it ends the learning and keeps what there is.
    """
    latent, label_count = encodings.shape[1], 0 if labels is None else labels.shape[1]
    device = encodings.device
    generator = torch.Generator(device).manual_seed(seed)
    auxiliary_labels = label_count if settings.auxiliary else 0  # labels that the critic tells; the others it is told
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor, critic = networks(latent, settings, label_count)
    critic.to(device)
    if actor is not None:
        actor.to(device)
    critic_adam = torch.optim.Adam(critic.parameters(), settings.learning_rate, betas=(0.0, 0.9))
    actor_adam = torch.optim.Adam(actor.parameters(), settings.learning_rate, betas=(0.0, 0.9)) if actor else None
    average = deepcopy(actor)  # an actor and a critic that chase each other swing; the average does not

    def real(count: int) -> tuple[Tensor, Tensor | None]:
        at = torch.randint(len(encodings), (count,), generator=generator, device=device)
        z = encodings[at]
        if sigma is not None:
            z = z + sigma[at] * torch.randn(z.shape, generator=generator, device=device)
        return z, None if labels is None else labels[at]

    def prior(count: int) -> Tensor:
        return torch.randn(count, latent, generator=generator, device=device)

    def judge(z: Tensor, y: Tensor | None) -> Tensor:
        """Logits of realism, (B, 1)."""
        return critic(z)[:, :1] if auxiliary_labels else critic(z, y)

    def auxiliary_loss(z: Tensor, y: Tensor | None) -> Tensor:
        """The auxiliary classifier's cross-entropy of all labels together; nothing where there is none."""
        return (
            auxiliary_labels * losses.regression(critic(z)[:, 1:], y)
            if auxiliary_labels and y is not None
            else z.new_zeros(())
        )

    def move(z: Tensor, y: Tensor | None) -> Tensor:
        if actor is not None:
            return actor(z, y)
        return optimise(
            z, lambda moved: losses.constraint_loss(judge(moved, y)).sum(dim=-1), steps=settings.inner_steps
        )

    def critic_step() -> Tensor:
        encoded, y = real(settings.batch)
        with torch.no_grad():
            moved = move(prior(settings.batch), y)
        few = max(1, settings.batch // 10)
        loss = losses.realism(judge(encoded, y), judge(prior(few), None if y is None else y[:few]), judge(moved, y))
        loss = loss + auxiliary_loss(encoded, y) + auxiliary_loss(moved, y)
        if y is not None and settings.wrong_labels and not auxiliary_labels:
            others = y[torch.randperm(len(y), generator=generator, device=device)]
            differ = (others != y).any(dim=-1)
            if differ.any():
                loss = loss + losses.violation_loss(judge(encoded[differ], others[differ])).mean()
        if settings.gradient_penalty:
            share = torch.rand(len(encoded), 1, generator=generator, device=device)
            loss = loss + losses.gradient_penalty(
                lambda z: judge(z, y), encoded, moved, share, settings.gradient_penalty
            )
        critic_adam.zero_grad()
        loss.backward()
        critic_adam.step()
        return loss.detach()

    def actor_step() -> tuple[Tensor, Tensor, Tensor]:
        _, y = real(settings.batch)
        z = prior(settings.batch)
        if actor is None or actor_adam is None:
            moved = move(z, y)
            return losses.actor_loss(judge(moved, y)).detach(), moved, z
        if settings.penalty and settings.from_encodings:
            # half from encodings of other labels than those asked for: what a transformation starts from
            z = torch.cat([z[: len(z) // 2], real(len(z) - len(z) // 2)[0]])
        moved = actor(z, y)
        loss = losses.actor_loss(judge(moved, y)) + auxiliary_loss(moved, y)
        loss = loss + settings.penalty * losses.distance(moved, z, sigma_bar)
        actor_adam.zero_grad()
        loss.backward()
        actor_adam.step()
        if average is not None:
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(actor.parameters()), 1 - settings.average)
        return loss.detach(), moved.detach(), z

    curve: list[Progress] = []
    try:
        for step in range(settings.steps):
            if settings.decay:
                left = (settings.steps - step) / (settings.decay * settings.steps)
                for adam in filter(None, (critic_adam, actor_adam)):
                    adam.param_groups[0]["lr"] = settings.learning_rate * min(1.0, left)
            for _ in range(settings.critic_steps):
                critic_loss = critic_step()
            actor_loss, moved, z = actor_step()
            with torch.no_grad():
                encoded, y = real(settings.batch)
                row = Progress(
                    step,
                    float(critic_loss),
                    float(actor_loss),
                    float(torch.sigmoid(judge(encoded, y)).mean()),
                    float(torch.sigmoid(judge(moved, y)).mean()),
                    float(losses.shift(moved, z)),
                )
            curve.append(row)
            on_step(row)
    except KeyboardInterrupt:
        if not curve:
            raise
    return Adversaries(average, critic, curve)


def train_attribute_critic(
    encodings: Tensor,
    labels: Tensor,
    *,
    sigma: Tensor | None = None,
    hidden: tuple[int, ...] = LARGE,
    steps: int = 1000,
    batch: int = 128,
    learning_rate: float = 3e-4,
    seed: int = 0,
) -> Critic:
    """The attribute critic D_attr (section 5): p(y | z) of encodings, by cross-entropy.

    Args:
        encodings: (N, Z), means of q(z|x); with sigma (N, Z) they are drawn from it.
        labels: (N, Y), each in [0, 1].
    """
    generator = torch.Generator(encodings.device).manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic(encodings.shape[1], hidden, labels.shape[1]).to(encodings.device)
    adam = torch.optim.Adam(critic.parameters(), learning_rate, betas=(0.0, 0.9))
    for _ in range(steps):
        at = torch.randint(len(encodings), (batch,), generator=generator, device=encodings.device)
        z = encodings[at]
        if sigma is not None:
            z = z + sigma[at] * torch.randn(z.shape, generator=generator, device=z.device)
        adam.zero_grad()
        losses.regression(critic(z), labels[at]).backward()
        adam.step()
    return critic

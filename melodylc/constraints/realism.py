"""The realism critic of a model (section 3, equation 2), which tells encodings of melodies from draws of the prior."""

from __future__ import annotations

from functools import lru_cache

import torch

from melodylc.latent import adversarial
from melodylc.latent.adversarial import AdversarialSettings, Adversaries
from melodylc.latent.networks import SMALL, Critic
from melodylc.model import Model

HELD_OUT = 0.25  # share of the bank that the critic does not see
SETTINGS = AdversarialSettings(
    steps=100, critic_steps=5, actor_hidden=SMALL, critic_hidden=SMALL, penalty=0.1, learning_rate=1e-3
)


@lru_cache(maxsize=4)
@torch.enable_grad()
def adversaries(model: Model) -> Adversaries:
    """Return the critic and the actor of realism, learned from the model's bank on first use (seconds)."""
    mean = model.bank.mean[_unseen(model) :]
    # the bank keeps means; q(z|x) is drawn with the average width
    sigma = model.bank.sigma_bar.expand_as(mean)
    learned = adversarial.train_adversaries(mean, model.bank.sigma_bar, SETTINGS, sigma=sigma)
    learned.critic.eval().requires_grad_(False)
    assert learned.actor is not None
    learned.actor.eval().requires_grad_(False)
    return learned


def realism_critic(model: Model) -> Critic:
    """Return the critic: z (B, Z) to logits (B, 1) of being an encoding."""
    return adversaries(model).critic


def held_out(model: Model, seed: int = 0) -> torch.Tensor:
    """Draw q(z|x) of melodies that the critic has not seen, (N, Z)."""
    generator = torch.Generator().manual_seed(seed)
    mean = model.bank.mean[: _unseen(model)]
    return mean + model.bank.sigma_bar * torch.randn(mean.shape, generator=generator)


def _unseen(model: Model) -> int:
    return int(HELD_OUT * len(model.bank.mean))

"""A conditional GAN in pixels (Mirza and Osindero 2014), of the VAE's own sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from melodylc.latent import losses
from vision.models import Decoder, Encoder
from vision.study import Study
from vision.training import ADVERSARIAL_BETAS, adam, descend, train


def generator(study: Study) -> Decoder:
    """G(z, y) to images, trained against D(x, y) with the gradient penalty that the latent critics have."""
    data, preset = study.data, study.preset
    labels, training = len(data.attributes), preset.pixels

    def build() -> Decoder:
        return Decoder(data.shape, preset.architecture, labels)

    def make(network: Decoder, checkpoint: Path, settings: Mapping[str, Any], seed: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed + 1)
            critic = Encoder(data.shape, preset.architecture, 1, labels).to(study.device)
        adams = (
            adam(network, training.learning_rate, ADVERSARIAL_BETAS),
            adam(critic, training.learning_rate, ADVERSARIAL_BETAS),
        )

        def step(number: int) -> dict[str, float]:
            real, y = study.draw(training.batch)
            z = torch.randn(len(y), preset.architecture.latent, device=study.device)
            with torch.no_grad():
                made = network(z, y)
            share = torch.rand(len(y), 1, device=study.device)
            told = losses.kept(critic(real, y)).mean() + losses.broken(critic(made, y)).mean()
            told = told + losses.gradient_penalty(
                lambda flat: critic(flat.view_as(real), y), real.flatten(1), made.flatten(1), share
            )
            descend(adams[1], told)
            loss = losses.climb(critic(network(z, y), y))
            descend(adams[0], loss)
            return {"critic": told.item(), "generator": loss.item()}

        parts: dict[str, tuple[nn.Module, torch.optim.Optimizer]] = {
            "generator": (network, adams[0]),
            "critic": (critic, adams[1]),
        }
        train(step, parts, training.steps, checkpoint, settings, seed=seed, title="pixel GAN", progress=study.progress)

    return study.kept("pixel-gan", build, make, {"architecture": preset.architecture, "training": training})

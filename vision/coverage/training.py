"""The training of coverage models: L_C, the loss of likelihood (3), L_Q, the adversarial loss (2), or both."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from melodylc.latent import losses
from melodylc.latent.critics import teach
from melodylc.latent.optimisers import BETAS
from vision.baselines.pixel_critic import SLOPE
from vision.coverage.model import CoverageVAE, Variant, bits_per_dimension, dequantised
from vision.data.images import Images
from vision.models import Architecture, Encoder
from vision.presets import GAN_BETAS, FlowSettings
from vision.training_loop import Part, TrainingRun, adam, descend, set_learning_rate, train

LARGEST_GRADIENT = 1.0  # norm; longer gradients are scaled down to it


def train_coverage(
    model: CoverageVAE,
    images: Images,
    architecture: Architecture,
    settings: FlowSettings,
    variant: Variant,
    run: TrainingRun,
) -> None:
    """Train a model in place on the losses of its variant.

    Without L_C it is a GAN, whose likelihood is found once it is trained: the decoder stays as it is, and an encoder
    and one scale for all pixels are learned, in as many steps again.
    """
    training, processes = settings.training, run.processes
    optimiser = adam(model, training.learning_rate, BETAS if variant.likelihood else GAN_BETAS)
    parts: dict[str, Part] = {"model": (model, optimiser)}
    critic_optimiser = None
    if variant.adversarial:
        with processes.forked():
            torch.manual_seed(run.seed + 1)
            layers = _critic_layers(architecture, variant)
            critic = Encoder(model.shape, layers, 1, residual=variant.residual, slope=SLOPE)
            critic.to(processes.device)
        critic_optimiser = adam(critic, training.learning_rate, GAN_BETAS)
        parts["critic"] = (critic, critic_optimiser)

    def step(number: int) -> dict[str, Tensor]:
        x = dequantised(run.draw(images, training.batch)[0], processes.random)
        of_likelihood = variant.likelihood or number >= training.steps
        set_learning_rate(optimiser, training.learning_rate, number % training.steps, training.steps)
        loss = x.new_zeros(())
        shown = {}
        if of_likelihood:
            elbo = model.elbo(x, processes.noise).mean()
            loss = loss - elbo / x[0].numel()
            shown["bits_per_dimension"] = bits_per_dimension(elbo.detach(), x[0].numel())
        if critic_optimiser is not None and number < training.steps:
            made = model.sample(processes.noise((len(x), model.latent)), processes.noise)
            told = critic_loss(critic, x, made.detach(), processes.random((len(x), 1)))
            teach(critic_optimiser, lambda: told)
            quality = settings.quality if of_likelihood else 1.0
            loss = loss - quality * critic(made).mean()  # (2): ln(D / (1 - D)) is the logit
        model.decoder.requires_grad_(variant.likelihood or number < training.steps)
        descend(optimiser, loss, LARGEST_GRADIENT)
        return {"loss": loss.detach(), **shown}

    train(step, parts, training.steps * (1 if variant.likelihood else 2), run)


def critic_loss(critic: nn.Module, real: Tensor, made: Tensor, share: Tensor) -> Tensor:
    """Return the loss of D(x) for real images and generated ones, (B, C, H, W) each.

    Args:
        share: (B, 1) in [0, 1], where between them the gradient is penalised.
    """
    return losses.discrimination(critic(real), critic(made)) + losses.gradient_penalty(
        lambda flat: critic(flat.view_as(real)), real.flatten(1), made.flatten(1), share
    )


def _critic_layers(architecture: Architecture, variant: Variant) -> Architecture:
    """Return the critic's sizes: the encoder's, or twice as wide."""
    factor = 2 if variant.large_critic else 1
    return replace(
        architecture,
        hidden=tuple(factor * units for units in architecture.hidden),
        channels=tuple(factor * units for units in architecture.channels),
    )

"""A conditional GAN in pixels (Mirza and Osindero 2014), of the same sizes as the VAE."""

from __future__ import annotations

import torch
from torch import Tensor

from melodylc.latent import losses
from vision.models import Decoder, Encoder
from vision.training_loop import Part, TrainingRun, adam, descend, train
from vision.workspace import Workspace

# Found by trial on MNIST: with the settings of section 9.2 (beta_1 0, a penalty of 10) it collapses, or ignores labels.
BETAS = (0.5, 0.9)
PENALTY = 1.0
WRONG_LABELS = 0.5  # weight of real images with another's labels, beside 1 of generated ones


def generator(workspace: Workspace) -> Decoder:
    """Return the trained generator G(z, y) of images.

    Its critic D(x, y) has the negatives of the latent critics: generated images, and real ones with other labels.
    """
    data, preset = workspace.data, workspace.preset
    labels, training = len(data.attributes), preset.pixels

    def build() -> Decoder:
        return Decoder(data.shape, preset.architecture, labels)

    def train_generator(network: Decoder, run: TrainingRun) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(run.seed + 1)
            critic = Encoder(data.shape, preset.architecture, 1, labels).to(workspace.device)
        generator_adam, critic_adam = (adam(module, training.learning_rate, BETAS) for module in (network, critic))

        def step(number: int) -> dict[str, float]:
            real, y = data.train.draw(training.batch, workspace.device)
            z = torch.randn(len(y), preset.architecture.latent, device=workspace.device)
            generated = network(z, y)
            critic_loss = _critic_loss(critic, real, generated.detach(), y)
            descend(critic_adam, critic_loss)
            loss = losses.actor_loss(critic(generated, y))
            descend(generator_adam, loss)
            return {"critic": critic_loss.item(), "generator": loss.item()}

        parts: dict[str, Part] = {
            "generator": (network, generator_adam),
            "critic": (critic, critic_adam),
        }
        train(step, parts, training.steps, run)

    settings = {"architecture": preset.architecture, "training": training}
    return workspace.networks.load_or_train("pixel-gan", build, train_generator, settings)


def _critic_loss(critic: Encoder, real: Tensor, generated: Tensor, y: Tensor) -> Tensor:
    """Return the loss of D(x, y) for real and generated images (B, C, H, W) with labels (B, Y)."""
    share = torch.rand(len(y), 1, device=y.device)
    loss = losses.constraint_loss(critic(real, y)).mean() + losses.violation_loss(critic(generated, y)).mean()
    loss = loss + WRONG_LABELS * losses.violation_loss(critic(real, y.roll(1, dims=0))).mean()
    return loss + losses.gradient_penalty(
        lambda flat: critic(flat.view_as(real), y), real.flatten(1), generated.flatten(1), share, PENALTY
    )

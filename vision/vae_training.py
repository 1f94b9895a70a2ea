"""The training of the VAEs."""

from __future__ import annotations

import torch
from torch import Tensor

from melodylc.latent import losses
from melodylc.latent.critics import teach
from melodylc.latent.networks import Critic
from melodylc.latent.optimisers import ADVERSARIAL_BETAS
from melodylc.latent.precision import half_precision
from vision import objectives
from vision.data.images import Images
from vision.models import VAE
from vision.objectives import Objective
from vision.presets import TrainingSettings
from vision.training_loop import Part, TrainingRun, adam, descend, set_learning_rate, train


def train_vae(
    network: VAE,
    images: Images,
    objective: Objective,
    training: TrainingSettings,
    critic_hidden: tuple[int, ...],
    run: TrainingRun,
    device: torch.device,
) -> None:
    """Train a VAE for an objective; a conditional one reads the labels of the images.

    Args:
        critic_hidden: widths of the critic of an adversarial objective.
    """
    optimiser = adam(network, training.learning_rate)
    parts: dict[str, Part] = {"vae": (network, optimiser)}
    critic = None
    if objective.adversarial:
        with run.processes.forked():
            torch.manual_seed(run.seed + 1)
            critic = Critic(network.latent, critic_hidden).to(device)
        critic_optimiser = adam(critic, training.learning_rate, ADVERSARIAL_BETAS)
        parts["critic"] = (critic, critic_optimiser)

    noise = run.processes.noise

    def step(number: int) -> dict[str, Tensor]:
        set_learning_rate(optimiser, training.learning_rate, number, training.steps)
        x, y = run.draw(images, training.batch)
        labels = y if network.labels else None
        with half_precision(device):
            posterior = network.encode(x, labels)
            z = posterior.mean + posterior.sigma * noise(posterior.mean.shape)
            decoded = network.decoder(z, labels)
        likelihood = network.log_likelihood(x, decoded)
        kl = posterior.kl().sum(dim=-1) if network.sigma_x else torch.zeros_like(likelihood)
        prior = noise(z.shape)
        if critic is not None:
            critic_loss = losses.discrimination(critic(prior), critic(z.detach()))
            teach(critic_optimiser, lambda: critic_loss)
        loss = objectives.loss(objective, likelihood, kl, z, prior, critic, run.processes)
        descend(optimiser, loss)
        return {"log_likelihood": likelihood.detach().mean(), "kl": kl.detach().mean()}

    train(step, parts, training.steps, run)

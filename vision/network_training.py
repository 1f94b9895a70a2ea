"""What the classifier and the VAEs are trained by, step by step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent import losses
from melodylc.latent.networks import Critic
from melodylc.latent.precision import half_precision
from vision import objectives
from vision.data.images import Images
from vision.models import VAE, Encoder
from vision.objectives import Objective
from vision.presets import ExperimentPreset, Training
from vision.training import ADVERSARIAL_BETAS, Run, adam, descend, set_rate, train


def train_classifier(
    network: Encoder, images: Images, preset: ExperimentPreset, run: Run, device: torch.device
) -> None:
    """Labels by cross-entropy, from images that are moved and mirrored as the preset says."""
    training = preset.classifier
    optimiser = adam(network, training.learning_rate)

    def step(number: int) -> dict[str, float]:
        set_rate(optimiser, training.learning_rate, number, training.steps)
        x, y = images.draw(training.batch, device)
        x = jittered(x, preset.jitter, preset.mirror)
        with half_precision(device):
            logits = network(x)
        loss = losses.regression(logits.float(), y)
        descend(optimiser, loss)
        return {"loss": loss.item()}

    train(step, {"classifier": (network, optimiser)}, training.steps, run)


def train_vae(
    network: VAE,
    images: Images,
    objective: Objective,
    training: Training,
    critic_hidden: tuple[int, ...],
    run: Run,
    device: torch.device,
) -> None:
    """An objective, with labels where the network takes them; `critic_hidden` is for adversarial ones."""
    optimiser = adam(network, training.learning_rate)
    parts: dict[str, tuple[nn.Module, torch.optim.Optimizer]] = {"vae": (network, optimiser)}
    critic = None
    if objective.adversarial:
        with torch.random.fork_rng():
            torch.manual_seed(run.seed + 1)
            critic = Critic(network.latent, critic_hidden).to(device)
        critic_adam = adam(critic, training.learning_rate, ADVERSARIAL_BETAS)
        parts["critic"] = (critic, critic_adam)

    def step(number: int) -> dict[str, float]:
        set_rate(optimiser, training.learning_rate, number, training.steps)
        x, y = images.draw(training.batch, device)
        labels = y if network.labels else None
        with half_precision(device):
            posterior = network.encode(x, labels)
            z = posterior.sample()
            decoded = network.decoder(z, labels)
        likelihood = network.log_likelihood(x, decoded)
        kl = posterior.kl() if network.sigma_x else torch.zeros_like(likelihood)
        prior = torch.randn_like(z)
        if critic is not None:
            critic_loss = (
                losses.constraint_loss(critic(prior)).mean() + losses.violation_loss(critic(z.detach())).mean()
            )
            descend(critic_adam, critic_loss)
        loss = objectives.loss(objective, likelihood, kl, z, prior, critic)
        descend(optimiser, loss)
        return {"log_likelihood": likelihood.mean().item(), "kl": kl.mean().item()}

    train(step, parts, training.steps, run)


def jittered(x: Tensor, by: int, mirror: bool) -> Tensor:
    """Images (B, C, H, W), each moved by up to `by` pixels either way, and mirrored half of the time."""
    if by:
        height, width = x.shape[-2:]
        padded = F.pad(x, (by, by, by, by), mode="replicate")
        down, right = torch.randint(0, 2 * by + 1, (2, len(x)), device=x.device)
        rows = (down[:, None] + torch.arange(height, device=x.device))[:, None, :, None]
        columns = (right[:, None] + torch.arange(width, device=x.device))[:, None, None, :]
        at = torch.arange(len(x), device=x.device)[:, None, None, None]
        channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
        x = padded[at, channel, rows, columns]
    if mirror:
        x = torch.where((torch.rand(len(x), device=x.device) < 0.5)[:, None, None, None], x.flip(-1), x)
    return x

"""A conditional GAN in pixels (Mirza and Osindero 2014), of the VAE's own sizes."""

from __future__ import annotations

import torch
from torch import nn

from melodylc.latent import losses
from vision.models import Decoder, Encoder
from vision.training import Run, adam, descend, train
from vision.workspace import Workspace

# Found by trial on MNIST: with the settings of section 9.2 (beta 0, a penalty of 10) it collapses, or ignores labels.
BETAS = (0.5, 0.9)
PENALTY = 1.0


def generator(workspace: Workspace) -> Decoder:
    """G(z, y) to images, trained against D(x, y) with the latent critics' negatives: other labels are among them."""
    data, preset = workspace.data, workspace.preset
    labels, training = len(data.attributes), preset.pixels

    def build() -> Decoder:
        return Decoder(data.shape, preset.architecture, labels)

    def make(network: Decoder, run: Run) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(run.seed + 1)
            critic = Encoder(data.shape, preset.architecture, 1, labels).to(workspace.device)
        adams = [adam(module, training.learning_rate, BETAS) for module in (network, critic)]

        def step(number: int) -> dict[str, float]:
            real, y = data.train.draw(training.batch, workspace.device)
            z = torch.randn(len(y), preset.architecture.latent, device=workspace.device)
            made = network(z, y)
            share = torch.rand(len(y), 1, device=workspace.device)
            critic_loss = (
                losses.constraint_loss(critic(real, y)).mean() + losses.violation_loss(critic(made.detach(), y)).mean()
            )
            critic_loss = critic_loss + 0.5 * losses.violation_loss(critic(real, y.roll(1, dims=0))).mean()
            critic_loss = critic_loss + losses.gradient_penalty(
                lambda flat: critic(flat.view_as(real), y), real.flatten(1), made.detach().flatten(1), share, PENALTY
            )
            descend(adams[1], critic_loss)
            loss = losses.actor_loss(critic(made, y))
            descend(adams[0], loss)
            return {"critic": critic_loss.item(), "generator": loss.item()}

        parts: dict[str, tuple[nn.Module, torch.optim.Optimizer]] = {
            "generator": (network, adams[0]),
            "critic": (critic, adams[1]),
        }
        train(step, parts, training.steps, run)

    return workspace.load_or_train(
        "pixel-gan", build, make, {"architecture": preset.architecture, "training": training}
    )

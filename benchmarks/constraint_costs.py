"""Count what latent constraints cost beside the VAE that they are learned on: python benchmarks/constraint_costs.py

Of the paper's sizes on CelebA, by torch's counter. An iteration is a step of the critic and, as the actor makes one for
ten of the critic's, a tenth of a step of the actor. Actor, critic and VAE learn from the same number of examples.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from costs import CPU, EXAMPLES, counted

from melodylc.latent.adversarial import AdversarialLearning, AdversarialSettings, LabelledEncodings, networks
from melodylc.latent.critics import teach
from melodylc.latent.networks import LABEL_UNITS, SMALL
from vision.data.images import Images
from vision.models import VAE, Architecture
from vision.objectives import ELBO
from vision.presets import CELEBA
from vision.training_loop import TrainingRun
from vision.vae_training import train_vae

SHAPE, LABELS = (3, 64, 64), 10
PAPER = CELEBA["paper"]
SMALLER = PAPER.constraint("small")
CONSTRAINTS = {
    "large": PAPER.constraint("free"),
    "large, without gradient penalty": replace(PAPER.constraint("free"), gradient_penalty=0.0),
    "small, labels through 256 units": replace(SMALLER, label_units=SMALL[0]),
    "small, labels through 2,048 units": replace(SMALLER, label_units=LABEL_UNITS),
}
ENCODERS = {"notebook's order": PAPER.architecture, "paper's order": PAPER.as_listed().architecture}


def of_vae(architecture: Architecture) -> float:
    """Return the operations of a training step of a VAE, for each example."""
    few = Images(torch.zeros(8, *SHAPE, dtype=torch.uint8), torch.eye(LABELS)[:8])
    network, step = VAE(SHAPE, architecture, PAPER.sigma_x), replace(PAPER.vae, steps=1, batch=EXAMPLES)
    with TemporaryDirectory() as folder:  # where a checkpoint is left if the step takes a minute
        run = TrainingRun(Path(folder) / "checkpoint", {}, 0, "", progress=False)
        return counted(lambda: train_vae(network, few, ELBO, step, PAPER.critic_hidden, run, CPU)) / EXAMPLES


def of_constraint(settings: AdversarialSettings) -> float:
    """Return the operations of an iteration of an actor and a critic, for each example."""
    latent = PAPER.architecture.latent
    encodings = LabelledEncodings(torch.randn(8, latent), torch.rand(8, latent), torch.eye(LABELS)[:8])
    learning = AdversarialLearning(encodings, torch.ones(latent), replace(settings, batch=EXAMPLES), seed=0)
    return (
        counted(lambda: teach(learning.optimisers[0], learning.critic_loss))
        + counted(learning.actor_step) / settings.critic_steps
    ) / EXAMPLES


def parameters(settings: AdversarialSettings) -> int:
    """Return how many numbers an actor and its critic consist of."""
    made = networks(PAPER.architecture.latent, settings, LABELS)
    return sum(weights.numel() for network in made if network is not None for weights in network.parameters())


def main() -> None:
    """Print a row for each constraint: its size, and how many times as much the VAE costs."""
    vaes = {name: of_vae(architecture) for name, architecture in ENCODERS.items()}
    print("| actor and critic | parameters | times fewer | MFLOP an iteration | VAE, " + " | VAE, ".join(vaes) + " |")
    print("|---|---|---|---|" + "---|" * len(vaes))
    largest = parameters(CONSTRAINTS["large"])
    for name, settings in CONSTRAINTS.items():
        size, cost = parameters(settings), of_constraint(settings)
        times = " | ".join(f"{vae / cost:,.0f} times" for vae in vaes.values())
        print(f"| {name} | {size:,} | {largest / size:.1f} | {cost / 1e6:,.1f} | {times} |", flush=True)
    print("VAE, GFLOP a step and example: " + ", ".join(f"{vae / 1e9:.1f} ({name})" for name, vae in vaes.items()))


if __name__ == "__main__":
    main()

"""What a density of latent vectors is to the experiments.

Shapes: B vectors, Z latent dimensions, Y labels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melodylc.latent.adversarial import LabelledEncodings
from melodylc.latent.processes import Noise
from vision.inference import Encodings
from vision.presets import TrainingSettings
from vision.training_loop import TrainingRun, adam, descend, set_learning_rate, train


class LatentPrior(nn.Module):
    """A density p(z), or p(z|y) where it reads labels, learned from encodings."""

    def log_density(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor | None:
        """Return log p(z|y) of vectors (B, Z), or a lower bound of it, in nats, (B,); None where it is not known.

        Args:
            noise: draws what a lower bound needs.
        """
        raise NotImplementedError

    def loss(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return what learning descends for encodings (B, Z) of images with labels (B, Y)."""
        density = self.log_density(z, y, noise)
        assert density is not None, "a prior without a density has a loss of its own"
        return -density.mean()

    def sample(self, y: Tensor) -> Tensor:
        """Draw vectors (B, Z) for labels (B, Y)."""
        raise NotImplementedError


def train_prior(
    prior: LatentPrior, encodings: Encodings, labels: Tensor, training: TrainingSettings, run: TrainingRun
) -> None:
    """Train a prior in place, on draws of q(z|x) of the training images with labels (N, Y)."""
    labelled = LabelledEncodings(encodings.mean, encodings.sigma, labels)
    generator = torch.Generator(labels.device).manual_seed(run.seed)
    optimiser = adam(prior, training.learning_rate)

    def step(number: int) -> dict[str, Tensor]:
        set_learning_rate(optimiser, training.learning_rate, number, training.steps)
        z, y = labelled.draw(training.batch, generator)
        assert y is not None
        share = run.processes.share
        loss = prior.loss(share(z), share(y), run.processes.noise)
        descend(optimiser, loss)
        return {"loss": loss.detach()}

    train(step, {"prior": (prior, optimiser)}, training.steps, run, generator)

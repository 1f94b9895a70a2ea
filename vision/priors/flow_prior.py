"""The flow from noise to encodings that also serves as the prior of melodies (`melodylc.latent.flow`), given labels."""

from __future__ import annotations

import torch
from torch import Tensor

from melodylc.latent.flow import FlowSizes, VelocityField, integrate, velocity_loss
from melodylc.latent.processes import Noise
from vision.priors.latent_prior import LatentPrior

UNITS, LAYERS, HEADS = 128, 4, 4  # of the velocity network


class FlowPrior(LatentPrior):
    """Rectified flow of z as one part: melodies have sixteen, an image has one."""

    def __init__(self, latent: int, labels: int, units: int = UNITS, layers: int = LAYERS) -> None:
        super().__init__()
        self.latent = latent
        self.field = VelocityField(FlowSizes(1, latent, labels, units, layers, HEADS))

    def log_density(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> None:
        """Return None: the density would take the divergence of the velocity along the way."""
        return None

    def loss(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return the flow matching loss of encodings (B, Z) with labels (B, Y)."""
        examples = z[:, None]
        return velocity_loss(self.field, examples, y, noise(tuple(examples.shape)), noise((len(z),)))

    @torch.no_grad()
    def sample(self, y: Tensor) -> Tensor:
        """Draw vectors (B, Z) for labels (B, Y)."""
        noise = torch.randn(len(y), 1, self.latent, device=y.device)
        return integrate(self.field, noise, y)[:, 0]

"""The posterior of a VAE, whatever it encodes.

Shapes: B inputs, Z latent dimensions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Posterior(NamedTuple):
    """q(z | x), a diagonal Gaussian for each input."""

    mean: Tensor  # (B, Z)
    sigma: Tensor  # (B, Z), above 0; 0 in a plain autoencoder, which has no KL

    @classmethod
    def from_outputs(cls, outputs: Tensor, least_sigma: float) -> Posterior:
        """Return the posterior of an encoder's outputs (B, 2 Z), in float32 whatever they are.

        Args:
            least_sigma: added to the softplus that makes sigma of the second half, so that its logarithm stays finite.
        """
        mean, sigma = outputs.float().chunk(2, dim=-1)
        return cls(mean, F.softplus(sigma) + least_sigma)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw one z for each input, (B, Z), by reparameterisation."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + self.sigma * noise

    def kl(self) -> Tensor:
        """Return KL(q || N(0, I)) in nats by dimension, (B, Z); the sum over dimensions is that of an input."""
        return 0.5 * (self.mean**2 + self.sigma**2 - 1) - self.sigma.log()

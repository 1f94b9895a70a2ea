"""A second VAE, of the first one's encodings (two-stage, Dai and Wipf 2019), given labels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.networks import Critic
from melodylc.latent.posterior import Posterior
from melodylc.latent.processes import Noise
from vision.models import LEAST_SIGMA, LOG_2PI
from vision.priors.latent_prior import LatentPrior

LEAST_SCALE = 1e-3  # of p(z|u, y) in each dimension


class VaePrior(LatentPrior):
    """p(z|y) by u from N(0, I), of as many dimensions as z: the second stage has no bottleneck to learn."""

    def __init__(self, latent: int, hidden: tuple[int, ...], labels: int, label_units: int = 64) -> None:
        super().__init__()
        self.latent = latent
        # a network from vectors and labels to numbers is what a critic is
        self.encoder = Critic(latent, hidden, 2 * latent, labels, label_units)
        self.decoder = Critic(latent, hidden, latent, labels, label_units)
        self.scale = nn.Parameter(torch.zeros(latent))  # of p(z|u, y), before its softplus

    def _likelihood(self, u: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean (B, Z) and scale (Z,) of p(z|u, y)."""
        return self.decoder(u, y), F.softplus(self.scale) + LEAST_SCALE

    def log_density(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return the ELBO of log p(z|y) of vectors (B, Z), from one sample of u, (B,)."""
        posterior = Posterior.from_outputs(self.encoder(z, y), LEAST_SIGMA)
        u = posterior.mean + posterior.sigma * noise(tuple(posterior.mean.shape)).to(z.device)
        mean, scale = self._likelihood(u, y)
        density = -0.5 * ((z - mean) / scale).square() - scale.log() - 0.5 * LOG_2PI
        return density.sum(dim=-1) - posterior.kl().sum(dim=-1)

    @torch.no_grad()
    def sample(self, y: Tensor) -> Tensor:
        """Draw vectors (B, Z) for labels (B, Y)."""
        mean, scale = self._likelihood(torch.randn(len(y), self.latent, device=y.device), y)
        return mean + scale * torch.randn_like(mean)

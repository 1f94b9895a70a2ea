"""An autoregressive density of latent vectors: each dimension is a mixture of Gaussians given those before it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.latent.processes import Noise
from vision.autoregressive import Made
from vision.models import LOG_2PI
from vision.priors.latent_prior import LatentPrior

COMPONENTS = 5  # of the mixture of a dimension
LEAST_SCALE = 1e-3  # of a component


class AutoregressivePrior(LatentPrior):
    """p(z|y) as the product of p(z_i | z_1 .. z_i-1, y)."""

    def __init__(self, latent: int, hidden: tuple[int, ...], labels: int) -> None:
        super().__init__()
        self.latent = latent
        self.made = Made(latent, hidden, 3 * COMPONENTS, labels)

    def _mixture(self, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights, means and scales of the components of each dimension, (B, Z, K) each."""
        weights, means, scales = self.made(z, y).chunk(3, dim=-1)
        return F.log_softmax(weights, dim=-1), means, F.softplus(scales) + LEAST_SCALE

    def log_density(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return log p(z|y) of vectors (B, Z) for labels (B, Y), (B,)."""
        log_weights, means, scales = self._mixture(z, y)
        each = -0.5 * ((z[..., None] - means) / scales).square() - scales.log() - 0.5 * LOG_2PI
        return torch.logsumexp(log_weights + each, dim=-1).sum(dim=-1)

    @torch.no_grad()
    def sample(self, y: Tensor) -> Tensor:
        """Draw vectors (B, Z), one dimension after the other."""
        z = y.new_zeros(len(y), self.latent)
        for at in range(self.latent):
            log_weights, means, scales = (part[:, at] for part in self._mixture(z, y))
            chosen = torch.multinomial(log_weights.exp(), 1)
            z[:, at] = torch.normal(means.gather(1, chosen), scales.gather(1, chosen))[:, 0]
        return z

"""VampPrior (Tomczak and Welling 2017): the mean of q(z|u) over images u that are learned."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from melodylc.latent.posterior import Posterior
from melodylc.latent.processes import Noise
from vision.models import LOG_2PI
from vision.priors.latent_prior import LatentPrior


class VampPrior(LatentPrior):
    """A mixture of the posteriors of K pseudo-inputs. Here the VAE is trained already, and they alone learn."""

    def __init__(self, encode: Callable[[Tensor], Posterior], images: Tensor) -> None:
        """Begin with images (K, C, H, W) as pseudo-inputs.

        Args:
            encode: images to q(z|x), of a VAE that stays as it is.
        """
        super().__init__()
        self._encode = encode
        self.pseudo_inputs = nn.Parameter(images.clone())

    def _components(self) -> Posterior:
        """Return q(z|u) of all pseudo-inputs, (K, Z)."""
        return self._encode(self.pseudo_inputs.clamp(0, 1))

    def log_density(self, z: Tensor, y: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return log p(z) of vectors (B, Z), (B,); labels are not read."""
        mean, sigma = (part.double() for part in self._components())  # the squares below cancel each other
        precision, at = sigma.square().reciprocal(), z.double()
        within = at.square() @ precision.T - 2 * at @ (mean * precision).T + (mean.square() * precision).sum(dim=1)
        each = -0.5 * within - sigma.log().sum(dim=1) - 0.5 * z.shape[1] * LOG_2PI  # (B, K)
        return (torch.logsumexp(each, dim=1) - math.log(len(mean))).to(z.dtype)

    @torch.no_grad()
    def sample(self, y: Tensor) -> Tensor:
        """Draw vectors (B, Z), as many as there are labels, which are not read."""
        mean, sigma = self._components()
        chosen = torch.randint(len(mean), (len(y),), device=y.device)
        return Posterior(mean[chosen], sigma[chosen]).sample()

"""A posterior made more flexible by inverse autoregressive flow (IAF, Kingma et al. 2016).

Shapes: B inputs, Z latent dimensions, C numbers of context.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.posterior import Posterior
from melodylc.latent.processes import Noise
from vision.autoregressive import Made
from vision.models import LOG_2PI

FORGET = 2.0  # added to s, so that a step begins near the identity (the paper's section 4: 1 or 2)


class InverseAutoregressiveFlow(nn.Module):
    """Steps z' = sigma z + (1 - sigma) m, whose m and sigma of a dimension depend on the dimensions before it."""

    def __init__(self, latent: int, steps: int, hidden: tuple[int, ...], context: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(Made(latent, hidden, 2, context) for _ in range(steps))

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map z (B, Z), given context (B, C), to z' (B, Z); return log |det dz'/dz|, (B,), as well."""
        log_det = z.new_zeros(len(z))
        for made in self.steps:
            m, s = made(z, context).unbind(dim=-1)
            sigma = torch.sigmoid(s + FORGET)
            z = (sigma * z + (1 - sigma) * m).flip(1)  # the next step goes through the dimensions the other way
            log_det = log_det + F.logsigmoid(s + FORGET).sum(dim=-1)
        return z, log_det

    def draw(self, begin: Posterior, context: Tensor, noise: Noise = torch.randn) -> tuple[Tensor, Tensor]:
        """Draw z (B, Z) from q(z|x), which begins as a Gaussian; return log q(z|x) - log p(z), (B,), as well.

        Its mean over draws is the KL divergence to N(0, I).
        """
        drawn = noise(tuple(begin.mean.shape)).to(begin.mean)
        z, log_det = self(begin.mean + begin.sigma * drawn, context)
        log_q = (-0.5 * drawn.square() - begin.sigma.log() - 0.5 * LOG_2PI).sum(dim=-1) - log_det
        return z, log_q - (-0.5 * z.square() - 0.5 * LOG_2PI).sum(dim=-1)

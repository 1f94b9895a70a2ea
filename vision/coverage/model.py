"""A VAE with what the slides add to one: an invertible last stage, residual layers, a flexible posterior.

Equations are those of the slides; p(x|z) through the invertible stage is (6) to (8).

Shapes: B images of (C, H, W), flattened to D pixels, Z latent dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.posterior import Posterior
from melodylc.latent.processes import Noise
from vision.coverage.flow import Flow
from vision.coverage.iaf import InverseAutoregressiveFlow
from vision.models import LEAST_SIGMA, LOG_2PI, Architecture, Decoder, Encoder

LEVELS = 256  # of a pixel; noise below one level turns them into a density (dequantisation)
LEAST_LOG_SIGMA = -6.0  # two thirds of a level; below it the density of a Gaussian grows without bounds
GENERATOR_LOG_SIGMA = -1.6  # that a generator's one scale begins with: 0.2 of the range of a pixel
CONTEXT = 64  # numbers that the encoder tells the flow of its posterior
STEPS = 2  # of that flow


@dataclass(frozen=True)
class Variant:
    """What one row of the table is trained with."""

    likelihood: bool = True  # L_C, the loss of likelihood (3)
    adversarial: bool = False  # L_Q, the adversarial loss (2)
    invertible: bool = False
    residual: bool = False  # layers of encoder, decoder and critic
    posterior_flow: bool = False  # IAF
    scales: int = 1  # of the invertible stage
    large_critic: bool = False  # layers of twice the width


class CoverageVAE(nn.Module):
    """A VAE whose p(y|z) is a Gaussian of learned mean and scale, on y = f(x); without couplings y is x.

    Its mean lies in [0, 1], where pixels do and where f begins. A mean without bounds never comes as near to the black
    of most of a digit: a critic then tells generated images by that alone.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        couplings: int,
        hidden: int,
        variant: Variant = Variant(),
    ) -> None:
        super().__init__()
        channels, height, width = shape
        self.shape, latent = shape, architecture.latent
        self.latent = latent
        more = CONTEXT if variant.posterior_flow else 0
        self.encoder = Encoder(shape, architecture, 2 * latent + more, residual=variant.residual)
        self.decoder = Decoder((2 * channels, height, width), architecture, residual=variant.residual)
        self.posterior_flow = InverseAutoregressiveFlow(latent, STEPS, (hidden,), CONTEXT) if more else None
        self.flow = Flow(channels * height, width, couplings, hidden, variant.scales)
        # one scale for all pixels, where the decoder is a generator that has never heard of any
        self.log_sigma = None if variant.likelihood else nn.Parameter(torch.tensor(GENERATOR_LOG_SIGMA))

    def encode(self, x: Tensor, noise: Noise = torch.randn) -> tuple[Tensor, Tensor]:
        """Draw z (B, Z) from q(z|x); return also KL(q || p), (B,), or with a flow log q - log p of the draw."""
        outputs = self.encoder(x)
        posterior = Posterior.from_outputs(outputs[:, : 2 * self.latent], LEAST_SIGMA)
        if self.posterior_flow is not None:
            return self.posterior_flow.draw(posterior, outputs[:, 2 * self.latent :], noise)
        z = posterior.mean + posterior.sigma * noise(tuple(posterior.mean.shape)).to(x.device)
        return z, posterior.kl().sum(dim=-1)

    def likelihood(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log sigma of p(y|z), (B, D) each."""
        mean, log_sigma = self.decoder.layers(z).flatten(1).chunk(2, dim=-1)
        if self.log_sigma is not None:
            log_sigma = self.log_sigma.expand_as(mean)
        return torch.sigmoid(mean), LEAST_LOG_SIGMA + F.softplus(log_sigma - LEAST_LOG_SIGMA)

    def elbo(self, x: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return the ELBO of dequantised images (B, C, H, W), from one sample of z, in nats, (B,)."""
        z, kl = self.encode(x, noise)
        mean, log_sigma = self.likelihood(z)
        y, log_det = self.flow(x.flatten(1))
        density = -0.5 * ((y - mean) * (-log_sigma).exp()).square() - log_sigma - 0.5 * LOG_2PI
        return density.sum(dim=-1) + log_det - kl

    def sample(self, z: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Draw y from p(y|z) and return x = f^-1(y), (B, C, H, W); a generator without a likelihood draws its mean."""
        mean, log_sigma = self.likelihood(z)
        y = mean if self.log_sigma is not None else mean + log_sigma.exp() * noise(tuple(mean.shape)).to(z.device)
        return self.flow.inverse(y).view(-1, *self.shape)


def dequantised(x: Tensor, uniform: Noise = torch.rand) -> Tensor:
    """Map pixels k / 255 to (k + u) / 256, u uniform in [0, 1)."""
    return (x * (LEVELS - 1) + uniform(tuple(x.shape)).to(x.device)) / LEVELS


def bits_per_dimension(elbo: Tensor, dimensions: int) -> Tensor:
    """Convert the ELBO in nats of a density on [0, 1] to an upper bound of -log2 p / D of images in LEVELS steps."""
    return math.log2(LEVELS) - elbo / (dimensions * math.log(2))

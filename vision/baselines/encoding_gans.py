"""Generators that learn with an encoder: VAE-GAN, and adversarially learned inference.

Shapes: B images of (C, H, W), Z latent dimensions, Y labels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from melodylc.latent.posterior import Posterior
from vision.baselines.gan import Examples, Gan, GanSettings
from vision.baselines.gan_losses import LOSSES
from vision.baselines.pixel_critic import Judgement
from vision.models import LEAST_SIGMA, Architecture, Encoder

GAMMA = 1e-3  # weight of VAE-GAN's likelihood in its generator, beside 1 of the critic's opinion


class EncodingGan(Gan):
    """A generator whose images can be encoded: what is encoded is generated again."""

    def __init__(
        self, shape: tuple[int, int, int], architecture: Architecture, settings: GanSettings, *, joint: bool
    ) -> None:
        """Build untrained networks.

        Args:
            joint: whether the critic reads z beside images.
        """
        super().__init__(shape, architecture, settings, beside=architecture.latent if joint else 0, late=True)
        self.makers["encoder"] = Encoder(shape, architecture, 2 * architecture.latent)

    def posterior(self, x: Tensor) -> Posterior:
        """Return q(z|x) of images (B, C, H, W)."""
        return Posterior.from_outputs(self.makers["encoder"](x), LEAST_SIGMA)

    def sample(self, posterior: Posterior) -> Tensor:
        """Draw z (B, Z) from q(z|x)."""
        return posterior.mean + posterior.sigma * self.processes.noise(tuple(posterior.mean.shape))

    def rebuild(self, x: Tensor) -> Tensor:
        """Return images (B, C, H, W), encoded as the mean of q(z|x) and generated again."""
        return self.generator(self.posterior(x).mean)


class VaeGan(EncodingGan):
    """VAE-GAN (Larsen et al. 2016): the likelihood of a VAE is of the critic's last convolution, not of pixels.

    The critic tells real images from those of encodings and of draws of the prior. The encoder learns nothing of that,
    nor the critic of the likelihood.
    """

    def __init__(self, shape: tuple[int, int, int], architecture: Architecture, settings: GanSettings) -> None:
        super().__init__(shape, architecture, settings, joint=False)

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return real images, and as many made ones: half of encodings, half of draws of the prior."""
        half = len(x) // 2
        encoded = self.sample(self.posterior(x[:half])).detach()
        return Examples(x, None, self.generator(torch.cat([encoded, self.draw(x[half:])])), None, y)

    def generator_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return minus the ELBO with a likelihood N(., I) of the critic's last convolution, times gamma.

        In the paper gamma weighs what the generator learns, not the encoder; to Adam the scale of a loss is nothing.
        """
        posterior = self.posterior(examples.real)
        rebuilt = self.judge(self.generator(self.sample(posterior)), None)
        error = (rebuilt.inner - real.inner.detach()).square().sum(dim=1)
        return GAMMA * (error / 2 + posterior.kl().sum(dim=1)).mean()


class InferenceGan(EncodingGan):
    """ALI (Dumoulin et al. 2016), BiGAN (Donahue et al. 2016): D(x, z) tells pairs of an encoder from those of G.

    Encoder and generator both deceive it, and meet where each inverts the other.
    """

    def __init__(self, shape: tuple[int, int, int], architecture: Architecture, settings: GanSettings) -> None:
        super().__init__(shape, architecture, settings, joint=True)

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return real images with draws of q(z|x), and draws of the prior with the images made of them."""
        z = self.draw(x)
        return Examples(x, self.sample(self.posterior(x)), self.generator(z), z, y)

    def generator_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return the encoder's loss: real images with their encodings should look made."""
        return LOSSES[self.settings.loss].generator(-real.logit)

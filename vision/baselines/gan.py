"""A generator of images and its critic (Goodfellow et al. 2014), and what its kin change of it.

Shapes: B images of (C, H, W), Z latent dimensions, Y labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from melodylc.latent import losses
from melodylc.latent.processes import ALONE, Processes
from vision.baselines.gan_losses import LOSSES, feature_matching
from vision.baselines.pixel_critic import Judgement, PixelCritic
from vision.models import Architecture, Decoder
from vision.presets import GAN_BETAS


@dataclass(frozen=True)
class GanSettings:
    """How a generator and a critic learn against each other; as they are, a plain GAN."""

    loss: str = "non-saturating"  # or wasserstein
    real_target: float = 1.0  # of the critic for real images; 0.9 is one-sided label smoothing
    gradient_penalty: float = 0.0  # its weight; 10 in WGAN-GP
    clip: float = 0.0  # bound of the critic's weights (WGAN); 0 for none
    matched: bool = False  # the generator matches mean features, instead of deceiving the critic
    kernels: int = 0  # of minibatch discrimination
    noise: float = 0.0  # standard deviation of what is added to all images that the critic sees
    critic_steps: int = 1  # for each of the generator
    critic_rate: float = 1.0  # the critic's learning rate, as a multiple of the generator's (TTUR)
    betas: tuple[float, float] = GAN_BETAS  # of Adam, on both sides


class Examples(NamedTuple):
    """What a critic tells apart, and what was asked for."""

    real: Tensor  # (B, C, H, W)
    beside_real: Tensor | None  # (B, N), what the critic reads beside real images
    made: Tensor  # (M, C, H, W)
    beside_made: Tensor | None  # (M, N)
    asked: Tensor  # (B, Y), labels or codes that the made images should have


class Gan(nn.Module):
    """A generator G(z) and a critic D(x). Its kin read more, and learn more beside realness.

    Of several processes each has its share of a batch, and of the random numbers that are drawn for all.
    """

    processes: Processes = ALONE  # those that train it: see `gan_training`

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        settings: GanSettings,
        *,
        asked: int = 0,
        beside: int = 0,
        others: int = 0,
        late: bool = False,
    ) -> None:
        """Build untrained networks.

        Args:
            asked: numbers that the generator reads beside z.
            beside: numbers that the critic reads beside an image.
            others: outputs of the critic beside its logit.
            late: whether the critic reads what is beside an image with its features, not with its pixels.
        """
        super().__init__()
        self.settings, self.latent = settings, architecture.latent
        # what learns against the critic
        self.makers = nn.ModuleDict({"generator": Decoder(shape, architecture, asked, normed=True)})
        self.critic = PixelCritic(
            shape,
            architecture,
            beside=beside,
            others=others,
            kernels=settings.kernels,
            late=late,
            # the penalty is on the slope of each image, which batch normalisation mixes (Gulrajani et al. 2017)
            normed=not settings.gradient_penalty,
        )

    @property
    def generator(self) -> nn.Module:
        """The network G."""
        return self.makers["generator"]

    # -- what a system changes

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return what the critic tells apart, for real images (B, C, H, W) with labels (B, Y)."""
        return Examples(x, None, self.generator(self.draw(x)), None, y)

    def critic_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return what the critic descends beside the loss of realness."""
        return real.logit.new_zeros(())

    def generator_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return what the makers descend beside the loss of realness."""
        return real.logit.new_zeros(())

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) of draws of the prior (B, Z), with labels (B, Y) if it can be asked for them."""
        return self.generator(z)

    # -- what all share

    def draw(self, x: Tensor) -> Tensor:
        """Draw z (B, Z) from the prior, for as many images."""
        return self.processes.noise((len(x), self.latent))

    def judge(self, x: Tensor, beside: Tensor | None) -> Judgement:
        """Return the critic's judgement of images (B, C, H, W), with noise if the settings add any."""
        if self.settings.noise:
            x = x + self.settings.noise * self.processes.noise(tuple(x.shape))
        return self.critic(x, beside)

    def critic_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what the critic descends, for real images (B, C, H, W) with labels (B, Y)."""
        with torch.no_grad():
            examples = self.examples(x, y)
        real, made = self._judged(examples)
        loss = LOSSES[self.settings.loss].critic(real.logit, made.logit, self.settings.real_target)
        if self.settings.gradient_penalty:
            loss = loss + self._gradient_penalty(examples)
        return loss + self.critic_terms(examples, real, made)

    def generator_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return what the makers descend, for real images (B, C, H, W) with labels (B, Y)."""
        examples = self.examples(x, y)
        real, made = self._judged(examples)
        if self.settings.matched:
            gathered = self.processes.gathered
            loss = feature_matching(gathered(real.features.detach()), gathered(made.features))
        else:
            loss = LOSSES[self.settings.loss].generator(made.logit)
        return loss + self.generator_terms(examples, real, made)

    def _judged(self, examples: Examples) -> tuple[Judgement, Judgement]:
        return self.judge(examples.real, examples.beside_real), self.judge(examples.made, examples.beside_made)

    def _gradient_penalty(self, examples: Examples) -> Tensor:
        """Return the penalty on the slope of the logit between real and made images of the same labels."""
        real, made = examples.real, examples.made[: len(examples.real)]
        return losses.gradient_penalty(
            lambda flat: self.critic(flat.view_as(real), examples.beside_real).logit,
            real.flatten(1),
            made.flatten(1),
            self.processes.random((len(real), 1)),
            self.settings.gradient_penalty,
        )

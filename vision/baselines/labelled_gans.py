"""Generators that are asked for something: labels (CGAN, AC-GAN), or codes whose meaning they find (InfoGAN).

Shapes: B images of (C, H, W), Z latent dimensions, Y labels, K values of a code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.latent import losses
from vision.baselines.gan import Examples, Gan, GanSettings
from vision.baselines.gan_losses import label_loss
from vision.baselines.pixel_critic import Judgement
from vision.models import Architecture

WRONG_LABELS = 0.5  # weight of real images with another's labels, beside 1 of made ones
CODES = 10  # values of the code of InfoGAN: as many as there are digits


class ConditionalGan(Gan):
    """G(z, y) and D(x, y) (Mirza and Osindero 2014); its critic also rejects real images with another's labels."""

    def __init__(
        self, shape: tuple[int, int, int], architecture: Architecture, settings: GanSettings, labels: int
    ) -> None:
        super().__init__(shape, architecture, settings, asked=labels, beside=labels)

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return real and made images of the same labels."""
        return Examples(x, y, self.generator(self.draw(x), y), y, y)

    def critic_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return the loss of real images given the labels of others, the mean of those whose labels differ."""
        labels = self.processes.gathered(examples.asked)
        others = labels.roll(1, dims=0)
        differ = (others != labels).any(dim=1).float()
        share = self.processes.share
        # all are judged, as noise and kernels are of whole batches; right labels weigh nothing
        each = losses.violation_loss(self.judge(examples.real, share(others)).logit[:, 0]) * share(differ)
        mean = each.sum() * self.processes.count / differ.sum().clamp(min=1)  # of all, once it is averaged
        return WRONG_LABELS * mean

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) of draws of the prior (B, Z) and labels (B, Y)."""
        return self.generator(z, y)


class AuxiliaryGan(Gan):
    """AC-GAN (Odena et al. 2017): the critic does not read labels, it says them, of real and of made images.

    Classes are said by a softmax, attributes by a sigmoid each.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        settings: GanSettings,
        labels: int,
        exclusive: bool,
    ) -> None:
        super().__init__(shape, architecture, settings, asked=labels, others=labels)
        self.exclusive = exclusive

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return real and made images of the same labels, which the critic does not read."""
        return Examples(x, None, self.generator(self.draw(x), y), None, y)

    def critic_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return minus L_C: the cross-entropy of labels, of real images and made ones."""
        of_real = label_loss(real.others, examples.asked, self.exclusive)
        return of_real + label_loss(made.others, examples.asked, self.exclusive)

    def generator_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return the part of minus L_C that depends on the generator."""
        return label_loss(made.others, examples.asked, self.exclusive)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) of draws of the prior (B, Z) and labels (B, Y)."""
        return self.generator(z, y)


class InfoGan(Gan):
    """InfoGAN (Chen et al. 2016): a code of K values beside z, which the critic's trunk has to read off the image.

    No label is read: what the values of the code mean is found.
    """

    def __init__(self, shape: tuple[int, int, int], architecture: Architecture, settings: GanSettings) -> None:
        super().__init__(shape, architecture, settings, asked=CODES, others=CODES)

    def examples(self, x: Tensor, y: Tensor) -> Examples:
        """Return real images, and made ones of codes drawn at random."""
        drawn = torch.randint(CODES, (len(x) * self.processes.count,), device=x.device)
        code = F.one_hot(self.processes.share(drawn), CODES).float()
        return Examples(x, None, self.generator(self.draw(x), code), None, code)

    def critic_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return minus L_I but for the entropy of codes, which is constant: both sides raise this bound."""
        return label_loss(made.others, examples.asked, exclusive=True)

    def generator_terms(self, examples: Examples, real: Judgement, made: Judgement) -> Tensor:
        """Return what the critic descends as well."""
        return self.critic_terms(examples, real, made)

    def codes(self, z: Tensor) -> Tensor:
        """Return codes (B, K) for draws of the prior (B, Z), each value in turn."""
        return F.one_hot(torch.arange(len(z), device=z.device) % CODES, CODES).float()

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return images (B, C, H, W) of draws of the prior (B, Z) and codes (B, K)."""
        return self.generator(z, y)

    def information(self, images: Tensor, codes: Tensor) -> float:
        """Return L_I in nats of images (B, C, H, W) made of codes (B, K): a lower bound of their mutual information."""
        return math.log(CODES) - float(label_loss(self.critic(images).others, codes, exclusive=True))

"""The critic of images that all systems here share.

Shapes: B images of (C, H, W), N numbers read beside them, F features, O further outputs.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent.processes import ALONE, Processes
from vision.models import Architecture, Encoder

FEATURES = 128  # of the layer before the logit
SLOPE = 0.2  # of activations below 0 (Radford et al. 2015)
KERNEL_WIDTH = 8  # dimensions in which minibatch discrimination compares images, for each of its kernels


class Judgement(NamedTuple):
    """What a critic says of images."""

    logit: Tensor  # (B, 1), high for real ones
    others: Tensor  # (B, O)
    features: Tensor  # (B, F)
    inner: Tensor  # (B, N), of the last convolution


class PixelCritic(nn.Module):
    """Images, and numbers beside them if it takes any, to a logit and further outputs from the same features."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        architecture: Architecture,
        *,
        beside: int = 0,
        others: int = 0,
        kernels: int = 0,
        late: bool = False,
        normed: bool = True,
    ) -> None:
        """Build an untrained critic.

        Args:
            beside: numbers that it reads beside an image: labels, or a latent vector.
            others: further outputs: logits of labels or codes.
            kernels: of minibatch discrimination; 0 for none.
            late: whether what is beside an image is read with its features, as latent vectors are, not with its pixels.
            normed: whether it has batch normalisation.
        """
        super().__init__()
        read = 0 if late else beside
        self.encoder = Encoder(shape, architecture, FEATURES, read, normed=normed, slope=SLOPE)
        self.joint = (
            nn.Sequential(nn.Linear(FEATURES + beside, FEATURES), nn.LeakyReLU(SLOPE), nn.Linear(FEATURES, FEATURES))
            if late and beside
            else None
        )
        self.batch = MinibatchDiscrimination(FEATURES, kernels) if kernels else None
        self.head = nn.Linear(FEATURES + kernels, 1 + others)

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Judgement:
        """Judge images (B, C, H, W) with numbers (B, N) beside them, in float32 whatever the layers compute in."""
        inner = self.encoder.read(x, None if self.joint is not None else beside)
        features = F.leaky_relu(self.encoder.head(inner), SLOPE)
        if self.joint is not None:
            assert beside is not None
            features = F.leaky_relu(self.joint(torch.cat([features, beside], dim=1)), SLOPE)
        seen = features if self.batch is None else torch.cat([features, self.batch(features)], dim=1)
        found = self.head(seen)
        return Judgement(*(part.float() for part in (found[:, :1], found[:, 1:], features, inner)))


class MinibatchDiscrimination(nn.Module):
    """How near each image's features are to those of the others of its batch (Salimans et al. 2016, section 3.2)."""

    processes: Processes = ALONE  # which share the batch

    def __init__(self, features: int, kernels: int, width: int = KERNEL_WIDTH) -> None:
        super().__init__()
        self.tensor = nn.Parameter(torch.randn(features, kernels, width) / features**0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Map features (B, F) to (B, kernels): the sum over the others of exp(-L1 distance)."""
        found = torch.einsum("bf,fkw->bkw", features, self.tensor).float()  # one is taken from a sum of about one
        everyone = self.processes.gathered(found)
        apart = (found[:, None] - everyone[None]).abs().sum(dim=-1)  # (B, B of all processes, kernels)
        return (-apart).exp().sum(dim=1) - 1  # without the image itself

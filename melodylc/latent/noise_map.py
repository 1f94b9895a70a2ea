"""An affine map of noise: where, in the noise of a flow, some of its examples lie.

Followed backwards, a flow turns its examples into noise. All of them together fill N(0, I); some of one kind lie nearer
to each other, and a Gaussian that fits them says where. So noise that is moved there becomes examples of that kind, and
nothing is trained. Nothing here knows what the parts are of.

Shapes: B draws, P parts, D numbers a part, N parts of examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SHRINKAGE = 100  # parts as in N(0, I) that the Gaussian is fitted with, so that few examples are enough


@dataclass(frozen=True)
class NoiseMap:
    """Noise to noise, the same for every part: a mean (D,) and a lower triangular factor (D, D) of the covariance."""

    mean: Tensor
    factor: Tensor

    @classmethod
    def fitting(cls, noise: Tensor) -> NoiseMap:
        """Return the map whose Gaussian fits the noise of parts (N, D)."""
        count, width = noise.shape
        mean = noise.mean(dim=0)
        centred = noise - mean
        covariance = (centred.T @ centred + SHRINKAGE * torch.eye(width)) / (count + SHRINKAGE)
        return cls(mean * count / (count + SHRINKAGE), torch.linalg.cholesky(covariance))

    def by(self, amount: float) -> NoiseMap:
        """Return the map that goes a share of the way: 0 leaves noise as it is, 1 is this one, more moves the mean."""
        return NoiseMap(amount * self.mean, torch.lerp(torch.eye(len(self.mean)), self.factor, min(amount, 1)))

    def __call__(self, noise: Tensor) -> Tensor:
        """Return noise (B, P, D), moved."""
        return self.mean.to(noise) + noise @ self.factor.T.to(noise)

    def back(self, noise: Tensor) -> Tensor:
        """Return the noise (B, P, D) that is moved to noise (B, P, D)."""
        centred = (noise - self.mean.to(noise)).flatten(0, -2).T
        return torch.linalg.solve_triangular(self.factor.to(noise), centred, upper=False).T.reshape(noise.shape)

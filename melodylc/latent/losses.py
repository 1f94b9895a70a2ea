"""Losses of the actor and the critic, as pure functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def distances(moved: Tensor, z: Tensor, sigma_bar: Tensor) -> Tensor:
    """Equation 3's penalty for each vector, (B,): log(1 + (z' - z)^2) / sigma_bar^2, the mean over dimensions.

    Args:
        moved, z: (B, Z).
        sigma_bar: (Z,), the encoder's sigma averaged over the training set.
    """
    return (torch.log1p((moved - z) ** 2) / sigma_bar**2).mean(dim=-1)


def distance(moved: Tensor, z: Tensor, sigma_bar: Tensor) -> Tensor:
    """The mean of `distances` over the batch: a mean, since a sum would change lambda by a factor of dim z."""
    return distances(moved, z, sigma_bar).mean()


def outside(z: Tensor) -> Tensor:
    """How far vectors (B, Z) lie outside the shell where N(0, I) has its mass, (B,): max(0, |z|^2 / Z - 1)^2.

    Ours: the distance penalty grows with the logarithm only, so an actor with a hard task may leave for where the
    critics have never been.
    """
    return F.relu((z**2).mean(dim=-1) - 1).square()


def regression(logits: Tensor, rewards: Tensor) -> Tensor:
    """Cross-entropy between the critic's logits and rewards in [0, 1], both (B, O) (section 6); the mean."""
    return F.binary_cross_entropy_with_logits(logits, rewards)


def climb(logits: Tensor) -> Tensor:
    """-log D summed over what is judged, the mean over the batch: what an actor descends (L_{c=1}, section 3)."""
    return F.softplus(-logits).sum(dim=-1).mean()


def shift(moved: Tensor, z: Tensor, sigma_bar: Tensor | None = None) -> Tensor:
    """The mean squared shift, plain or weighted by sigma_bar^-2 (tables 1 and 2, z_MSE)."""
    squared = (moved - z) ** 2
    return squared.mean() if sigma_bar is None else (squared / sigma_bar**2).mean()

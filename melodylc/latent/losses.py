"""Losses of the actor and the critics, as pure functions.

Logits are those of a critic D: sigmoid(logits) is the D(z) of the paper. Means are over the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

PRIOR_RATE = 0.1  # draws of the prior are told apart easily, so the critic sees them at a tenth of the rate


def constraint_loss(logits: Tensor) -> Tensor:
    """L_{c=1} = -log D (section 3), elementwise: how far a vector is from keeping a constraint."""
    return F.softplus(-logits)


def violation_loss(logits: Tensor) -> Tensor:
    """L_{c=0} = -log(1 - D), elementwise; the paper prints -(1 - log D) and means this."""
    return F.softplus(logits)


def realism(encodings: Tensor, prior: Tensor, moved: Tensor, prior_rate: float = PRIOR_RATE) -> Tensor:
    """The realism critic's loss (equation 2), from its logits for encodings, prior draws and an actor's outputs.

    Each (B, 1) or (B,), their lengths may differ; draws of the prior weigh `prior_rate`.
    """
    return constraint_loss(encodings).mean() + prior_rate * violation_loss(prior).mean() + violation_loss(moved).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, other: Tensor, share: Tensor, weight: float = 10.0
) -> Tensor:
    """Gulrajani et al. 2017, two-sided, on logits: weight * (|dD/dz| - 1)^2 at points between, the mean.

    Args:
        critic: (B, Z) to logits (B, 1) or (B,), each of its own row only.
        real, other: (B, Z), the ends.
        share: (B, 1) in [0, 1], how far from real to other the points lie.
    """
    between = torch.lerp(real, other, share).detach().requires_grad_(True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return weight * (gradient.norm(dim=-1) - 1).square().mean()


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


def shell_penalty(z: Tensor) -> Tensor:
    """How far vectors (B, Z) lie outside the shell where N(0, I) has its mass, (B,): max(0, |z|^2 / Z - 1)^2.

    Ours: the distance penalty grows with the logarithm only, so an actor with a hard task may leave for where the
    critics have never been.
    """
    return F.relu((z**2).mean(dim=-1) - 1).square()


def regression(logits: Tensor, rewards: Tensor) -> Tensor:
    """Cross-entropy between the critic's logits and rewards or labels in [0, 1], both (B, O) (sections 5, 6)."""
    return F.binary_cross_entropy_with_logits(logits, rewards)


def actor_loss(logits: Tensor, enough: float | None = None) -> Tensor:
    """-log D summed over what is judged, the mean over the batch: what an actor descends (L_{c=1}, equation 3).

    Args:
        enough: logits above which nothing more is won (ours): a sure critic would still push on, far beyond what was
            asked for, and the distance penalty alone would not hold it back.
    """
    return constraint_loss(logits if enough is None else logits.clamp(max=enough)).sum(dim=-1).mean()


def shift(moved: Tensor, z: Tensor, sigma_bar: Tensor | None = None) -> Tensor:
    """The mean squared shift, plain or weighted by sigma_bar^-2 (tables 1 and 2, z_MSE)."""
    squared = (moved - z) ** 2
    return squared.mean() if sigma_bar is None else (squared / sigma_bar**2).mean()

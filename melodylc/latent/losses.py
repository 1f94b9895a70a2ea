"""Losses of the actor and the critics, as pure functions.

Logits are those of a critic D: sigmoid(logits) is the D(z) of the paper. Means are over the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

PRIOR_RATE = 0.1  # draws of the prior are easy to recognise, so the critic sees them at a tenth of the rate


def constraint_loss(logits: Tensor) -> Tensor:
    """Return L_{c=1} = -log D (section 3), elementwise: small where a vector satisfies the constraint."""
    return F.softplus(-logits)


def violation_loss(logits: Tensor) -> Tensor:
    """Return L_{c=0} = -log(1 - D), elementwise; the paper prints -(1 - log D) and means this."""
    return F.softplus(logits)


def discrimination(real: Tensor, made: Tensor) -> Tensor:
    """Return the loss of a critic that tells real vectors or images from made ones, from its logits of both."""
    return constraint_loss(real).mean() + violation_loss(made).mean()


def realism(encodings: Tensor, prior: Tensor, moved: Tensor, prior_rate: float = PRIOR_RATE) -> Tensor:
    """Return the realism critic's loss (equation 2), from its logits of encodings, prior draws and moved ones.

    Each (B, 1) or (B,), their lengths may differ; draws of the prior weigh `prior_rate`.
    """
    return constraint_loss(encodings).mean() + prior_rate * violation_loss(prior).mean() + violation_loss(moved).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, other: Tensor, share: Tensor, weight: float = 10.0
) -> Tensor:
    """Return the gradient penalty of Gulrajani et al. 2017, two-sided: the mean of weight * (|dD/dz| - 1)^2 of logits.

    Args:
        critic: (B, Z) to logits (B, 1) or (B,), each of its own row only.
        real, other: (B, Z), between which the gradients are taken.
        share: (B, 1) in [0, 1], how far from real to other each of these points lies.
    """
    between = torch.lerp(real, other, share).detach().requires_grad_(True)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return weight * (gradient.norm(dim=-1) - 1).square().mean()


def distances(moved: Tensor, z: Tensor, sigma_bar: Tensor) -> Tensor:
    """Return equation 3's penalty of each vector, (B,): the mean over dimensions of log(1 + (z' - z)^2) / sigma_bar^2.

    Args:
        moved, z: (B, Z).
        sigma_bar: (Z,), the encoder's sigma averaged over the training set.
    """
    return (torch.log1p((moved - z) ** 2) / sigma_bar**2).mean(dim=-1)


def distance(moved: Tensor, z: Tensor, sigma_bar: Tensor) -> Tensor:
    """Return the mean of `distances` over the batch; a sum would change lambda by a factor of dim z."""
    return distances(moved, z, sigma_bar).mean()


def shell_penalty(z: Tensor) -> Tensor:
    """Return how far vectors (B, Z) lie beyond the shell where N(0, I) has its mass, (B,): max(0, |z|^2 / Z - 1)^2.

    Not in the paper: the distance penalty grows only with the logarithm, so an actor with a hard task may move vectors
    to where the critics have no examples.
    """
    return F.relu((z**2).mean(dim=-1) - 1).square()


def regression(logits: Tensor, rewards: Tensor) -> Tensor:
    """Return the cross-entropy of a critic's logits and rewards or labels in [0, 1], both (B, O) (sections 5 and 6)."""
    return F.binary_cross_entropy_with_logits(logits, rewards)


def actor_loss(logits: Tensor, enough: float | None = None) -> Tensor:
    """Return the loss of an actor: -log D, summed over a critic's outputs, the mean over the batch (equation 3).

    Args:
        enough: logits above which nothing more is gained (not in the paper): a confident critic would push vectors far
            beyond what its constraint needs, and the distance penalty alone would not hold them back.
    """
    return constraint_loss(logits if enough is None else logits.clamp(max=enough)).sum(dim=-1).mean()


def shift(moved: Tensor, z: Tensor, sigma_bar: Tensor | None = None) -> Tensor:
    """Return the mean squared shift, plain or weighted by sigma_bar^-2 (tables 1 and 2, z_MSE)."""
    squared = (moved - z) ** 2
    return squared.mean() if sigma_bar is None else (squared / sigma_bar**2).mean()

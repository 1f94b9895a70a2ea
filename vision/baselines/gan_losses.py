"""The losses of generators and their critics, as plain functions of logits and features.

Shapes: B images, F features, Y labels, K values of a code. Logits of a critic are (B, 1), high for real images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Loss(NamedTuple):
    """What a critic and a generator descend."""

    critic: Callable[[Tensor, Tensor, float], Tensor]  # logits of real images, of made ones, target of real ones
    generator: Callable[[Tensor], Tensor]  # logits of made images


def cross_entropy(real: Tensor, made: Tensor, target: float) -> Tensor:
    """Return a critic's loss (Goodfellow et al. 2014): the cross-entropy of real against made, the mean of each.

    Args:
        target: of real images; below 1 it is one-sided label smoothing (Salimans et al. 2016, section 3.4).
    """
    of_real = F.binary_cross_entropy_with_logits(real, torch.full_like(real, target))
    return of_real + F.binary_cross_entropy_with_logits(made, torch.zeros_like(made))


def non_saturating(made: Tensor) -> Tensor:
    """Return a generator's loss -log D (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-made).mean()


def wasserstein(real: Tensor, made: Tensor, target: float) -> Tensor:
    """Return a critic's loss (Arjovsky et al. 2017): minus the difference of means, which bounds the distance.

    There are no targets: whatever `target` is, it is not read.
    """
    return made.mean() - real.mean()


def wasserstein_generator(made: Tensor) -> Tensor:
    """Return a generator's loss (Arjovsky et al. 2017): minus the mean of the critic."""
    return -made.mean()


LOSSES = {
    "non-saturating": Loss(cross_entropy, non_saturating),
    "wasserstein": Loss(wasserstein, wasserstein_generator),
}


@torch.no_grad()
def clip_weights(critic: nn.Module, bound: float) -> None:
    """Bring all weights into [-bound, bound], which bounds the critic's slope (Arjovsky et al. 2017, algorithm 1)."""
    for parameter in critic.parameters():
        parameter.clamp_(-bound, bound)


def feature_matching(real: Tensor, made: Tensor) -> Tensor:
    """Return the squared distance of mean features (B, F) (Salimans et al. 2016, section 3.1)."""
    return (real.mean(dim=0) - made.mean(dim=0)).square().sum()


def label_loss(logits: Tensor, labels: Tensor, exclusive: bool) -> Tensor:
    """Return -log p(y|x) in nats, the mean over images, of logits and labels (B, Y) (L_C of Odena et al. 2017).

    Args:
        exclusive: whether labels are classes, of a softmax; otherwise each is on its own, of a sigmoid.
    """
    if exclusive:
        return F.cross_entropy(logits, labels.argmax(dim=1))
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(dim=1).mean()

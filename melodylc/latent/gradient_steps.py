"""One step of an optimiser, and the learning rate at which it is made."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melodylc.latent.optimisers import Adam


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, largest_norm: float | None = None) -> None:
    """Make one step down the gradient of a loss.

    Args:
        largest_norm: to which the norm of the gradient is clipped; None leaves it as it is.
    """
    optimiser.zero_grad()
    prepare = optimiser.prepare if isinstance(optimiser, Adam) else None
    (loss if prepare is None else prepare(loss)).backward()
    if largest_norm is not None:
        parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
        nn.utils.clip_grad_norm_(parameters, largest_norm)
    optimiser.step()


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Let the next steps be made at a learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate


def final_decay(step: int, steps: int, share: float, end: float = 0.0) -> float:
    """Return the factor of the learning rate at a step: 1, and over the last share of the steps linearly down to end.

    Args:
        share: in [0, 1]; 0 for a factor that stays 1.
    """
    return min(1.0, end + (steps - step) / (share * steps)) if share else 1.0

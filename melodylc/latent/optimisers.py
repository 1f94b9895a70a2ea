"""The optimisers of section 9.2."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import unwrap

import torch
from torch import Tensor

BETAS = (0.9, 0.999)  # of encoders, decoders and classifiers
ADVERSARIAL_BETAS = (0.0, 0.9)  # of actors, generators and critics, which train against each other
LEARNING_RATE = 3e-4


class Adam(torch.optim.Adam):
    """Adam; `prepare` is given each loss before its gradients are computed (by `processes.Processes.averaging`)."""

    prepare: Callable[[Tensor], Tensor] | None = None

    # Torch wraps these for its compiler, and imports it for that: a second, and nothing here compiles an optimiser.
    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    zero_grad = unwrap(torch.optim.Adam.zero_grad)
    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


def adam(
    parameters: Iterable[Tensor],
    learning_rate: float = LEARNING_RATE,
    betas: tuple[float, float] = BETAS,
    *,
    fused: bool | None = None,
) -> Adam:
    """Return Adam over parameters.

    Args:
        fused: whether one kernel updates all parameters, which is faster and differs in the last bits of a sum; None
            leaves the choice to torch.
    """
    return Adam(parameters, learning_rate, betas=betas, fused=fused)

"""Layers whose outputs for a dimension depend on the dimensions before it (MADE, Germain et al. 2015).

Shapes: B vectors, D dimensions, C numbers of context, O outputs a dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedLinear(nn.Linear):
    """A linear layer without the weights that a mask (out, in) leaves out."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in) to (B, out)."""
        return F.linear(x, self.weight * self.mask, self.bias)


class Made(nn.Module):
    """Vectors (B, D) and context (B, C) to (B, D, O), in whose first dimension there is the context alone."""

    def __init__(self, dimensions: int, hidden: tuple[int, ...], outputs: int, context: int = 0) -> None:
        super().__init__()
        self.dimensions = dimensions
        # of a unit: how many dimensions, from the first on, it may depend on
        reach = torch.arange(1, dimensions + 1)
        layers: list[nn.Module] = []
        for units in hidden:
            # those of 0 carry the context to the first dimension; fewer than there are dimensions are spread over all
            spread = units < dimensions
            further = torch.arange(units) * dimensions // units if spread else torch.arange(units) % dimensions
            layers += [MaskedLinear((further[:, None] >= reach[None, :]).float()), nn.ReLU()]
            reach = further
        last = torch.arange(1, dimensions + 1).repeat_interleave(outputs)
        layers.append(MaskedLinear((last[:, None] > reach[None, :]).float()))
        self.layers = nn.Sequential(*layers)
        self.context = nn.Linear(context, hidden[0]) if context else None

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Return outputs (B, D, O) for vectors (B, D) and context (B, C) if it takes any."""
        first, *others = self.layers
        found = first(x)
        if self.context is not None:
            found = found + self.context(context)
        for layer in others:
            found = layer(found)
        return found.view(len(x), self.dimensions, -1)

"""The actor and the critic (Latent Constraints, sections 9.2.4 and 9.2.5).

Shapes: B vectors, Z latent dimensions, O outputs of a critic.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LARGE = (2048, 2048, 2048, 2048)
SMALL = (256, 256, 256)


def _layers(inputs: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


class Actor(nn.Module):
    """z to z' = (1 - gate) z + gate dz: the network only has to predict a shift."""

    def __init__(self, latent: int, hidden: tuple[int, ...] = LARGE) -> None:
        super().__init__()
        self.latent, self.hidden = latent, tuple(hidden)
        self.layers = _layers(latent, hidden, 2 * latent)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) to (B, Z)."""
        dz, gate = self.layers(z).chunk(2, dim=-1)
        gate = torch.sigmoid(gate)
        return (1 - gate) * z + gate * dz


class Critic(nn.Module):
    """z to logits, one for each thing judged."""

    def __init__(self, latent: int, hidden: tuple[int, ...] = LARGE, outputs: int = 1) -> None:
        super().__init__()
        self.layers = _layers(latent, hidden, outputs)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) to (B, O)."""
        return self.layers(z)

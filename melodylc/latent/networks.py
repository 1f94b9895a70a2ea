"""The actor and the critics (Latent Constraints, sections 9.2.4 and 9.2.5), and a critic of parts, which is ours.

Shapes: B vectors, Z latent dimensions, Y labels, O outputs of a critic, P parts of E dimensions each.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.base.arrays import Vectors
from melodylc.latent.widths import LARGE as LARGE
from melodylc.latent.widths import SMALL as SMALL

LABEL_UNITS = 2048
IDENTITY_SCALE, IDENTITY_GATE = 0.1, -2.0  # of the last layer: a gate of 0.12 on shifts a tenth as large as they were
PART_LOGIT = 3.0  # P(a part satisfies its share) to begin with: 0.95, so that 16 of them have 0.46
PLACE_SCALE = 0.01  # of what distinguishes parts by their position: small, so that they begin as alike


def _layers(inputs: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


class Conditioned(nn.Module):
    """Layers whose input is z, concatenated with labels y after a linear layer of their own.

    Without labels (`labels=0`) the input is z alone. Labels are any vector: attributes, or the parameters of a rule.
    """

    def __init__(
        self, latent: int, hidden: tuple[int, ...], outputs: int, labels: int = 0, label_units: int = LABEL_UNITS
    ) -> None:
        super().__init__()
        self.labels = labels
        self.label = nn.Linear(labels, label_units) if labels else None
        self.layers = _layers(latent + (label_units if labels else 0), hidden, outputs)

    def outputs(self, z: Tensor, y: Tensor | None) -> Tensor:
        """Return outputs (B, O) for z (B, Z) and labels (B, Y), or one (Y,) for all.

        Raises:
            ValueError: for labels where none are taken, or none or others where some are.
        """
        if (y is None) != (self.label is None) or (y is not None and y.shape[-1] != self.labels):
            given = "none" if y is None else tuple(y.shape)
            raise ValueError(f"labels: expected {self.labels or 'none'}, got {given}")
        if self.label is not None:
            assert y is not None
            z = torch.cat([z, self.label(y).expand(len(z), -1)], dim=-1)
        return self.layers(z)


class Actor(Conditioned):
    """A network that moves z to z' = (1 - gate) z + gate dz, so that it only has to predict a shift."""

    def __init__(
        self, latent: int, hidden: tuple[int, ...] = LARGE, labels: int = 0, label_units: int = LABEL_UNITS
    ) -> None:
        super().__init__(latent, hidden, 2 * latent, labels, label_units)
        self.latent, self.hidden = latent, tuple(hidden)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return where z (B, Z) is moved, (B, Z), given labels (B, Y) if the actor takes any."""
        dz, gate = self.outputs(z, y).chunk(2, dim=-1)
        gate = torch.sigmoid(gate)
        return (1 - gate) * z + gate * dz

    @torch.no_grad()
    def moved(self, z: Vectors, labels: np.ndarray) -> Tensor:
        """Return where z (B, Z) is moved, (B, Z), given labels (Y,) for all."""
        return self(torch.as_tensor(z), torch.from_numpy(labels))

    def initialise_as_identity(self) -> Actor:
        """Start close to the identity, so that what is learned is how far to move; returns itself."""
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.mul_(IDENTITY_SCALE)
            last.bias[self.latent :] = IDENTITY_GATE
        return self


class Critic(Conditioned):
    """A network from z to logits, one for each constraint, reward or label."""

    def __init__(
        self,
        latent: int,
        hidden: tuple[int, ...] = LARGE,
        outputs: int = 1,
        labels: int = 0,
        label_units: int = LABEL_UNITS,
    ) -> None:
        super().__init__(latent, hidden, outputs, labels, label_units)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B, O) for z (B, Z), given labels (B, Y) if the critic takes any."""
        return self.outputs(z, y)


class PartsCritic(nn.Module):
    """A network from parts (B, P, E) to logits, for a generator whose output consists of P parts of one kind.

    One network looks at every part, so each example trains it P times. Its results are averaged, multiplied as
    probabilities (for constraints that each part has to satisfy), and go side by side through a network for whatever
    depends on several parts.
    """

    def __init__(self, parts: int, width: int, outputs: int = 1, *, units: int = 192, hidden: int = 256) -> None:
        super().__init__()
        found, kept = units // 2, units // 6
        self.read = nn.Linear(width, units)
        self.place = nn.Parameter(PLACE_SCALE * torch.randn(parts, units))
        self.find = nn.Linear(units, found)
        self.each = nn.Linear(found, 2 * outputs)
        with torch.no_grad():  # a product of P probabilities begins near 1, not near 2^-P
            self.each.bias[outputs:] = PART_LOGIT
        self.keep = nn.Linear(found, kept)
        self.whole = _layers(parts * kept + found, (hidden, hidden), outputs)

    def forward(self, parts: Tensor) -> Tensor:
        """Return logits (B, O) for parts (B, P, E)."""
        found = F.relu(self.find(F.relu(self.read(parts) + self.place)))  # (B, P, found)
        mean, every = self.each(found).chunk(2, dim=-1)  # (B, P, O) each
        whole = self.whole(torch.cat([self.keep(found).flatten(1), found.mean(dim=1)], dim=-1))
        return whole + mean.mean(dim=1) + F.logsigmoid(every.float()).sum(dim=1)

"""The way from one draw of N(0, I) to another."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_ANGLE = 1e-4  # radians, below which the arc is its chord


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Return the points (..., N) a share of the way along the arcs from a to b, each (..., N).

    Draws lie on a shell, which a chord would leave.
    """
    cosine = (a * b).sum(dim=-1, keepdim=True) / (a.norm(dim=-1, keepdim=True) * b.norm(dim=-1, keepdim=True))
    angle = torch.arccos(cosine.clamp(-1, 1))
    arc = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(angle)
    return torch.where(angle < LEAST_ANGLE, torch.lerp(a, b, share), arc)

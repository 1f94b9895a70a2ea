"""Distilling a flow: a network that goes in one or two steps where the flow goes in many (Salimans and Ho, 2022).

The flow is followed once from noise, for labels and guidance, and its places at a few times are stored. The student is
taught the mean velocity between each two of them, labels weighed already, so it needs no second evaluation for them.
Its one step from N(0, I) to the encodings is the paper's realism actor (section 3).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.latent.flow import VelocityField, integrate


@torch.no_grad()
def trajectories(
    field: VelocityField, noise: Tensor, labels: Tensor, *, guidance: float, steps: int, stored: int
) -> Tensor:
    """Return the places (stored + 1, B, P, D) of the flow from tied noise (B, P, D), at equal distances of time.

    Args:
        labels: (B, Y).
        steps: of Heun's method between two stored places.
    """
    places = [noise]
    for number in range(stored):
        span = (number / stored, (number + 1) / stored)
        places.append(integrate(field, places[-1], labels, guidance=guidance, steps=steps, span=span))
    return torch.stack(places)


def distillation_loss(student: VelocityField, places: Tensor, labels: Tensor) -> Tensor:
    """Return the squared error of the student's mean velocities.

    Args:
        places: (S + 1, B, P, D), from `trajectories`.
        labels: (B, Y).
    """
    steps = len(places) - 1
    starts, ends = places[:-1].flatten(0, 1), places[1:].flatten(0, 1)
    t = torch.arange(steps).repeat_interleave(places.shape[1]).to(starts) / steps
    velocity = student(starts, t, labels.repeat(steps, 1)).float()
    return F.mse_loss(velocity, steps * (ends - starts))

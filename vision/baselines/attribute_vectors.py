"""Attribute-vector arithmetic (White 2016; Larsen et al. 2016): constant directions added to encodings.

Shapes: B vectors, Z latent dimensions, Y labels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision.workspace import Workspace


def directions(workspace: Workspace) -> Tensor:
    """Return the directions (Y, Z) from the mean encoding of images without an attribute to that of images with it."""
    z = workspace.encodings(workspace.vae()).mean
    has = workspace.data.train.labels.to(z.device)
    with_it = has.T @ z / has.sum(dim=0).clamp_min(1)[:, None]
    without = (1 - has).T @ z / (1 - has).sum(dim=0).clamp_min(1)[:, None]
    return with_it - without


def move(z: Tensor, before: Tensor, after: Tensor, along: Tensor) -> Tensor:
    """Move vectors (B, Z) from the labels before to the labels after; both (B, Y), or (Y,) for all."""
    return z + (after - before) @ along


def sample(workspace: Workspace, z: Tensor, labels: Tensor) -> Tensor:
    """Move draws of the prior (B, Z) to labels (B, Y); theirs are unknown, so the training images' mean is assumed."""
    mean = workspace.data.train.labels.mean(dim=0).to(z.device)
    return move(z, mean, labels, directions(workspace).to(torch.float32))

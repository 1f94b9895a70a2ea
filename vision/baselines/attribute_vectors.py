"""Attribute-vector arithmetic (White 2016; Larsen et al. 2016): constant directions added to encodings."""

from __future__ import annotations

import torch
from torch import Tensor

from vision.workspace import Workspace


def directions(workspace: Workspace) -> Tensor:
    """(Y, Z): from the mean encoding of training images without an attribute to that of those with it."""
    z = workspace.encodings(workspace.vae()).mean
    has = workspace.data.train.labels.to(z.device)
    with_it = has.T @ z / has.sum(dim=0).clamp_min(1)[:, None]
    without = (1 - has).T @ z / (1 - has).sum(dim=0).clamp_min(1)[:, None]
    return with_it - without


def move(z: Tensor, had: Tensor, wanted: Tensor, along: Tensor) -> Tensor:
    """(B, Z) vectors with labels `had` moved to labels `wanted`; both (B, Y), or (Y,) for all."""
    return z + (wanted - had) @ along


def sample(workspace: Workspace, z: Tensor, wanted: Tensor) -> Tensor:
    """Draws of the prior moved to labels: what they had is not known, so the training images' mean is assumed."""
    return move(
        z, workspace.data.train.labels.mean(dim=0).to(z.device), wanted, directions(workspace).to(torch.float32)
    )

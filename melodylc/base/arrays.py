"""Vectors of networks: tensors of torch, or arrays of the runtime without it. What computes with them takes arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Vectors: TypeAlias = "np.ndarray | Tensor"


def on_the_way(start: Vectors, goal: Vectors, share: float | np.ndarray) -> Vectors:
    """Return points (B, Z) a share of the way along the chords from start (B, Z) to goal: one for all, or (B, 1)."""
    if isinstance(start, np.ndarray):
        return np.asarray(start + np.float32(share) * (as_array(goal) - start))
    end = start.new_tensor(goal) if isinstance(goal, np.ndarray) else goal
    return start.lerp(end, share) if isinstance(share, float) else start.lerp(end, start.new_tensor(share))


def as_array(vectors: Vectors) -> np.ndarray:
    """Return vectors as an array, without a copy where they are on the CPU."""
    return vectors if isinstance(vectors, np.ndarray) else vectors.detach().cpu().numpy()

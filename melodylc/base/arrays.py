"""Vectors of networks: tensors of torch, or arrays of the runtime without it. What computes with them takes arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Vectors: TypeAlias = "np.ndarray | Tensor"


def as_array(vectors: Vectors) -> np.ndarray:
    """Return vectors as an array, without a copy where they are on the CPU."""
    return vectors if isinstance(vectors, np.ndarray) else vectors.detach().cpu().numpy()

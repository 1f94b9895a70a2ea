"""Products of a few rows with weights, which are read once and not copied.

Before a product, OpenBLAS copies a matrix into the order in which it is read, which costs as much as the product where
rows are few. Small products it makes of the matrices as they lie, so a product of few rows is made in parts.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from melodylc.runtime.weights import Weights

SMALL = 1_000_000  # multiplications, up to which OpenBLAS copies nothing
NARROWEST = 32  # outputs of a part; narrower ones are slower than copying
ALIGNED = 16  # numbers of a register of 512 bits


class Linear(NamedTuple):
    """The weights of a linear layer."""

    weight: np.ndarray  # (I, O)
    bias: np.ndarray  # (O,)

    @classmethod
    def of(cls, weights: Weights, name: str) -> Linear:
        """Return the layer of a name."""
        return cls(np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (..., O) for x (..., I)."""
        out = product(x.reshape(-1, x.shape[-1]), self.weight)
        out += self.bias
        return out.reshape(*x.shape[:-1], -1)


def linear_layers(weights: Weights) -> dict[str, Linear]:
    """Return the linear layers among weights, by name."""
    names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    return {name: Linear.of(weights, name) for name in names}


def product(x: np.ndarray, weights: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return x (..., N, I) times weights (..., I, O), contiguous in their last dimension.

    Args:
        out: (..., N, O), where the product is to be written.
    """
    rows, (*stack, inner, outputs) = x.shape[-2], weights.shape
    width = _width(rows, inner, outputs)
    if width == outputs:
        return np.matmul(x, weights, out=out)
    if out is None:
        out = np.empty((*stack, rows, outputs), np.float32)
    np.matmul(x[..., None, :, :], _in_parts(weights, width), out=_in_parts(out, width))
    return out


def _in_parts(x: np.ndarray, width: int) -> np.ndarray:
    """Return x (..., N, O) as (..., O / width, N, width), without copying it."""
    return x.reshape(*x.shape[:-1], -1, width).swapaxes(-2, -3)


@cache
def _width(rows: int, inner: int, outputs: int) -> int:
    """Return how many outputs a part of a product has: all of them where that is small, or parts cannot be."""
    most = SMALL // (rows * inner) if rows else outputs
    if rows == 1 or outputs <= most:  # a product with one row copies nothing
        return outputs
    widths = [width for width in range(NARROWEST, most + 1) if outputs % width == 0]
    return max(widths, key=lambda width: (width % ALIGNED == 0, width), default=outputs)

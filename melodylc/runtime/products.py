"""Products of a few rows with weights, which are read once, in the order in which they lie, and not copied.

Before a product, OpenBLAS copies a matrix into the order in which it is read, which costs as much as the product where
rows are few. Small products it makes of the matrices as they lie, best of 64 outputs, so weights are laid out in parts
of so many, one after the other, and rows come in blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from melodylc.runtime.weights import Weights

SMALL = 1_000_000  # multiplications, up to which OpenBLAS copies nothing
BLOCK = 16  # rows of a small product: the bars of a melody
FEW = 64  # rows that are multiplied in blocks; without AVX-512 copying is faster for more
WIDEST, NARROWEST = 64, 32  # outputs of a part
ALIGNED = 16  # numbers of a register of 512 bits; narrower parts are slower than copying


@dataclass(frozen=True, eq=False)
class Matrix:
    """Weights in parts, one after the other."""

    narrow: np.ndarray  # (..., P, I, W)

    @classmethod
    def of(cls, weights: np.ndarray, width: int | None = None) -> Matrix:
        """Return the matrix of weights (..., I, O), which are copied, in parts of a width, or of the fastest."""
        return cls(np.ascontiguousarray(in_parts(weights, width or part_width(*weights.shape[-2:]))))

    @cached_property
    def wide(self) -> np.ndarray:
        """Return the weights in one part, (..., 1, I, O); both forms are kept from then on."""
        return self.joined()

    def joined(self) -> np.ndarray:
        """Return a copy of the weights in one part, (..., 1, I, O)."""
        *stack, parts, inner, width = self.narrow.shape
        return self.narrow.swapaxes(-2, -3).reshape(*stack, 1, inner, parts * width)

    def for_rows(self, count: int) -> np.ndarray:
        """Return the weights in the parts, (..., P, I, W), in which so many rows are multiplied fastest."""
        return self.narrow if 1 < count <= FEW else self.wide


class Linear(NamedTuple):
    """The weights of a linear layer."""

    matrix: Matrix  # I to O
    bias: np.ndarray  # (O,)

    @classmethod
    def of(cls, weights: Weights, name: str) -> Linear:
        """Return the layer of a name."""
        return cls(Matrix.of(weights[f"{name}.weight"].T), weights[f"{name}.bias"])

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (..., O) for x (..., I)."""
        rows = x.reshape(-1, x.shape[-1])
        out = np.empty((len(rows), len(self.bias)), np.float32)
        parts = self.matrix.for_rows(len(rows))
        product(rows, parts, out=in_parts(out, parts.shape[-1]))
        out += self.bias
        return out.reshape(*x.shape[:-1], -1)


def linear_layers(weights: Weights) -> dict[str, Linear]:
    """Return the linear layers among weights, by name."""
    names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    return {name: Linear.of(weights, name) for name in names}


def in_parts(x: np.ndarray, width: int) -> np.ndarray:
    """Return x (..., N, O) as (..., O / width, N, width), without copying it."""
    return x.reshape(*x.shape[:-1], x.shape[-1] // width, width).swapaxes(-2, -3)


def product(x: np.ndarray, parts: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return x (..., N, I) times weights in parts (..., P, I, W), in parts too: (..., P, N, W).

    Args:
        out: where it is to be written.
    """
    rows, x = x.shape[-2], x[..., None, :, :]
    if rows <= BLOCK or rows > FEW:
        return np.matmul(x, parts, out=out)
    if out is None:
        stack = np.broadcast_shapes(x.shape[:-2], parts.shape[:-2])
        out = np.empty((*stack, rows, parts.shape[-1]), np.float32)
    for at in range(0, rows, BLOCK):
        np.matmul(x[..., at : at + BLOCK, :], parts, out=out[..., at : at + BLOCK, :])
    return out


def part_width(inner: int, outputs: int) -> int:
    """Return how many outputs a part has: all of them where that is small, or where they cannot be divided."""
    least = NARROWEST if BLOCK * inner * outputs <= SMALL else ALIGNED
    most = min(WIDEST, SMALL // (BLOCK * inner))
    return max((width for width in range(least, most + 1, ALIGNED) if outputs % width == 0), default=outputs)

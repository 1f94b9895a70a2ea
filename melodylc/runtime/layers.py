"""What networks are made of, in numpy: single precision, and in place where arrays are large."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from melodylc.runtime.products import Matrix, in_parts, product
from melodylc.runtime.weights import Weights

EPSILON = np.float32(1e-5)  # torch's, of normalising
HALF = np.float32(0.5)


def normalised(x: np.ndarray, scale: np.ndarray | None = None, shift: np.ndarray | float = 0) -> np.ndarray:
    """Return x (..., N) with mean 0 and variance 1 in its last dimension, then scaled and shifted if that is asked."""
    share = np.float32(1 / x.shape[-1])
    centred = x - np.add.reduce(x, axis=-1, keepdims=True) * share
    deviation = (centred[..., None, :] @ centred[..., None])[..., 0]
    deviation *= share
    deviation += EPSILON
    centred /= np.sqrt(deviation, out=deviation)
    if scale is not None:
        centred *= scale
        centred += shift
    return centred


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), computed in place."""
    np.multiply(x, 0.5, out=x)
    np.tanh(x, out=x)  # which does not overflow
    x += 1
    x *= 0.5
    return x


class LSTMLayer(NamedTuple):
    """The weights of a layer of an LSTM, of one direction (D) or of two that run side by side.

    Gates are in the order input, forget, output, cell. The first three are halved, so that one tanh serves them all;
    the halves that are missing then are taken where there is less to multiply, outputs are doubled and the weights that
    read them halved, which rounds nothing.
    """

    of_input: Matrix  # (4, D), I to units
    of_output: Matrix  # (4, D), units to units; of the double
    bias: np.ndarray  # (4, D, 1, units)

    @classmethod
    def of(cls, weights: Weights, name: str, layer: int = 0, *, both_ways: bool = False) -> LSTMLayer:
        """Return the layer of an LSTM of a name."""
        ends = [f"_l{layer}{way}" for way in ("", "_reverse")[: 1 + both_ways]]
        of_input, of_output, bias, other_bias = (
            np.stack([_gates(weights[f"{name}.{kind}{end}"]) for end in ends], axis=1)  # (4, D, units, ...)
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        of_output *= HALF
        of_input, of_output = (each.swapaxes(-1, -2) for each in (of_input, of_output))
        return cls(Matrix.of(of_input), Matrix.of(of_output), (bias + other_bias)[:, :, None])

    def of_inputs(self, x: np.ndarray) -> np.ndarray:
        """Return the share of inputs x (D, N, T, I) in the gates, (4, D, N, T, units), with the bias."""
        rows = x.reshape(len(x), -1, x.shape[-1])
        parts = self.of_input.for_rows(rows.shape[1])
        gates = np.empty((4, *rows.shape[:2], self.bias.shape[-1]), np.float32)
        product(rows, parts, out=in_parts(gates, parts.shape[-1]))
        gates += self.bias
        return gates.reshape(4, *x.shape[:-1], -1)

    def run(self, gates: np.ndarray, initial: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """Return the outputs (D, N, T, units) for the share of the inputs in the gates, `of_inputs`.

        Args:
            initial: output and memory, (D, N, units), before the first step; default: zeros.
        """
        outputs = np.empty(gates.shape[1:], np.float32)
        parts = self.of_output.for_rows(gates.shape[2])
        width = parts.shape[-1]
        by_step, after = (np.moveaxis(each, -2, 0) for each in (gates, outputs))
        shares, own_after = in_parts(by_step, width), in_parts(after, width)  # (T, 4, D, P, N, W), (T, D, P, N, W)
        own = np.empty(shares.shape[1:], np.float32)
        h, c = None, np.zeros(own.shape[1:], np.float32)
        if initial is not None:
            h, c[...] = 2 * initial[0], in_parts(initial[1], width)
        for step, share in enumerate(shares):
            if h is None:
                own[...] = share
            else:
                product(h, parts, out=own)
                own += share
            cell(own, own_after[step], c)
            h = after[step]
        outputs *= HALF
        return outputs

    def run_both_ways(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (N, T, 2 units) of two directions for x (N, T, I)."""
        forwards, backwards = self.run(self.of_inputs(np.stack([x, x[:, ::-1]])))
        return np.concatenate([forwards, backwards[:, ::-1]], axis=-1)


def cell(gates: np.ndarray, h: np.ndarray, c: np.ndarray) -> None:
    """Make the step of an LSTM in place: of its gates (4, ...), the double of its output h (...) and its memory c."""
    np.tanh(gates, out=gates)
    i, f, o, g = gates
    ifo = gates[:3]
    ifo += 1
    f *= c
    i *= g
    f += i
    np.multiply(f, HALF, out=c)
    np.multiply(np.tanh(c, out=g), o, out=h)


def _gates(torch_gates: np.ndarray) -> np.ndarray:
    """Return (4, units, ...) the gates of a layer; torch has them in the order input, forget, cell, output."""
    i, f, g, o = np.split(torch_gates, 4)
    return np.stack([HALF * i, HALF * f, HALF * o, g])

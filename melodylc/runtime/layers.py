"""What networks are made of, in numpy: single precision, and in place where arrays are large."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from melodylc.runtime.products import product
from melodylc.runtime.weights import Weights

EPSILON = np.float32(1e-5)  # torch's, of normalising


def normalised(x: np.ndarray) -> np.ndarray:
    """Return x (..., N) with mean 0 and variance 1 in its last dimension."""
    count = np.float32(x.shape[-1])
    centred = x - np.add.reduce(x, axis=-1, keepdims=True) / count
    variance = np.add.reduce(np.square(centred), axis=-1, keepdims=True) / count
    centred /= np.sqrt(variance + EPSILON)
    return np.asarray(centred)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), computed in place."""
    np.multiply(x, 0.5, out=x)
    return _sigmoid_of_half(np.tanh(x, out=x))  # which does not overflow


def _sigmoid_of_half(tanh: np.ndarray) -> np.ndarray:
    """Return the sigmoid of a number of which tanh(x / 2) is given, computed in place."""
    tanh += 1
    tanh *= 0.5
    return tanh


class LSTMLayer(NamedTuple):
    """The weights of a layer of an LSTM, or of several (D) that run side by side.

    Gates are in the order input, forget, output, cell. The first three are halved, so that one tanh serves them all.
    """

    of_input: np.ndarray  # (I, 4 units), or (D, I, 4 units)
    of_output: np.ndarray  # (units, 4 units), or (D, units, 4 units)
    bias: np.ndarray  # (4 units,), or (D, 1, 4 units)

    @classmethod
    def of(cls, weights: Weights, name: str, layer: int = 0, *, backwards: bool = False) -> LSTMLayer:
        """Return the layer of an LSTM of a name."""
        end = f"_l{layer}{'_reverse' if backwards else ''}"
        bias = weights[f"{name}.bias_ih{end}"] + weights[f"{name}.bias_hh{end}"]
        of_input, of_output = (_gates(weights[f"{name}.weight_{kind}{end}"]) for kind in ("ih", "hh"))
        return cls(np.ascontiguousarray(of_input.T), np.ascontiguousarray(of_output.T), _gates(bias))

    @classmethod
    def both_ways(cls, weights: Weights, name: str, layer: int = 0) -> LSTMLayer:
        """Return the two directions of a layer of an LSTM of a name, side by side."""
        both = zip(*(cls.of(weights, name, layer, backwards=backwards) for backwards in (False, True)), strict=True)
        of_input, of_output, bias = (np.stack(each) for each in both)
        return cls(of_input, of_output, bias[:, None])

    def of_inputs(self, x: np.ndarray) -> np.ndarray:
        """Return the share of inputs x (N, T, I) in the gates, (N, T, 4 units) or (D, N, T, 4 units), with the bias."""
        gates = product(x.reshape(-1, x.shape[-1]), self.of_input)
        gates += self.bias
        return gates.reshape(*gates.shape[:-2], *x.shape[:-1], -1)

    def run(self, gates: np.ndarray, initial: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """Return the outputs (N, T, units) or (D, N, T, units) for the share of the inputs in the gates, `of_inputs`.

        Args:
            initial: output and memory, (N, units) or (D, N, units), before the first step; default: zeros.
        """
        *rows, steps, _ = gates.shape
        units = self.of_output.shape[-2]
        h, c = np.zeros((2, *rows, units), np.float32) if initial is None else initial
        c = np.array(c)
        own = np.empty((*rows, 4 * units), np.float32)
        outputs = np.empty((*rows, steps, units), np.float32)
        for step in range(steps):
            product(h, self.of_output, out=own)
            own += gates[..., step, :]
            h = outputs[..., step, :]
            cell(own, h, c)
        return outputs

    def run_both_ways(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (N, T, 2 units) of two directions for x (N, T, I)."""
        gates = self.of_inputs(x)
        gates[1] = gates[1, :, ::-1].copy()
        forwards, backwards = self.run(gates)
        return np.concatenate([forwards, backwards[:, ::-1]], axis=-1)


def cell(gates: np.ndarray, h: np.ndarray, c: np.ndarray) -> None:
    """Make the step of an LSTM in place: of its gates (..., 4 units), its output h (..., units) and its memory c."""
    units = h.shape[-1]
    np.tanh(gates, out=gates)
    _sigmoid_of_half(gates[..., : 3 * units])
    i, f, o, g = (gates[..., at : at + units] for at in range(0, 4 * units, units))
    c *= f
    c += np.multiply(i, g, out=i)
    np.tanh(c, out=h)
    h *= o


def _gates(torch_gates: np.ndarray) -> np.ndarray:
    """Return gates (4 units, ...) in the order of a layer; torch has them in the order input, forget, cell, output."""
    i, f, g, o = np.split(torch_gates, 4)
    half = np.float32(0.5)
    return np.concatenate([half * i, half * f, half * o, g])

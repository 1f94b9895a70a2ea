"""What networks are made of, in numpy: single precision, and in place where arrays are large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np

Weights = Mapping[str, np.ndarray]  # by the names of torch's modules
T = TypeVar("T")
EPSILON = 1e-5  # torch's, of normalising


def under(weights: Mapping[str, T], prefix: str) -> dict[str, T]:
    """Return the weights, or what else has their names, whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def linear(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    """Return the outputs (..., O) of a linear layer of a name for x (..., I)."""
    out = x.reshape(-1, x.shape[-1]) @ weights[f"{name}.weight"].T
    out += weights[f"{name}.bias"]
    return out.reshape(*x.shape[:-1], -1)


def normalised(x: np.ndarray) -> np.ndarray:
    """Return x (..., N) with mean 0 and variance 1 in its last dimension."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + EPSILON))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), computed in place."""
    np.multiply(x, 0.5, out=x)
    np.tanh(x, out=x)  # which does not overflow
    x += 1
    x *= 0.5
    return x


def cell(gates: np.ndarray, h: np.ndarray, c: np.ndarray) -> None:
    """Make the step of an LSTM in place: of its gates (N, 4 units), its output h (N, units) and its memory c."""
    units = h.shape[-1]
    i, f, g, o = (gates[:, at : at + units] for at in range(0, 4 * units, units))
    c *= sigmoid(f)
    c += np.multiply(sigmoid(i), np.tanh(g, out=g), out=i)
    np.multiply(sigmoid(o), np.tanh(c, out=h), out=h)


class LSTMLayer(NamedTuple):
    """The weights of one direction of one layer of an LSTM."""

    of_input: np.ndarray  # (I, 4 units)
    of_output: np.ndarray  # (units, 4 units)
    bias: np.ndarray  # (4 units,)

    @classmethod
    def of(cls, weights: Weights, name: str, layer: int = 0, *, backwards: bool = False) -> LSTMLayer:
        """Return the layer of an LSTM of a name."""
        end = f"_l{layer}{'_reverse' if backwards else ''}"
        bias = weights[f"{name}.bias_ih{end}"] + weights[f"{name}.bias_hh{end}"]
        of_input, of_output = (weights[f"{name}.weight_{kind}{end}"].T for kind in ("ih", "hh"))
        return cls(of_input, of_output, bias)

    def run(
        self, gates: np.ndarray, initial: tuple[np.ndarray, np.ndarray] | None = None, *, backwards: bool = False
    ) -> np.ndarray:
        """Return the outputs (N, T, units) for the share of the inputs in the gates (N, T, 4 units), `of_inputs`.

        Args:
            initial: output and memory (N, units) before the first step; default: zeros.
            backwards: from the last step to the first.
        """
        count, steps, _ = gates.shape
        units = len(self.of_output)
        if initial is None:
            h, c = np.zeros((2, count, units), np.float32)
        else:
            h, c = (np.array(each) for each in initial)
        outputs = np.empty((count, steps, units), np.float32)
        for step in reversed(range(steps)) if backwards else range(steps):
            own = h @ self.of_output
            own += gates[:, step]
            cell(own, h, c)
            outputs[:, step] = h
        return outputs

    def of_inputs(self, x: np.ndarray) -> np.ndarray:
        """Return the share of inputs x (N, T, I) in the gates, (N, T, 4 units), the bias with it."""
        gates = x.reshape(-1, x.shape[-1]) @ self.of_input
        gates += self.bias
        return gates.reshape(*x.shape[:-1], -1)


def both_ways(weights: Weights, name: str, x: np.ndarray, layer: int = 0) -> np.ndarray:
    """Return the outputs (N, T, 2 units) of a layer of a bidirectional LSTM for x (N, T, I)."""
    outputs = []
    for backwards in (False, True):
        own = LSTMLayer.of(weights, name, layer, backwards=backwards)
        outputs.append(own.run(own.of_inputs(x), backwards=backwards))
    return np.concatenate(outputs, axis=-1)

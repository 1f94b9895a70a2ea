"""The flow from noise to the parts of examples, in numpy; `latent.flow` explains it, and is what is trained.

Shapes: B examples, P parts, D numbers a part, Y labels, U units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from melodylc.base.seeds import Source
from melodylc.runtime.layers import normalised, sigmoid
from melodylc.runtime.products import Linear, linear_layers
from melodylc.runtime.weights import Weights, under

FREQUENCIES, FASTEST = 64, 500.0  # of the embedding of t; see `latent.flow`
RENEWED = 0.5  # share of the steps of `complete` that begin with new noise
GELU = math.sqrt(2 / math.pi)
REMEMBERED = 8  # times and labels whose modulations are remembered: of one draw, a third of the weights make them

Layer = dict[str, Linear]  # project, gather, expand, contract, modulation


class VelocityField:
    """A transformer from parts on the way, the time and labels to the velocity."""

    def __init__(self, weights: Weights, heads: int) -> None:
        self._place, self._heads = weights["place"], heads
        self._of_one = lru_cache(REMEMBERED)(lambda t, labels: self._of(t, np.frombuffer(labels, np.float32)[None]))
        within = [name for name in weights if name.startswith("layers.")]
        self._outside = linear_layers({name: value for name, value in weights.items() if name not in within})
        count = 1 + max(int(name.split(".")[1]) for name in within)
        self._layers = [linear_layers(under(weights, f"layers.{number}.")) for number in range(count)]

    def __call__(self, x: np.ndarray, t: float, labels: np.ndarray) -> np.ndarray:
        """Return the velocity (B, P, D) of parts (B, P, D) at a time, given labels (B, Y), or (1, Y) for all."""
        labels = np.asarray(labels, np.float32)
        of_one = len(labels) == 1
        *modulations, (shift, scale) = self._of_one(t, labels.tobytes()) if of_one else self._of(t, labels)
        hidden = self._outside["enter"](x) + self._place
        for layer, modulation in zip(self._layers, modulations, strict=True):
            hidden = self._layer(layer, hidden, modulation)
        return self._outside["leave"](normalised(hidden, scale, shift))

    def _of(self, t: float, labels: np.ndarray) -> list[list[np.ndarray]]:
        """Return what a time and labels (B, Y) make of each layer, and of the last: shifts, scales, gates (B, 1, U)."""
        context = _silu(self._mlp("time", _embedding(t)) + self._mlp("label", labels))
        modulations = []
        for layer in [*(layer["modulation"] for layer in self._layers), self._outside["last"]]:
            modulation = layer(context).reshape(len(labels), -1, 1, self._place.shape[1]).swapaxes(0, 1)
            modulation[1::3] += 1  # the scales
            modulations.append(list(modulation))
        return modulations

    def _mlp(self, name: str, x: np.ndarray) -> np.ndarray:
        return self._outside[f"{name}.2"](_silu(self._outside[f"{name}.0"](x)))

    def _layer(self, layer: Layer, x: np.ndarray, modulation: list[np.ndarray]) -> np.ndarray:
        """Return parts (B, P, U), changed in place, given the layer's shifts, scales and gates."""
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation
        change = layer["gather"](self._attended(layer, normalised(x, scale1, shift1)))
        change *= gate1
        x += change
        change = layer["contract"](_gelu(layer["expand"](normalised(x, scale2, shift2))))
        change *= gate2
        x += change
        return x

    def _attended(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        batch, parts, units = x.shape
        heads = layer["project"](x).reshape(batch, parts, 3, self._heads, -1)
        query, key, value = heads.transpose(2, 0, 3, 1, 4)  # (B, heads, P, U / heads) each
        weights = key @ query.swapaxes(-1, -2)  # of keys for queries: what is reduced comes first, which is faster
        weights *= np.float32(1 / math.sqrt(query.shape[-1]))
        weights -= weights.max(axis=-2, keepdims=True)
        np.exp(weights, out=weights)
        weights /= np.add.reduce(weights, axis=-2, keepdims=True)
        attended = np.empty((batch, parts, self._heads, units // self._heads), np.float32)
        np.matmul(weights.swapaxes(-1, -2), value, out=attended.swapaxes(1, 2))
        return attended.reshape(x.shape)


def _embedding(t: float) -> np.ndarray:
    frequencies = np.exp(_logarithms(), dtype=np.float64).astype(np.float32)  # a last bit turns the fastest visibly
    angles = np.float32(t) * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)])[None]


def _logarithms() -> np.ndarray:
    """Return the logarithms of the frequencies, rounded once, as torch.linspace does: the highest turn fast."""
    last, number = np.float32(math.log(FASTEST)), np.arange(FREQUENCIES, dtype=np.float64)
    step = np.float64(last / np.float32(FREQUENCIES - 1))
    ascending = np.where(number < FREQUENCIES / 2, step * number, last - step * (FREQUENCIES - 1 - number))
    return ascending.astype(np.float32)


def _silu(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(x.copy())


def _gelu(x: np.ndarray) -> np.ndarray:
    inner = np.square(x)
    inner *= np.float32(0.044715 * GELU)
    inner += np.float32(GELU)
    inner *= x
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= 0.5
    return inner


def form_of(parts: np.ndarray) -> np.ndarray:
    """Return (B, P), for each of parts (B, P, D) the number of the first that is equal to it."""
    return np.asarray((parts[:, :, None] == parts[:, None]).all(axis=-1).argmax(axis=-1))


def tied(values: np.ndarray, form: np.ndarray) -> np.ndarray:
    """Return values (B, P, D) of the first of equal parts for each of them, given a form (B, P)."""
    return np.take_along_axis(values, form[..., None], axis=1)


def guided(field: VelocityField, x: np.ndarray, t: float, labels: np.ndarray, guidance: float) -> np.ndarray:
    """Return the velocity (B, P, D), with labels (B, Y) weighed by `guidance`; see `latent.flow.guided`."""
    if guidance == 1 or not labels.any():
        return field(x, t, labels)
    labels = np.broadcast_to(labels, (len(x), labels.shape[1]))
    both = field(np.concatenate([x, x]), t, np.concatenate([labels, np.zeros_like(labels)]))
    asked, free = np.split(both, 2)
    return np.asarray(free + guidance * (asked - free))


def integrate(
    field: VelocityField, x: np.ndarray, labels: np.ndarray, *, guidance: float = 1.0, steps: int = 16
) -> np.ndarray:
    """Follow the velocity by Heun's method from noise (B, P, D) to examples."""
    form = form_of(x)
    for number in range(steps):
        now, then = number / steps, (number + 1) / steps
        first = guided(field, x, now, labels, guidance)
        second = guided(field, x + (then - now) * tied(first, form), then, labels, guidance)
        x = x + (then - now) * tied(first + second, form) / 2
    return x


def complete(
    field: VelocityField,
    x: np.ndarray,
    labels: np.ndarray,
    known: np.ndarray,
    where: np.ndarray,
    source: Source,
    *,
    guidance: float,
    steps: int,
    again: int = 2,
    renewed: Callable[[np.ndarray], np.ndarray] = lambda noise: noise,
) -> np.ndarray:
    """Follow the velocity from noise (B, P, D) to examples of which some parts are known; see `latent.flow`."""
    form, noise = form_of(x), x
    for number in range(steps):
        now, then = number / steps, (number + 1) / steps
        for guess in range(again):
            velocity = tied(guided(field, x, now, labels, guidance), form)
            example = np.where(where[..., None], known, x + (1 - now) * velocity)
            last = guess == again - 1
            if not last or number < steps * RENEWED:
                noise = tied(renewed(source.normal(*x.shape)), form)
            else:
                noise = np.where(where[..., None], noise, x - now * velocity)
            x = noise + (then if last else now) * (example - noise)
    return np.where(where[..., None], known, x)


def euler(field: VelocityField, x: np.ndarray, labels: np.ndarray, *, steps: int) -> np.ndarray:
    """Follow the mean velocities of a distilled network from noise (B, P, D) to examples, in so many equal steps."""
    form = form_of(x)
    for number in range(steps):
        x = x + tied(field(x, number / steps, labels), form) / steps
    return x

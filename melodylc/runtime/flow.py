"""The flow from noise to the parts of examples, in numpy; `latent.flow` explains it, and is what is trained.

Shapes: B examples, P parts, D numbers a part, Y labels, U units.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from melodylc.base.seeds import Source
from melodylc.runtime.layers import Weights, linear, normalised, sigmoid, under

FREQUENCIES, FASTEST = 64, 500.0  # of the embedding of t; see `latent.flow`
RENEWED = 0.5  # share of the steps of `complete` that begin with new noise
GELU = math.sqrt(2 / math.pi)


class VelocityField:
    """A transformer from parts on the way, the time and labels to the velocity."""

    def __init__(self, weights: Weights, heads: int) -> None:
        self.weights, self.heads = weights, heads
        count = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
        self.layers = [under(weights, f"layers.{number}.") for number in range(count)]

    def __call__(self, x: np.ndarray, t: float, labels: np.ndarray) -> np.ndarray:
        """Return the velocity (B, P, D) of parts (B, P, D) at a time, given labels (B, Y)."""
        context = _silu(self._mlp("time", _embedding(t)) + self._mlp("label", labels))
        hidden = linear(self.weights, "enter", x) + self.weights["place"]
        for layer in self.layers:
            hidden = self._layer(layer, hidden, context)
        shift, scale = np.split(linear(self.weights, "last", context)[:, None], 2, axis=-1)
        return linear(self.weights, "leave", normalised(hidden) * (1 + scale) + shift)

    def _mlp(self, name: str, x: np.ndarray) -> np.ndarray:
        return linear(self.weights, f"{name}.2", _silu(linear(self.weights, f"{name}.0", x)))

    def _layer(self, layer: Weights, x: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Return parts (B, P, U) given parts (B, P, U) and their context (B, U)."""
        modulation = linear(layer, "modulation", context)[:, None]
        shift1, scale1, gate1, shift2, scale2, gate2 = np.split(modulation, 6, axis=-1)
        x = x + gate1 * linear(layer, "gather", self._attended(layer, normalised(x) * (1 + scale1) + shift1))
        inner = _gelu(linear(layer, "expand", normalised(x) * (1 + scale2) + shift2))
        return np.asarray(x + gate2 * linear(layer, "contract", inner))

    def _attended(self, layer: Weights, x: np.ndarray) -> np.ndarray:
        batch, parts, units = x.shape
        heads = linear(layer, "project", x).reshape(batch, parts, 3, self.heads, -1)
        query, key, value = heads.transpose(2, 0, 3, 1, 4)  # (B, heads, P, U / heads) each
        weights = query @ key.swapaxes(-1, -2)
        weights /= math.sqrt(query.shape[-1])
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ value).swapaxes(1, 2).reshape(batch, parts, units)


def _embedding(t: float) -> np.ndarray:
    angles = np.float32(t) * np.exp(_logarithms())
    return np.concatenate([np.sin(angles), np.cos(angles)])[None]


def _logarithms() -> np.ndarray:
    """Return the logarithms of the frequencies, rounded as torch.linspace does: the highest turn fast."""
    last, number = np.float32(math.log(FASTEST)), np.arange(FREQUENCIES, dtype=np.float32)
    step = last / np.float32(FREQUENCIES - 1)
    return np.where(number < FREQUENCIES / 2, step * number, last - step * (FREQUENCIES - 1 - number))


def _silu(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(x.copy())


def _gelu(x: np.ndarray) -> np.ndarray:
    inner = np.square(x)
    inner *= x
    inner *= 0.044715
    inner += x
    inner *= GELU
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

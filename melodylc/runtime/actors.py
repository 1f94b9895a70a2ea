"""Actors in numpy: what `latent.networks` computes where they are learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base import storage
from melodylc.base.arrays import Vectors, as_array
from melodylc.runtime import shapes
from melodylc.runtime.layers import sigmoid
from melodylc.runtime.products import linear_layers
from melodylc.runtime.weights import Weights, under

MOST_LAYERS, WIDEST = 16, 8192


class Actor:
    """A network that moves z to z' = (1 - gate) z + gate dz, given labels if it takes any."""

    def __init__(self, weights: Weights) -> None:
        layers = linear_layers(weights)
        self._label = layers.pop("label", None)
        *self._hidden, self._last = (layers[name] for name in sorted(layers, key=lambda name: int(name.split(".")[1])))

    def moved(self, z: Vectors, labels: np.ndarray | None = None) -> np.ndarray:
        """Return where z (B, Z) is moved, (B, Z), given labels (Y,) for all, of an actor that takes labels."""
        x = start = as_array(z)
        if labels is not None and self._label is not None:
            own = self._label(labels[None])
            x = np.concatenate([start, np.repeat(own, len(start), axis=0)], axis=-1)
        for layer in self._hidden:
            x = layer(x)
            np.maximum(x, 0, out=x)
        dz, gate = np.split(self._last(x), 2, axis=-1)
        gate = sigmoid(gate)
        return np.asarray((1 - gate) * start + gate * dz)


def check_widths(widths: Sequence[Any]) -> None:
    """Raise ValueError for widths of layers that no actor has, as of a card that was written by hand."""
    if not 1 <= len(widths) <= MOST_LAYERS or not all(isinstance(each, int) and 1 <= each <= WIDEST for each in widths):
        raise ValueError(f"widths {widths}")


def read_actor(
    path: Path,
    word: str,
    latent: int,
    hidden: tuple[int, ...],
    labels: int = 0,
    label_units: int = 0,
    prefix: str = "",
) -> Actor:
    """Return the actor in a file, whose weights have names with a prefix; see `latent.networks.Actor`.

    Raises:
        ValueError: if it has other sizes.
        UserError: if it is missing or damaged.
    """
    found = under(storage.shapes_of(path, word), prefix)
    shapes.check(found, shapes.of_actor(latent, hidden, labels, label_units))
    return Actor(storage.read_arrays(path, word, prefix))

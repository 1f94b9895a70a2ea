"""The weights of networks as files hold them: arrays by the names of torch's modules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]


def under(weights: Weights, prefix: str) -> dict[str, np.ndarray]:
    """Return the weights whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}

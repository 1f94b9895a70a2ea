"""The weights of networks as files hold them: arrays by the names of torch's modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Weights = Mapping[str, np.ndarray]
T = TypeVar("T")


def under(weights: Mapping[str, T], prefix: str) -> dict[str, T]:
    """Return the weights, or what else has their names, whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}

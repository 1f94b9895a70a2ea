"""Torch's generator as a source of random numbers for what computes with arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class TorchSource:
    """A `base.seeds.Source` that draws from a generator of torch."""

    generator: torch.Generator

    def uniform(self, *shape: int) -> np.ndarray:
        """Draw numbers from 0 to 1, 1 excluded, in single precision."""
        return torch.rand(shape, generator=self.generator).numpy()

    def normal(self, *shape: int) -> np.ndarray:
        """Draw numbers of N(0, 1), in single precision."""
        return torch.randn(shape, generator=self.generator).numpy()

    def integers(self, below: int, count: int) -> np.ndarray:
        """Draw so many whole numbers from 0 to one, which is excluded."""
        return torch.randint(below, (count,), generator=self.generator).numpy()

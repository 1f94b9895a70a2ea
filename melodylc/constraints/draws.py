"""Where melodies come from in a search: noise in, melodies out; here new ones, in `infilling` parts of a given one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import Attributes
from melodylc.melody import BARS
from melodylc.model import Model


class Draws(Protocol):
    """What makes melodies of noise (B, P, D) of P parts: bars, or one part where a model has no realistic prior."""

    model: Model

    @property
    def allowed_states(self) -> np.ndarray | None:
        """Return the states that may be drawn, (130,) or (256, 130) bool."""

    def noise(self, count: int, seed: int | None = None, source: torch.Generator | None = None) -> Tensor:
        """Draw noise (count, P, D), from a seed or a generator."""

    def latent(self, noise: Tensor) -> Tensor:
        """Return z (B, Z) for noise (B, P, D)."""

    def decoded(self, z: Tensor, noise: Tensor, source: torch.Generator | None) -> np.ndarray:
        """Return the melodies (B, 256) of z (B, Z) that were made of noise (B, P, D)."""

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        """Return variations (B, 256) of a melody (256,) as they may be."""


class PriorDraws:
    """Draws of the prior of a model, with attributes or without."""

    def __init__(
        self,
        model: Model,
        attributes: Attributes | None = None,
        temperature: float | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> None:
        self.model, self.attributes, self.temperature = model, attributes, temperature
        self.allowed_states = allowed_states
        self.parts = BARS if model.realistic is not None else 1

    def noise(self, count: int, seed: int | None = None, source: torch.Generator | None = None) -> Tensor:
        return self.model.noise(count, seed, source).unflatten(1, (self.parts, -1))

    def latent(self, noise: Tensor) -> Tensor:
        return self.model.from_noise(noise.flatten(1), self.attributes)

    def decoded(self, z: Tensor, noise: Tensor, source: torch.Generator | None) -> np.ndarray:
        del noise
        return self.model.decode_quickly(
            z, temperature=self.temperature, generator=source, allowed_states=self.allowed_states
        )

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        del melody
        return changed

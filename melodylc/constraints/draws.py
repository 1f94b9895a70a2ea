"""Where melodies come from in a search: noise in, melodies out; here new ones, in `infilling` parts of a given one."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.arrays import as_array
from melodylc.base.seeds import Source
from melodylc.melody import BARS
from melodylc.runtime.interface import MelodyModel


class Draws(Protocol):
    """What makes melodies of noise (B, P, D) of P parts: bars, or one part where a model has no realistic prior."""

    model: MelodyModel

    @property
    def allowed_states(self) -> np.ndarray | None:
        """Return the states that may be drawn, (130,) or (256, 130) bool."""

    def noise(self, count: int, seed: int | None = None, source: Source | None = None) -> np.ndarray:
        """Draw noise (count, P, D), from a seed or a generator."""

    def latent(self, noise: np.ndarray) -> np.ndarray:
        """Return z (B, Z) for noise (B, P, D)."""

    def decoded(self, z: np.ndarray, noise: np.ndarray, source: Source) -> np.ndarray:
        """Return the melodies (B, 256) of z (B, Z) that were made of noise (B, P, D)."""

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        """Return variations (B, 256) of a melody (256,) as they may be."""


class PriorDraws:
    """Draws of the prior of a model, with attributes or without."""

    def __init__(
        self,
        model: MelodyModel,
        attributes: Attributes | None = None,
        temperature: float | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> None:
        self.model, self.attributes, self.temperature = model, attributes, temperature
        self.allowed_states = allowed_states
        self.parts = BARS if model.realistic is not None else 1

    def noise(self, count: int, seed: int | None = None, source: Source | None = None) -> np.ndarray:
        return as_array(self.model.noise(count, seed, source)).reshape(count, self.parts, -1)

    def latent(self, noise: np.ndarray) -> np.ndarray:
        return as_array(self.model.from_noise(noise.reshape(len(noise), -1), self.attributes))

    def decoded(self, z: np.ndarray, noise: np.ndarray, source: Source) -> np.ndarray:
        del noise
        return self.model.decode_quickly(
            z, temperature=self.temperature, generator=source, allowed_states=self.allowed_states
        )

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        del melody
        return changed

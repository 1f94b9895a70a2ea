"""What makes melodies: `melodylc.Model` with torch, or `runtime.model.PlayingModel` without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.seeds import Source


class MelodyModel(Protocol):
    """A model that draws, encodes and decodes melodies.

    Vectors come as tensors from a model with torch and as arrays from the other (`base.arrays.as_array` makes arrays of
    both); both take arrays.
    """

    card: dict[str, Any]
    path: Path
    temperature: float
    style: Any
    style_amount: float
    plain: Any

    def __hash__(self) -> int: ...  # what is computed once for a model is kept for it

    @property
    def realistic(self) -> Any:
        """Return the realistic prior, or None."""

    @property
    def bank(self) -> Any:
        """Return the bank: `states` (N, 256) and `mean` (N, Z), and with draws of the prior `known()`."""

    @property
    def latent(self) -> int:
        """Return the number of dimensions of z."""

    def source(self, seed: int | None, stream: int = 0) -> Source:
        """Return a source of random numbers for a seed and one of its streams."""

    def source_at(self, state: int) -> Source:
        """Return a source of random numbers that starts from a state."""

    def noise(self, count: int, seed: int | None = None, source: Source | None = None) -> Any:
        """Draw the noise (count, N) that `from_noise` makes z of."""

    def noise_between(self, noise: Any, toward: Any, amount: float) -> Any:
        """Return noise (B, N) on the way from one to another."""

    def from_noise(self, noise: Any, attributes: Attributes | None = None) -> Any:
        """Return z (B, Z) for noise (B, N)."""

    def prior(self, count: int, seed: int | None = None, attributes: Attributes | None = None) -> Any:
        """Draw z (count, Z)."""

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Sample melodies (count, 256) without constraints."""

    def encode(self, melodies: np.ndarray) -> Any:
        """Encode melodies (B, 256) to their posterior: `.mean` and `.sigma`, each (B, Z)."""

    def decode(
        self,
        z: Any,
        *,
        temperature: float | None = None,
        seed: int | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode z (B, Z) to melodies (B, 256)."""

    def decode_quickly(
        self,
        z: Any,
        *,
        temperature: float | None = None,
        generator: Source | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> np.ndarray:
        """Decode, in half precision where that is quicker."""

    def between(self, first: np.ndarray, last: np.ndarray, count: int) -> Any:
        """Return points (count, Z) on the arc from the encoding of one melody (256,) to another's."""

    def bar_embeddings(self, z: Any) -> Any:
        """Return the embeddings of the 16 bars (B, 16, E) that z (B, Z) decodes from."""

    def logits(self, z: Any, melody: np.ndarray) -> np.ndarray:
        """Return the decoder's logits (256, 130) for the states of a melody (256,)."""

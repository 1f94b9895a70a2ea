"""The bank of a model without torch: melodies, and their z, each read on first use."""

from __future__ import annotations

import hashlib
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np

from melodylc.base import storage
from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.melody import STEPS, check
from melodylc.runtime.interface import MelodyModel

FILE = "bank.safetensors"  # beside a model
LIMIT = 1 << 27  # bytes of a decompressed batch, half a million melodies: a damaged file must not fill the memory


class Bank:
    """Melodies of the corpus with their encodings."""

    def __init__(self, weights: Path, latent: int) -> None:
        self.path, self.latent = weights.with_name(FILE), latent

    @cached_property
    def states(self) -> np.ndarray:
        """Return the melodies (N, 256).

        Raises:
            UserError: if the file is missing or damaged.
        """
        return self._melodies("states")

    @cached_property
    def drawn(self) -> np.ndarray:
        """Return the melodies (M, 256) that draws of the prior decode to.

        Raises:
            UserError: if the file is missing or damaged.
        """
        return self._melodies("drawn")

    def _melodies(self, name: str) -> np.ndarray:
        try:
            return unpacked(storage.read_array(self.path, name))
        except (KeyError, ValueError, zlib.error) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"model: {self.path} is damaged ({error}); train the model again") from error

    @cached_property
    def mean(self) -> np.ndarray:
        """Return the encodings (N, Z) of the melodies.

        Raises:
            UserError: if the file is missing or damaged, or of another model.
        """
        return self._fitting(storage.read_array(self.path, "mean"), self.states)

    def draws(self) -> np.ndarray:
        """Return the draws of the prior (M, Z) that `drawn` were decoded from.

        Raises:
            UserError: if the file is missing or damaged, or of another model.
        """
        stored = storage.read_arrays(self.path, prefix="drawn_from").get("")
        return self._fitting(standard_draws(len(self.drawn), self.latent) if stored is None else stored, self.drawn)

    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all pairs of the bank: z (N + M, Z) and melodies (N + M, 256).

        Raises:
            UserError: if the file is missing or damaged, or of another model.
        """
        return np.concatenate([self.mean, self.draws()]), np.concatenate([self.states, self.drawn])

    def _fitting(self, z: np.ndarray, melodies: np.ndarray) -> np.ndarray:
        if z.shape != (len(melodies), self.latent):
            raise UserError(f"model: {self.path} belongs to another model; keep the two together")
        return z


def fingerprint(model: MelodyModel) -> str:
    """Return a digest of the model's bank, which no two trainings share."""
    return hashlib.blake2b(as_array(model.bank.mean).astype(np.float16).tobytes(), digest_size=8).hexdigest()


def standard_draws(count: int, latent: int) -> np.ndarray:
    """Return (count, Z) draws of N(0, I), always the same: RandomState does not change with numpy's version."""
    return np.random.RandomState(0).standard_normal((count, latent)).astype(np.float32)


def unpacked(packed: np.ndarray) -> np.ndarray:
    """Return the melodies (N, 256) that were compressed to bytes (M,).

    Raises:
        ValueError, zlib.error: if they are no melodies.
    """
    inflater = zlib.decompressobj()
    content = inflater.decompress(packed.astype(np.uint8).tobytes(), LIMIT)
    if inflater.unconsumed_tail or len(content) % STEPS:
        raise ValueError(f"melodies of {len(content)} bytes")
    return check(np.frombuffer(content, np.uint8).reshape(-1, STEPS).copy())

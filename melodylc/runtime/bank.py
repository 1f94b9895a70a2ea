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
        try:
            return unpacked(storage.read_array(self.path, "states"))
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
        mean = storage.read_array(self.path, "mean")
        if mean.shape != (len(self.states), self.latent):
            raise UserError(f"model: {self.path} belongs to another model; keep the two together")
        return mean


def fingerprint(model: MelodyModel) -> str:
    """Return a digest of the model's bank, which no two trainings share."""
    return hashlib.blake2b(as_array(model.bank.mean).astype(np.float16).tobytes(), digest_size=8).hexdigest()


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

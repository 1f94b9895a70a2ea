"""Random numbers of a seed without torch: those that torch's generator gives, so that a seed means the same melodies.

Uniform and whole numbers are torch's to the last bit, those of N(0, 1) to the sixth digit.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import Any, Protocol, cast

import numpy as np

from melodylc.base import numbers

BLOCK = 16  # numbers of N(0, 1) that torch makes at a time
AGAIN = np.float32(2**-24)  # the distance of uniform numbers


class Source(Protocol):
    """A source of random numbers: `NumpySource`, or torch's generator as `latent.sources.TorchSource`."""

    def uniform(self, *shape: int) -> np.ndarray:
        """Draw numbers from 0 to 1, 1 excluded, in single precision."""

    def normal(self, *shape: int) -> np.ndarray:
        """Draw numbers of N(0, 1), in single precision."""

    def integers(self, below: int, count: int) -> np.ndarray:
        """Draw so many whole numbers from 0 to one, which is excluded."""


class _NoSeed(np.random.bit_generator.ISeedSequence):
    """What a generator that is seeded afterwards is made with: asking the system for a seed takes 60 µs."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """Return zeros (n_words,)."""
        return np.zeros(n_words, dtype)


class NumpySource:
    """What torch's generator on the CPU draws for a seed, by numpy's Mersenne Twister."""

    def __init__(self, state: int) -> None:
        self._bits = np.random.MT19937(cast(Any, _NoSeed()))
        self._bits._legacy_seeding(state & 0xFFFFFFFF)  # as RandomState(seed) does

    def uniform(self, *shape: int) -> np.ndarray:
        """Draw numbers from 0 to 1, 1 excluded, in single precision."""
        return ((self._raw(math.prod(shape)) & 0xFFFFFF).astype(np.float32) * AGAIN).reshape(shape)

    def normal(self, *shape: int) -> np.ndarray:
        """Draw numbers of N(0, 1), in single precision: none, or 16 or more, of which torch draws otherwise."""
        count = math.prod(shape)
        assert not 0 < count < BLOCK
        uniform, whole = self.uniform(count), count // BLOCK * BLOCK
        drawn = np.empty(count, np.float32)
        drawn[:whole] = _box_muller(uniform[:whole])
        if whole < count:
            drawn[-BLOCK:] = _box_muller(self.uniform(BLOCK))
        return drawn.reshape(shape)

    def integers(self, below: int, count: int) -> np.ndarray:
        """Draw so many whole numbers from 0 to one, which is excluded."""
        return (self._raw(count) % below).astype(np.intp)

    def _raw(self, count: int) -> np.ndarray:
        return self._bits.random_raw(count) if count else np.empty(0, np.uint64)


def _box_muller(uniform: np.ndarray) -> np.ndarray:
    """Return numbers of N(0, 1) of as many uniform ones, blocks of 16 (Box and Muller, 1958)."""
    blocks = uniform.reshape(-1, 2, BLOCK // 2)
    radius, angle = np.sqrt(-2 * np.log(1 - blocks[:, 0])), np.float32(2 * math.pi) * blocks[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


def state_of(seed: int | None, stream: int = 0) -> int:
    """Return what a generator starts from, for a seed and one of its independent streams; without a seed, by chance.

    Raises:
        UserError: for a seed that is none.
    """
    numbers.seed(seed)
    if seed is None:
        return secrets.randbits(63)
    return int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def state_for(noise: np.ndarray) -> int:
    """Return what a generator starts from that noise determines, by its signs: the last bits may differ."""
    digest = hashlib.blake2b(np.packbits(noise > 0).tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1

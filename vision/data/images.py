"""A data set as the experiments use it: images, labels and their names.

Shapes: N images of (C, H, W), Y labels, K columns of a figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from melodylc.base.errors import UserError

HASH_BYTES = 16  # of the hash of an image
Watch = Callable[[Iterable[Any], int], Iterable[Any]]  # wraps a number of items in a progress bar


def unwatched(items: Iterable[Any], count: int) -> Iterable[Any]:
    """Return the items as they are: no progress bar."""
    return items


@dataclass(frozen=True)
class Images:
    """Images with their labels, in the same order; `images[row]` is one of them, as torch's data loaders take it."""

    pixels: Tensor  # (N, C, H, W) uint8; they may be mapped from disk, and are read where they are used
    labels: Tensor  # (N, Y) float32, each 0 or 1
    # (N, HASH_BYTES) uint8, where they are known; never taken over by `replace`, as they are of these pixels
    hashes: Tensor | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def hashed(cls, pixels: Tensor, labels: Tensor, hashes: Tensor | None) -> Images:
        """Return images whose hashes (N, HASH_BYTES) are known."""
        made = cls(pixels, labels)
        object.__setattr__(made, "hashes", hashes)
        return made

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        """Return the pixels (C, H, W), uint8, and the labels (Y,) of an image."""
        return self.pixels[row], self.labels[row]

    def at(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return pixels in [0, 1] and labels of some rows."""
        return unit(self.pixels[rows]), self.labels[rows]

    def drawn(self, count: int) -> Tensor:
        """Draw rows (count,) at random, with replacement."""
        return torch.randint(len(self), (count,))

    def on(self, rows: Tensor | slice, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return pixels in [0, 1] and labels of some rows on a device: they travel as bytes, and while it computes."""
        pixels, labels = self.pixels[rows], self.labels[rows]
        if device.type == "cuda":
            pixels, labels = pixels.pin_memory(), labels.pin_memory()
        return unit(pixels.to(device, non_blocking=True)), labels.to(device, non_blocking=True)

    def draw(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Draw images at random, with replacement; return pixels in [0, 1] and labels, on a device."""
        return self.on(self.drawn(count), device)

    def subset(self, rows: Tensor | slice) -> Images:
        """Return some of the images; they are copied only where they do not lie one after the other."""
        if isinstance(rows, Tensor) and _consecutive(rows):
            rows = slice(int(rows[0]), int(rows[-1]) + 1)
        return Images.hashed(self.pixels[rows], self.labels[rows], None if self.hashes is None else self.hashes[rows])

    def fingerprint(self) -> bytes:
        """Return a hash of all pixels and labels, in their order."""
        hashes = self.hashes
        if hashes is None:
            found = b"".join(image_hash(image) for image in self.pixels)
        else:
            found = hashes.contiguous().numpy().tobytes()
        digest = hashlib.sha256(repr((tuple(self.pixels.shape), tuple(self.labels.shape))).encode())
        digest.update(found)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.digest()


def image_hash(image: Tensor) -> bytes:
    """Return a hash of HASH_BYTES bytes of the pixels of an image (C, H, W) uint8."""
    return hashlib.blake2b(image.contiguous().numpy().data, digest_size=HASH_BYTES).digest()


def _consecutive(rows: Tensor) -> bool:
    return len(rows) > 0 and bool((rows[1:] - rows[:-1] == 1).all())


@dataclass(frozen=True)
class LabelNames:
    """What the labels of a data set are called, and what is known of them without its images."""

    attributes: tuple[str, ...]  # Y names
    exclusive: bool  # labels are classes, of which an image has one; otherwise attributes, each on its own
    figure_labels: tuple[tuple[str, tuple[int, ...]], ...]  # names and label vectors of the columns of figures
    aliases: Mapping[str, tuple[str, bool]] = field(default_factory=dict)  # other names: of an attribute, or its lack
    alternatives: tuple[tuple[str, ...], ...] = ()  # attributes of which an image has one at the most


@dataclass(frozen=True)
class Dataset:
    """A data set in its three parts."""

    name: str
    train: Images
    valid: Images
    test: Images
    names: LabelNames
    source: str  # of the parts, in words; weights on disk are recognised by it

    def __post_init__(self) -> None:
        """Refuse parts that nothing can be trained or measured on, before anything is trained."""
        for part, least in (("train", 2), ("valid", 1), ("test", 2)):
            if len(getattr(self, part)) < least:
                raise UserError(
                    f"{self.name}: expected at least {least} images in the part {part}, got {len(getattr(self, part))}"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of an image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width

    @property
    def attributes(self) -> tuple[str, ...]:
        """The Y names of labels."""
        return self.names.attributes

    @property
    def exclusive(self) -> bool:
        """Whether labels are classes, of which an image has one."""
        return self.names.exclusive

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """Attributes of which an image has one at the most."""
        return self.names.alternatives

    def fingerprint(self) -> str:
        """Return what the data are recognised by: a hash of all images, labels and names, part by part."""
        digest = hashlib.sha256(repr((self.name, self.attributes, self.exclusive)).encode())
        for part in (self.train, self.valid, self.test):
            digest.update(part.fingerprint())
        return digest.hexdigest()[:16]

    @property
    def columns(self) -> tuple[list[str], Tensor]:
        """The names and labels (K, Y) of the columns of figures."""
        names, labels = zip(*self.names.figure_labels, strict=True)
        return list(names), torch.tensor(labels, dtype=torch.float32)


def unit(pixels: Tensor) -> Tensor:
    """Scale uint8 pixels to [0, 1]."""
    return pixels.float() / 255


def split(count: int, sizes: tuple[int, ...], seed: int) -> list[Tensor]:
    """Draw the rows of parts of given sizes, without replacement; the last part is the rest."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    parts = list(order.split([*sizes, count - sum(sizes)]))
    return [part.sort().values for part in parts]

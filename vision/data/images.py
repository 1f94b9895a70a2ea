"""What the experiments know of a data set: images, labels, and how to speak of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Watch = Callable[[Iterable[Any], int], Iterable[Any]]


def unwatched(items: Iterable[Any], count: int) -> Iterable[Any]:
    """No progress bar."""
    return items


@dataclass(frozen=True)
class Images:
    """Images with their labels, in one order."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N, Y) float32, each 0 or 1

    def __len__(self) -> int:
        return len(self.pixels)

    def at(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Pixels in [0, 1] and labels of some rows."""
        return unit(self.pixels[rows]), self.labels[rows]

    def draw(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Pixels in [0, 1] and labels of random images, with replacement, on a device."""
        x, y = self.at(torch.randint(len(self), (count,)))
        return x.to(device), y.to(device)

    def of(self, rows: Tensor | slice) -> Images:
        """Some of the images."""
        return Images(self.pixels[rows], self.labels[rows])


@dataclass(frozen=True)
class Dataset:
    """A data set in its three parts."""

    name: str
    train: Images
    valid: Images
    test: Images
    attributes: tuple[str, ...]  # Y names
    exclusive: bool  # one label of an image is 1 (classes), or each by itself (attributes)
    asked: tuple[tuple[str, tuple[int, ...]], ...]  # label vectors that figures show, with their names
    source: str  # where the parts come from, in words

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        channels, height, width = self.train.pixels.shape[1:]
        return channels, height, width

    @property
    def columns(self) -> tuple[list[str], Tensor]:
        """Names and labels (K, Y) of what figures ask for."""
        names, labels = zip(*self.asked, strict=True)
        return list(names), torch.tensor(labels, dtype=torch.float32)


def unit(pixels: Tensor) -> Tensor:
    """uint8 to [0, 1]."""
    return pixels.float() / 255


def split(count: int, shares: tuple[int, ...], seed: int) -> list[Tensor]:
    """Rows of parts of the given sizes, drawn without replacement; the last part is what remains."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    parts = list(order.split([*shares, count - sum(shares)]))
    return [part.sort().values for part in parts]

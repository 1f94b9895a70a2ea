"""Images decoded once: an array on disk that is mapped into memory, so that only what is used of it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melodylc.base.storage import atomic_write
from vision.data.images import HASH_BYTES, image_hash

NAME = "images-{}.npy"  # with the key in it


def key_of(parts: Iterable[object]) -> str:
    """Return the key of an array: a hash of what tells whether its sources are still the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()[:16]


def decoded(
    images: Iterable[Tensor], count: int, shape: tuple[int, int, int], folder: Path | None, key: str
) -> tuple[Tensor, Tensor]:
    """Return images (N, C, H, W) uint8 and their hashes (N, HASH_BYTES): from the folder, or decoded and kept there.

    Args:
        images: what decodes them, each (C, H, W) uint8; used only where the folder has no array of this key.
        count: N.
        folder: that holds one array; those of other keys are removed. None decodes into memory.

    Raises:
        OSError: if the array cannot be written.
    """
    record = np.dtype([("hash", np.uint8, HASH_BYTES), ("pixels", np.uint8, shape)])
    if folder is None:
        array = np.empty(count, record)
        for row, image in enumerate(images):
            array[row] = (np.frombuffer(image_hash(image), np.uint8), image.numpy())
        return _tensors(array)
    path = folder / NAME.format(key)
    found = _mapped(path, count, record)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        _write(path, images, count, record)
        for other in folder.glob(NAME.format("*")):
            if other != path:
                other.unlink(missing_ok=True)
        found = _mapped(path, count, record)
        assert found is not None, "it was written a moment ago"
    return _tensors(found)


def _mapped(path: Path, count: int, record: np.dtype) -> np.ndarray | None:
    """Return an array as it lies on disk; None where there is none, or another than expected."""
    try:
        array = np.load(path, mmap_mode="c")  # private pages: torch takes no array that is read only
    except (OSError, EOFError, ValueError):  # cut short, or no array
        return None
    return array if array.dtype == record and array.shape == (count,) else None


def _write(path: Path, images: Iterable[Tensor], count: int, record: np.dtype) -> None:
    """Write an array image by image: where the disk is full this is an error, in a mapped array it ends the process."""
    header = {"descr": np.lib.format.dtype_to_descr(record), "fortran_order": False, "shape": (count,)}
    with atomic_write(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            file.write(image_hash(image))
            file.write(image.contiguous().numpy().data)


def _tensors(array: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(array["pixels"]), torch.from_numpy(array["hash"])

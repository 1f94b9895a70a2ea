"""Images decoded once: an array on disk that is mapped into memory, so that only what is used of it is read."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melodylc.base.storage import atomic_write, sweep
from vision.data.images import HASH_BYTES, image_hash

# with the key in them; apart, because the hashes are read when nothing else is
IMAGES, HASHES = "images-{}.npy", "images-{}-hashes.npy"
OWN = re.compile(r"images-[0-9a-f]{16}(-hashes)?\.npy")  # names of both with any key: other arrays are another's


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
    if folder is None:
        pixels, hashes = np.empty((count, *shape), np.uint8), bytearray()
        for row, image in enumerate(images):
            pixels[row] = image.numpy()
            hashes += image_hash(image)
        return torch.from_numpy(pixels), torch.frombuffer(hashes, dtype=torch.uint8).view(count, HASH_BYTES)
    paths = folder / IMAGES.format(key), folder / HASHES.format(key)
    shapes = (count, *shape), (count, HASH_BYTES)
    found = [_mapped(path, of) for path, of in zip(paths, shapes, strict=True)]
    if any(array is None for array in found):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        _write(*paths, images, shapes[0])
        for other in folder.glob(IMAGES.format("*")):
            if other not in paths and OWN.fullmatch(other.name):
                other.unlink(missing_ok=True)
        found = [_mapped(path, of) for path, of in zip(paths, shapes, strict=True)]
    pixels_found, hashes_found = (torch.from_numpy(array) for array in found)
    return pixels_found, hashes_found


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return an array as it lies on disk; None where there is none, or another than expected."""
    header = _header(shape)
    try:
        with path.open("rb") as file:
            whole = file.read(len(header)) == header and path.stat().st_size == len(header) + math.prod(shape)
    except OSError:
        return None
    # private pages: torch takes no array that is read only
    return np.memmap(path, np.uint8, "c", len(header), shape) if whole else None


def _header(shape: tuple[int, ...]) -> bytes:
    """Return what an NPY file of bytes begins with."""
    written = io.BytesIO()
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(written, header)
    return written.getvalue()


def _write(path: Path, hashes_path: Path, images: Iterable[Tensor], shape: tuple[int, ...]) -> None:
    """Write arrays image by image: where the disk is full this is an error, in a mapped array it ends the process."""
    hashes = bytearray()
    with atomic_write(path) as beside, beside.open("wb") as file:
        file.write(_header(shape))
        for image in images:
            hashes += image_hash(image)
            file.write(image.contiguous().numpy().data)
        with atomic_write(hashes_path) as hashes_beside, hashes_beside.open("wb") as hashes_file:
            hashes_file.write(_header((shape[0], HASH_BYTES)) + hashes)

"""Pictures of one's own, brought to what a data set's images are like: any format that Pillow reads."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from melodylc.base.errors import UserError
from vision.data import celeba

LEAST = 16  # pixels of the shorter side
UNREADABLE = (OSError, EOFError, SyntaxError, ValueError, struct.error, zlib.error)
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
RANGES = (1.0, 255.0, 65535.0)  # of the values of pictures in whole numbers of 32 bits, or in fractions
# of MNIST's digits (LeCun et al.): as large as a square of 20 x 20 allows, their centre of mass at pixel 14 of 28 x 28
DIGIT, CANVAS = 20, 28
INK = 0.05  # of the strongest stroke; what is fainter is paper


def prepared(path: Path, data: str) -> Tensor:
    """Return a picture as an image (C, H, W) uint8 of a data set, "mnist" or "celeba".

    Raises:
        UserError: for a file that cannot be read, a picture that is too small or too large, and one without a digit.
    """
    image = read(path)
    try:
        return PREPARED[data](image)
    except UserError as error:
        raise UserError(f"--image: {path}: {error}") from error


def read(path: Path) -> Image.Image:
    """Return a picture in RGB, upright, the first of several; what is transparent is white.

    Raises:
        UserError: for a file that cannot be read, and for a picture that is too small or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that nothing here uses
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if min(opened.size) < LEAST:
                    size = f"{opened.size[0]} x {opened.size[1]}"
                    raise UserError(f"--image: {path}: expected at least {LEAST} x {LEAST} pixels, got {size}")
                return _in_rgb(ImageOps.exif_transpose(opened))
    except UserError:
        raise
    except TOO_LARGE as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UserError(f"--image: {path}: expected at most {limit} million pixels; make it smaller") from error
    except FileNotFoundError as error:
        raise UserError(f"--image: no file {path}") from error
    except UNREADABLE as error:
        detail = "of no format known here" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"--image: {path} is no picture that can be read ({detail}); save it as PNG or JPEG") from error


def _in_rgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to RGB; of 16 bits and more the upper 8 are kept."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = RANGES[-1] if image.mode.startswith("I;16") else _range(float(values.max()))
        image = Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image.convert("RGB")


def _range(largest: float) -> float:
    return next((top for top in RANGES if largest <= top), largest)


def face(image: Image.Image) -> Tensor:
    """Cut a picture as CelebA's are: the largest frame of 178 x 218 in its middle, and the centre square of that."""
    if image.size not in celeba.SQUARES:
        image = ImageOps.fit(image, next(iter(celeba.SQUARES)), Image.Resampling.LANCZOS)
    return celeba.centre_square(image)


def digit(image: Image.Image) -> Tensor:
    """Bring a digit, dark on light or light on dark, to the place and size of MNIST's.

    Raises:
        UserError: where nothing is drawn.
    """
    gray = np.asarray(image.convert("L"), dtype=np.float64)
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    ink = np.abs(gray - np.median(border))
    if ink.max() < 1:
        raise UserError("expected a digit, got a picture of one colour")
    ink = ink / ink.max()
    ink[ink < INK] = 0
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cut = Image.fromarray((ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * 255).astype(np.uint8))
    scale = DIGIT / max(cut.size)
    width, height = (max(1, round(side * scale)) for side in cut.size)
    small = np.asarray(cut.resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))
    return torch.from_numpy(_centred(small))[None]


def _centred(small: np.ndarray) -> np.ndarray:
    """Lay a digit on a black canvas, its centre of mass in the middle as far as the canvas allows."""
    weights = small.astype(np.float64)
    corner = []
    for axis, side in enumerate(small.shape):
        mass = (weights.sum(axis=1 - axis) * np.arange(side)).sum() / weights.sum()
        corner.append(min(max(round(CANVAS / 2 - mass), 0), CANVAS - side))
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    canvas[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return canvas


PREPARED: Mapping[str, Callable[[Image.Image], Tensor]] = {"mnist": digit, "celeba": face}

"""MNIST from its four IDX files (LeCun et al.), packed or not, in the original's layout or torchvision's."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from io import BufferedReader
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.base.errors import UserError
from vision.data.images import Dataset, Images, LabelNames, Watch, split, unwatched

FOLDERS = ("", "mnist", "MNIST/raw", "raw")
VALID = 5000  # of the 60,000, held out by seed: MNIST has no validation part
DIGITS = 10
LARGEST = 1 << 28  # bytes: a damaged header must not ask for more memory than there is


def label_names() -> LabelNames:
    """Return the ten digits."""
    digits = tuple(str(digit) for digit in range(DIGITS))
    eye = torch.eye(DIGITS, dtype=torch.int64).tolist()
    return LabelNames(
        attributes=digits,
        exclusive=True,
        figure_labels=tuple((digit, tuple(row)) for digit, row in zip(digits, eye, strict=True)),
        alternatives=(digits,),
    )


def load(
    root: str | os.PathLike[str],
    names: LabelNames | None = None,
    *,
    seed: int = 0,
    watch: Watch = unwatched,
    keep: Path | None = None,
) -> Dataset:
    """Load MNIST with one-hot labels; validation images are drawn from the training files.

    `watch` and `keep` are not used: the files are arrays already, which are read within a second.

    Raises:
        UserError: for a file that is missing, damaged, cut short or does not fit its partner; it is named.
    """
    train = _pair(Path(root), "train")
    test = _pair(Path(root), "t10k")
    if len(train) <= 2:
        raise UserError(f"mnist: expected training images under {root}, got {len(train)}")
    valid_rows, train_rows = split(len(train), (min(VALID, len(train) // 2),), seed)
    return Dataset(
        name="mnist",
        train=train.subset(train_rows),
        valid=train.subset(valid_rows),
        test=test,
        names=names or label_names(),
        source=f"{len(train)} training and {len(test)} test images, {len(valid_rows)} of the former for validation",
    )


def present(root: Path) -> bool:
    """Return whether the four files are there, whatever is in them."""
    try:
        for part in ("train", "t10k"):
            _find(root, f"{part}-images-idx3-ubyte"), _find(root, f"{part}-labels-idx1-ubyte")
    except UserError:
        return False
    return True


def _pair(root: Path, part: str) -> Images:
    """Read the images and labels of one part."""
    images_path, labels_path = _find(root, f"{part}-images-idx3-ubyte"), _find(root, f"{part}-labels-idx1-ubyte")
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise UserError(
            f"mnist: {images_path} holds {len(images)} images, {labels_path} {len(labels)} labels; they must be equal"
        )
    if images.shape[1:] != (28, 28):
        raise UserError(f"mnist: {images_path}: expected images of 28 x 28, got {images.shape[1]} x {images.shape[2]}")
    wrong = (labels >= DIGITS).nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise UserError(f"mnist: {labels_path}: expected labels 0 to 9, label {row} is {int(labels[row])}")
    return Images(images[:, None], F.one_hot(labels.long(), DIGITS).float())


def _find(root: Path, name: str) -> Path:
    names = (name, f"{name}.gz", name.replace("-idx", ".idx"))  # the last as Kaggle has it
    for folder in FOLDERS:
        for candidate in names:
            if (path := root / folder / candidate).is_file():
                return path
    raise UserError(
        f"mnist: no {name} or {name}.gz in {root} (nor in mnist/, MNIST/raw/ below it); put the four files there, from "
        "https://ossci-datasets.s3.amazonaws.com/mnist/, or let torchvision fetch them with --download"
    )


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read an IDX file of bytes, as uint8 of its shape; gzip is recognised by its first two bytes.

    Raises:
        UserError: unless the file is exactly as long as its header says.
    """
    length = 4 + 4 * dimensions
    magic = (0x08 << 8) | dimensions  # two zeros, 0x08 for unsigned bytes, the number of dimensions
    try:
        with _opened(path) as file:
            header = file.read(length)
            if len(header) < length or struct.unpack(">I", header[:4])[0] != magic:
                raise UserError(
                    f"mnist: {path}: expected an IDX file of bytes in {dimensions} dimensions; fetch it again"
                )
            shape = struct.unpack(f">{dimensions}I", header[4:])
            if math.prod(shape) > LARGEST:
                raise UserError(f"mnist: {path}: says to hold {math.prod(shape)} bytes, MNIST's largest has 47,040,000")
            data = file.read(math.prod(shape) + 1)  # no more: a damaged file may unpack without end
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"mnist: {path} is damaged or cut short ({error}); fetch it again") from error
    if len(data) != math.prod(shape):
        raise UserError(
            f"mnist: {path}: expected {math.prod(shape)} bytes after the header ({' x '.join(map(str, shape))}), "
            f"it is cut short or has more; fetch it again"
        )
    return torch.from_numpy(np.frombuffer(data, np.uint8).reshape(shape).copy())


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.GzipFile(path) if packed else path.open("rb")

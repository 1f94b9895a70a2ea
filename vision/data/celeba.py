"""CelebA's aligned images and attributes (Liu et al. 2015): the full release, torchvision's layout, or half size.

CelebA may be used for non-commercial research only. Images are cut to the centre square of 128 pixels and halved
(section 9.1); those of half size (89 x 109) are cut to the centre square of 64.
"""

from __future__ import annotations

import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from vision.data.celeba_attributes import MEANINGS, label_names
from vision.data.decoded import decoded, key_of
from vision.data.images import Dataset, Images, LabelNames, Watch, split, unwatched

SIZE = 64
SQUARES = {(178, 218): 128, (89, 109): 64}  # the centre square of each size of image
LABELS = "list_attr_celeba"
PARTITION = "list_eval_partition"
FOLDERS = ("", "celeba", "CelebA", "Anno", "Eval", "Img", "celeba_half_10k")
ARCHIVES = ("img_align_celeba.zip", "celeba_half_10k.tar")
LARGEST_IMAGE = 4 << 20  # bytes; the largest of CelebA has 40 kB
LARGEST_LIST = 256 << 20  # bytes; the largest of CelebA has 26 MB
LONGEST_COUNT = 20  # characters of the line that says how many images there are
AT_ONCE = 1000  # images that are decoded ahead of what is written
LEAST = 6  # images, of which a part each has two
# raised by archives and images that are incomplete, damaged or hostile
DAMAGE = (
    OSError,
    EOFError,
    SyntaxError,
    RuntimeError,
    ValueError,  # of numbers in headers; so are our own errors, which go on as they are
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)
PAGE = 256  # bytes by which a web page is known
A_PAGE = (
    "is a web page: Google sends one where too many have fetched the file; try again in a day, or take another source"
)
WHERE = (
    "get CelebA's img_align_celeba.zip, list_attr_celeba.txt and list_eval_partition.txt from "
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and put the three there"
)


@dataclass(frozen=True)
class Line:
    """A line of the attribute file."""

    image: str
    where: str  # file and line, for messages
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Stored:
    """A file in a folder or an archive."""

    size: int  # in bytes
    content: Callable[[], bytes]  # reads it
    stamp: object  # by which it is known to be unchanged, without reading it


class Files:
    """The files in a folder or an archive, by their own names; `stack` closes the archives."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        if not root.exists():
            raise UserError(f"celeba: {root} does not exist; {WHERE}")
        self.root, self._stack = root, stack
        self._contents: dict[str, Stored] = {}  # by name
        self._lock = Lock()  # an archive is one file with one position
        if root.is_file():
            self._open(root)
            return
        for folder in FOLDERS:
            for archive in ARCHIVES:  # first: unpacked files beside them replace theirs
                if (root / folder / archive).is_file():
                    self._open(root / folder / archive)
        for folder in FOLDERS:
            for name in (LABELS, PARTITION):
                for path in (root / folder / f"{name}.csv", root / folder / f"{name}.txt"):
                    if path.is_file():
                        self._contents[path.name] = _stored(path.stat(), str(path))
            for images in ("img_align_celeba", "img_align_celeba/img_align_celeba"):
                for entry in _entries(root / folder / images):
                    self._contents[entry.name] = _stored(entry.stat(), entry.path)

    def _open(self, path: Path) -> None:
        """Add the files of an archive."""
        try:
            with path.open("rb") as file:
                page = _is_page(file.read(PAGE))
            if page:
                raise UserError(f"celeba: {path} {A_PAGE}")
            found = self._zipped(path) if zipfile.is_zipfile(path) else self._tarred(path)
            within: set[str] = set()
            for name, stored in found:
                if name in within and name.endswith((".jpg", ".txt", ".csv")):
                    raise UserError(f"celeba: {path} has two files {name}; fetch it again")
                within.add(name)
                self._contents[name] = stored
        except UserError:
            raise
        except DAMAGE as error:
            raise UserError(f"celeba: {path} is damaged or no archive ({_detail(error)}); fetch it again") from error

    def _zipped(self, path: Path) -> Iterable[tuple[str, Stored]]:
        packed = self._stack.enter_context(zipfile.ZipFile(path))
        for info in packed.infolist():
            if not info.is_dir():
                yield _base(info.filename), Stored(info.file_size, partial(packed.read, info), info.CRC)

    def _tarred(self, path: Path) -> Iterable[tuple[str, Stored]]:
        changed = path.stat().st_mtime_ns
        packed = self._stack.enter_context(tarfile.open(path))  # noqa: SIM115 - the stack closes it
        for member in packed.getmembers():
            if member.isfile():
                stamp = (changed, member.offset_data)
                yield _base(member.name), Stored(member.size, partial(_read_member, packed, member), stamp)

    def has_list(self, name: str) -> bool:
        """Return whether a list is there."""
        return f"{name}.txt" in self or f"{name}.csv" in self

    @property
    def has_images(self) -> bool:
        """Return whether there is an image."""
        return any(name.endswith(".jpg") for name in self._contents)

    def __contains__(self, name: str) -> bool:
        return name in self._contents

    def read(self, name: str, largest: int = LARGEST_IMAGE) -> bytes:
        """Return the bytes of a file; KeyError where there is none, OSError where it has more than the largest has."""
        stored = self._contents[name]
        if stored.size > largest:  # as its header says, which what unpacks it keeps to
            raise OSError(f"it has {stored.size} bytes")
        with self._lock:
            return stored.content()

    def stamp(self, name: str) -> tuple[str, int, object]:
        """Return what tells, without reading a file, whether it is the same as before."""
        stored = self._contents[name]
        return name, stored.size, stored.stamp

    def text(self, name: str) -> tuple[str, list[str]] | None:
        """Return name and lines of a list, as .txt (the release) or .csv (Kaggle's); None where there is neither."""
        for file in (f"{name}.txt", f"{name}.csv"):
            if file in self:
                try:
                    found = self.read(file, LARGEST_LIST)
                    if _is_page(found[:PAGE]):
                        raise UserError(f"celeba: {file} in {self.root} {A_PAGE}")
                    return file, found.decode("ascii").splitlines()
                except UserError:
                    raise
                except DAMAGE as error:
                    raise UserError(
                        f"celeba: {file} in {self.root} cannot be read ({_detail(error)}); fetch it again"
                    ) from error
        return None


def _detail(error: Exception) -> str:
    """Return the beginning of what an error says: tarfile's goes on with a line for each kind of archive."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")


def _stored(status: os.stat_result, path: str) -> Stored:
    return Stored(status.st_size, partial(_read_file, path), status.st_mtime_ns)


def _read_file(path: str) -> bytes:
    return Path(path).read_bytes()


def _base(name: str) -> str:
    """Return the last part of a name in an archive; of 200,000, which pathlib takes seconds for."""
    return name.rpartition("/")[2]


def _read_member(packed: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = packed.extractfile(member)
    assert file is not None, "only files are listed"
    return file.read()


def _is_page(beginning: bytes) -> bool:
    """Return whether a file that begins so is a page for a browser."""
    return beginning.lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    return (entry for entry in os.scandir(folder) if entry.name.endswith(".jpg")) if folder.is_dir() else ()


def present(root: Path) -> bool:
    """Return whether images and both lists are there, whatever is in them."""
    with ExitStack() as stack:
        try:
            files = Files(root, stack)
        except UserError:
            return False
        return all(files.has_list(name) for name in (LABELS, PARTITION)) and files.has_images


def load(
    root: str | os.PathLike[str],
    names: LabelNames | None = None,
    *,
    seed: int = 0,
    watch: Watch = unwatched,
    keep: Path | None = None,
) -> Dataset:
    """Load CelebA at 64 x 64, in the official partition or, without it, a seeded split.

    Args:
        root: a folder with the images and lists (as released, as torchvision or Kaggle lay them out), or an archive.
        names: of `celeba_attributes.label_names`; the paper's ten attributes without them.
        watch: wraps the images as they are decoded (a progress bar), given their number.
        keep: folder in which the decoded images are kept; as long as the files are the same, they are not decoded
            again, and read only where they are used.

    Raises:
        UserError: for anything missing, cut short or damaged, with file and line; damaged data are never used in part.
    """
    names = label_names() if names is None else names
    with ExitStack() as stack:
        files = Files(Path(root), stack)
        lines = _labels(files, names)
        parts = _partition(files, lines)
        for line in lines:
            if line.image not in files:
                raise UserError(f"celeba: {line.where}: no image {line.image} in {root}; {WHERE}")
        pool = stack.enter_context(ThreadPoolExecutor())

        def images_in_order() -> Iterable[Tensor]:
            for start in range(0, len(lines), AT_ONCE):
                yield from pool.map(partial(_image, files), lines[start : start + AT_ONCE])

        def decode() -> Iterable[Tensor]:
            yield from watch(images_in_order(), len(lines))

        key = key_of((__version__, *(files.stamp(line.image) for line in lines)))
        pixels, hashes = decoded(decode(), len(lines), (3, SIZE, SIZE), keep, key)
    images = Images.hashed(pixels, torch.tensor([line.labels for line in lines], dtype=torch.float32), hashes)
    source = "the official partition"
    if parts is None:
        tenth = max(2, len(lines) // 10)
        test, valid, train = split(len(lines), (tenth, tenth), seed)
        parts, source = (train, valid, test), f"a split drawn with seed {seed}: the partition has not all three parts"
    return Dataset(
        name="celeba",
        train=images.subset(parts[0]),
        valid=images.subset(parts[1]),
        test=images.subset(parts[2]),
        names=names,
        source=f"{len(parts[0])} training, {len(parts[1])} validation, {len(parts[2])} test images, {source}",
    )


def _labels(files: Files, labels: LabelNames) -> list[Line]:
    """Read the attribute file."""
    found = files.text(LABELS)
    if found is None:
        raise UserError(f"celeba: no {LABELS}.txt in {files.root}; {WHERE}")
    file, text = found
    count = None
    first = 1  # the line, from 1, that names the attributes
    if file.endswith(".txt"):
        if not text or not text[0].strip().isdigit() or len(text[0]) > LONGEST_COUNT:
            raise UserError(
                f"celeba: {file} line 1: expected the number of images, got {text[0][:40] if text else ''!r}"
            )
        count, first = int(text[0]), 2
    if len(text) < first:
        raise UserError(f"celeba: {file} ends before line {first}, which names the attributes; fetch it again")
    names = _fields(text[first - 1])
    if names[:1] == ["image_id"]:
        names = names[1:]
    if len(set(names)) < len(names):
        double = next(name for at, name in enumerate(names) if name in names[:at])
        raise UserError(f"celeba: {file} line {first}: names {double} twice; fetch it again")
    columns = []
    given = {name: (alias, has) for alias, (name, has) in MEANINGS.items()}
    for attribute in labels.attributes:
        alias, has = given[attribute]
        if alias not in names:
            raise UserError(f"celeba: {file} line {first}: expected the attribute {alias} among {len(names)}")
        columns.append((names.index(alias), has))
    lines = []
    for number, row in enumerate(text[first:], start=first + 1):
        where = f"{file} line {number}"
        fields = _fields(row)
        if len(fields) != 1 + len(names):
            raise UserError(
                f"celeba: {where}: expected an image and {len(names)} values, got {len(fields)} fields; fetch it again"
            )
        if wrong := set(fields[1:]) - {"1", "-1"}:
            raise UserError(f"celeba: {where}: expected values 1 and -1, got {min(wrong)!r}; fetch it again")
        lines.append(Line(fields[0], where, tuple(int((fields[1 + at] == "1") == has) for at, has in columns)))
    if count is not None and count != len(lines):
        raise UserError(
            f"celeba: {file} line {len(text)} is the last, of image {len(lines)}; line 1 says {count}; fetch it again"
        )
    if len(lines) < LEAST:
        raise UserError(f"celeba: {file}: expected at least {LEAST} images, got {len(lines)}")
    if len({line.image for line in lines}) < len(lines):
        seen: set[str] = set()
        twice = next(line for line in lines if line.image in seen or seen.add(line.image))  # type: ignore[func-returns-value]
        raise UserError(f"celeba: {twice.where}: {twice.image} is there twice; fetch it again")
    return lines


def _partition(files: Files, lines: list[Line]) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return the rows of training, validation and test; None without a partition, or if a part is empty."""
    found = files.text(PARTITION)
    if found is None:
        return None
    file, text = found
    parts: dict[str, int] = {}
    for number, row in enumerate(text, start=1):
        fields = _fields(row)
        if number == 1 and fields[:1] == ["image_id"]:
            continue
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise UserError(f"celeba: {file} line {number}: expected an image and 0, 1 or 2, got {row[:40]!r}")
        if fields[0] in parts:
            raise UserError(f"celeba: {file} line {number}: {fields[0]} is there twice; fetch it again")
        parts[fields[0]] = int(fields[1])
    for line in lines:
        if line.image not in parts:
            raise UserError(
                f"celeba: {file} ends with line {len(text)} without {line.image}, which {line.where} has; fetch both"
            )
    of = torch.tensor([parts[line.image] for line in lines])
    train, valid, test = ((of == part).nonzero()[:, 0] for part in range(3))
    return (train, valid, test) if len(train) and len(valid) and len(test) else None


def _fields(row: str) -> list[str]:
    return row.replace(",", " ").split()


def _image(files: Files, line: Line) -> Tensor:
    """Read an image and cut it to its centre square, (3, 64, 64) uint8."""
    try:
        image = Image.open(io.BytesIO(files.read(line.image)), formats=("JPEG",))
        if image.size not in SQUARES:
            raise UserError(
                f"celeba: {line.where}: {line.image}: expected an aligned image of 178 x 218 or 89 x 109, "
                f"got {image.size[0]} x {image.size[1]}"
            )
        return centre_square(image.convert("RGB"))
    except UserError:
        raise
    except DAMAGE as error:
        raise UserError(
            f"celeba: {line.where}: the image {line.image} is damaged or cut short ({_detail(error)}); fetch it again"
        ) from error


def centre_square(image: Image.Image) -> Tensor:
    """Cut an RGB image of one of CelebA's sizes to its centre square, (3, 64, 64) uint8."""
    square = SQUARES[image.size]
    left, top = (image.size[0] - square) // 2, (image.size[1] - square) // 2
    cut = image.crop((left, top, left + square, top + square))
    pixels = np.asarray(cut.reduce(square // SIZE) if square > SIZE else cut)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)

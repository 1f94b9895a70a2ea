"""Files of this machine, and files at URLs, which fsspec opens: memory://, s3://, gs:// and what else it knows.

A name without :// is a path of this machine, for which nothing beyond Python is needed. Anything else becomes a UPath,
which is used like a Path; credentials are found where its storage looks for them (environment, configuration files).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from melodylc.base.errors import UserError

INSTALL = "pip install 'melodylc[ray]'"


def is_url(name: str | os.PathLike[str]) -> bool:
    """Return whether a name is a URL, which fsspec opens."""
    return "://" in str(name)


def path_of(name: str | os.PathLike[str]) -> Path:
    """Return a name as an absolute path, or as a UPath if it is a URL; those of file:// are paths.

    Raises:
        ImportError: for a URL without the extra.
        UserError: if no storage goes by the URL's beginning, or the package for it is not installed.
    """
    if not is_url(name):
        return Path(name).absolute()
    try:
        from upath import UPath
    except ImportError as error:
        raise ImportError(f"extract: URLs need {error.name}; install it with: {INSTALL}") from error
    try:
        path = UPath(str(name))
        fs: Any = path.fs
    except (ImportError, ValueError) as error:
        raise UserError(f"extract: expected a path or a URL that fsspec opens, got {name} ({error})") from error
    return Path(path.path) if "file" in fs.protocol else cast(Path, path)


def is_local(path: Path) -> bool:
    """Return whether a path is of this machine, where files can be renamed, locked and mapped."""
    return isinstance(path, Path)


def filesystem(path: Path) -> Any:
    """Return the fsspec filesystem of a UPath, without what it remembers of folders: others write into them."""
    fs: Any = cast(Any, path).fs
    fs.invalidate_cache()
    return fs


def within(path: Path) -> str:
    """Return what the filesystem of a UPath calls it."""
    return str(cast(Any, path).path)


def names(folder: Path) -> set[str]:
    """Return the names of the entries of a folder, in one listing; none if there is no folder."""
    try:
        if is_local(folder):
            return set(os.listdir(folder))
        listed = filesystem(folder).ls(within(folder), detail=False, refresh=True)
        return {os.path.basename(name.rstrip("/")) for name in listed}
    except FileNotFoundError:
        return set()


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; one that is gone already does not matter."""
    if not is_local(path):
        with suppress(FileNotFoundError):
            filesystem(path).rm(within(path), recursive=True)
    elif path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def move(path: Path, to: Path) -> None:
    """Give a file another name in its storage; it takes the place of one that has it."""
    if is_local(path):
        path.replace(to)
    else:
        filesystem(path).cp_file(within(path), within(to))
        filesystem(path).rm_file(within(path))


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file to write, which appears at `path` whole, when the block has ended, or not at all."""
    if is_local(path):
        beside = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.tmp")  # a lost worker may still be writing another
        with beside.open("wb") as sink:
            yield sink
        beside.replace(path)
        return
    with tempfile.TemporaryDirectory() as scratch:  # object storage takes a file as a whole
        local = Path(scratch) / "file"
        with local.open("wb") as sink:
            yield sink
        filesystem(path).put_file(str(local), within(path))


def read_ranges(paths: Sequence[Path], begins: Sequence[int], ends: Sequence[int]) -> list[bytes]:
    """Return the bytes from begin to end of each file of one storage; those at URLs are asked for at once.

    Raises:
        OSError: if one cannot be read.
    """
    found = [b""] * len(paths)
    wanted = [index for index in range(len(paths)) if begins[index] < ends[index]]  # no storage gives an empty range
    if wanted and not is_local(paths[0]):
        bounds = [[int(bound[index]) for index in wanted] for bound in (begins, ends)]
        places = [within(paths[index]) for index in wanted]
        read = filesystem(paths[0]).cat_ranges(places, *bounds, on_error="raise")
        for index, part in zip(wanted, read, strict=True):
            found[index] = part
        return found
    for index in wanted:
        with paths[index].open("rb") as file:
            file.seek(begins[index])
            found[index] = file.read(ends[index] - begins[index])
    return found


def read_whole(paths: Sequence[Path]) -> list[bytes]:
    """Return the contents of files of one storage; those at URLs are asked for at once.

    Raises:
        OSError: if one cannot be read.
    """
    if not paths or is_local(paths[0]):
        return [path.read_bytes() for path in paths]
    return _whole(filesystem(paths[0]), [within(path) for path in paths], "raise")


def fetch(urls: Sequence[str]) -> dict[str, bytes | Exception]:
    """Return the contents of files at URLs, asked for at once, or what prevented each."""
    from fsspec.core import url_to_fs

    found: dict[str, bytes | Exception] = {}
    for protocol in dict.fromkeys(url.partition("://")[0] for url in urls):
        own = [url for url in urls if url.partition("://")[0] == protocol]
        fs, _ = url_to_fs(own[0])
        read = _whole(fs, [fs._strip_protocol(url) for url in own], "return")
        found.update(zip(own, read, strict=True))
    return found


def _whole(fs: Any, places: list[str], on_error: str) -> list[Any]:
    """Return whole files as ranges without bounds: fsspec's `cat` takes names with brackets for patterns."""
    return list(fs.cat_ranges(places, [None] * len(places), [None] * len(places), on_error=on_error))

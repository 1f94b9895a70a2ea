"""Finding MIDI files under the paths a user names, in one order, whatever is in the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from melodylc.base.errors import UserError
from midi_io.files import SPECIAL

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")

LOOP = "symlink loop"
UNREADABLE = "unreadable"
FOLDER = "a folder named like a MIDI file"


class Found(NamedTuple):
    """A file to extract, or, with a `reason`, something in its place that cannot be."""

    source: str  # the name it has in the corpus: the named path's own name, then the way down, with slashes
    path: str
    size: int
    modified: int  # nanoseconds
    reason: str | None = None


def find_midi_files(paths: Sequence[str | os.PathLike[str]]) -> Iterator[Found]:
    """Every MIDI file under `paths` (folders are searched, files taken as they are), ordered by source.

    Memory stays with one folder per level: a folder is sorted as if its name ended in a slash, which makes the walk's
    order the order of the whole names.

    Raises:
        UserError: if a path does not exist, or two paths would give their files the same names.
    """
    if not all(map(os.fspath, paths)):
        raise UserError("extract: expected files or folders, got an empty path; . is the folder you are in")
    roots: dict[str, str] = {}
    for given in dict.fromkeys(os.path.realpath(path) for path in paths):
        if not os.path.exists(given):
            raise UserError(f"extract: expected a file or folder, found nothing at {given}; check the path")
        name = os.path.basename(given) or "root"
        if name in roots:
            raise UserError(
                f"extract: {roots[name]} and {given} are both called {name!r}, so their files could not be told apart; "
                "name their common folder instead"
            )
        roots[name] = given
    return _walk(roots)


def _walk(roots: dict[str, str]) -> Iterator[Found]:
    for name in sorted(roots, key=lambda name: _order(name, os.path.isdir(roots[name]))):
        if os.path.isdir(roots[name]):
            yield from _folders(roots[name], name)
        else:
            yield _file(roots[name], name)


def _order(name: str, is_folder: bool) -> bytes:
    return os.fsencode(name) + (b"/" if is_folder else b"")


def _printable(name: str) -> str:
    """A name that UTF-8 can hold: Linux file names are any bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class _Open(NamedTuple):
    """A folder the walk is in."""

    path: str
    source: str
    key: tuple[int, int]  # of the file system
    rest: Iterator[tuple[str, bool]]  # names still to visit, and whether each is a folder


def _folders(path: str, source: str) -> Iterator[Found]:
    """All below a folder. The folders above are a list, since there may be more of them than Python nests calls."""
    above: list[_Open] = []
    reason = _enter(path, source, above)
    if reason is not None:
        yield Found(_printable(source), path, 0, 0, reason)
    while above:
        folder = above[-1]
        name, is_folder = next(folder.rest, (None, False))
        if name is None:
            above.pop()
            continue
        below, called = os.path.join(folder.path, name), f"{folder.source}/{name}"
        is_midi = name.lower().endswith(SUFFIXES)
        if is_folder:
            if is_midi:
                yield Found(_printable(called), below, 0, 0, FOLDER)
            reason = _enter(below, called, above)
            if reason is not None:
                yield Found(_printable(called), below, 0, 0, reason)
        elif is_midi:
            yield _file(below, called)


def _enter(path: str, source: str, above: list[_Open]) -> str | None:
    """Put a folder on top of those above it, or say why it is not searched."""
    try:
        status = os.stat(path)
        with os.scandir(path) as listed:
            folders = {entry.name: _is_folder(entry) for entry in listed}
    except OSError:
        return UNREADABLE
    key = (status.st_dev, status.st_ino)
    if any(folder.key == key for folder in above):
        return LOOP
    above.append(_Open(path, source, key, iter(sorted(folders.items(), key=lambda item: _order(*item)))))
    return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symlink to itself
        return False


def _file(path: str, source: str) -> Found:
    source = _printable(source)
    try:
        status = Path(path).stat()
    except OSError as error:
        return Found(source, path, 0, 0, LOOP if error.errno == errno.ELOOP else UNREADABLE)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return Found(source, path, 0, 0, SPECIAL)
    return Found(source, path, status.st_size, status.st_mtime_ns)

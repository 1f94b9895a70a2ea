"""Finding MIDI files under the paths a user names, in one order, whatever is in the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from melodylc.errors import UserError
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


def find(paths: Sequence[str | os.PathLike[str]]) -> Iterator[Found]:
    """Every MIDI file under `paths` (folders are searched, files taken as they are), ordered by source.

    Memory stays with one folder per level: a folder is sorted as if its name ended in a slash, which makes the walk's
    order the order of the whole names.

    Raises:
        UserError: if a path does not exist, or two paths would give their files the same names.
    """
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
            yield from _folder(roots[name], name, frozenset())
        else:
            yield _file(roots[name], name)


def _order(name: str, is_folder: bool) -> bytes:
    return os.fsencode(name) + (b"/" if is_folder else b"")


def _printable(name: str) -> str:
    """A name that UTF-8 can hold: Linux file names are any bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _folder(path: str, source: str, above: frozenset[tuple[int, int]]) -> Iterator[Found]:
    try:
        status = os.stat(path)
        with os.scandir(path) as listed:
            folders = {entry.name: _is_folder(entry) for entry in listed}
    except OSError:
        yield Found(_printable(source), path, 0, 0, UNREADABLE)
        return
    key = (status.st_dev, status.st_ino)
    if key in above:
        yield Found(_printable(source), path, 0, 0, LOOP)
        return
    for name, is_folder in sorted(folders.items(), key=lambda item: _order(*item)):
        below, called = os.path.join(path, name), f"{source}/{name}"
        is_midi = name.lower().endswith(SUFFIXES)
        if is_folder:
            if is_midi:
                yield Found(_printable(called), below, 0, 0, FOLDER)
            yield from _folder(below, called, above | {key})
        elif is_midi:
            yield _file(below, called)


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

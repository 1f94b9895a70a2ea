"""The search for MIDI files under the paths a user names, always in the same order, past unreadable entries."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from melodylc.base.errors import UserError
from melodylc.extraction import storage
from midi_io.files import SPECIAL

SUFFIXES = (".mid", ".midi", ".kar", ".rmi")

LOOP = "symlink loop"
UNREADABLE = "unreadable"
FOLDER = "a folder named like a MIDI file"


class SourceFile(NamedTuple):
    """A file to extract, or, with a `reason`, an entry that cannot be extracted."""

    source: str  # its name in the corpus: the last part of the path the user named, then the path below, with slashes
    path: str
    size: int
    modified: int  # nanoseconds; of a file at a URL, another number that changes with it
    reason: str | None = None


def find_midi_files(paths: Sequence[str | os.PathLike[str]]) -> Iterator[SourceFile]:
    """Yield every MIDI file under `paths` ordered by source; folders are searched, files taken whatever their name.

    Only one folder per level is in memory: a folder is sorted as if its name ended in a slash, so that the order of the
    search is the order of the full names.

    Raises:
        UserError: if a path does not exist, or two paths would give their files the same names.
    """
    if not all(map(os.fspath, paths)):
        raise UserError("extract: expected files or folders, got an empty path; . is the folder you are in")
    roots: dict[str, str] = {}
    for given in dict.fromkeys(map(_absolute, paths)):
        if not (storage.path_of(given).exists() if storage.is_url(given) else os.path.exists(given)):
            raise UserError(f"extract: expected a file or folder, found nothing at {given}; check the path")
        name = os.path.basename(given) or "root"
        if name in roots:
            raise UserError(
                f"extract: {roots[name]} and {given} are both called {name!r}, so their files could not be told apart; "
                "name their common folder instead"
            )
        roots[name] = given
    return _search(roots)


def _absolute(path: str | os.PathLike[str]) -> str:
    """Return a path without links, or a URL without a slash at its end; those of file:// are paths."""
    if storage.is_url(path):
        path = storage.path_of(path)
        if not storage.is_local(path):
            return str(path).rstrip("/")
    return os.path.realpath(path)


def _search(roots: dict[str, str]) -> Iterator[SourceFile]:
    is_folder = {
        name: storage.path_of(root).is_dir() if storage.is_url(root) else os.path.isdir(root)
        for name, root in roots.items()
    }
    for name in sorted(roots, key=lambda name: _sort_key(name, is_folder[name])):
        if storage.is_url(roots[name]):
            yield from _search_url(storage.path_of(roots[name]), name)
        elif is_folder[name]:
            yield from _search_folder(roots[name], name)
        else:
            yield _source_file(roots[name], name)


def _search_url(root: Path, source: str) -> Iterator[SourceFile]:
    """Yield all MIDI files below a URL, or the file at it.

    What a storage says of a file (its time, its hash) becomes one number: if it changes, so did the file.
    """
    fs = storage.filesystem(root)
    end: tuple[str, dict[str, Any]] = ("", {})
    opened = [iter([(source, fs.info(storage.within(root)))])]
    while opened:
        name, entry = next(opened[-1], end)
        is_midi = name.lower().endswith(SUFFIXES)
        if not entry:
            opened.pop()
        elif entry["type"] != "directory":
            if is_midi or name == source:
                about = hashlib.blake2b(repr(sorted(entry.items())).encode(), digest_size=7).digest()
                url = fs.unstrip_protocol(entry["name"])
                yield SourceFile(name, url, entry["size"] or 0, int.from_bytes(about, "big"))
        else:
            if is_midi and name != source:
                yield SourceFile(name, fs.unstrip_protocol(entry["name"]), 0, 0, FOLDER)
            try:
                opened.append(_entries(fs, entry["name"], name))
            except (FileNotFoundError, PermissionError):
                yield SourceFile(name, fs.unstrip_protocol(entry["name"]), 0, 0, UNREADABLE)


def _entries(fs: Any, folder: str, source: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the names in the corpus of a folder's entries and what their storage says of them, sorted."""
    listed = {os.path.basename(entry["name"].rstrip("/")): entry for entry in fs.ls(folder, detail=True)}
    fs.invalidate_cache()  # or it would keep every listing in memory
    listed.pop("", None)
    names = sorted(listed, key=lambda name: _sort_key(name, listed[name]["type"] == "directory"))
    return iter([(f"{source}/{name}", listed[name]) for name in names])


def _sort_key(name: str, is_folder: bool) -> bytes:
    return os.fsencode(name) + (b"/" if is_folder else b"")


def _printable(name: str) -> str:
    """Return a name that UTF-8 can hold: Linux file names are any bytes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


class _OpenFolder(NamedTuple):
    """A folder that is being searched."""

    path: str
    source: str
    identity: tuple[int, int]  # device and inode
    rest: Iterator[tuple[str, bool]]  # names still to visit, and whether each is a folder


def _search_folder(path: str, source: str) -> Iterator[SourceFile]:
    """Yield all MIDI files below a folder.

    The open folders are a list, not nested calls: folders may be nested deeper than Python nests calls.
    """
    opened: list[_OpenFolder] = []
    reason = _open(path, source, opened)
    if reason is not None:
        yield SourceFile(_printable(source), path, 0, 0, reason)
    while opened:
        folder = opened[-1]
        name, is_folder = next(folder.rest, (None, False))
        if name is None:
            opened.pop()
            continue
        entry_path, entry_source = os.path.join(folder.path, name), f"{folder.source}/{name}"
        is_midi = name.lower().endswith(SUFFIXES)
        if is_folder:
            if is_midi:
                yield SourceFile(_printable(entry_source), entry_path, 0, 0, FOLDER)
            reason = _open(entry_path, entry_source, opened)
            if reason is not None:
                yield SourceFile(_printable(entry_source), entry_path, 0, 0, reason)
        elif is_midi:
            yield _source_file(entry_path, entry_source)


def _open(path: str, source: str, opened: list[_OpenFolder]) -> str | None:
    """Add a folder to the open ones, or return the reason why it is not searched."""
    try:
        status = os.stat(path)
        with os.scandir(path) as listed:
            folders = {entry.name: _is_folder(entry) for entry in listed}
    except OSError:
        return UNREADABLE
    identity = (status.st_dev, status.st_ino)
    if any(folder.identity == identity for folder in opened):
        return LOOP
    opened.append(_OpenFolder(path, source, identity, iter(sorted(folders.items(), key=lambda item: _sort_key(*item)))))
    return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symlink to itself
        return False


def _source_file(path: str, source: str) -> SourceFile:
    source = _printable(source)
    try:
        status = Path(path).stat()
    except OSError as error:
        return SourceFile(source, path, 0, 0, LOOP if error.errno == errno.ELOOP else UNREADABLE)
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        return SourceFile(source, path, 0, 0, SPECIAL)
    return SourceFile(source, path, status.st_size, status.st_mtime_ns)

"""The folder a run works in: its lock, the list of files, and the parts that are still to be made.

Everything in it is named after the key of the run, a hash of its settings and files. What an earlier run left behind or
what a worker that outlived one still writes is never taken for a part of this run.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from melodylc.base import locks
from melodylc.base.errors import UserError
from melodylc.extraction import storage
from melodylc.extraction.discovery import SourceFile
from midi_io import smf

FILES_PER_CHUNK = 2048  # a tenth of a second of work: all that a stopped run loses for each worker
BYTES_PER_CHUNK = 4 << 20  # a second of work at most

_LOCK = "lock"
_SUFFIXES = ("arrow", "bars", "hashes", "json", "tsv")  # of the files of a part
_KINDS = r"(part|buckets|firsts)-[\w.-]+"
_RUN_FILES = re.compile(rf"{_LOCK}|files(\.new|\.\w+\.tmp|-\w+)?|{_KINDS}|marks|corpus|digest")  # older versions' too


class Chunk(NamedTuple):
    """The files of one part: consecutive lines of the list of files."""

    begin: int  # bytes into the list
    end: int
    files: int
    size: int  # bytes of MIDI to read

    def read(self, files: Path) -> list[SourceFile]:
        """Read the files of the chunk from the list."""
        (lines,) = storage.read_ranges([files], [self.begin], [self.end])
        return [SourceFile(*json.loads(line)) for line in lines.splitlines()]


@dataclass(frozen=True)
class Work:
    """The files of one run, in a folder that every worker reaches."""

    folder: Path
    key: str

    @property
    def files(self) -> Path:
        """Return the path of the list of files: on each line a `SourceFile` as a JSON array."""
        return self.folder / f"files-{self.key}"

    def part(self, index: int) -> Path:
        """Return the path of a part's windows: their files, tracks and bars; the other files are written first."""
        return self.folder / self._part(index, "arrow")

    def bars(self, index: int) -> Path:
        """Return the path of the bars that a part's windows share, 16 bytes each."""
        return self.folder / self._part(index, "bars")

    def hashes(self, index: int) -> Path:
        """Return the path of the hashes of a part's windows, 16 bytes each."""
        return self.folder / self._part(index, "hashes")

    def counts(self, index: int) -> Path:
        """Return the path of what was counted in a part, as JSON."""
        return self.folder / self._part(index, "json")

    def rejected(self, index: int) -> Path:
        """Return the path of a part's list of rejected files."""
        return self.folder / self._part(index, "tsv")

    def buckets(self, group: int) -> Path:
        """Return the path of the hashes of a group of parts, in buckets (see `unique`)."""
        return self.folder / f"buckets-{group:06d}-{self.key}"

    def firsts(self, bucket: int) -> Path:
        """Return the path of the rows of each group that are the first of equal windows, those of one bucket."""
        return self.folder / f"firsts-{bucket:06d}-{self.key}"

    def missing(self, chunks: int) -> list[int]:
        """Return which of so many parts are still to be made: those of which a file is missing."""
        there = storage.names(self.folder)
        return [index for index in range(chunks) if not there.issuperset(self._part(index, each) for each in _SUFFIXES)]

    def _part(self, index: int, suffix: str) -> str:
        return f"part-{index:06d}-{self.key}.{suffix}"


@dataclass(frozen=True)
class Plan:
    """The parts that a run makes, and where."""

    work: Work
    chunks: list[Chunk]


def make_plan(files: Iterable[SourceFile], settings: object, folder: Path) -> Plan:
    """Write the list of files into `folder`, and delete everything there that is of another run."""
    key = hashlib.blake2b(json.dumps([FILES_PER_CHUNK, BYTES_PER_CHUNK, settings]).encode(), digest_size=8)
    chunks: list[Chunk] = []
    new = folder / "files.new"
    end = 0
    with storage.writing(new) as lines:
        for chunk in split_into_chunks(files):
            begin = end
            for file in chunk:
                line = json.dumps(file).encode() + b"\n"
                key.update(line)
                end += lines.write(line)
            chunks.append(Chunk(begin, end, len(chunk), sum(map(_bytes_to_read, chunk))))
    work = Work(folder, key.hexdigest())
    storage.move(new, work.files)
    _delete_other_runs(work)
    return Plan(work, chunks)


def split_into_chunks(files: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    """Yield files in the chunks that become parts, in order."""
    chunk: list[SourceFile] = []
    size = 0
    for file in files:
        chunk.append(file)
        size += _bytes_to_read(file)
        if len(chunk) == FILES_PER_CHUNK or size >= BYTES_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _bytes_to_read(file: SourceFile) -> int:
    return file.size if file.reason is None and file.size <= smf.MAX_BYTES else 0


def _delete_other_runs(work: Work) -> None:
    own = re.compile(rf"{_LOCK}|files-{work.key}|part-\d+-{work.key}\.({'|'.join(_SUFFIXES)})")
    for name in storage.names(work.folder):
        if not own.fullmatch(name):
            storage.remove(work.folder / name)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` if need be and hold its lock within the block; a process that ends releases it in any case.

    A folder at a URL has no lock: no object storage has one.

    Raises:
        UserError: if another run holds the lock, or the folder holds files that are not of a run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not all(map(_RUN_FILES.fullmatch, storage.names(folder))):  # all of them are deleted in the end
        raise UserError(
            f"extract: expected to work in {folder}, but it holds other files; move it away, or name another --out"
        )
    if not storage.is_local(folder):
        yield
        return
    with locks.held(folder / _LOCK, "extract"):
        yield

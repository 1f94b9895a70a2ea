"""The folder a run works in: its lock, the list of files, and the parts that are still to be made.

Everything in it is named after the key of the run, a hash of its settings and files. What an earlier run left behind or
what a worker that outlived one still writes is never taken for a part of this run.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from melodylc.base.errors import UserError
from melodylc.extraction.discovery import SourceFile
from midi_io import smf

FILES_PER_CHUNK = 512  # less than a second of work: all that a stopped run loses for each worker
BYTES_PER_CHUNK = 4 << 20  # a window has 16 notes of at least 3 bytes, and a note lies in 16 windows: 350 MB at worst

_LOCK = "lock"
_RUN_FILES = re.compile(rf"{_LOCK}|files(\.new|-\w+)?|part-[\w.-]+|marks|corpus|digest")  # older versions' too


class Chunk(NamedTuple):
    """The files of one part: consecutive lines of the list of files."""

    offset: int  # bytes into the list
    files: int
    size: int  # bytes of MIDI to read

    def read(self, files: Path) -> list[SourceFile]:
        """Read the files of the chunk from the list."""
        with files.open("rb") as lines:
            lines.seek(self.offset)
            return [SourceFile(*json.loads(lines.readline())) for _ in range(self.files)]


@dataclass(frozen=True)
class Plan:
    """The parts that a run makes, and the folder it makes them in."""

    folder: Path
    key: str
    chunks: list[Chunk]

    @property
    def files(self) -> Path:
        """Return the path of the list of files: on each line a `SourceFile` as a JSON array."""
        return self.folder / f"files-{self.key}"

    def part(self, index: int) -> Path:
        """Return the path of the part made of chunk `index`.

        Its list of rejected files is beside it, with the suffix .tsv, and is written first.
        """
        return self.folder / f"part-{index:06d}-{self.key}.arrow"

    def missing(self) -> list[int]:
        """Return the chunks whose parts are still to be made."""
        return [index for index in range(len(self.chunks)) if not self.part(index).exists()]


def make_plan(files: Iterable[SourceFile], settings: object, folder: Path) -> Plan:
    """Write the list of files into `folder`, and delete everything there that is of another run."""
    key = hashlib.blake2b(json.dumps([FILES_PER_CHUNK, BYTES_PER_CHUNK, settings]).encode(), digest_size=8)
    chunks: list[Chunk] = []
    new = folder / "files.new"
    with new.open("wb") as lines:
        for chunk in split_into_chunks(files):
            chunks.append(Chunk(lines.tell(), len(chunk), sum(map(_bytes_to_read, chunk))))
            for file in chunk:
                line = json.dumps(file).encode() + b"\n"
                key.update(line)
                lines.write(line)
    plan = Plan(folder, key.hexdigest(), chunks)
    new.replace(plan.files)
    _delete_other_runs(plan)
    return plan


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


def _delete_other_runs(plan: Plan) -> None:
    own = re.compile(rf"{_LOCK}|files-{plan.key}|part-\d+-{plan.key}\.(arrow|tsv)")
    for entry in plan.folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif not own.fullmatch(entry.name):
            entry.unlink(missing_ok=True)  # a worker that outlives its run for a moment may rename it


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` if need be and hold its lock within the block; a process that ends releases it in any case.

    Raises:
        UserError: if another run holds the lock, or the folder holds files that are not of a run.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    if not all(_RUN_FILES.fullmatch(entry.name) for entry in folder.iterdir()):  # all of them are deleted in the end
        raise UserError(
            f"extract: expected to work in {folder}, but it holds other files; move it away, or name another --out"
        )
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"extract: another run is at work in {folder}; wait until it has ended, or name another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()

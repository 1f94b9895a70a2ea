"""The folder a run works in: whose it is, the list of files, and which parts are still to be made.

All in it is named after the run's key, a digest of its settings and files: what an earlier run left, or a worker that
outlived one still writes, is never taken for a part of this one.
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
from melodylc.extraction.discovery import Found
from midi_io import smf

FILES_PER_CHUNK = 512
BYTES_PER_CHUNK = 4 << 20  # a window has 16 notes of 3 bytes or more, and a note is in 16 windows: 350 MB at the worst

_LOCK = "lock"
_OURS = re.compile(rf"{_LOCK}|files(\.new|-\w+)?|part-[\w.-]+|marks|corpus|digest")  # a run's, or an older version's


class Chunk(NamedTuple):
    """The files of one part: some lines of the list of files."""

    offset: int  # bytes into the list
    files: int
    size: int  # bytes of MIDI to read

    def read(self, files: Path) -> list[Found]:
        """Its files, from the list."""
        with files.open("rb") as lines:
            lines.seek(self.offset)
            return [Found(*json.loads(lines.readline())) for _ in range(self.files)]


@dataclass(frozen=True)
class Plan:
    """What one run makes."""

    folder: Path
    key: str
    chunks: list[Chunk]

    @property
    def files(self) -> Path:
        """The list of files, a JSON array a line, as `Found`."""
        return self.folder / f"files-{self.key}"

    def part(self, index: int) -> Path:
        """What becomes of chunk `index`; the rejected lie beside it, with the suffix .tsv, and are there before it."""
        return self.folder / f"part-{index:06d}-{self.key}.arrow"

    def missing(self) -> list[int]:
        """The chunks whose parts are still to be made."""
        return [index for index in range(len(self.chunks)) if not self.part(index).exists()]


def make(found: Iterable[Found], settings: object, folder: Path) -> Plan:
    """List the files in `folder`, and sweep away all that is not of a run with these files and settings."""
    digest = hashlib.blake2b(json.dumps([FILES_PER_CHUNK, BYTES_PER_CHUNK, settings]).encode(), digest_size=8)
    chunks: list[Chunk] = []
    new = folder / "files.new"
    with new.open("wb") as lines:
        for chunk in chunked(found):
            chunks.append(Chunk(lines.tell(), len(chunk), sum(map(_to_read, chunk))))
            for file in chunk:
                line = json.dumps(file).encode() + b"\n"
                digest.update(line)
                lines.write(line)
    plan = Plan(folder, digest.hexdigest(), chunks)
    new.replace(plan.files)
    _sweep(plan)
    return plan


def chunked(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Files in the chunks that become parts, in order."""
    chunk: list[Found] = []
    size = 0
    for found in files:
        chunk.append(found)
        size += _to_read(found)
        if len(chunk) == FILES_PER_CHUNK or size >= BYTES_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _to_read(file: Found) -> int:
    return file.size if file.reason is None and file.size <= smf.MAX_BYTES else 0


def _sweep(plan: Plan) -> None:
    own = re.compile(rf"{_LOCK}|files-{plan.key}|part-\d+-{plan.key}\.(arrow|tsv)")
    for entry in plan.folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif not own.fullmatch(entry.name):
            entry.unlink(missing_ok=True)  # a worker that outlives its run for a moment may rename it


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Make `folder` if need be and own it; another process may have it when this block, or the process, has ended.

    Raises:
        UserError: if another run owns it, or it holds something else than a run's files.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    if not all(_OURS.fullmatch(entry.name) for entry in folder.iterdir()):  # all of it is swept in the end
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

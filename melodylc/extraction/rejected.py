"""The list of what was rejected: a line for each file and line of music, in the order of the corpus.

Each part has its piece of the list beside it, so the whole is never in memory.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from melodylc.base.errors import UserError
from midi_io.atomic import atomic_write

COLUMNS = ("source", "track", "channel", "reason")

_ESCAPED = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})  # file names may hold them


class Rejected(NamedTuple):
    """A file, or with a track and a channel (counted from 0) a line of it, that gave no window."""

    source: str
    reason: str
    track: int | None = None
    channel: int | None = None

    def __str__(self) -> str:
        """The cells of COLUMNS, tracks and channels counted from 1 as everywhere on the command line."""
        place = ("" if number is None else str(number + 1) for number in (self.track, self.channel))
        return "\t".join([self.source.translate(_ESCAPED), *place, self.reason])


def write_piece(path: Path, rejected: Iterable[Rejected]) -> None:
    """The rejected of one part."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{one}\n" for one in rejected)
    beside.replace(path)


def check(path: Path, out: Path) -> None:
    """Raise UserError if no list could be written to `path` beside the corpus `out`: better known before a long run."""
    target = path.resolve()
    if os.path.lexists(path) and not path.is_file():  # the list would take the place of a device
        why = "is a folder" if path.is_dir() else "is no regular file"
    elif not target.parent.is_dir():
        why = f"is in a folder that does not exist, {target.parent}"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        why = "is in a folder that cannot be written"
    elif {out.resolve(), partial_of(out).resolve()} & {target, *target.parents}:
        why = f"is in the way of --out {out}"
    else:
        return
    raise UserError(f"extract: --rejected expected a file to write, but {str(path)!r} {why}")


def partial_of(out: Path) -> Path:
    """The folder beside `out` in which a run works until its corpus is whole."""
    return out.with_name(out.name + ".partial")


def write(path: Path, pieces: Iterable[Path]) -> None:
    """The whole list, or none if the disk is full."""
    with atomic_write(path.resolve()) as beside, beside.open("wb") as lines:
        lines.write("\t".join(COLUMNS).encode() + b"\n")
        for piece in pieces:
            with piece.open("rb") as more:
                shutil.copyfileobj(more, lines)

"""The list of rejected files, and of rejected lines within files, in the order of the corpus.

Every part has its own list beside it, so the whole list is never in memory.
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
    """A file that gave no window, or, with a track and a channel (counted from 0), one line of music in it."""

    source: str
    reason: str
    track: int | None = None
    channel: int | None = None

    def __str__(self) -> str:
        """Return the cells of COLUMNS; tracks and channels are counted from 1, as everywhere on the command line."""
        place = ("" if number is None else str(number + 1) for number in (self.track, self.channel))
        return "\t".join([self.source.translate(_ESCAPED), *place, self.reason])


def write_part_list(path: Path, rejected: Iterable[Rejected]) -> None:
    """Write what was rejected in one part."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{entry}\n" for entry in rejected)
    beside.replace(path)


def check_writable(path: Path, out: Path) -> None:
    """Check, before a long run, that a list can be written to `path` beside the corpus `out`.

    Raises:
        UserError: if it cannot.
    """
    target = path.resolve()
    if os.path.lexists(path) and not path.is_file():  # the list would take the place of a device
        why = "is a folder" if path.is_dir() else "is no regular file"
    elif not target.parent.is_dir():
        why = f"is in a folder that does not exist, {target.parent}"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        why = "is in a folder that cannot be written"
    elif {out.resolve(), partial_folder(out).resolve()} & {target, *target.parents}:
        why = f"is in the way of --out {out}"
    else:
        return
    raise UserError(f"extract: --rejected expected a file to write, but {str(path)!r} {why}")


def partial_folder(out: Path) -> Path:
    """Return the folder beside `out` in which a run works until its corpus is complete."""
    return out.with_name(out.name + ".partial")


def write_list(path: Path, part_lists: Iterable[Path]) -> None:
    """Write the lists of all parts as one file, completely or not at all."""
    with atomic_write(path.resolve()) as beside, beside.open("wb") as lines:
        lines.write("\t".join(COLUMNS).encode() + b"\n")
        for part_list in part_lists:
            with part_list.open("rb") as part_lines:
                shutil.copyfileobj(part_lines, lines)

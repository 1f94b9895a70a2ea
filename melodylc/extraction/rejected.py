"""The list of rejected files, and of rejected lines within files, in the order of the corpus.

Every part has its own list beside it, so the whole list is never in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from melodylc.base.errors import UserError
from melodylc.extraction import checked, storage
from midi_io.atomic import atomic_write

LISTS_AT_ONCE = 256
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
        source = self.source if self.source.isprintable() else self.source.translate(_ESCAPED)
        track = "" if self.track is None else self.track + 1
        channel = "" if self.channel is None else self.channel + 1
        return f"{source}\t{track}\t{channel}\t{self.reason}"


def write_part_list(path: Path, rejected: Iterable[Rejected]) -> None:
    """Write what was rejected in one part."""
    with storage.writing(path) as lines:
        lines.write("".join([f"{entry}\n" for entry in rejected]).encode())


def check_writable(name: str | os.PathLike[str], out: Path) -> None:
    """Check, before a long run, that a list can be written to `name` beside the corpus `out`.

    Raises:
        UserError: if it cannot.
    """
    path = Path(name)
    target = path.resolve()
    if storage.is_url(name):
        why = "is a URL"
    elif os.path.lexists(path) and not path.is_file():  # the list would take the place of a device
        why = "is a folder" if path.is_dir() else "is no regular file"
    elif not target.parent.is_dir():
        why = f"is in a folder that does not exist, {target.parent}"
    elif not os.access(target.parent, os.W_OK | os.X_OK):
        why = "is in a folder that cannot be written"
    elif storage.is_local(out) and {out.resolve(), partial_folder(out).resolve()} & {target, *target.parents}:
        why = f"is in the way of --out {out}"
    else:
        return
    raise UserError(f"extract: --rejected expected a file to write, but {os.fspath(name)!r} {why}")


def partial_folder(out: Path) -> Path:
    """Return the folder beside `out` in which a run works until its corpus is complete."""
    return out.with_name(out.name + ".partial")


def write_list(path: Path, part_lists: Sequence[Path]) -> None:
    """Write the lists of all parts as one file, completely or not at all.

    Raises:
        OSError, UserError: if the list of a part cannot be read or is missing (see `checked.read_whole`).
    """
    with atomic_write(path.resolve()) as beside, beside.open("wb") as lines:
        lines.write("\t".join(COLUMNS).encode() + b"\n")
        for begin in range(0, len(part_lists), LISTS_AT_ONCE):
            lines.writelines(checked.read_whole(part_lists[begin : begin + LISTS_AT_ONCE]))

"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 255  # bytes that systems take of a name
UNFINISHED = ".unfinished"  # in the names of files being written, so that `sweep` takes no other


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` on success and vanishes on failure."""
    path = Path(path)
    suffix, stem = f"{UNFINISHED}{path.suffix}", path.stem
    while stem and len(os.fsencode(f".{stem}-????????{suffix}")) > LONGEST:  # what mkstemp makes of it
        stem = stem[:-1]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{stem}-", suffix=suffix)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o666 & ~mask)  # mkstemp makes private files
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def sweep(folder: Path, older: float = 3600.0) -> None:
    """Remove files half-written to a folder that a killed process left behind, those of so many seconds ago."""
    for path in folder.glob(f".*-????????{UNFINISHED}*") if folder.is_dir() else ():
        if path.is_file() and time.time() - path.stat().st_mtime > older:
            path.unlink(missing_ok=True)

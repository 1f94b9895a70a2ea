"""One run at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from melodylc.base.errors import UserError


@contextmanager
def held(lock: Path, command: str) -> Iterator[None]:
    """Hold the lock of a folder, a file in it, within the block; a process that ends releases it in any case.

    Args:
        command: that the error begins with.

    Raises:
        UserError: if another run holds it.
    """
    from filelock import FileLock, Timeout

    file = FileLock(lock)
    try:
        file.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"{command}: another run is at work in {lock.parent}; wait until it has ended, or name another --out"
        ) from error
    try:
        yield
    finally:
        file.release()

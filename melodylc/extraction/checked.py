"""Files of parts, which end with the CRC-32 of what comes before it, but for the lists of what was rejected.

A run goes on with the parts that an earlier one made. A machine that loses its power may leave a file of the right name
and size that holds zeros.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from melodylc.base.errors import UserError
from melodylc.extraction import storage
from melodylc.extraction.plan import Work

_BYTES = 4


class CheckedFile(io.RawIOBase):
    """A file that is being written."""

    def __init__(self, sink: IO[bytes]) -> None:
        super().__init__()
        self.sink = sink
        self.checksum = 0

    def writable(self) -> bool:
        """Return that it can be written, as Arrow asks."""
        return True

    def write(self, data: Any) -> int:
        """Write some bytes; return how many."""
        self.checksum = zlib.crc32(data, self.checksum)
        return self.sink.write(data)


@contextmanager
def writing(path: Path) -> Iterator[CheckedFile]:
    """Yield a file to write, which appears at `path` as `storage.writing` says."""
    with storage.writing(path) as sink:
        file = CheckedFile(sink)
        yield file
        sink.write(file.checksum.to_bytes(_BYTES, "little"))


def read(work: Work, files: Sequence[tuple[int, Path]]) -> list[memoryview]:
    """Return the contents of some files, each given with the number of its part.

    Raises:
        OSError: if one cannot be read.
        UserError: if one is missing or damaged; the part of a damaged one is deleted. The same run makes it anew.
    """
    contents = read_whole([path for _, path in files])
    found = []
    for (part, path), data in zip(files, contents, strict=True):
        content, checksum = memoryview(data)[:-_BYTES], data[-_BYTES:]
        if checksum != zlib.crc32(content).to_bytes(_BYTES, "little"):
            storage.remove(work.part(part))
            raise UserError(f"extract: {path} was damaged; run the same command again to make it anew")
        found.append(content)
    return found


def read_whole(paths: Sequence[Path]) -> list[bytes]:
    """Return the contents of files of the folder of a run, unchecked.

    Raises:
        OSError: if one cannot be read, or the folder is not there: it may be one of the network.
        UserError: if one is missing from the folder; the same run makes its part anew.
    """
    try:
        return storage.read_whole(paths)
    except FileNotFoundError as error:
        if not storage.names(paths[0].parent):
            raise
        missing = error.filename or error
        raise UserError(f"extract: {missing} is missing; run the same command again to make it anew") from error

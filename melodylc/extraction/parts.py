"""Parts: the windows of a chunk of files with their hashes, what was counted, and what was rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from melodylc.base.errors import UserError
from melodylc.extraction import storage
from melodylc.extraction.batches import BYTES_PER_BATCH, FILE_REASONS, FilesWindows, Reader
from melodylc.extraction.discovery import UNREADABLE, SourceFile
from melodylc.extraction.hashing import hash_windows
from melodylc.extraction.plan import Chunk, Work
from melodylc.extraction.rejected import Rejected, write_part_list
from melodylc.extraction.windows import LINE_REASONS, STRETCH_REASON, WINDOW_REASONS, Filters
from melodylc.melody import STEPS
from midi_io import smf
from midi_io.files import contents

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 2  # of the files below: those of another are not used
REJECTED = ("files", "stretches", "lines", "windows")  # kinds of counts of what was rejected
OBSERVED = ("read past", "signatures")  # kinds of other counts: files with a fault, notes in a time signature

Counts = dict[str, Counter[str]]


class PartJob(NamedTuple):
    """A part to make."""

    work: Work
    number: int
    chunk: Chunk
    filters: Filters


def make_part(job: PartJob) -> int:
    """Make one part.

    Returns:
        The number of its files.
    """
    return extract_chunk(job.chunk.read(job.work.files), job.filters, job.work, job.number)


def extract_chunk(chunk: list[SourceFile], filters: Filters, work: Work, index: int) -> int:
    """Write one part from a chunk of files; its windows come last, so that a part whose windows exist is complete.

    Returns:
        The number of files.
    """
    import pyarrow as pa

    counts = no_counts()
    rejected: list[Rejected] = []
    sources = pa.array([file.source for file in chunk], pa.string())
    reader = Reader(filters)
    begin = windows = 0
    with storage.writing(work.part(index)) as sink:
        with storage.writing(work.hashes(index)) as hashes, pa.ipc.new_file(sink, _schema()) as writer:
            for files, given in _batches(chunk):
                found = reader.read([b"" if isinstance(data, smf.BrokenFileError) else data for data in given])
                rejected += _add_counts(counts, found, files, given)
                numbers = np.arange(begin, begin + len(files), dtype=np.int32).repeat(found.numbers)
                columns = [
                    pa.FixedSizeBinaryArray.from_buffers(
                        pa.binary(STEPS), len(found.states), [None, pa.py_buffer(found.states)]
                    ),
                    pa.DictionaryArray.from_arrays(pa.array(numbers), sources),
                    pa.array(found.positions[:, 0].astype(np.int32)),
                    pa.array(found.positions[:, 3].astype(np.int32)),
                ]
                writer.write_batch(pa.record_batch(columns, _schema()))
                hashes.write(hash_windows(found.states).tobytes())
                begin += len(files)
                windows += len(found.states)
        write_part_list(work.rejected(index), rejected)
        with storage.writing(work.counts(index)) as counted:
            counted.write(json.dumps([windows, counts]).encode())
    return len(chunk)


def _schema() -> pa.Schema:
    """Return the columns of a part."""
    import pyarrow as pa

    return pa.schema(
        {
            "states": pa.binary(STEPS),
            "source": pa.dictionary(pa.int32(), pa.string()),
            "track": pa.int32(),
            "bar": pa.int32(),
        }
    )


def _add_counts(
    counts: Counts, found: FilesWindows, files: list[SourceFile], given: list[bytes | smf.BrokenFileError]
) -> list[Rejected]:
    """Add what was counted in some files.

    Returns:
        What was rejected in them, in their order.
    """
    counts["read past"] += found.faults
    counts["signatures"] += found.signatures
    counts["stretches"][STRETCH_REASON] += found.other_stretches
    counts["windows"].update(dict(zip(WINDOW_REASONS, found.rejected_windows.tolist(), strict=True)))
    rejected = []
    for file, track, channel, reason in found.rejected_lines.tolist():
        counts["lines"][LINE_REASONS[reason]] += 1
        rejected.append((file, Rejected(files[file].source, LINE_REASONS[reason], track, channel)))
    for file in np.flatnonzero(found.codes).tolist():
        data = given[file]
        why = str(data) if isinstance(data, smf.BrokenFileError) else FILE_REASONS[found.codes[file]]
        counts["files"][why] += 1
        rejected.append((file, Rejected(files[file].source, why)))
    return [entry for _, entry in sorted(rejected, key=itemgetter(0))]


def _batches(chunk: list[SourceFile]) -> Iterator[tuple[list[SourceFile], list[bytes | smf.BrokenFileError]]]:
    """Yield files and what `_contents` gives for them, BYTES_PER_BATCH or a little more at a time."""
    files: list[SourceFile] = []
    given: list[bytes | smf.BrokenFileError] = []
    size = 0
    for file, data in _contents(chunk):
        files.append(file)
        given.append(data)
        size += 0 if isinstance(data, smf.BrokenFileError) else len(data)
        if size >= BYTES_PER_BATCH:
            yield files, given
            files, given, size = [], [], 0
    if files:
        yield files, given


def _contents(chunk: list[SourceFile]) -> Iterator[tuple[SourceFile, bytes | smf.BrokenFileError]]:
    """Yield each file with its contents, or with the reason why it cannot be read.

    Raises:
        OSError: or another exception, if a storage fails for another reason than that a file is gone or forbidden.
    """
    urls = [file.path for file in chunk if storage.is_url(file.path) and not file.reason and file.size <= smf.MAX_BYTES]
    fetched = storage.fetch(urls) if urls else {}
    for file in chunk:
        data: bytes | Exception
        if file.reason:
            data = smf.BrokenFileError(file.reason)
        elif not storage.is_url(file.path):
            try:
                data = contents(file.path)
            except smf.BrokenFileError as error:
                data = error
            except OSError:
                data = smf.BrokenFileError(UNREADABLE)
        else:
            data = fetched.get(file.path, smf.BrokenFileError(smf.TOO_LARGE))
            if isinstance(data, (FileNotFoundError, PermissionError)):
                data = smf.BrokenFileError(UNREADABLE)
            elif isinstance(data, Exception) and not isinstance(data, smf.BrokenFileError):
                raise data
            elif isinstance(data, bytes) and len(data) > smf.MAX_BYTES:  # it has grown since it was found
                data = smf.BrokenFileError(smf.TOO_LARGE)
        yield file, data


def read_part(part: Path) -> pa.Table:
    """Return the windows of a part.

    Raises:
        UserError: if it is damaged; then it is deleted, so that the same run makes it anew.
    """
    import pyarrow as pa

    try:
        if storage.is_local(part):
            with pa.memory_map(str(part)) as source:
                return pa.ipc.open_file(source).read_all()
        return pa.ipc.open_file(pa.BufferReader(storage.read_whole([part])[0])).read_all()
    except (pa.ArrowInvalid, OSError) as error:  # the machine lost its power while the disk wrote
        storage.remove(part)
        raise UserError(f"extract: {part} was damaged ({error}); run the same command again to make it anew") from error


def no_counts() -> Counts:
    """Return counts of nothing."""
    return {kind: Counter() for kind in REJECTED + OBSERVED}


def read_counts(work: Work, parts: int) -> tuple[list[int], Counts]:
    """Return the number of windows of each of so many parts, and all counts together.

    Raises:
        UserError: if those of a part are damaged; then it is deleted, so that the same run makes it anew.
    """
    sizes: list[int] = []
    together = no_counts()
    for index, text in enumerate(storage.read_whole([work.counts(index) for index in range(parts)])):
        try:
            size, counts = json.loads(text)
        except ValueError as error:
            storage.remove(work.part(index))
            raise UserError(
                f"extract: {work.counts(index)} was damaged; run the same command again to make it anew"
            ) from error
        sizes.append(size)
        for kind, counter in counts.items():
            together[kind].update(counter)
    return sizes, together

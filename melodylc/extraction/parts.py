"""Parts: the windows of a chunk of files with their hashes, what was counted, and what was rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from melodylc.extraction import checked, storage
from melodylc.extraction.bars import states_of_windows
from melodylc.extraction.batches import BYTES_PER_BATCH, FILE_REASONS, FilesWindows, Reader
from melodylc.extraction.discovery import UNREADABLE, SourceFile
from melodylc.extraction.hashing import hash_windows
from melodylc.extraction.plan import Chunk, Work
from melodylc.extraction.rejected import Rejected, write_part_list
from melodylc.extraction.stretches import STRETCH_REASON
from melodylc.extraction.windows import (
    BAR,
    FIRST,
    LINE_REASONS,
    LINE_TRACK,
    WINDOW_REASONS,
    Filters,
)
from melodylc.melody import STEPS, STEPS_PER_BAR
from midi_io import smf
from midi_io.files import contents

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 4  # of the files below: those of another are not used
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
    """Write the files of one part from a chunk of files, the one of its windows last.

    Returns:
        The number of files.
    """
    counts = no_counts()
    rejected: list[Rejected] = []
    columns: list[np.ndarray] = []
    reader = Reader(filters)
    begin = bars = 0
    with checked.writing(work.hashes(index)) as hashes, checked.writing(work.bars(index)) as shared:
        for files, given in _batches(chunk):
            found = reader.read([b"" if isinstance(data, smf.BrokenFileError) else data for data in given])
            rejected += _add_counts(counts, found, files, given)
            firsts = found.windows[:, FIRST]
            numbers = np.arange(begin, begin + len(files)).repeat(found.numbers)
            columns.append(
                np.stack([firsts + bars, numbers, found.windows[:, LINE_TRACK], found.windows[:, BAR]]).astype(np.int32)
            )
            shared.write(found.bars.data)
            hashes.write(hash_windows(found.bars, firsts).data)
            begin += len(files)
            bars += len(found.bars)
    windows = np.concatenate(columns, axis=1)
    write_part_list(work.rejected(index), rejected)
    with checked.writing(work.counts(index)) as counted:
        counted.write(json.dumps([windows.shape[1], counts]).encode())
    _write_windows(work.part(index), windows, [file.source for file in chunk])
    return len(chunk)


def _write_windows(part: Path, windows: np.ndarray, sources: list[str]) -> None:
    """Write the windows of a part: the first of each one's bars, its file, track and bar, (4, W) int32."""
    import pyarrow as pa

    first, number, track, bar = map(pa.array, windows)
    columns = {"first": first, "source": pa.DictionaryArray.from_arrays(number, sources), "track": track, "bar": bar}
    table = pa.table(columns)
    with checked.writing(part) as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


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


def read_part(work: Work, index: int, rows: np.ndarray) -> pa.Table:
    """Return some windows (N,) of a part: their states, source, track and bar.

    Raises:
        OSError, UserError: if it cannot be read or is damaged (see `checked.read`).
    """
    import pyarrow as pa

    part, shared = checked.read(work, [(index, work.part(index)), (index, work.bars(index))])
    chosen = pa.ipc.open_file(pa.BufferReader(part)).read_all().take(pa.array(rows))
    bars = np.frombuffer(shared, np.uint8).reshape(-1, STEPS_PER_BAR)
    states = states_of_windows(bars, chosen["first"].to_numpy())
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(STEPS), len(states), [None, pa.py_buffer(states)])
    return chosen.set_column(0, "states", column)


def no_counts() -> Counts:
    """Return counts of nothing."""
    return {kind: Counter() for kind in REJECTED + OBSERVED}


def read_counts(work: Work, parts: int) -> tuple[list[int], Counts]:
    """Return the number of windows of each of so many parts, and all counts together.

    Raises:
        OSError, UserError: if those of a part cannot be read or are damaged (see `checked.read`).
    """
    sizes: list[int] = []
    together = no_counts()
    for text in checked.read(work, [(index, work.counts(index)) for index in range(parts)]):
        size, counts = json.loads(bytes(text))
        sizes.append(size)
        for kind, counter in counts.items():
            together[kind].update(counter)
    return sizes, together

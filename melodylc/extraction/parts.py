"""Parts: the windows of a chunk of files with their hashes, what was counted, and what was rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from melodylc.base.errors import UserError
from melodylc.extraction import storage
from melodylc.extraction.discovery import UNREADABLE, SourceFile
from melodylc.extraction.hashing import hash_windows
from melodylc.extraction.plan import Chunk, Work
from melodylc.extraction.rejected import Rejected, write_part_list
from melodylc.extraction.windows import LINE_REASONS, NO_NOTES, STRETCH_REASON, WINDOW_REASONS, Filters, extract_windows
from melodylc.melody import STEPS
from midi_io import smf
from midi_io.files import contents

if TYPE_CHECKING:
    import pyarrow as pa

NO_WINDOWS = "no window kept"
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
    states, positions, numbers, sources = [], [], [], []
    for file, data in _contents(chunk):
        try:
            if isinstance(data, smf.BrokenFileError):
                raise data
            parsed = smf.parse(data)
            counts["read past"].update(dict.fromkeys(parsed.faults, 1))
            if not len(parsed.notes):
                raise smf.BrokenFileError(NO_NOTES)
        except smf.BrokenFileError as error:
            counts["files"][str(error)] += 1
            rejected.append(Rejected(file.source, str(error)))
            continue
        windows = extract_windows(parsed, filters)
        for track, channel, reason in windows.rejected_lines.tolist():
            counts["lines"][LINE_REASONS[reason]] += 1
            rejected.append(Rejected(file.source, LINE_REASONS[reason], track, channel))
        counts["windows"].update(dict(zip(WINDOW_REASONS, windows.rejected_windows.tolist(), strict=True)))
        counts["stretches"][STRETCH_REASON] += windows.other_stretches
        counts["signatures"].update({f"{n}/{d}" if n else "nonsense": k for (n, d), k in windows.signatures.items()})
        if not len(windows.states):
            counts["files"][NO_WINDOWS] += 1
            rejected.append(Rejected(file.source, NO_WINDOWS))
            continue
        states.append(windows.states)
        positions.append(windows.positions)
        numbers.append(len(windows.states))
        sources.append(file.source)
    all_states = np.concatenate([np.empty((0, STEPS), np.uint8), *states])
    all_positions = np.concatenate([np.empty((0, 4), np.int64), *positions])
    table = pa.table(
        {
            "states": _fixed_size(all_states),
            "source": pa.DictionaryArray.from_arrays(
                np.repeat(np.arange(len(sources), dtype=np.int32), numbers), pa.array(sources, pa.string())
            ),
            "track": all_positions[:, 0].astype(np.int32),
            "bar": all_positions[:, 3].astype(np.int32),
        }
    )
    write_part_list(work.rejected(index), rejected)
    with storage.writing(work.counts(index)) as sink:
        sink.write(json.dumps([len(all_states), counts]).encode())
    with storage.writing(work.hashes(index)) as sink:
        sink.write(hash_windows(all_states).tobytes())
    with storage.writing(work.part(index)) as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return len(chunk)


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
        elif file.path in fetched:
            data = fetched[file.path]
        elif storage.is_url(file.path):
            data = smf.BrokenFileError(smf.TOO_LARGE)
        else:
            try:
                data = contents(file.path)
            except (OSError, smf.BrokenFileError) as error:
                data = error if isinstance(error, smf.BrokenFileError) else smf.BrokenFileError(UNREADABLE)
        if isinstance(data, (FileNotFoundError, PermissionError)):
            data = smf.BrokenFileError(UNREADABLE)
        if isinstance(data, Exception) and not isinstance(data, smf.BrokenFileError):
            raise data
        yield file, data


def _fixed_size(rows: np.ndarray) -> pa.Array:
    """Return rows (N, K) uint8 as N binary values of K bytes."""
    import pyarrow as pa

    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)])


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

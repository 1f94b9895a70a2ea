"""The extraction of a collection in several processes; a stopped run can be resumed.

The files are split into chunks in path order. Each chunk becomes one part file, which is renamed when it is written, so
that a part that exists is complete and a resumed run makes the missing parts only. When all parts exist, one pass in
path order takes the first of equal windows and writes the corpus, which appears under its name in a single rename.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.progress import bar as bar_of
from melodylc.base.version import __version__
from melodylc.extraction import corpus
from melodylc.extraction import rejected as list_of_rejected
from melodylc.extraction.compiling import compiled_if_worthwhile
from melodylc.extraction.discovery import UNREADABLE, SourceFile, find_midi_files
from melodylc.extraction.hashing import hash_windows
from melodylc.extraction.plan import Chunk, Plan, locked, make_plan
from melodylc.extraction.rejected import Rejected, partial_folder, write_part_list
from melodylc.extraction.unique import first_occurrences
from melodylc.extraction.windows import LINE_REASONS, NO_NOTES, STRETCH_REASON, WINDOW_REASONS, Filters, extract_windows
from melodylc.extraction.workers import available_cores, run_in_processes
from melodylc.melody import STEPS
from midi_io import smf
from midi_io.files import contents

if TYPE_CHECKING:
    import pyarrow as pa

NO_WINDOWS = "no window kept"
CONTRACT = 2  # version of the rules in docs/extraction.md: parts made by another version are not used
PROCESSES_PER_CORE = 2  # at most: more gain nothing, and a thousand take all memory
REJECTED = ("files", "stretches", "lines", "windows")  # kinds of counts of what was rejected
OBSERVED = ("read past", "signatures")  # kinds of other counts: files with a fault, notes in a time signature


def extract(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    filters: Filters = Filters(),
    workers: int | None = None,
    progress: bool = True,
    rejected: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Extract every MIDI file under `paths` into the corpus folder `out`.

    A stopped run resumes where it was when called again with the same paths, files and filters; until then its parts
    are in `out` + ".partial". The corpus is the same, byte for byte, for any number of workers.

    Args:
        workers: processes, at most; default: one for each core this process may use.
        rejected: a file to list every rejected file and line in, with its reason (see `rejected`).

    Returns:
        The contents of its corpus.json.

    Raises:
        UserError: if `out` exists, another run is making it, or the paths cannot be used (see `find_midi_files`).
    """
    if workers is not None:
        integer("workers", workers, 1)
    out = Path(out)
    _check_absent(out)
    if rejected is not None:
        list_of_rejected.check_writable(Path(rejected), out)
    files = find_midi_files(paths)
    partial = partial_folder(out)
    with locked(partial):
        _check_absent(out)  # another run may have made it since
        plan = make_plan(files, [__version__, corpus.VERSION, CONTRACT, asdict(filters)], partial)
        _make_parts(plan, filters, workers, progress)
        card = _merge_parts(plan, filters, progress)
        if rejected is not None:
            part_lists = (plan.part(index).with_suffix(".tsv") for index in range(len(plan.chunks)))
            list_of_rejected.write_list(Path(rejected), part_lists)
        (partial / "corpus").rename(out)
        shutil.rmtree(partial, ignore_errors=True)  # the corpus is complete, whatever stays (on Windows, the lock)
    return card


def _check_absent(out: Path) -> None:
    if os.path.lexists(out):
        raise UserError(f"extract: {out} exists already; name another folder, or delete it to extract again")


def _make_parts(plan: Plan, filters: Filters, workers: int | None, progress: bool) -> None:
    missing = plan.missing()
    to_do = sum(plan.chunks[index].files for index in missing)
    total = sum(chunk.files for chunk in plan.chunks)
    with (
        bar_of(total, unit="file", desc="extract", done=total - to_do, show=progress) as bar,
        compiled_if_worthwhile(sum(plan.chunks[index].size for index in missing), bar.set_description_str) as compiled,
    ):
        bar.set_description_str("extract")
        most = min(workers or available_cores(), len(missing), PROCESSES_PER_CORE * available_cores())
        processes = most if compiled else 1  # little is interpreted: it would be done before processes have started
        jobs = [(plan.files, plan.chunks[index], filters, plan.part(index)) for index in missing]
        if processes <= 1:
            for job in jobs:
                bar.update(_make_part(job))
            return
        try:
            run_in_processes(_make_part, jobs, processes, bar.update)
        except BrokenProcessPool as error:
            raise UserError(
                "extract: a worker process was killed (out of memory?); run the same command again to go on, "
                "with fewer --workers if it happens again"
            ) from error


def _make_part(job: tuple[Path, Chunk, Filters, Path]) -> int:
    files, chunk, filters, part = job
    return extract_chunk(chunk.read(files), filters, part)


def extract_chunk(chunk: list[SourceFile], filters: Filters, part: Path) -> int:
    """Write one part: the windows of a chunk of files with their hashes, and the counts in its metadata.

    Its list of rejected files is written first, so that a part that exists has one.

    Returns:
        The number of files.
    """
    import pyarrow as pa

    counts: dict[str, Counter[str]] = {kind: Counter() for kind in REJECTED + OBSERVED}
    rejected: list[Rejected] = []
    states, positions, numbers, sources = [], [], [], []
    for file in chunk:
        try:
            parsed = smf.parse(_contents(file))
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
            "digest": _fixed_size(hash_windows(all_states)),
        }
    ).replace_schema_metadata({"counts": json.dumps(counts)})
    write_part_list(part.with_suffix(".tsv"), rejected)
    beside = part.with_suffix(f".{os.getpid()}.tmp")  # a worker may outlive a killed run and still be writing
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    beside.replace(part)
    return len(chunk)


def _contents(file: SourceFile) -> bytes:
    """Return the contents of a file.

    Raises:
        BrokenFileError: with the reason why it cannot be read.
    """
    if file.reason:
        raise smf.BrokenFileError(file.reason)
    try:
        return contents(file.path)
    except OSError as error:
        raise smf.BrokenFileError(UNREADABLE) from error


def _fixed_size(rows: np.ndarray) -> pa.Array:
    """Return rows (N, K) uint8 as N binary values of K bytes."""
    import pyarrow as pa

    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)])


def _read_part(part: Path) -> pa.Table:
    import pyarrow as pa

    try:
        with pa.memory_map(str(part)) as source:
            return pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:  # the machine lost its power while the disk wrote
        part.unlink(missing_ok=True)
        raise UserError(f"extract: {part} was damaged ({error}); run the same command again to make it anew") from error


def _merge_parts(plan: Plan, filters: Filters, progress: bool) -> dict[str, Any]:
    """Write the first of equal windows as the Parquet files of a corpus, and its corpus.json, into the plan's folder.

    Returns:
        The contents of corpus.json.
    """
    import pyarrow as pa

    parts = [plan.part(index) for index in range(len(plan.chunks))]
    sizes = [len(_read_part(part)) for part in parts]
    is_first = first_occurrences(
        sizes, lambda index: corpus.rows_of(_read_part(parts[index])["digest"]), plan.folder / "marks"
    )

    counts: dict[str, Counter[str]] = {kind: Counter() for kind in REJECTED + OBSERVED}
    splits: Counter[str] = Counter()
    folder = plan.folder / "corpus"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    writer = corpus.Writer(folder)
    for part, first in bar_of(len(parts), zip(parts, is_first), unit="part", desc="unique", show=progress):
        table = _read_part(part)
        for kind, counter in json.loads(table.schema.metadata[b"counts"]).items():
            counts[kind].update(counter)
        table = table.filter(pa.array(first))
        sources = table["source"].to_pylist()
        known = {source: corpus.split_of(source) for source in set(sources)}
        split = [known[source] for source in sources]
        splits.update(split)
        table = table.drop_columns("digest").append_column("split", pa.array(split, pa.string()))
        writer.add(table.cast(corpus.schema()).replace_schema_metadata(None))
    writer.close()
    unique = sum(splits.values())
    counts["windows"]["duplicate"] = sum(sizes) - unique
    nonzero = {kind: {reason: n for reason, n in sorted(counter.items()) if n} for kind, counter in counts.items()}
    card = {
        "version": corpus.VERSION,
        "contract": CONTRACT,
        "filters": asdict(filters),
        "files": sum(chunk.files for chunk in plan.chunks),
        "windows": unique,
        "splits": {name: splits[name] for name in corpus.SPLITS},
        "rejected": {kind: nonzero[kind] for kind in REJECTED},
        **{kind: nonzero[kind] for kind in OBSERVED},
    }
    (folder / "corpus.json").write_text(json.dumps(card, indent=2) + "\n")
    return card

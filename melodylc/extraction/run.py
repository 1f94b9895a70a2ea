"""The extraction of a whole collection: many processes, one result, and nothing lost when it is stopped.

The files are cut into chunks in path order. Each chunk becomes one part file, written beside and then renamed, so a
part that exists is whole and a stopped run goes on with the parts that are missing. When all are there, one pass in
path order keeps the first of equal windows and writes the corpus, which appears under its name in a single rename.
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

from melodylc import __version__
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.progress import bar as bar_of
from melodylc.extraction import corpus
from melodylc.extraction import rejected as list_of_rejected
from melodylc.extraction.compiling import quickest
from melodylc.extraction.discovery import UNREADABLE, Found, find_midi_files
from melodylc.extraction.hashing import hash_windows
from melodylc.extraction.plan import Chunk, Plan, make, owned
from melodylc.extraction.rejected import Rejected, partial_of, write_piece
from melodylc.extraction.unique import mark_firsts
from melodylc.extraction.windows import LINE_REASONS, NO_NOTES, STRETCH_REASON, WINDOW_REASONS, Filters, windows
from melodylc.extraction.workers import cores, share
from melodylc.melody import STEPS
from midi_io import smf
from midi_io.files import contents

if TYPE_CHECKING:
    import pyarrow as pa

NO_WINDOWS = "no window kept"
CONTRACT = 2  # the version of docs/extraction.md: parts made by another are not taken
REJECTED = ("files", "stretches", "lines", "windows")  # kinds of counts of what was rejected
COUNTED = ("read past", "signatures")  # and of what was met: faults by files, time signatures by notes


def extract(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    filters: Filters = Filters(),
    workers: int | None = None,
    progress: bool = True,
    rejected: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Extract every MIDI file under `paths` into the corpus folder `out`; returns the contents of its corpus.json.

    A run that was stopped goes on where it was when called again with the same paths, files and filters; its parts
    wait in `out` + ".partial". The corpus is the same, byte for byte, for any number of workers.

    Args:
        workers: processes, at most; default: one for each core this process may use.
        rejected: a file to list every rejected file and line in, with its reason (see `rejected`).

    Raises:
        UserError: if `out` exists, another run is making it, or the paths cannot be used (see `walk.find`).
    """
    if workers is not None:
        integer("workers", workers, 1)
    out = Path(out)
    _is_free(out)
    if rejected is not None:
        list_of_rejected.check(Path(rejected), out)
    found = find_midi_files(paths)
    partial = partial_of(out)
    with owned(partial):
        _is_free(out)  # another run may have made it since
        plan = make(found, [__version__, corpus.VERSION, CONTRACT, asdict(filters)], partial)
        _make_parts(plan, filters, workers, progress)
        card = _merge(plan, filters, progress)
        if rejected is not None:
            pieces = (plan.part(index).with_suffix(".tsv") for index in range(len(plan.chunks)))
            list_of_rejected.write(Path(rejected), pieces)
        (partial / "corpus").rename(out)
        shutil.rmtree(partial, ignore_errors=True)  # the corpus is whole, whatever stays (on Windows, the lock)
    return card


def _is_free(out: Path) -> None:
    if os.path.lexists(out):
        raise UserError(f"extract: {out} exists already; name another folder, or delete it to extract again")


def _make_parts(plan: Plan, filters: Filters, workers: int | None, progress: bool) -> None:
    missing = plan.missing()
    to_do = sum(plan.chunks[index].files for index in missing)
    total = sum(chunk.files for chunk in plan.chunks)
    with (
        bar_of(total, unit="file", desc="extract", done=total - to_do, show=progress) as bar,
        quickest(sum(plan.chunks[index].size for index in missing), bar.set_description_str) as compiled,
    ):
        bar.set_description_str("extract")
        # more than twice the cores gain nothing, and a thousand take all memory; the interpreter has little to do
        processes = min(workers or cores(), len(missing), 2 * cores()) if compiled else 1
        jobs = [(plan.files, plan.chunks[index], filters, plan.part(index)) for index in missing]
        if processes <= 1:
            for job in jobs:
                bar.update(_make_part(job))
            return
        try:
            share(_make_part, jobs, processes, bar.update)
        except BrokenProcessPool as error:
            raise UserError(
                "extract: a worker process was killed (out of memory?); run the same command again to go on, "
                "with fewer --workers if it happens again"
            ) from error


def _make_part(job: tuple[Path, Chunk, Filters, Path]) -> int:
    files, chunk, filters, part = job
    return extract_chunk(chunk.read(files), filters, part)


def extract_chunk(chunk: list[Found], filters: Filters, part: Path) -> int:
    """Write one part: the windows of a chunk of files, with a digest each, and the counts in its metadata.

    Its piece of the list of the rejected is written first: a part that exists has one.
    """
    import pyarrow as pa

    counts: dict[str, Counter[str]] = {kind: Counter() for kind in REJECTED + COUNTED}
    none: list[Rejected] = []  # what gave no window
    states, places, numbers, names = [], [], [], []
    for found in chunk:
        try:
            parsed = smf.parse(_bytes(found))
            counts["read past"].update(dict.fromkeys(parsed.faults, 1))
            if not len(parsed.notes):
                raise smf.BrokenFileError(NO_NOTES)
        except smf.BrokenFileError as error:
            counts["files"][str(error)] += 1
            none.append(Rejected(found.source, str(error)))
            continue
        kept = windows(parsed, filters)
        for track, channel, reason in kept.rejected_lines.tolist():
            counts["lines"][LINE_REASONS[reason]] += 1
            none.append(Rejected(found.source, LINE_REASONS[reason], track, channel))
        counts["windows"].update(dict(zip(WINDOW_REASONS, kept.rejected_windows.tolist(), strict=True)))
        counts["stretches"][STRETCH_REASON] += kept.other_stretches
        counts["signatures"].update({f"{n}/{d}" if n else "nonsense": k for (n, d), k in kept.signatures.items()})
        if not len(kept.states):
            counts["files"][NO_WINDOWS] += 1
            none.append(Rejected(found.source, NO_WINDOWS))
            continue
        states.append(kept.states)
        places.append(kept.places)
        numbers.append(len(kept.states))
        names.append(found.source)
    all_states = np.concatenate([np.empty((0, STEPS), np.uint8), *states])
    all_places = np.concatenate([np.empty((0, 4), np.int64), *places])
    table = pa.table(
        {
            "states": _fixed(all_states),
            "source": pa.DictionaryArray.from_arrays(
                np.repeat(np.arange(len(names), dtype=np.int32), numbers), pa.array(names, pa.string())
            ),
            "track": all_places[:, 0].astype(np.int32),
            "bar": all_places[:, 3].astype(np.int32),
            "digest": _fixed(hash_windows(all_states)),
        }
    ).replace_schema_metadata({"counts": json.dumps(counts)})
    write_piece(part.with_suffix(".tsv"), none)
    beside = part.with_suffix(f".{os.getpid()}.tmp")  # a worker may outlive a killed run and still be writing
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    beside.replace(part)
    return len(chunk)


def _bytes(found: Found) -> bytes:
    """The contents of a file, or the reason why not, as an error."""
    if found.reason:
        raise smf.BrokenFileError(found.reason)
    try:
        return contents(found.path)
    except OSError as error:
        raise smf.BrokenFileError(UNREADABLE) from error


def _fixed(rows: np.ndarray) -> pa.Array:
    """(N, K) uint8 as N binary values of K bytes."""
    import pyarrow as pa

    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)])


def _read(part: Path) -> pa.Table:
    import pyarrow as pa

    try:
        with pa.memory_map(str(part)) as source:
            return pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:  # a machine that lost its power
        part.unlink(missing_ok=True)
        raise UserError(f"extract: {part} was damaged ({error}); run the same command again to make it anew") from error


def _merge(plan: Plan, filters: Filters, progress: bool) -> dict[str, Any]:
    """Keep the first of equal windows, write the Parquet files and corpus.json into the plan's folder, as `corpus`."""
    import pyarrow as pa

    parts = [plan.part(index) for index in range(len(plan.chunks))]
    sizes = [len(_read(part)) for part in parts]
    is_first = mark_firsts(sizes, lambda index: corpus.rows_of(_read(parts[index])["digest"]), plan.folder / "marks")

    counts: dict[str, Counter[str]] = {kind: Counter() for kind in REJECTED + COUNTED}
    splits: Counter[str] = Counter()
    folder = plan.folder / "corpus"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    writer = corpus.Writer(folder)
    for part, keep in bar_of(len(parts), zip(parts, is_first), unit="part", desc="unique", show=progress):
        table = _read(part)
        for kind, counter in json.loads(table.schema.metadata[b"counts"]).items():
            counts[kind].update(counter)
        table = table.filter(pa.array(keep))
        sources = table["source"].to_pylist()
        known = {source: corpus.split_of(source) for source in set(sources)}
        split = [known[source] for source in sources]
        splits.update(split)
        table = table.drop_columns("digest").append_column("split", pa.array(split, pa.string()))
        writer.add(table.cast(corpus.schema()).replace_schema_metadata(None))
    writer.close()
    unique = sum(splits.values())
    counts["windows"]["duplicate"] = sum(sizes) - unique
    said = {kind: {reason: n for reason, n in sorted(counter.items()) if n} for kind, counter in counts.items()}
    card = {
        "version": corpus.VERSION,
        "contract": CONTRACT,
        "filters": asdict(filters),
        "files": sum(chunk.files for chunk in plan.chunks),
        "windows": unique,
        "splits": {name: splits[name] for name in corpus.SPLITS},
        "rejected": {kind: said[kind] for kind in REJECTED},
        **{kind: said[kind] for kind in COUNTED},
    }
    (folder / "corpus.json").write_text(json.dumps(card, indent=2) + "\n")
    return card

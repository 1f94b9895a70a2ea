"""The extraction of a whole collection: many processes, one result, and nothing lost when it is stopped.

The files are cut into chunks in path order. Each chunk becomes one part file, written beside and then renamed, so a
part that exists is whole and a stopped run goes on with the parts that are missing. When all are there, one pass in
path order keeps the first of equal windows and writes the corpus, which appears under its name in a single rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from melodylc.errors import UserError
from melodylc.extraction import corpus
from melodylc.extraction.digest import digests
from melodylc.extraction.walk import UNREADABLE, Found, find
from melodylc.extraction.windows import LINE_REASONS, STRETCH_REASON, WINDOW_REASONS, Filters, windows
from melodylc.melody import STEPS
from midi_io import smf

if TYPE_CHECKING:
    import pyarrow as pa

FILES_PER_CHUNK = 512
BYTES_PER_CHUNK = 4 << 20  # a window has 16 notes of 3 bytes or more, and a note is in 16 windows: 350 MB at the worst
DIGESTS_IN_MEMORY = 4_000_000  # about 400 MB; more windows take more passes over the digests
NO_WINDOWS = "no window kept"


def extract(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    filters: Filters = Filters(),
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Extract every MIDI file under `paths` into the corpus folder `out`; returns the contents of its corpus.json.

    A run that was stopped goes on where it was when called again with the same paths, files and filters; its parts
    wait in `out` + ".partial". The corpus is the same, byte for byte, for any number of workers.

    Args:
        workers: processes; default: one for each core this process may use.

    Raises:
        UserError: if `out` exists, or the paths cannot be used (see `walk.find`).
    """
    out = Path(out)
    if out.exists():
        raise UserError(f"extract: {out} exists already; name another folder, or delete it to extract again")
    found = find(paths)
    workers = workers or cores()
    partial = out.with_name(out.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    total = _manifest(found, filters, partial)
    chunks = sum(1 for _ in _chunks(partial))
    _extract_parts(partial, chunks, total, filters, workers, progress)
    card = _merge(partial, chunks, filters, progress)
    (partial / "corpus").rename(out)
    shutil.rmtree(partial)
    return card


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _manifest(files: Iterable[Found], filters: Filters, partial: Path) -> int:
    """Write the list of files to `partial`; throw away parts that were made from another list. Returns its length."""
    digest = hashlib.blake2b(json.dumps([corpus.VERSION, FILES_PER_CHUNK, BYTES_PER_CHUNK, asdict(filters)]).encode())
    total = 0
    new = partial / "files.new"
    with new.open("w", encoding="utf-8", errors="surrogateescape") as lines:
        for found in files:
            line = json.dumps(found)
            digest.update(line.encode())
            lines.write(line + "\n")
            total += 1
    known = partial / "digest"
    if not known.exists() or known.read_text() != digest.hexdigest():
        for part in partial.glob("part-*"):
            part.unlink()
        new.replace(partial / "files")
        known.write_text(digest.hexdigest())
    new.unlink(missing_ok=True)
    return total


def _chunks(partial: Path) -> Iterator[list[Found]]:
    with (partial / "files").open(encoding="utf-8") as lines:
        yield from chunked(Found(*json.loads(line)) for line in lines)


def chunked(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Files in the chunks that become parts, in order."""
    chunk: list[Found] = []
    size = 0
    for found in files:
        chunk.append(found)
        size += found.size
        if len(chunk) == FILES_PER_CHUNK or size >= BYTES_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _part(partial: Path, index: int) -> Path:
    return partial / f"part-{index:06d}.arrow"


def _extract_parts(partial: Path, chunks: int, total: int, filters: Filters, workers: int, progress: bool) -> None:
    from tqdm import tqdm

    with tqdm(total=total, unit="file", desc="extract", disable=not progress) as bar:
        missing: Iterator[tuple[int, list[Found]]] = (
            (index, chunk)
            for index, chunk in enumerate(_chunks(partial))
            if not _part(partial, index).exists() or bar.update(len(chunk))
        )
        if workers == 1:
            for index, chunk in missing:
                bar.update(extract_chunk(chunk, filters, _part(partial, index)))
            return
        compile_kernels()  # once, not once a worker
        pool = ProcessPoolExecutor(workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
        try:
            running: set[Future[int]] = set()
            for index, chunk in missing:
                running.add(pool.submit(extract_chunk, chunk, filters, _part(partial, index)))
                if len(running) >= 2 * workers:  # no more than this wait in memory
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    bar.update(sum(future.result() for future in done))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                bar.update(sum(future.result() for future in done))
        except BrokenProcessPool as error:
            raise UserError(
                "extract: a worker process was killed (out of memory?); run the same command again to go on, "
                "with fewer --workers if it happens again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def extract_chunk(chunk: list[Found], filters: Filters, part: Path) -> int:
    """Write one part: the windows of a chunk of files, with a digest each, and the counts in its metadata."""
    import pyarrow as pa

    files: Counter[str] = Counter()
    lines = np.zeros(len(LINE_REASONS), np.int64)
    rejected = np.zeros(len(WINDOW_REASONS), np.int64)
    stretches = 0
    states, places, numbers, names = [], [], [], []
    for found in chunk:
        try:
            kept = windows(smf.parse(_bytes(found)), filters)
        except smf.BrokenFileError as reason:
            files[str(reason)] += 1
            continue
        lines += kept.rejected_lines
        rejected += kept.rejected_windows
        stretches += kept.other_stretches
        if not len(kept.states):
            files[NO_WINDOWS] += 1
            continue
        states.append(kept.states)
        places.append(kept.places)
        numbers.append(len(kept.states))
        names.append(found.source)
    all_states = np.concatenate([np.empty((0, STEPS), np.uint8), *states])
    all_places = np.concatenate([np.empty((0, 4), np.int64), *places])
    counts = {
        "files": files,
        "stretches": {STRETCH_REASON: stretches},
        "lines": dict(zip(LINE_REASONS, lines.tolist(), strict=True)),
        "windows": dict(zip(WINDOW_REASONS, rejected.tolist(), strict=True)),
    }
    table = pa.table(
        {
            "states": _fixed(all_states),
            "source": pa.DictionaryArray.from_arrays(
                np.repeat(np.arange(len(names), dtype=np.int32), numbers), pa.array(names, pa.string())
            ),
            "track": all_places[:, 0].astype(np.int32),
            "bar": all_places[:, 3].astype(np.int32),
            "digest": _fixed(digests(all_states)),
        }
    ).replace_schema_metadata({"counts": json.dumps(counts)})
    beside = part.with_suffix(f".{os.getpid()}.tmp")  # a worker may outlive a killed run and still be writing
    with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    beside.replace(part)
    return len(chunk)


def compile_kernels() -> None:
    """Compile, or load from the cache, what the extraction runs."""
    header = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0"
    digests(windows(smf.parse(header), Filters()).states)


def _bytes(found: Found) -> bytes:
    """The contents of a file, or the reason why not, as an error."""
    if found.reason:
        raise smf.BrokenFileError(found.reason)
    if found.size > smf.MAX_BYTES:
        raise smf.BrokenFileError(smf.TOO_LARGE)
    try:
        with open(found.path, "rb", buffering=0) as file:  # one read of the size the walk saw
            return file.read(found.size)
    except OSError as error:
        raise smf.BrokenFileError(UNREADABLE) from error


def _fixed(rows: np.ndarray) -> pa.Array:
    """(N, K) uint8 as N binary values of K bytes."""
    import pyarrow as pa

    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)])


def _read(part: Path) -> pa.Table:
    import pyarrow as pa

    with pa.memory_map(str(part)) as source:
        return pa.ipc.open_file(source).read_all()


def _merge(partial: Path, chunks: int, filters: Filters, progress: bool) -> dict[str, Any]:
    """Keep the first of equal windows, write the Parquet files and corpus.json into `partial`/corpus."""
    import pyarrow as pa
    from tqdm import tqdm

    files = sum(len(chunk) for chunk in _chunks(partial))
    rows = sum(len(_read(_part(partial, index))) for index in range(chunks))
    passes = min(-(-rows // DIGESTS_IN_MEMORY) or 1, 256)
    for turn in range(passes):  # each pass looks at the digests of one residue, so the memory has a bound
        seen: set[bytes] = set()
        for index in range(chunks):
            digests = _read(_part(partial, index))["digest"].to_pylist()
            mask = _part(partial, index).with_suffix(".keep.npy")
            keep = np.load(mask) if turn else np.zeros(len(digests), bool)
            for row, digest in enumerate(digests):
                if digest[0] % passes == turn and digest not in seen:
                    seen.add(digest)
                    keep[row] = True
            np.save(mask, keep)

    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ("files", "stretches", "lines", "windows")}
    splits: Counter[str] = Counter()
    folder = partial / "corpus"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    writer = corpus.Writer(folder)
    for index in tqdm(range(chunks), unit="part", desc="unique", disable=not progress):
        table = _read(_part(partial, index))
        for kind, counter in json.loads(table.schema.metadata[b"counts"]).items():
            counts[kind].update(counter)
        table = table.filter(pa.array(np.load(_part(partial, index).with_suffix(".keep.npy"))))
        sources = table["source"].to_pylist()
        known = {source: corpus.split_of(source) for source in set(sources)}
        split = [known[source] for source in sources]
        splits.update(split)
        table = table.drop_columns("digest").append_column("split", pa.array(split, pa.string()))
        writer.add(table.cast(corpus.schema()).replace_schema_metadata(None))
    writer.close()
    unique = sum(splits.values())
    counts["windows"]["duplicate"] = rows - unique
    rejected = {kind: {reason: n for reason, n in sorted(counter.items()) if n} for kind, counter in counts.items()}
    card = {
        "version": corpus.VERSION,
        "filters": asdict(filters),
        "files": files,
        "windows": unique,
        "splits": {name: splits[name] for name in corpus.SPLITS},
        "rejected": rejected,
    }
    (folder / "corpus.json").write_text(json.dumps(card, indent=2) + "\n")
    return card

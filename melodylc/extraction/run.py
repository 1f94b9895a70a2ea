"""The extraction of a collection; a stopped run can be resumed.

The files are split into chunks in path order. Each chunk becomes one part, which is complete where it exists, so that a
resumed run makes the missing parts only. When all parts exist, the first of equal windows are found, and written as the
Parquet files of the corpus, which appears under its name in a single rename. All of that are jobs, done by an engine.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.extras import need
from melodylc.base.numbers import integer
from melodylc.base.progress import bar as bar_of
from melodylc.base.version import __version__
from melodylc.extraction import corpus, parts, storage
from melodylc.extraction import rejected as list_of_rejected
from melodylc.extraction.compiling import compiled_if_worthwhile
from melodylc.extraction.discovery import find_midi_files
from melodylc.extraction.engines import Engine, in_processes, in_this_process
from melodylc.extraction.parts import PartJob, make_part, read_counts
from melodylc.extraction.plan import Plan, locked, make_plan
from melodylc.extraction.rejected import partial_folder
from melodylc.extraction.unique import find_firsts, groups_of, number_of_buckets, scatter
from melodylc.extraction.windows import Filters
from melodylc.extraction.writing import write_files, write_jobs

CONTRACT = 2  # version of the rules in docs/extraction.md: parts made by another version are not used
ENGINES = ("local", "ray")


def extract(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    filters: Filters = Filters(),
    workers: int | None = None,
    progress: bool = True,
    rejected: str | os.PathLike[str] | None = None,
    engine: str = "local",
    address: str | None = None,
) -> dict[str, Any]:
    """Extract every MIDI file under `paths` into the corpus folder `out`. Either may be URLs that fsspec opens.

    A stopped run resumes where it was when called again with the same paths, files and filters; until then its parts
    are in `out` + ".partial". The corpus is the same, byte for byte, for any engine and number of workers.

    Args:
        workers: processes of the local engine, at most; default: one for each core this process may use.
        rejected: a file to list every rejected file and line in, with its reason (see `rejected`).
        engine: "local" for processes on this machine, "ray" for a Ray cluster.
        address: of the cluster; default: that of RAY_ADDRESS, or a new one on this machine.

    Returns:
        The contents of its corpus.json.

    Raises:
        ImportError: for Ray or a URL without the extra.
        UserError: without the extra `train`, if `out` exists, another run is making it, the paths cannot be used (see
            `find_midi_files`), or no cluster answers.
    """
    if workers is not None:
        integer("workers", workers, 1)
    if engine not in ENGINES:
        raise UserError(f"engine: expected {' or '.join(ENGINES)}, got {engine!r}")
    if engine == "local" and address is not None:
        raise UserError(f"address: expected none without engine ray, got {address!r}; name the engine too")
    if storage.is_url(out) and set("*?[") & set(str(out)):  # fsspec would delete all that matches
        raise UserError(f"extract: expected --out without *, ? and [ in a URL, got {out}; name another folder")
    need("extract", "numba", "pyarrow")
    target = storage.path_of(out)
    _check_absent(target, out)
    if rejected is not None:
        list_of_rejected.check_writable(rejected, target)
    files = find_midi_files(paths)
    partial = partial_folder(target)
    with locked(partial):
        _check_absent(target, out)  # another run may have made it since
        plan = make_plan(files, [__version__, corpus.VERSION, CONTRACT, parts.FORMAT, asdict(filters)], partial)
        with _engine(engine, workers, address, [*paths, partial]) as run:
            _make_parts(plan, filters, run, progress, local=engine == "local")
            card = _write_corpus(plan, filters, target, run, progress)
        if rejected is not None:
            part_lists = [plan.work.rejected(index) for index in range(len(plan.chunks))]
            list_of_rejected.write_list(Path(rejected), part_lists)
        if storage.is_local(target):
            (partial / "corpus").rename(target)
        storage.remove(partial)  # the corpus is complete, whatever stays (on Windows, the lock)
    return card


@contextmanager
def _engine(
    name: str, workers: int | None, address: str | None, paths: Sequence[str | os.PathLike[str]]
) -> Iterator[Engine]:
    if name == "local":
        yield in_processes(workers)
        return
    from melodylc.extraction.ray_engine import on_ray

    shared = [os.path.realpath(path) for path in map(storage.path_of, paths) if storage.is_local(path)]
    with on_ray(address, shared) as run:
        yield run


def _check_absent(target: Path, out: str | os.PathLike[str]) -> None:
    """Check that there is no corpus yet; at a URL its files appear one by one, and corpus.json last.

    Raises:
        UserError: if there is one, or something else.
    """
    there = storage.names(target) if not storage.is_local(target) else set()
    if os.path.lexists(target) if storage.is_local(target) else corpus.CARD in there:
        raise UserError(f"extract: {out} exists already; name another folder, or delete it to extract again")
    if not all(map(corpus.FILE.fullmatch, there)):
        raise UserError(f"extract: {out} holds other files; name another folder")


def _make_parts(plan: Plan, filters: Filters, engine: Engine, progress: bool, local: bool) -> None:
    missing = plan.work.missing(len(plan.chunks))
    jobs = [PartJob(plan.work, index, plan.chunks[index], filters) for index in missing]
    total = sum(chunk.files for chunk in plan.chunks)
    done = total - sum(job.chunk.files for job in jobs)
    with bar_of(total, unit="file", desc="extract", done=done, show=progress) as bar:
        if not local:  # the workers of a cluster compile for themselves
            engine(make_part, jobs, bar.update)
            return
        with compiled_if_worthwhile(sum(job.chunk.size for job in jobs), bar.set_description_str) as compiled:
            bar.set_description_str("extract")
            # little is interpreted: it would be done before processes have started
            (engine if compiled else in_this_process)(make_part, jobs, bar.update)


def _write_corpus(plan: Plan, filters: Filters, target: Path, engine: Engine, progress: bool) -> dict[str, Any]:
    """Write the first of equal windows as the Parquet files of a corpus, and its corpus.json.

    On this machine they are in the folder of the run, to be renamed; at a URL, in their place.

    Returns:
        The contents of corpus.json.
    """
    work = plan.work
    sizes, counts = read_counts(work, len(plan.chunks))
    groups, buckets = groups_of(sizes), number_of_buckets(sizes)
    firsts = np.zeros(len(groups), np.int64)
    with bar_of(len(groups) + buckets, unit="part", desc="unique", show=progress) as bar:

        def add(of_bucket: np.ndarray) -> None:
            firsts[:] += of_bucket
            bar.update()

        engine(scatter, [(work, group, buckets) for group in groups], lambda _: bar.update())
        engine(find_firsts, [(work, bucket, len(groups)) for bucket in range(buckets)], add)

    folder = work.folder / "corpus" if storage.is_local(target) else target
    storage.remove(folder)
    folder.mkdir(parents=True, exist_ok=True)
    splits: Counter[str] = Counter()
    jobs = write_jobs(work, folder, buckets, groups, firsts.tolist())
    with bar_of(len(jobs), unit="part", desc="write", show=progress) as bar:

        def count(of_job: Counter[str]) -> None:
            splits.update(of_job)
            bar.update()

        engine(write_files, jobs, count)
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
        "rejected": {kind: nonzero[kind] for kind in parts.REJECTED},
        **{kind: nonzero[kind] for kind in parts.OBSERVED},
    }
    with storage.writing(folder / corpus.CARD) as file:
        file.write((json.dumps(card, indent=2) + "\n").encode())
    return card

"""The Parquet files of a corpus, written a few at a time, anywhere and in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from melodylc.extraction import corpus
from melodylc.extraction.parts import read_part
from melodylc.extraction.plan import Work
from melodylc.extraction.unique import Group, rows_by_part, rows_of_firsts

FILES_PER_JOB = 8


class WriteJob(NamedTuple):
    """Some files to write: the rows of the corpus from begin to end, which are in some groups."""

    work: Work
    folder: Path
    buckets: int
    begin: int
    end: int
    groups: tuple[tuple[int, Group], ...]  # each with the number of rows before it


def write_jobs(
    work: Work, folder: Path, buckets: int, groups: Sequence[Group], firsts: Sequence[int]
) -> list[WriteJob]:
    """Return what is to be written, from the number of first windows of each group; an empty corpus has a file, too."""
    ends = list(accumulate(firsts))
    total = ends[-1] if ends else 0
    rows = FILES_PER_JOB * corpus.ROWS_PER_FILE
    jobs = []
    for begin in range(0, max(total, 1), rows):
        end = min(begin + rows, total)
        own = [
            (stop - count, group)
            for group, count, stop in zip(groups, firsts, ends, strict=True)
            if stop > begin and stop - count < end
        ]
        jobs.append(WriteJob(work, folder, buckets, begin, end, tuple(own)))
    return jobs


def write_files(job: WriteJob) -> Counter[str]:
    """Write the files of a job.

    Returns:
        The number of windows in each split.
    """
    import pyarrow as pa

    splits: Counter[str] = Counter()
    writer = corpus.Writer(job.folder, job.begin // corpus.ROWS_PER_FILE)
    for before, group in job.groups:
        rows = rows_of_firsts(job.work, group, job.buckets)[max(job.begin - before, 0) : job.end - before]
        for index, chosen in enumerate(rows_by_part(rows, group), group.first_part):
            if not len(chosen):
                continue
            table = read_part(job.work, index, chosen)
            sources = table["source"].to_pylist()
            known = {source: corpus.split_of(source) for source in set(sources)}
            split = [known[source] for source in sources]
            splits.update(split)
            writer.add(table.append_column("split", pa.array(split, pa.string())).cast(corpus.schema()))
    writer.close()
    return splits

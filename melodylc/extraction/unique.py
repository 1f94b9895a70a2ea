"""The first of equal windows: a shuffle by hash through files, in memory that does not grow with the corpus.

Consecutive parts are a group. Each group's hashes are written in buckets, equal hashes into equal buckets, and of
equal ones only the first: so no melody, however often it comes, makes a bucket large. Each bucket is then read from all
groups, in their order, which is that of the corpus, and says which windows of each group are the first of their kind.
So every hash is read twice, whatever their number, and groups and buckets may be done anywhere and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from melodylc.extraction import checked
from melodylc.extraction.plan import Work
from melodylc.extraction.sections import read_section, write_sections

WINDOWS_PER_GROUP = 1 << 20  # and on average in a bucket at most: some 150 MB
PARTS_PER_GROUP = 1024  # so that a description of a group stays small

ENTRY = np.dtype([("hash", "<u8", 2), ("row", "<u4")])  # a window of a group, by its row among all of the group
ROW = np.dtype("<u4")


class Group(NamedTuple):
    """Consecutive parts."""

    number: int
    first_part: int
    sizes: tuple[int, ...]  # windows of each part

    def bounds(self) -> list[int]:
        """Return the row at which each part begins, and the end."""
        return np.concatenate([[0], np.cumsum(self.sizes, dtype=np.int64)]).tolist()


def groups_of(sizes: Sequence[int]) -> list[Group]:
    """Return the groups, from the numbers of windows of all parts."""
    groups: list[Group] = []
    begin = windows = 0
    for end, size in enumerate(sizes, 1):
        windows += size
        if windows >= WINDOWS_PER_GROUP or end - begin == PARTS_PER_GROUP or end == len(sizes):
            groups.append(Group(len(groups), begin, tuple(sizes[begin:end])))
            begin, windows = end, 0
    return groups


def number_of_buckets(sizes: Sequence[int]) -> int:
    """Return how many buckets hold so many hashes."""
    return max(-(-sum(sizes) // WINDOWS_PER_GROUP), 1)


def scatter(job: tuple[Work, Group, int]) -> int:
    """Write the hashes of a group in so many buckets.

    Returns:
        The bytes written.
    """
    work, group, buckets = job
    parts = range(group.first_part, group.first_part + len(group.sizes))
    read = checked.read(work, [(part, work.hashes(part)) for part in parts])
    hashes = np.frombuffer(b"".join(read), "<u8").reshape(-1, 2)
    rows = first_rows(hashes)
    bucket = hashes[rows, 0] % np.uint64(buckets)
    order = np.argsort(bucket, kind="stable")
    entries = np.empty(len(rows), ENTRY)
    entries["hash"], entries["row"] = hashes[rows[order]], rows[order]
    write_sections(work.buckets(group.number), entries, np.searchsorted(bucket[order], np.arange(buckets + 1)))
    return entries.nbytes


def find_firsts(job: tuple[Work, int, int]) -> np.ndarray:
    """Write, for one bucket of so many groups, the rows of each group whose windows no earlier one equals.

    Returns:
        How many they are, (groups,).
    """
    work, bucket, groups = job
    of_groups = read_section([work.buckets(number) for number in range(groups)], bucket, ENTRY)
    entries = np.concatenate([np.empty(0, ENTRY), *of_groups])
    firsts = first_rows(entries["hash"])
    ends = np.concatenate([[0], np.cumsum([len(of) for of in of_groups], dtype=np.int64)])
    bounds = np.searchsorted(firsts, ends)
    write_sections(work.firsts(bucket), entries["row"][firsts].astype(ROW), bounds)
    return np.diff(bounds)


def rows_of_firsts(work: Work, group: Group, buckets: int) -> np.ndarray:
    """Return the rows of a group whose windows no earlier one of the corpus equals, ascending."""
    return np.sort(np.concatenate(read_section([work.firsts(b) for b in range(buckets)], group.number, ROW)))


def first_rows(hashes: np.ndarray) -> np.ndarray:
    """Return, ascending, the rows of hashes (N, 2) that no earlier row equals."""
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))  # stable: of equal hashes the first row comes first
    ordered = hashes[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.sort(order[is_new])


def rows_by_part(rows: np.ndarray, group: Group) -> list[np.ndarray]:
    """Return ascending rows of a group as rows of each of its parts."""
    bounds = group.bounds()
    cuts = np.searchsorted(rows, bounds).tolist()
    return [rows[low:high] - begin for (low, high), begin in zip(pairwise(cuts), bounds)]

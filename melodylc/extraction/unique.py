"""Which windows are the first of their kind, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

DIGESTS_IN_MEMORY = 250_000  # about 50 MB; more windows take more passes over the digests


def mark_firsts(sizes: list[int], hash_windows: Callable[[int], np.ndarray], marks: Path) -> Iterator[np.ndarray]:
    """For each part in order, which of its windows no earlier one equals, (N,) bool.

    Args:
        sizes: N of each part.
        digests: of one part, (N, 16) uint8; called again in each pass.
        marks: a file for the answers until they are asked for.
    """
    total = sum(sizes)
    begins = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    is_first = np.memmap(marks, bool, "w+", shape=max(total, 1))
    passes = min(-(-total // DIGESTS_IN_MEMORY) or 1, 256)
    for turn in range(passes):  # each looks at the digests of one residue
        rows, values = [np.empty(0, np.int64)], [np.empty((0, 2), np.uint64)]
        for part, begin in enumerate(begins[:-1]):
            found = hash_windows(part)
            of_turn = np.flatnonzero(found[:, 0] % passes == turn)
            rows.append(begin + of_turn)
            values.append(found[of_turn].view(np.uint64))
        is_first[_firsts(np.concatenate(rows), np.concatenate(values))] = True
    for begin, end in pairwise(begins):
        yield np.array(is_first[begin:end])


def _firsts(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Of ascending rows (N,) with values (N, 2), those whose values are new."""
    order = np.lexsort((values[:, 1], values[:, 0]))  # stable: of equal values the first row comes first
    ordered = values[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return rows[order[is_new]]

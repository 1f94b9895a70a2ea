"""The first of equal windows, found in memory that does not grow with the number of windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

HASHES_IN_MEMORY = 250_000  # about 50 MB; more windows take more passes over the hashes


def first_occurrences(sizes: list[int], hashes: Callable[[int], np.ndarray], marks: Path) -> Iterator[np.ndarray]:
    """Yield for each part in order, (N,) bool, which of its windows equals no earlier one.

    Args:
        sizes: N of each part.
        hashes: returns those of one part, (N, 16) uint8; called again in each pass.
        marks: a file that holds the results until they are needed.
    """
    total = sum(sizes)
    begins = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    is_first = np.memmap(marks, bool, "w+", shape=max(total, 1))
    passes = min(-(-total // HASHES_IN_MEMORY) or 1, 256)  # as many as a byte has residues
    for residue in range(passes):  # of the first byte of a hash
        rows, values = [np.empty(0, np.int64)], [np.empty((0, 2), np.uint64)]
        for part, begin in enumerate(begins[:-1]):
            of_part = hashes(part)
            chosen = np.flatnonzero(of_part[:, 0] % passes == residue)
            rows.append(begin + chosen)
            values.append(of_part[chosen].view(np.uint64))
        is_first[_firsts(np.concatenate(rows), np.concatenate(values))] = True
    for begin, end in pairwise(begins):
        yield np.array(is_first[begin:end])


def _firsts(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return, of ascending rows (N,) with values (N, 2), those whose values no earlier row has."""
    order = np.lexsort((values[:, 1], values[:, 0]))  # stable: of equal values the first row comes first
    ordered = values[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return rows[order[is_new]]

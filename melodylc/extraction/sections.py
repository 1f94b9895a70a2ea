"""Files of numbered sections, of which one is read without the others: first the bounds, then all sections in a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from melodylc.extraction import storage

BOUND = np.dtype("<u8")


def write_sections(path: Path, entries: np.ndarray, bounds: np.ndarray) -> None:
    """Write entries (N,) of any type, section k from bounds[k] to bounds[k + 1]; bounds (K + 1,) count entries."""
    with storage.writing(path) as file:
        file.write((bounds * entries.itemsize + len(bounds) * BOUND.itemsize).astype(BOUND).tobytes())
        file.write(np.ascontiguousarray(entries).tobytes())


def read_section(paths: Sequence[Path], section: int, kind: np.dtype) -> list[np.ndarray]:
    """Return the entries of one section of each file."""
    begin = section * BOUND.itemsize
    end = begin + 2 * BOUND.itemsize
    bounds = [np.frombuffer(of, BOUND) for of in storage.read_ranges(paths, [begin] * len(paths), [end] * len(paths))]
    read = storage.read_ranges(paths, [int(low) for low, _ in bounds], [int(high) for _, high in bounds])
    return [np.frombuffer(of, kind) for of in read]

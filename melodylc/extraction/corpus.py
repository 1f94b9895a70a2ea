"""Corpora on disk: a folder of Parquet files and `corpus.json`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.extras import need
from melodylc.extraction import storage
from melodylc.melody import STEPS

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
SPLITS = ("train", "valid", "test")
ROWS_PER_FILE = 65_536
CARD = "corpus.json"
FILE = re.compile(r"windows-\d+\.parquet")


def split_of(source: str) -> str:
    """Return train, valid or test (90, 5 and 5 in 100) by a hash of the source's name, the same on any machine."""
    bucket = int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest(), "big") % 20
    return {0: "test", 1: "valid"}.get(bucket, "train")


def schema() -> pa.Schema:
    """Return the columns of a corpus."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("states", pa.binary(STEPS), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("track", pa.int32(), nullable=False),
            pa.field("bar", pa.int32(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
        ]
    )


class Writer:
    """A writer of rows into numbered Parquet files of ROWS_PER_FILE rows each, in whatever portions they come."""

    def __init__(self, folder: Path, first_file: int = 0) -> None:
        self.folder = folder
        self.waiting: list[pa.Table] = []
        self.rows = 0
        self.files = first_file  # the number of the next

    def add(self, table: pa.Table) -> None:
        """Add the rows of a table; write a file whenever there are enough."""
        self.waiting.append(table)
        self.rows += len(table)
        while self.rows >= ROWS_PER_FILE:
            self._flush(ROWS_PER_FILE)

    def close(self) -> None:
        """Write the rows that are left; an empty corpus has one file without rows."""
        if self.rows or not self.files:
            self._flush(self.rows)

    def _flush(self, rows: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self.waiting) if self.waiting else schema().empty_table()
        with storage.writing(self.folder / f"windows-{self.files:05d}.parquet") as sink:
            pq.write_table(table.slice(0, rows).combine_chunks(), sink, compression="zstd")
        self.files += 1
        self.waiting = [table.slice(rows)] if rows < len(table) else []
        self.rows = len(table) - rows


class Corpus:
    """A finished corpus, opened for reading.

    Raises:
        UserError: if the folder holds no corpus.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = storage.path_of(folder) if storage.is_url(folder) else Path(folder)
        try:
            self.card = json.loads(storage.read_whole([self.folder / CARD])[0])
        except (OSError, ValueError) as error:
            raise UserError(
                f"corpus: expected a folder made by `melodylc extract`, but {folder} has no good corpus.json ({error})"
            ) from error
        if self.card.get("version") != VERSION:
            raise UserError(
                f"corpus: expected version {VERSION}, {folder} has {self.card.get('version')}; extract it again"
            )

    def tables(self, split: str | None = None) -> Iterator[pa.Table]:
        """Yield the Parquet files in order, each as a table, with the rows of one split or of all.

        Raises:
            UserError: for a damaged file, and where pyarrow is not installed.
        """
        need("corpus", "pyarrow")
        import pyarrow as pa
        import pyarrow.parquet as pq

        filters = None if split is None else [("split", "=", split)]
        for name in sorted(filter(FILE.fullmatch, storage.names(self.folder))):
            path = self.folder / name
            try:
                if storage.is_local(path):
                    yield pq.read_table(path, filters=filters)
                else:
                    yield pq.read_table(pa.BufferReader(storage.read_whole([path])[0]), filters=filters)
            except (pa.ArrowInvalid, OSError) as error:
                raise UserError(f"corpus: {path} is damaged ({error}); extract the corpus again") from error

    def states(self, split: str | None = None) -> np.ndarray:
        """Return all melodies of one split (None: of all), (N, 256) uint8."""
        parts = [states_of(table) for table in self.tables(split)]
        return np.concatenate(parts) if parts else np.empty((0, STEPS), np.uint8)

    def sources(self, split: str | None = None) -> np.ndarray:
        """Return the source of each melody of `states(split)`, (N,) str."""
        parts = [table["source"].to_numpy() for table in self.tables(split)]
        return np.concatenate(parts).astype(str) if parts else np.empty(0, str)

    def tracks(self, split: str | None = None) -> np.ndarray:
        """Return the track, counted from 0, that each melody of `states(split)` comes from, (N,) int32."""
        parts = [table["track"].to_numpy() for table in self.tables(split)]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)


def states_of(table: pa.Table) -> np.ndarray:
    """Return the states column of a table as (N, 256) uint8."""
    return rows_of(table["states"])


def rows_of(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of N binary values of K bytes as (N, K) uint8."""
    width = column.type.byte_width
    array = column.combine_chunks()
    if hasattr(array, "chunks"):  # combine_chunks leaves an empty column split_into_chunks
        return np.empty((0, width), np.uint8)
    flat = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    begin = array.offset * width
    return flat[begin : begin + len(array) * width].reshape(len(array), width)

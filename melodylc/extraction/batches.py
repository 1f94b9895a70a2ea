"""The windows of many files in one call of compiled code: a call for each would take as long as its work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from melodylc.extraction.stretches import BARS_IN_ONE, IN_FORCE_DENOMINATOR, IN_FORCE_NUMERATOR
from melodylc.extraction.windows import (
    NO_NOTES,
    NO_WINDOWS,
    Filters,
    add_windows,
    doubled,
    limits_of,
)
from midi_io import smf
from midi_io.compiled import njit

# Why a file gives no window, by its code; 0 is one that gives some.
FILE_REASONS = (*smf.REASONS, NO_NOTES, NO_WINDOWS)
_NO_NOTES, _NO_WINDOWS = len(smf.REASONS), len(smf.REASONS) + 1

BYTES_PER_BATCH = 512 << 10  # what is read and found in so many bytes stays in the caches
BYTES_PER_WINDOW = 32  # a third of what is usual: room that is not used costs nothing, to enlarge it does
FAULTS = len(smf.FAULTS)


class FilesWindows(NamedTuple):
    """The windows of F files, in their order, and what was rejected in them."""

    bars: np.ndarray  # (B, 16) uint8, which windows share
    windows: np.ndarray  # (W, 5) int64: track, channel, first program of the line, bar, and the first of its `bars`
    numbers: np.ndarray  # (F,) int64: how many of the windows are of each file
    codes: np.ndarray  # (F,) int64, indices into FILE_REASONS
    rejected_lines: np.ndarray  # (L, 4) int64: file, track, channel, index into LINE_REASONS
    rejected_windows: np.ndarray  # (3,) int64, as WINDOW_REASONS
    other_stretches: int  # how many stretches were skipped
    faults: Counter[str]  # files in which something was read past
    signatures: Counter[str]  # pitched notes in each time signature


@njit
def _extract_files(data, bounds, limits, pair, room, bars, windows):  # pragma: no cover - compiled
    """Find the windows of the files between the bounds (F + 1,) in data.

    Returns:
        bars and windows as `add_windows` fills them, enlarged if need be, and how many bars are in use; then the other
        arrays of `FilesWindows`, of which the faults are files for each of smf.FAULTS, and the signatures (256, 17)
        notes for each numerator and power of two.
    """
    files = bounds.size - 1
    numbers, codes = np.zeros(files, np.int64), np.zeros(files, np.int64)
    of_file, faults = np.zeros(FAULTS, np.int64), np.zeros(FAULTS, np.int64)
    signatures = np.zeros((256, 17), np.int64)
    rejected_windows = np.zeros(3, np.int64)
    all_lines, rejected = np.empty((16, 4), np.int64), 0
    used = count = other_stretches = 0
    for file in range(files):
        of_file[:] = 0
        code, division, notes, changes, _ = smf.parse_file(data[bounds[file] : bounds[file + 1]], room, of_file)
        codes[file] = code
        if code:
            continue
        for kind in range(FAULTS):
            faults[kind] += of_file[kind] > 0
        if notes.shape[0] == 0:
            codes[file] = _NO_NOTES
            continue
        before = count
        bars, used, windows, count, rejected_lines, stretches, pitched_notes = add_windows(
            notes, changes, division, limits, pair, False, bars, used, windows, count, rejected_windows
        )
        numbers[file] = count - before
        if count == before:
            codes[file] = _NO_WINDOWS
        for row in range(rejected_lines.shape[0]):
            if rejected == all_lines.shape[0]:
                all_lines = doubled(all_lines)
            all_lines[rejected, 0], all_lines[rejected, 1] = file, rejected_lines[row, 0]
            all_lines[rejected, 2], all_lines[rejected, 3] = rejected_lines[row, 1], rejected_lines[row, 2]
            rejected += 1
        for k in range(stretches.shape[0]):
            other_stretches += stretches[k, BARS_IN_ONE] == 0
            denominator, power = stretches[k, IN_FORCE_DENOMINATOR], 0
            while denominator > 1:
                denominator >>= 1
                power += 1
            signatures[stretches[k, IN_FORCE_NUMERATOR], power] += pitched_notes[k]
    lines = all_lines[:rejected]
    return bars, windows, used, numbers, codes, lines, rejected_windows, other_stretches, faults, signatures


class Reader:
    """A reader of batches of files, which keeps its memory: fresh memory costs as much as what is written into it."""

    def __init__(self, filters: Filters) -> None:
        self.limits = limits_of(filters)
        self.pair = filters.pair_2_4
        self.largest = BYTES_PER_BATCH  # file that there is room for
        self.room = smf.room_for(self.largest)
        rows = BYTES_PER_BATCH // BYTES_PER_WINDOW
        self.found = np.empty((rows, 16), np.uint8), np.empty((rows, 5), np.int64)

    def read(self, files: Sequence[bytes]) -> FilesWindows:
        """Return the windows of the contents of some files: what `extract_windows` finds in each.

        The bars and windows stay as they are until the next call.
        """
        sizes = [len(file) for file in files]
        if max(sizes) > self.largest:
            self.largest = max(sizes)
            self.room = smf.room_for(self.largest)
        bounds = np.zeros(len(files) + 1, np.int64)
        np.cumsum(sizes, out=bounds[1:])
        data = np.frombuffer(b"".join(files), np.uint8)
        *self.found, used, numbers, codes, lines, rejected, others, faults, signatures = _extract_files(
            data, bounds, self.limits, self.pair, self.room, *self.found
        )
        bars, windows = self.found
        numerators, powers = np.nonzero(signatures)
        pairs = zip(numerators.tolist(), (1 << powers).tolist(), strict=True)
        names = [f"{n}/{d}" if n else "nonsense" for n, d in pairs]
        return FilesWindows(
            bars[:used],
            windows[: numbers.sum()],
            numbers,
            codes,
            lines,
            rejected,
            int(others),
            Counter({name: n for name, n in zip(smf.FAULTS, faults.tolist(), strict=True) if n}),
            Counter(dict(zip(names, signatures[numerators, powers].tolist(), strict=True))),
        )

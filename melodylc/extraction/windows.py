"""The 16-bar windows of one file, from its timed notes: skyline, sliding window, filters.

The steps are those of docs/extraction.md, in integer arithmetic on ticks, so the result does not depend on the machine.
`tests/helpers/slow_extraction.py` implements the same in plain dictionaries.

A line is what one track plays on one channel. Lines are divided where the stretches of the file are (`stretches.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from melodylc.base.numbers import integer
from melodylc.extraction.bars import states_of_windows
from melodylc.extraction.stretches import (
    BARS_IN_ONE,
    END,
    FIRST_BAR,
    IN_FORCE_DENOMINATOR,
    IN_FORCE_NUMERATOR,
    START,
    find_stretches,
    stretch_of,
)
from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR
from midi_io import smf
from midi_io.compiled import njit
from midi_io.smf import CHANNEL, OFFSET, ONSET, PITCH, PROGRAM, TRACK

PERCUSSION = 9  # channel 10, counted from 0
MAX_STEPS = 2_000_000  # of one line, from its first onset: days of music, so a longer one is a fault in the file

WINDOW_REASONS = ("too few notes", "too few pitches", "too long a rest")
TOO_LONG = f"more than {MAX_STEPS // STEPS_PER_BAR:,} bars"
LINE_REASONS = ("percussion", "shorter than 16 bars", TOO_LONG)
NO_NOTES = "no notes"
NO_WINDOWS = "no window kept"

# Columns of windows: the place of each, which is where in its file it is, and its first bar among `bars`.
LINE_TRACK, LINE_CHANNEL, LINE_PROGRAM, BAR, FIRST = range(5)


@dataclass(frozen=True)
class Filters:
    """The conditions that a window has to meet to enter a corpus, and which stretches are read.

    Raises:
        UserError: for a number out of bounds.
    """

    min_notes: int = 16
    min_unique_pitches: int = 3
    max_rest_bars: int = 1
    pair_2_4: bool = False  # read 2/4 as 4/4, two bars at a time

    def __post_init__(self) -> None:
        integer("min_notes", self.min_notes, 1, STEPS)
        integer("min_unique_pitches", self.min_unique_pitches, 1, HOLD)
        integer("max_rest_bars", self.max_rest_bars, 0, BARS)


class ExtractedWindows(NamedTuple):
    """The windows of one file in (track, channel, bar) order, and what was rejected."""

    states: np.ndarray  # (W, 256) uint8
    places: np.ndarray  # (W, 4) int64: track, channel, first program of the line, bar
    rejected_windows: np.ndarray  # (3,) int64, as WINDOW_REASONS
    rejected_lines: np.ndarray  # (L, 3) int64: track, channel, index into LINE_REASONS
    other_stretches: int  # how many stretches were skipped, being neither in 4/4 nor in 2/2
    signatures: dict[tuple[int, int], int]  # the pitched notes in each time signature; (0, 0) is an invalid one


@njit
def _find_lines(notes, bounds):  # pragma: no cover - compiled
    """Write where each line of notes (N, 7) begins and ends into bounds (N + 1,).

    Returns:
        The number of lines, or -1 if the notes of a track are not in the order of their channels.
    """
    count = bounds[0] = 0
    if notes.shape[0] == 0:
        return 0
    for i in range(1, notes.shape[0]):
        if notes[i, CHANNEL] != notes[i - 1, CHANNEL] or notes[i, TRACK] != notes[i - 1, TRACK]:
            if notes[i, CHANNEL] < notes[i - 1, CHANNEL] and notes[i, TRACK] == notes[i - 1, TRACK]:
                return -1
            count += 1
            bounds[count] = i
    bounds[count + 1] = notes.shape[0]
    return count + 1


@njit
def _sort_by_line(given):  # pragma: no cover - compiled
    """Return notes (N, 7) sorted by track and channel, otherwise in their order."""
    notes = np.empty_like(given)
    next_row = np.empty(17, np.int64)  # for each channel, the row that its next note takes
    begin = 0
    while begin < given.shape[0]:
        next_row[:] = 0
        end = begin
        while end < given.shape[0] and given[end, TRACK] == given[begin, TRACK]:
            next_row[given[end, CHANNEL] + 1] += 1
            end += 1
        next_row[0] = begin
        for channel in range(16):
            next_row[channel + 1] += next_row[channel]
        for i in range(begin, end):
            channel = given[i, CHANNEL]
            notes[next_row[channel]] = given[i]
            next_row[channel] += 1
        begin = end
    return notes


@njit
def _nearest_step(tick, start, division):  # pragma: no cover - compiled
    """Return the sixteenth nearest to `tick`, counted from `start`; halves are rounded up."""
    return (8 * (tick - start) + division) // (2 * division)


@njit
def _skyline(notes, i, stop, start, end, division, line):  # pragma: no cover - compiled
    """Write the skyline of notes[i:stop], which lie in [start, end) ticks in onset order, as rows of `line`.

    A row is onset, offset and pitch, the times in steps from `start`; it ends where the next begins or before.

    Returns:
        The number of rows, and whether the onsets of two neighbours are 16 bars or more apart.
    """
    last = _nearest_step(end, start, division) if end >= 0 else np.int64(-1)
    count, before = 0, np.int64(0)  # the onset of the last row
    apart = False
    while i < stop:
        onset = _nearest_step(notes[i, ONSET], start, division)
        beyond = (2 * onset + 1) * division + 8 * start  # eight times the tick from which on the next step is nearer
        # of all onsets in this step the highest, of equal ones the longest; an ornament only among ornaments
        pitch, off, plain = np.int64(-1), np.int64(0), False
        while i < stop and 8 * notes[i, ONSET] < beyond:
            is_plain = 8 * (notes[i, OFFSET] - notes[i, ONSET]) >= division  # half a step, before rounding
            higher = notes[i, PITCH] > pitch or (notes[i, PITCH] == pitch and notes[i, OFFSET] > off)
            if (is_plain and not plain) or (is_plain == plain and higher):
                pitch, off, plain = notes[i, PITCH], notes[i, OFFSET], is_plain
            i += 1
        offset = max(_nearest_step(off, start, division), onset + 1)
        if last >= 0:
            if onset >= last:
                continue
            offset = min(offset, last)
        if count > 0:
            if line[count - 1, 1] > onset:
                if line[count - 1, 2] > pitch and 2 * (line[count - 1, 1] - onset) >= offset - onset:
                    continue
                line[count - 1, 1] = onset
            apart = apart or onset // 16 >= before // 16 + 16
        line[count, 0], line[count, 1], line[count, 2] = onset, offset, pitch
        count, before = count + 1, onset
    return count, apart


@njit
def doubled(rows):  # pragma: no cover - compiled
    """Return a copy of rows with room for as many again."""
    more = np.empty((2 * rows.shape[0], rows.shape[1]), rows.dtype)
    more[: rows.shape[0]] = rows
    return more


@njit
def _group_end(line, first):  # pragma: no cover - compiled
    """Return the end of the notes from `first` on in which no two neighbours are 16 bars or more apart."""
    end = first + 1
    while end < line.shape[0] and line[end, 0] // 16 < line[end - 1, 0] // 16 + 16:
        end += 1
    return end


@njit
def _fill_bars(group, low, bars):  # pragma: no cover - compiled
    """Write the notes of a group into bars (B, 16), which are those from bar `low` of the line on.

    Returns:
        Of each bar the onsets and whether anything sounds in it, (B, 2), and the pitches below 64 and above it as bits,
        (B, 2).
    """
    size = bars.shape[0]
    states = bars.reshape(16 * size)
    states[:] = HOLD  # there is less rest than what is held
    counts = np.zeros((size, 2), np.int64)
    pitches = np.zeros((size, 2), np.uint64)
    silent = np.int64(0)  # the step from which on nothing sounds
    for j in range(group.shape[0]):
        onset, offset = group[j, 0] - 16 * low, min(group[j, 1] - 16 * low, 16 * size)
        pitch = group[j, 2]
        if silent < onset:
            states[silent:onset] = REST
        states[onset] = pitch
        counts[onset // 16, 0] += 1
        for bar in range(onset // 16, (offset + 15) // 16):
            counts[bar, 1] = 1
        pitches[onset // 16, pitch // 64] |= np.uint64(1) << np.uint64(pitch % 64)
        silent = offset
    states[silent:] = REST
    return counts, pitches


@njit
def _has_pitches(pitches, first, min_pitches):  # pragma: no cover - compiled
    """Return whether `min_pitches` pitches or more begin in 16 bars from `first` on: mostly in the first one or two."""
    low, high = np.uint64(0), np.uint64(0)
    for bar in range(first, first + 16):
        low |= pitches[bar, 0]
        high |= pitches[bar, 1]
        missing, bits = min_pitches, low
        while bits and missing > 0:
            bits &= bits - np.uint64(1)
            missing -= 1
        bits = high
        while bits and missing > 0:
            bits &= bits - np.uint64(1)
            missing -= 1
        if missing == 0:
            return True
    return False


@njit
def _too_long_a_rest(resting, beginning, max_rest):  # pragma: no cover - compiled
    """Return whether more than `max_rest` bars of a window follow each other without a sound.

    Args:
        resting: the bars that are nothing but rest, as bits, the lowest the first bar.
        beginning: the bars in which a note begins; there is one.
    """
    # before the first onset of a window all is REST: what sounds across its left edge is silenced
    resting |= (beginning & -beginning) - 1
    for _ in range(max_rest):
        resting &= resting >> 1
    return resting > 0


@njit
def _slide(line, length, apart, bars, used, windows, count, rejected, min_notes, min_pitches, max_rest):
    # pragma: no cover - compiled
    """Slide a window over one line (N, 3) of `length` bars; add those that pass, and count the others by reason.

    The time is linear in the notes, however far they lie apart: windows without an onset are counted, not looked at.

    Args:
        apart: whether the onsets of two neighbours may be 16 bars or more apart.
        bars: (B, 16) the bars of all windows so far, of which `used` are in use.
        windows: (W, 5) the windows so far, of which `count` are in use; of the new ones BAR and FIRST are written, the
            bar as one of the line.
        rejected: (3,) windows rejected so far, as WINDOW_REASONS.

    Returns:
        bars and how many are in use, windows and how many; the arrays enlarged if need be.
    """
    following = first = 0  # every window before `following` is counted or added
    while first < line.shape[0]:
        end = _group_end(line, first) if apart else line.shape[0]
        low = max(line[first, 0] // 16 - 15, 0)  # the first and the last window with a note of this group
        high = min(line[end - 1, 0] // 16, length - 16)
        rejected[0] += low - following
        following = high + 1
        if end - first < min_notes:
            rejected[0] += following - low
            first = end
            continue
        size = high - low + 16
        while bars.shape[0] < used + size:
            bars = doubled(bars)
        counts, pitches = _fill_bars(line[first:end], low, bars[used : used + size])
        first = end
        notes, resting, beginning, kept = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for b in range(-15, size - 15):  # the last bar of a window, b + 15, comes in, and the one before b goes out
            notes += counts[b + 15, 0] - (counts[b - 1, 0] if b > 0 else 0)
            resting = resting >> 1 | (1 - counts[b + 15, 1]) << 15
            beginning = beginning >> 1 | np.int64(counts[b + 15, 0] > 0) << 15
            if b < 0:
                continue
            if notes < min_notes:
                rejected[0] += 1
                continue
            if not _has_pitches(pitches, b, min_pitches):
                rejected[1] += 1
                continue
            if _too_long_a_rest(resting, beginning, max_rest):
                rejected[2] += 1
                continue
            if count == windows.shape[0]:
                windows = doubled(windows)
            windows[count, BAR], windows[count, FIRST] = low + b, used + b
            count += 1
            kept = b + 16
        used += kept  # the bars after the last window of the group are none of the next
    rejected[0] += length - 15 - following
    return bars, used, windows, count


@njit
def _line_length(line, max_steps, pad):  # pragma: no cover - compiled
    """Return the bars of a line, at least 16, and why it is rejected, an index into LINE_REASONS, or -1."""
    last = line.shape[0] - 1
    bars = (line[last, 1] + 15) // 16
    if line[last, 1] - line[0, 0] > max_steps:
        return bars, 2
    if bars < 16:
        return np.int64(16), -1 if pad else 1
    return bars, -1


@njit
def add_windows(notes, signatures, division, limits, pair, pad, bars, used, windows, count, rejected_windows):
    # pragma: no cover - compiled
    """Add the windows of a file to those of others.

    Args:
        notes, signatures, division: as in `smf.Parsed`.
        limits: the numbers of the filters, as `limits_of` returns them.
        pair, pad: as `pair_2_4` of the filters, and as in `extract_windows`.
        bars: (B, 16) the bars of all windows so far, of which `used` are in use.
        windows: (W, 5) the windows so far, of which `count` are in use.
        rejected_windows: (3,) windows rejected so far, as WINDOW_REASONS.

    Returns:
        bars and how many are in use, windows and how many, the arrays enlarged if need be; of this file the rejected
        lines (L, 3), the stretches (K, 6), and the pitched notes in each of these, (K,).
    """
    min_notes, min_pitches, max_rest, max_steps = limits
    bounds = np.empty(notes.shape[0] + 1, np.int64)
    lines = _find_lines(notes, bounds)
    if lines < 0:
        notes = _sort_by_line(notes)
        lines = _find_lines(notes, bounds)
    stretches = find_stretches(signatures, division, pair)
    pitched_notes = np.zeros(stretches.shape[0], np.int64)
    line = np.empty((notes.shape[0], 3), np.int64)
    rejected_lines, rejected = np.empty((lines + 1, 3), np.int64), 0
    for k in range(lines):
        i, end_of_line = bounds[k], bounds[k + 1]
        track, channel, program = notes[i, TRACK], notes[i, CHANNEL], notes[i, PROGRAM]
        while i < end_of_line:
            bars_in_line, reason = np.int64(0), 0  # percussion, unless it is found to be something else
            length, s, apart = 0, 0, False
            if channel == PERCUSSION:
                i = end_of_line
            else:
                s = stretch_of(stretches, notes[i, ONSET])
                start, end = stretches[s, START], stretches[s, END]
                begin = i
                if end < 0:
                    i = end_of_line
                while i < end_of_line and notes[i, ONSET] < end:
                    i += 1
                pitched_notes[s] += i - begin
                if stretches[s, BARS_IN_ONE] == 0:
                    continue
                length, apart = _skyline(notes, begin, i, start, end, division, line)
                if length == 0:
                    continue
                bars_in_line, reason = _line_length(line[:length], max_steps, pad)
            if reason >= 0:
                if rejected == rejected_lines.shape[0]:
                    rejected_lines = doubled(rejected_lines)
                rejected_lines[rejected, 0], rejected_lines[rejected, 1] = track, channel
                rejected_lines[rejected, 2] = reason
                rejected += 1
                continue
            before = count
            bars, used, windows, count = _slide(
                line[:length],
                bars_in_line,
                apart,
                bars,
                used,
                windows,
                count,
                rejected_windows,
                min_notes,
                min_pitches,
                max_rest,
            )
            for row in range(before, count):
                windows[row, LINE_TRACK], windows[row, LINE_CHANNEL] = track, channel
                windows[row, LINE_PROGRAM] = program
                windows[row, BAR] = stretches[s, FIRST_BAR] + stretches[s, BARS_IN_ONE] * windows[row, BAR]
    return bars, used, windows, count, rejected_lines[:rejected], stretches, pitched_notes


@njit
def _windows(notes, signatures, division, limits, pair, pad):  # pragma: no cover - compiled
    """Return the bars and windows of one file, and what else `add_windows` returns of it."""
    rejected_windows = np.zeros(3, np.int64)
    bars, windows = np.empty((64, 16), np.uint8), np.empty((64, 5), np.int64)
    bars, used, windows, count, rejected_lines, stretches, pitched_notes = add_windows(
        notes, signatures, division, limits, pair, pad, bars, 0, windows, 0, rejected_windows
    )
    return bars[:used], windows[:count], rejected_windows, rejected_lines, stretches, pitched_notes


assert (BARS, STEPS_PER_BAR, STEPS) == (16, 16, 256), "the compiled kernels spell these out"


def limits_of(filters: Filters) -> tuple[int, int, int, int]:
    """Return what `add_windows` compares windows and lines with."""
    return filters.min_notes, filters.min_unique_pitches, filters.max_rest_bars, MAX_STEPS


def extract_windows(parsed: smf.Parsed, filters: Filters, pad: bool = False) -> ExtractedWindows:
    """Return the windows of one parsed file that pass the filters, and what was rejected.

    Args:
        pad: let a line shorter than 16 bars give one window, filled up with rests. A corpus has none of these.
    """
    bars, windows, rejected_windows, rejected_lines, stretches, pitched_notes = _windows(
        parsed.notes, parsed.signatures, parsed.ticks_per_quarter, limits_of(filters), filters.pair_2_4, pad
    )
    signatures: dict[tuple[int, int], int] = {}
    for row, count in zip(stretches.tolist(), pitched_notes.tolist(), strict=True):
        if count:
            signature = row[IN_FORCE_NUMERATOR], row[IN_FORCE_DENOMINATOR]
            signatures[signature] = signatures.get(signature, 0) + count
    others = int((stretches[:, BARS_IN_ONE] == 0).sum())
    states = states_of_windows(bars, windows[:, FIRST])
    return ExtractedWindows(states, windows[:, :FIRST], rejected_windows, rejected_lines, others, signatures)

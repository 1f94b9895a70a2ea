"""From the timed notes of one file to its 16-bar windows: stretches of 4/4, skyline, sliding window, filters.

The rules are those of the extraction contract, in integer arithmetic on ticks, so the result does not depend on the
machine. `tests/slow_extraction.py` says the same in plain dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR
from midi_io import smf
from midi_io.compiled import njit

PERCUSSION = 9  # channel 10, counted from 0
MAX_STEPS = 2_000_000  # in all lines of one file: 60 parts of 2,000 bars; more is a fault in the file

WINDOW_REASONS = ("too few notes", "too few pitches", "too long a rest")
LINE_REASONS = ("percussion", "shorter than 16 bars")
STRETCH_REASON = "not in 4/4"
TOO_LONG = f"more than {MAX_STEPS // STEPS_PER_BAR:,} bars"


@dataclass(frozen=True)
class Filters:
    """What a window needs to be kept."""

    min_notes: int = 16
    min_unique_pitches: int = 3
    max_rest_bars: int = 1


class Windows(NamedTuple):
    """The windows of one file in (track, channel, program, bar) order, and what was rejected."""

    states: np.ndarray  # (W, 256) uint8
    places: np.ndarray  # (W, 4) int64: track, channel, program, bar
    rejected_windows: np.ndarray  # (3,) int64, as WINDOW_REASONS
    rejected_lines: np.ndarray  # (2,) int64, as LINE_REASONS
    other_stretches: int  # stretches in another signature than 4/4 or 2/2


@njit
def _stretches(signatures, division):  # pragma: no cover - compiled
    """(K, 4) rows of start tick, end tick (-1: none), first bar, is 4/4; from (S, 3) sorted signature events."""
    out = np.empty((signatures.shape[0] + 1, 4), np.int64)
    count = 1
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = 0, -1, 0, 1
    numerator, denominator = 4, 4
    for i in range(signatures.shape[0]):
        tick, n, d = signatures[i, 0], signatures[i, 1], signatures[i, 2]
        if i + 1 < signatures.shape[0] and signatures[i + 1, 0] == tick:
            continue  # of several events in one tick the last counts
        start = out[count - 1, 0]
        four = (n == 4 and d == 4) or (n == 2 and d == 2)
        same = (four and out[count - 1, 3] == 1) or (n == numerator and d == denominator)
        # a bar lasts numerator * 4 * division / denominator ticks; compare without dividing
        elapsed = (tick - start) * denominator
        bar = numerator * 4 * division
        if same and elapsed % bar == 0:
            continue
        if tick > start:
            out[count - 1, 1] = tick
            out[count, 2] = out[count - 1, 2] + (elapsed + bar - 1) // bar
            count += 1
        out[count - 1, 0], out[count - 1, 1], out[count - 1, 3] = tick, -1, 1 if four else 0
        numerator, denominator = n, d
    return out[:count]


@njit
def _step(tick, start, division):  # pragma: no cover - compiled
    """The sixteenth nearest to `tick`, halves up, counted from `start`."""
    return (8 * (tick - start) + division) // (2 * division)


@njit
def _line(notes, members, i, start, end, division, line):  # pragma: no cover - compiled
    """Write the skyline of members[i:] within [start, end) ticks into `line`; the members are in onset order.

    Returns the number of steps written (-1: the line is too short for them) and the first member not used.
    """
    last = _step(end, start, division) if end >= 0 else np.int64(-1)
    sounding_pitch, sounding_end = np.int64(-1), np.int64(0)
    filled = np.int64(0)  # steps of `line` written so far
    while i < members.size and (end < 0 or notes[members[i], 4] < end):
        onset = _step(notes[members[i], 4], start, division)
        # of all onsets in this step the highest, of equal ones the longest
        pitch, offset = np.int64(-1), np.int64(0)
        while i < members.size and (end < 0 or notes[members[i], 4] < end):
            note = members[i]
            if _step(notes[note, 4], start, division) != onset:
                break
            stop = max(_step(notes[note, 5], start, division), onset + 1)
            if notes[note, 3] > pitch or (notes[note, 3] == pitch and stop > offset):
                pitch, offset = notes[note, 3], stop
            i += 1
        if last >= 0:
            if onset >= last:
                continue
            offset = min(offset, last)
        if sounding_end > onset and sounding_pitch > pitch:
            continue
        if offset > line.size:
            return np.int64(-1), i
        filled = min(filled, onset)
        line[filled:onset] = 129
        line[onset] = pitch
        line[onset + 1 : offset] = 128
        filled = offset
        sounding_pitch, sounding_end = pitch, offset
    return filled, i


@njit
def _windows(
    notes, signatures, division, min_notes, min_pitches, max_rest, max_steps, pad
):  # pragma: no cover - compiled
    stretches = _stretches(signatures, division)
    starts = stretches[:, 0].copy()
    total = np.int64(0)  # steps of all lines
    others = 0
    for s in range(stretches.shape[0]):
        if stretches[s, 3] == 0:
            others += 1

    # instruments: the distinct (track, channel, program), in that order; the notes of each keep their order
    keys = (notes[:, 0] << 11) | (notes[:, 1] << 7) | notes[:, 2]
    instruments = np.unique(keys)
    where = np.searchsorted(instruments, keys)
    order = np.argsort(where, kind="mergesort")
    sizes = np.bincount(where, minlength=instruments.size)

    latest = np.int64(0)
    for i in range(notes.shape[0]):
        latest = max(latest, notes[i, 5])
    buffer = np.empty(max(min((4 * latest) // division + 2, max_steps) + 16, 256), np.uint8)
    line = buffer[:-16]  # the rest of the last bar has room behind it
    bars_of_line = buffer.size // 16 + 1
    onsets = np.empty(bars_of_line, np.int64)
    low = np.empty(bars_of_line, np.uint64)
    high = np.empty(bars_of_line, np.uint64)
    resting = np.empty(bars_of_line, np.bool_)

    states = np.empty((64, 256), np.uint8)
    places = np.empty((64, 4), np.int64)
    count = 0
    windows_out = np.zeros(3, np.int64)
    lines_out = np.zeros(2, np.int64)
    begin = 0
    for k in range(instruments.size):
        members = order[begin : begin + sizes[k]]
        begin += sizes[k]
        channel = (instruments[k] >> 7) & 15
        if channel == 9:
            lines_out[0] += 1
            continue
        i = 0
        while i < members.size:
            s = np.searchsorted(starts, notes[members[i], 4], side="right") - 1
            start, end = stretches[s, 0], stretches[s, 1]
            if stretches[s, 3] == 0:
                while i < members.size and (end < 0 or notes[members[i], 4] < end):
                    i += 1
                continue
            steps, i = _line(notes, members, i, start, end, division, line)
            total += max(steps, 0)
            if steps < 0 or total > max_steps:
                return -1, others, states[:0], places[:0], windows_out, lines_out
            if steps == 0:
                continue
            bars = (steps + 15) // 16
            if bars < 16:
                if not pad:
                    lines_out[1] += 1
                    continue
                bars = 16
            buffer[steps : bars * 16] = 129
            for b in range(bars):
                heard = 0
                mask_low, mask_high = np.uint64(0), np.uint64(0)
                silent = True
                for j in range(b * 16, b * 16 + 16):
                    state = buffer[j]
                    if state < 64:
                        mask_low |= np.uint64(1) << np.uint64(state)
                        heard += 1
                    elif state < 128:
                        mask_high |= np.uint64(1) << np.uint64(state - 64)
                        heard += 1
                    if state != 129:
                        silent = False
                onsets[b], low[b], high[b], resting[b] = heard, mask_low, mask_high, silent
            for b in range(bars - 15):
                heard = 0
                mask_low, mask_high = np.uint64(0), np.uint64(0)
                run, longest = 0, 0
                for j in range(b, b + 16):
                    heard += onsets[j]
                    mask_low |= low[j]
                    mask_high |= high[j]
                    # before the first onset of a window all is REST: what sounds across its left edge is silenced
                    if resting[j] or heard == 0:
                        run += 1
                        longest = max(longest, run)
                    else:
                        run = 0
                if heard < min_notes:
                    windows_out[0] += 1
                    continue
                pitches = 0
                while mask_low:
                    mask_low &= mask_low - np.uint64(1)
                    pitches += 1
                while mask_high:
                    mask_high &= mask_high - np.uint64(1)
                    pitches += 1
                if pitches < min_pitches:
                    windows_out[1] += 1
                    continue
                if longest > max_rest:
                    windows_out[2] += 1
                    continue
                if count == states.shape[0]:
                    wider = np.empty((2 * count, 256), np.uint8)
                    wider[:count] = states
                    states = wider
                    further = np.empty((2 * count, 4), np.int64)
                    further[:count] = places
                    places = further
                states[count] = buffer[b * 16 : b * 16 + 256]
                for j in range(256):
                    if states[count, j] != 128:
                        break
                    states[count, j] = 129
                places[count, 0] = instruments[k] >> 11
                places[count, 1] = channel
                places[count, 2] = instruments[k] & 127
                places[count, 3] = stretches[s, 2] + b
                count += 1
    return 0, others, states[:count], places[:count], windows_out, lines_out


assert (BARS, STEPS_PER_BAR, STEPS, HOLD, REST) == (16, 16, 256, 128, 129), "the compiled kernels spell these out"


def windows(parsed: smf.Parsed, filters: Filters, pad: bool = False) -> Windows:
    """All windows of one parsed file that pass the filters.

    Args:
        pad: let a line shorter than 16 bars give one window, with rests behind it. A corpus has none of these.

    Raises:
        smf.BrokenFileError: if the lines of the file add up to more than MAX_STEPS.
    """
    code, others, states, places, rejected_windows, rejected_lines = _windows(
        parsed.notes,
        parsed.signatures,
        parsed.ticks_per_quarter,
        filters.min_notes,
        filters.min_unique_pitches,
        filters.max_rest_bars,
        MAX_STEPS,
        pad,
    )
    if code:
        raise smf.BrokenFileError(TOO_LONG)
    return Windows(states, places, rejected_windows, rejected_lines, others)

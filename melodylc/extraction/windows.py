"""From the timed notes of one file to its 16-bar windows: stretches of 4/4, skyline, sliding window, filters.

The rules are those of docs/extraction.md, in integer arithmetic on ticks, so the result does not depend on the machine.
`tests/slow_extraction.py` says the same in plain dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from melodylc.base.numbers import integer
from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR
from midi_io import smf
from midi_io.compiled import njit
from midi_io.smf import CHANNEL, OFFSET, ONSET, PITCH, PROGRAM, TRACK

PERCUSSION = 9  # channel 10, counted from 0
MAX_STEPS = 2_000_000  # of one line, from its first onset: more is a fault in the file

WINDOW_REASONS = ("too few notes", "too few pitches", "too long a rest")
LINE_REASONS = ("percussion", "shorter than 16 bars", f"more than {MAX_STEPS // STEPS_PER_BAR:,} bars")
STRETCH_REASON = "not in 4/4"
NO_NOTES = "no notes"

# Columns of the stretches of one time signature that a file falls into. No end is -1; of the bars in one of 4/4 there
# are none (0) where a stretch is not read.
START, END, FIRST_BAR, BARS_IN_ONE, IN_FORCE_NUMERATOR, IN_FORCE_DENOMINATOR = range(6)


@dataclass(frozen=True)
class Filters:
    """What a window needs to be kept, and which stretches are read.

    Raises:
        UserError: for a number that no window, or every one, has.
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
    other_stretches: int  # stretches that are not read, being in another signature than 4/4 or 2/2
    signatures: dict[tuple[int, int], int]  # signatures met, and the pitched notes in each; (0, 0) is a nonsense one


@njit
def _is_four(numerator, denominator):  # pragma: no cover - compiled
    """Whether a bar of this signature has the four quarters of one of 4/4, in the same metre."""
    return (numerator == 4 and denominator == 4) or (numerator == 2 and denominator == 2)


@njit
def _stretches(signatures, division, pair):  # pragma: no cover - compiled
    """(K, 6) stretches, from (S, 3) sorted signature events."""
    out = np.empty((signatures.shape[0] + 1, 6), np.int64)
    count = 1
    out[0, 0], out[0, 1], out[0, 2], out[0, 3], out[0, 4], out[0, 5] = 0, -1, 0, 1, 4, 4
    for i in range(signatures.shape[0]):
        tick, n, d = signatures[i, 0], signatures[i, 1], signatures[i, 2]
        if i + 1 < signatures.shape[0] and signatures[i + 1, 0] == tick:
            continue  # of several events in one tick the last counts
        start = out[count - 1, START]
        numerator, denominator = out[count - 1, IN_FORCE_NUMERATOR], out[count - 1, IN_FORCE_DENOMINATOR]
        same = (_is_four(n, d) and _is_four(numerator, denominator)) or (n == numerator and d == denominator)
        if numerator == 0:  # bars of a nonsense signature are counted as if they were of 4/4
            numerator = denominator = np.int64(4)
        # a bar lasts numerator * 4 * division / denominator ticks; compare without dividing
        elapsed = (tick - start) * denominator
        bar = numerator * 4 * division
        bars = max((2 * elapsed + bar) // (2 * bar), 0)
        on_line = 32 * abs(elapsed - bars * bar) <= division * denominator  # within an eighth of a step
        if on_line:
            if same:
                continue
            tick = start + (2 * bars * bar + denominator) // (2 * denominator)
        else:
            bars = max((elapsed + bar - 1) // bar, 0)
        if tick > start:
            out[count - 1, END] = tick
            out[count, FIRST_BAR] = out[count - 1, FIRST_BAR] + bars
            count += 1
            start = tick
        out[count - 1, START], out[count - 1, END] = start, -1
        out[count - 1, BARS_IN_ONE] = 1 if _is_four(n, d) else (2 if pair and n == 2 and d == 4 else 0)
        out[count - 1, IN_FORCE_NUMERATOR], out[count - 1, IN_FORCE_DENOMINATOR] = n, d
    return out[:count]


@njit
def _stretch_of(stretches, tick):  # pragma: no cover - compiled
    """The stretch that a tick lies in, found by halves: a file may have as many stretches as lines."""
    low, high = 0, stretches.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if stretches[middle, START] <= tick:
            low = middle
        else:
            high = middle
    return low


@njit
def _by_line(notes):  # pragma: no cover - compiled
    """Notes (N, 7) sorted by track and channel, each line's in their order, and where lines begin and end (L + 1,)."""
    in_order = True
    for i in range(1, notes.shape[0]):
        in_order = in_order and (notes[i, TRACK] > notes[i - 1, TRACK] or notes[i, CHANNEL] >= notes[i - 1, CHANNEL])
    if not in_order:
        given, notes = notes, np.empty_like(notes)
        goes = np.empty(17, np.int64)  # where the next note of a channel goes
        begin = 0
        while begin < given.shape[0]:
            goes[:] = 0
            end = begin
            while end < given.shape[0] and given[end, TRACK] == given[begin, TRACK]:
                goes[given[end, CHANNEL] + 1] += 1
                end += 1
            goes[0] = begin
            for channel in range(16):
                goes[channel + 1] += goes[channel]
            for i in range(begin, end):
                channel = given[i, CHANNEL]
                notes[goes[channel]] = given[i]
                goes[channel] += 1
            begin = end
    bounds = np.zeros(notes.shape[0] + 1, np.int64)
    count = 0
    for i in range(1, notes.shape[0] + 1):
        last = i == notes.shape[0]
        if last or notes[i, TRACK] != notes[i - 1, TRACK] or notes[i, CHANNEL] != notes[i - 1, CHANNEL]:
            count += 1
            bounds[count] = i
    return notes, bounds[: count + 1]


@njit
def _step(tick, start, division):  # pragma: no cover - compiled
    """The sixteenth nearest to `tick`, halves up, counted from `start`."""
    return (8 * (tick - start) + division) // (2 * division)


@njit
def _skyline(notes, i, stop, start, end, division, line):  # pragma: no cover - compiled
    """Write the skyline of notes[i:stop], which lie in [start, end) ticks in onset order, as rows of `line`.

    Rows are onset, offset, pitch, in steps from `start`, each ending where the next begins or before; returns how many.
    """
    last = _step(end, start, division) if end >= 0 else np.int64(-1)
    count = 0
    while i < stop:
        onset = _step(notes[i, ONSET], start, division)
        # of all onsets in this step the highest, of equal ones the longest; an ornament only among ornaments
        pitch, offset, plain = np.int64(-1), np.int64(0), False
        while i < stop and _step(notes[i, ONSET], start, division) == onset:
            until = max(_step(notes[i, OFFSET], start, division), onset + 1)
            is_plain = 8 * (notes[i, OFFSET] - notes[i, ONSET]) >= division  # half a step, before rounding
            higher = notes[i, PITCH] > pitch or (notes[i, PITCH] == pitch and until > offset)
            if (is_plain and not plain) or (is_plain == plain and higher):
                pitch, offset, plain = notes[i, PITCH], until, is_plain
            i += 1
        if last >= 0:
            if onset >= last:
                continue
            offset = min(offset, last)
        if count > 0 and line[count - 1, 1] > onset:
            if line[count - 1, 2] > pitch and 2 * (line[count - 1, 1] - onset) >= offset - onset:
                continue
            line[count - 1, 1] = onset
        line[count, 0], line[count, 1], line[count, 2] = onset, offset, pitch
        count += 1
    return count


@njit
def _windows(notes, lines, stretches, division, min_notes, min_pitches, max_rest, max_steps, pad):
    # pragma: no cover - compiled
    """Windows of notes (N, 7) sorted by line, which begin and end at lines (L + 1,); see `Windows` for the rest.

    The time is linear in the notes, whatever lies between them: windows without an onset are counted, not looked at.
    """
    heard_in = np.zeros(stretches.shape[0], np.int64)  # notes
    line = np.empty((notes.shape[0], 3), np.int64)
    states = np.empty((64, 256), np.uint8)
    places = np.empty((64, 4), np.int64)
    count = 0
    windows_out = np.zeros(3, np.int64)
    lines_out = np.empty((16, 3), np.int64)
    rejected = 0
    for k in range(lines.size - 1):
        i, end_of_line = lines[k], lines[k + 1]
        track, channel, program = notes[i, TRACK], notes[i, CHANNEL], notes[i, PROGRAM]
        while i < end_of_line:
            reason = -1
            bars = kept = 0
            s = 0
            if channel == PERCUSSION:
                reason = 0
                i = end_of_line
            else:
                s = _stretch_of(stretches, notes[i, ONSET])
                start, end = stretches[s, START], stretches[s, END]
                begin = i
                while i < end_of_line and (end < 0 or notes[i, ONSET] < end):
                    i += 1
                heard_in[s] += i - begin
                if stretches[s, BARS_IN_ONE] == 0:
                    continue
                kept = _skyline(notes, begin, i, start, end, division, line)
                if kept == 0:
                    continue
                bars = (line[kept - 1, 1] + 15) // 16
                if line[kept - 1, 1] - line[0, 0] > max_steps:
                    reason = 2
                elif bars < 16:
                    reason = -1 if pad else 1
                    bars = 16
            if reason >= 0:
                if rejected == lines_out.shape[0]:
                    more = np.empty((2 * rejected, 3), np.int64)
                    more[:rejected] = lines_out
                    lines_out = more
                lines_out[rejected, 0], lines_out[rejected, 1], lines_out[rejected, 2] = track, channel, reason
                rejected += 1
                continue

            # notes of which no window can hold two are told apart: no window from `following` on has begun yet
            following = first = 0
            while first < kept:
                behind = first + 1
                while behind < kept and line[behind, 0] // 16 < line[behind - 1, 0] // 16 + 16:
                    behind += 1
                low = max(line[first, 0] // 16 - 15, 0)  # the windows with one of these notes
                high = min(line[behind - 1, 0] // 16, bars - 16)
                windows_out[0] += low - following
                following = high + 1
                if behind - first < min_notes:
                    windows_out[0] += following - low
                    first = behind
                    continue
                size = high - low + 16
                buffer = np.full(16 * size, REST, np.uint8)
                onsets = np.zeros(size, np.int64)
                low_pitches = np.zeros(size, np.uint64)
                high_pitches = np.zeros(size, np.uint64)
                resting = np.ones(size, np.bool_)
                for j in range(first, behind):
                    onset, offset = line[j, 0] - 16 * low, min(line[j, 1] - 16 * low, 16 * size)
                    pitch = line[j, 2]
                    buffer[onset] = pitch
                    buffer[onset + 1 : offset] = HOLD
                    onsets[onset // 16] += 1
                    resting[onset // 16 : (offset + 15) // 16] = False
                    if pitch < 64:
                        low_pitches[onset // 16] |= np.uint64(1) << np.uint64(pitch)
                    else:
                        high_pitches[onset // 16] |= np.uint64(1) << np.uint64(pitch - 64)
                first = behind
                for b in range(size - 15):
                    heard = 0
                    mask_low, mask_high = np.uint64(0), np.uint64(0)
                    run, longest = 0, 0
                    for bar in range(b, b + 16):
                        heard += onsets[bar]
                        mask_low |= low_pitches[bar]
                        mask_high |= high_pitches[bar]
                        # before the first onset of a window all is REST: what sounds across its left edge is silenced
                        if resting[bar] or heard == 0:
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
                    for step in range(256):
                        if states[count, step] != HOLD:
                            break
                        states[count, step] = REST
                    places[count, 0], places[count, 1], places[count, 2] = track, channel, program
                    places[count, 3] = stretches[s, FIRST_BAR] + stretches[s, BARS_IN_ONE] * (low + b)
                    count += 1
            windows_out[0] += bars - 15 - following
    return states[:count], places[:count], windows_out, lines_out[:rejected], heard_in


assert (BARS, STEPS_PER_BAR, STEPS) == (16, 16, 256), "the compiled kernels spell these out"


def windows(parsed: smf.Parsed, filters: Filters, pad: bool = False) -> ExtractedWindows:
    """All windows of one parsed file that pass the filters.

    Args:
        pad: let a line shorter than 16 bars give one window, with rests behind it. A corpus has none of these.
    """
    notes, lines = _by_line(parsed.notes)
    stretches = _stretches(parsed.signatures, parsed.ticks_per_quarter, filters.pair_2_4)
    states, places, rejected_windows, rejected_lines, heard_in = _windows(
        notes,
        lines,
        stretches,
        parsed.ticks_per_quarter,
        filters.min_notes,
        filters.min_unique_pitches,
        filters.max_rest_bars,
        MAX_STEPS,
        pad,
    )
    signatures: dict[tuple[int, int], int] = {}
    for row, heard in zip(stretches.tolist(), heard_in.tolist(), strict=True):
        if heard:
            signature = row[IN_FORCE_NUMERATOR], row[IN_FORCE_DENOMINATOR]
            signatures[signature] = signatures.get(signature, 0) + heard
    others = int((stretches[:, BARS_IN_ONE] == 0).sum())
    return ExtractedWindows(states, places, rejected_windows, rejected_lines, others, signatures)

"""From the timed notes of one file to its 16-bar windows: stretches of 4/4, skyline, sliding window, filters.

The rules are those of docs/extraction.md, in integer arithmetic on ticks, so the result does not depend on the machine.
`tests/slow_extraction.py` says the same in plain dictionaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR
from melodylc.numbers import integer
from midi_io import smf
from midi_io.compiled import njit

PERCUSSION = 9  # channel 10, counted from 0
MAX_STEPS = 2_000_000  # of one line, from its first onset: more is a fault in the file
MAX_FILE_STEPS = 16_000_000  # of all lines of one file, so that its time has a bound: 60 parts of 16,000 bars

WINDOW_REASONS = ("too few notes", "too few pitches", "too long a rest")
LINE_REASONS = (
    "percussion",
    "shorter than 16 bars",
    f"more than {MAX_STEPS // STEPS_PER_BAR:,} bars",
    f"beyond the first {MAX_FILE_STEPS // STEPS_PER_BAR:,} bars of its file",
)
STRETCH_REASON = "not in 4/4"
NO_NOTES = "no notes"

# Columns of the stretches of one time signature that a file falls into.
START, END, FIRST_BAR, BARS_IN_ONE, COUNTED_NUMERATOR, COUNTED_DENOMINATOR = range(6)


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


class Windows(NamedTuple):
    """The windows of one file in (track, channel, bar) order, and what was rejected."""

    states: np.ndarray  # (W, 256) uint8
    places: np.ndarray  # (W, 4) int64: track, channel, first program of the line, bar
    rejected_windows: np.ndarray  # (3,) int64, as WINDOW_REASONS
    rejected_lines: np.ndarray  # (L, 3) int64: track, channel, index into LINE_REASONS
    other_stretches: int  # stretches that are not read, being in another signature than 4/4 or 2/2
    signatures: dict[tuple[int, int], int]  # signatures met, and the pitched notes in each; (0, 0) is a nonsense one


@njit
def _stretches(signatures, division, pair):  # pragma: no cover - compiled
    """(K, 6) rows: start tick, end tick (-1: none), first bar, bars of the file in one of 4/4 (0: not read), signature.

    From (S, 3) sorted signature events.
    """
    out = np.empty((signatures.shape[0] + 1, 6), np.int64)
    count = 1
    out[0, 0], out[0, 1], out[0, 2], out[0, 3], out[0, 4], out[0, 5] = 0, -1, 0, 1, 4, 4
    for i in range(signatures.shape[0]):
        tick, n, d = signatures[i, 0], signatures[i, 1], signatures[i, 2]
        if i + 1 < signatures.shape[0] and signatures[i + 1, 0] == tick:
            continue  # of several events in one tick the last counts
        start = out[count - 1, 0]
        numerator, denominator = out[count - 1, 4], out[count - 1, 5]
        four = (n == 4 and d == 4) or (n == 2 and d == 2)
        was_four = (numerator == 4 and denominator == 4) or (numerator == 2 and denominator == 2)
        same = (four and was_four) or (n == numerator and d == denominator)
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
            out[count - 1, 1] = tick
            out[count, 2] = out[count - 1, 2] + bars
            count += 1
            start = tick
        out[count - 1, 0], out[count - 1, 1] = start, -1
        out[count - 1, 3] = 1 if four else (2 if pair and n == 2 and d == 4 else 0)
        out[count - 1, 4], out[count - 1, 5] = n, d
    return out[:count]


@njit
def _by_line(notes):  # pragma: no cover - compiled
    """Notes (N, 7) sorted by track and channel, each line's in their order, and where lines begin and end (L + 1,)."""
    tracks = np.int64(1)
    for i in range(notes.shape[0]):
        tracks = max(tracks, notes[i, 0] + 1)
    after = np.zeros(16 * tracks + 1, np.int64)  # first of notes by line, then where the next note of a line goes
    in_order = True
    before = np.int64(-1)
    for i in range(notes.shape[0]):
        line = notes[i, 0] << 4 | notes[i, 1]
        in_order = in_order and line >= before
        before = line
        after[line + 1] += 1
    bounds = np.zeros(after.size, np.int64)
    count = 0
    for line in range(16 * tracks):
        if after[line + 1] > 0:
            count += 1
            bounds[count] = bounds[count - 1] + after[line + 1]
        after[line + 1] += after[line]
    if in_order:
        return notes, bounds[: count + 1]
    ordered = np.empty_like(notes)
    for i in range(notes.shape[0]):
        line = notes[i, 0] << 4 | notes[i, 1]
        ordered[after[line]] = notes[i]
        after[line] += 1
    return ordered, bounds[: count + 1]


@njit
def _step(tick, start, division):  # pragma: no cover - compiled
    """The sixteenth nearest to `tick`, halves up, counted from `start`."""
    return (8 * (tick - start) + division) // (2 * division)


@njit
def _skyline(notes, i, stop, start, end, first, division, line):  # pragma: no cover - compiled
    """Write the skyline of notes[i:stop], in onset order, within [start, end) ticks into `line`, from step `first` on.

    Returns the number of steps written (-1: the line is too short for them).
    """
    last = _step(end, start, division) - first if end >= 0 else np.int64(-1)
    sounding_pitch, sounding_end = np.int64(-1), np.int64(0)
    filled = np.int64(0)  # steps of `line` written so far
    while i < stop:
        onset = _step(notes[i, 4], start, division) - first
        # of all onsets in this step the highest, of equal ones the longest; an ornament only among ornaments
        pitch, offset, plain = np.int64(-1), np.int64(0), False
        while i < stop and _step(notes[i, 4], start, division) - first == onset:
            until = max(_step(notes[i, 5], start, division) - first, onset + 1)
            is_plain = 8 * (notes[i, 5] - notes[i, 4]) >= division  # half a step or longer, before rounding
            higher = notes[i, 3] > pitch or (notes[i, 3] == pitch and until > offset)
            if (is_plain and not plain) or (is_plain == plain and higher):
                pitch, offset, plain = notes[i, 3], until, is_plain
            i += 1
        if last >= 0:
            if onset >= last:
                continue
            offset = min(offset, last)
        if sounding_end > onset and sounding_pitch > pitch and 2 * (sounding_end - onset) >= offset - onset:
            continue
        if offset > line.size:
            return np.int64(-1)
        filled = min(filled, onset)
        line[filled:onset] = 129
        line[onset] = pitch
        line[onset + 1 : offset] = 128
        filled = offset
        sounding_pitch, sounding_end = pitch, offset
    return filled


@njit
def _windows(
    notes, lines, stretches, division, min_notes, min_pitches, max_rest, max_steps, max_file_steps, pad
):  # pragma: no cover - compiled
    """Windows of notes (N, 7) sorted by line, which begin and end at lines (L + 1,); see `Windows` for the rest."""
    heard_in = np.zeros(stretches.shape[0], np.int64)  # notes
    total = np.int64(0)  # steps of all lines
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
    lines_out = np.empty((16, 3), np.int64)
    rejected = 0
    for k in range(lines.size - 1):
        i, end_of_line = lines[k], lines[k + 1]
        track, channel, program = notes[i, 0], notes[i, 1], notes[i, 2]
        s = 0
        while i < end_of_line:
            reason = -1
            if channel == 9:
                reason = 0
                j = end_of_line
            else:
                while stretches[s, 1] >= 0 and stretches[s, 1] <= notes[i, 4]:
                    s += 1
                end = stretches[s, 1]
                j = i
                while j < end_of_line and (end < 0 or notes[j, 4] < end):
                    j += 1
                heard_in[s] += j - i
                if stretches[s, 3] == 0:
                    i = j
                    continue
            begin, i = i, j
            steps = bars = skipped = np.int64(0)
            if reason < 0:
                start = stretches[s, 0]
                # windows that end before the first onset have no notes: they are counted, not looked at
                skipped = max(_step(notes[begin, 4], start, division) // 16 - 15, 0)
                steps = _skyline(notes, begin, j, start, stretches[s, 1], 16 * skipped, division, line)
                if steps == 0:
                    continue
                total += max(steps, 0)
                bars = (steps + 15) // 16
                if steps < 0:
                    reason = 2
                elif total > max_file_steps:
                    reason = 3
                elif skipped + bars < 16 and not pad:
                    reason = 1
            if reason >= 0:
                if rejected == lines_out.shape[0]:
                    more = np.empty((2 * rejected, 3), np.int64)
                    more[:rejected] = lines_out
                    lines_out = more
                lines_out[rejected, 0], lines_out[rejected, 1], lines_out[rejected, 2] = track, channel, reason
                rejected += 1
                continue
            bars = max(bars, 16)
            windows_out[0] += skipped
            buffer[steps : bars * 16] = 129
            for b in range(bars):
                heard = 0
                mask_low, mask_high = np.uint64(0), np.uint64(0)
                silent = True
                for step in range(b * 16, b * 16 + 16):
                    state = buffer[step]
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
                for bar in range(b, b + 16):
                    heard += onsets[bar]
                    mask_low |= low[bar]
                    mask_high |= high[bar]
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
                    if states[count, step] != 128:
                        break
                    states[count, step] = 129
                places[count, 0], places[count, 1], places[count, 2] = track, channel, program
                places[count, 3] = stretches[s, 2] + stretches[s, 3] * (skipped + b)
                count += 1
    return states[:count], places[:count], windows_out, lines_out[:rejected], heard_in


assert (BARS, STEPS_PER_BAR, STEPS, HOLD, REST) == (16, 16, 256, 128, 129), "the compiled kernels spell these out"


def windows(parsed: smf.Parsed, filters: Filters, pad: bool = False) -> Windows:
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
        MAX_FILE_STEPS,
        pad,
    )
    signatures: dict[tuple[int, int], int] = {}
    for row, heard in zip(stretches.tolist(), heard_in.tolist(), strict=True):
        if heard:
            signature = row[COUNTED_NUMERATOR], row[COUNTED_DENOMINATOR]
            signatures[signature] = signatures.get(signature, 0) + heard
    others = int((stretches[:, BARS_IN_ONE] == 0).sum())
    return Windows(states, places, rejected_windows, rejected_lines, others, signatures)

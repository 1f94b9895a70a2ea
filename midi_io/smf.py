"""Timed notes from the bytes of Standard MIDI Files, in bulk: one compiled pass over the bytes.

Written because the fast parser there is (symusic) does not report the channel of a note, and the ones that do (mido,
pretty_midi) take a hundred times as long. It reads what players play: what breaks the standard is read past by its
known length and counted in `Parsed.faults`; only bytes that are no MIDI file, or exceed the limits, are refused. Every
read is bounds-checked, so hostile bytes give an error code, never a crash, and the time is linear in the size.

Reference: "Standard MIDI Files 1.0", MIDI Manufacturers Association, 1996.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from midi_io.compiled import njit

MAX_BYTES = 8 << 20  # a larger file is no piece of music, or holds sound
MAX_NOTES = 200_000
SEARCHED = 1 << 16  # bytes in which the header is to begin: wrappers such as RIFF and MacBinary come first

# Columns of `Parsed.notes`, in file order: by track, then by onset tick, then as written.
TRACK, CHANNEL, PROGRAM, PITCH, ONSET, OFFSET, VELOCITY = range(7)
# Columns of `Parsed.signatures` and `Parsed.tempos`, sorted by tick.
TICK, NUMERATOR, DENOMINATOR = range(3)

# What is read past, by its place in the counts of `parse_file`.
FAULTS = (
    "ended early",
    "bytes out of range",
    "data bytes without a status",
    "system bytes in a track",
    "running status after a system event",
    "meta events without their value",
    "nonsense time signatures",
    "overlong numbers",
    "system-exclusive messages of wrong length",
    "wrong track lengths",
    "bytes between tracks",
    "more tracks than the header says",
    "no end of track",
    "wrong header",
    "notes never ended",
    WRAPPED := "bytes before the header (RIFF, MacBinary)",
    SMPTE := "SMPTE time, read at 120 quarter notes a minute",
)
(
    _EARLY,
    _RANGE,
    _NO_STATUS,
    _SYSTEM,
    _RUNNING,
    _EMPTY,
    _NONSENSE,
    _OVERLONG,
    _SYSEX,
    _LENGTH,
    _BETWEEN,
    _TRACKS,
    _NO_END,
    _HEADER,
    _UNENDED,
    _WRAPPED,
    _SMPTE,
) = range(len(FAULTS))


class Parsed(NamedTuple):
    """A MIDI file that was read. Ticks count from its start; a quarter note has `ticks_per_quarter` of them."""

    ticks_per_quarter: int
    notes: np.ndarray  # (N, 7) int64; only notes that were ended
    signatures: np.ndarray  # (S, 3) int64: tick, numerator, denominator; 0, 0 for a nonsense signature
    tempos: np.ndarray  # (T, 2) int64: tick, microseconds per quarter
    faults: dict[str, int]  # what was read past (FAULTS) and how often


class BrokenFileError(ValueError):
    """The bytes are no MIDI file we can read; `str(error)` is the reason, short enough to count under."""


# Why a file is refused, by the code of `parse_file`; 0 is a file that was read.
REASONS = (
    "",
    "not a MIDI file (no MThd header)",
    "format 2 (independent sequences)",
    f"more than {MAX_NOTES:,} notes",
    "zero ticks per quarter note",
    "empty file",
)
TOO_LARGE = f"larger than {MAX_BYTES >> 20} MiB"


@njit
def _number(data, at, wide):  # pragma: no cover - compiled
    """Return the number in `wide` bytes from `at`, the first one the highest."""
    value = np.int64(0)
    for i in range(at, at + wide):
        value = value << 8 | np.int64(data[i])
    return value


@njit
def _is_track(data, at):  # pragma: no cover - compiled
    """Return whether a chunk called MTrk begins at `at`."""
    return at + 8 <= data.size and _number(data, at, 4) == 0x4D54726B


@njit
def _is_chunk(data, at):  # pragma: no cover - compiled
    """Return whether a chunk of any kind begins at `at`: four printable characters, and a length that fits."""
    if at + 8 > data.size or at + 8 + _number(data, at + 4, 4) > data.size:
        return False
    printable = 0
    for i in range(at, at + 4):
        printable += 0x20 <= data[i] <= 0x7E
    return printable == 4


@njit
def _next_track(data, at):  # pragma: no cover - compiled
    """Return where the next MTrk from `at` on begins; the end of the file if none does."""
    for i in range(at, data.size - 7):
        if data[i] == 0x4D and _is_track(data, i):
            return i
    return data.size


@njit
def _track_end(data, at, length):  # pragma: no cover - compiled
    """Return where the track that begins at `at` ends, and whether its length was right.

    A length is believed if a chunk, the end of the file, or nothing after an end of track follows; if not, the track
    goes on up to the next MTrk, or the end of the file.
    """
    end = at + length
    size = data.size
    if end == size or _is_track(data, end):
        return end, True
    if end < size and ((length >= 3 and _number(data, end - 3, 3) == 0xFF2F00) or _is_chunk(data, end)):
        return end, True
    return _next_track(data, at), False


@njit
def _quantity(data, at, end):  # pragma: no cover - compiled
    """Return a variable-length quantity: its value (2^32 at most), where it ends (-1: beyond `end`), its bytes."""
    value = np.int64(0)
    begin = at
    while at < end:
        byte = np.int64(data[at])
        at += 1
        value = min(value << 7 | (byte & 0x7F), np.int64(1) << 32)
        if byte < 0x80:
            return value, at, at - begin
    return value, np.int64(-1), at - begin


@njit
def _is_sysex(data, at, length, end):  # pragma: no cover - compiled
    """Return whether a system-exclusive message of `length` bytes at `at` can be believed.

    It ends with its F7, or goes on in another event: then nothing in it is above 127, and an event follows.
    """
    if at + length > end:
        return False
    if length > 0 and data[at + length - 1] == 0xF7:
        return True
    for i in range(at, at + length):
        if data[i] > 127:
            return False
    _, after, _ = _quantity(data, at + length, end)
    return at + length == end or (data[at + length] != 0xF7 and 0 <= after < end and data[after] > 127)


@njit
def _header_at(data):  # pragma: no cover - compiled
    """Return where the header begins, or 0 if none does in the first SEARCHED bytes."""
    for i in range(min(data.size, SEARCHED) - 3):
        if data[i] == 0x4D and _number(data, i, 4) == 0x4D546864:
            return i
    return 0


@njit
def _by_tick(rows):  # pragma: no cover - compiled
    """Return rows sorted by their first column; rows of one tick stay in their order.

    They are out of order where they come from several tracks. Compiling numpy's own sort would take four seconds.
    """
    in_order = True
    for i in range(1, rows.shape[0]):
        in_order = in_order and rows[i, 0] >= rows[i - 1, 0]
    if in_order:
        return rows
    count, width = rows.shape[0], 1  # every `width` rows are in order
    merged = np.empty_like(rows)
    while width < count:
        for begin in range(0, count, 2 * width):
            middle, end = min(begin + width, count), min(begin + 2 * width, count)
            i, j = begin, middle
            for k in range(begin, end):
                if j == end or (i < middle and rows[i, 0] <= rows[j, 0]):
                    merged[k] = rows[i]
                    i += 1
                else:
                    merged[k] = rows[j]
                    j += 1
        rows, merged = merged, rows
        width *= 2
    return rows


# While a track is read, its sounding notes wait in queues, one for each channel and pitch: a note-off ends the oldest.
# Where that leaves a note without an end, note-offs are missing, and each would give its end to the note before. Then a
# note-on ends the note before it. Those ends are kept where they may differ: once two notes of a queue sounded at once.
_OLDEST, _NEWEST, _LATEST, _SINCE = range(4)  # columns of queues: notes, of which LATEST began last and may be ended
_BEHIND, _UNTIL = range(2)  # columns of links: the next note in the queue, and the end by a note-on
_NONE = -1  # no note waits
_APART = -2  # no two notes have sounded at once
# Offsets that are no ticks; notes with them are dropped.
_OPEN = -1  # of a note that nothing has ended
_VOID = -3  # of a note that another one begins with


@njit
def room_for(size):  # pragma: no cover - compiled
    """Return the arrays that `parse_file` fills when it reads a file of at most `size` bytes: its room."""
    notes = min(size // 3 + 1, MAX_NOTES)
    queues = np.empty((16 * 128, 4), np.int32)
    queues[:] = _NONE
    queues[:, _LATEST] = _APART
    return (
        np.empty((notes, 7), np.int64),
        np.empty((notes, 2), np.int64),
        queues,
        np.empty((size // 4 + 1, 3), np.int64),
        np.empty((size // 6 + 1, 2), np.int64),
    )


@njit
def _join_queue(notes, links, queues, queue, note):  # pragma: no cover - compiled
    """Let a note wait in a queue in which others wait, or two have sounded at once."""
    if queues[queue, _LATEST] == _APART:
        queues[queue, _LATEST] = queues[queue, _SINCE] = queues[queue, _NEWEST]
    older = queues[queue, _LATEST]
    if older >= 0:
        links[older, _UNTIL] = notes[note, ONSET] if notes[older, ONSET] < notes[note, ONSET] else _VOID
    links[note, _UNTIL] = _OPEN
    queues[queue, _LATEST] = note
    if queues[queue, _OLDEST] == _NONE:
        queues[queue, _OLDEST] = note
    else:
        links[queues[queue, _NEWEST], _BEHIND] = note


@njit
def _empty_queues(notes, links, queues, begin, end):  # pragma: no cover - compiled
    """Empty the queues of a track, whose notes are those from begin to end; give notes that lack a note-off an end."""
    for note in range(begin, end):
        queue = notes[note, CHANNEL] << 7 | notes[note, PITCH]
        together = queues[queue, _LATEST] != _APART
        if together and queues[queue, _OLDEST] != _NONE and note >= queues[queue, _SINCE]:
            notes[note, OFFSET] = links[note, _UNTIL]
    for note in range(begin, end):
        queue = notes[note, CHANNEL] << 7 | notes[note, PITCH]
        queues[queue, _OLDEST], queues[queue, _LATEST] = _NONE, _APART


@njit
def parse_file(data, room, faults):  # pragma: no cover - compiled
    """Read the bytes of a file, (N,) uint8; a kernel, to be called from others.

    Args:
        room: the arrays to fill (`room_for`); if they are too small, others are made. Fresh memory costs as much as
            what is written into it, so that who reads many files should keep it.
        faults: (F,) int64, to which is added what was read past, as FAULTS; where the code is not 0 it means nothing.

    Returns:
        The file's code, an index into REASONS, and the first four values of `Parsed`, which lie in the room.
    """
    at = _header_at(data)
    faults[_WRAPPED] += at > 0
    data = data[at:]
    size = data.size
    if room[0].shape[0] < min(size // 3 + 1, MAX_NOTES) or room[3].shape[0] < size // 4 + 1:
        room = room_for(size)
    notes, links, queues, signatures, tempos = room
    count = n_signatures = n_tempos = 0
    if size < 14 or _number(data, 0, 4) != 0x4D546864:
        return 1 if size else 5, 0, notes[:0], signatures[:0], tempos[:0]
    header = _number(data, 4, 4)
    kind, tracks, division = _number(data, 8, 2), _number(data, 10, 2), _number(data, 12, 2)
    if division & 0x8000:  # frames a second, negative, and ticks a frame
        division = -(256 - (division >> 8)) * (division & 0xFF)
    if division == 0:
        return 4, 0, notes[:0], signatures[:0], tempos[:0]
    at = 8 + header
    if (header != 6 and not _is_track(data, at)) or kind > 2:
        faults[_HEADER] += 1
        at = np.int64(14)

    program = np.zeros(16, np.int64)
    unended = False
    track = 0
    while at + 8 <= size:
        length = _number(data, at + 4, 4)
        if not _is_track(data, at):
            if track >= tracks:
                break
            if _is_chunk(data, at):  # the standard asks readers to skip chunks they do not know
                at += 8 + length
            else:
                faults[_BETWEEN] += 1
                at = _next_track(data, at)
            continue
        at += 8
        if track == tracks:
            faults[_TRACKS] += 1
        end, right = _track_end(data, at, length)
        if not right:
            faults[_EARLY if end == size and at + length > size else _LENGTH] += 1
        begin = count
        program[:] = 0
        sounding, together = 0, False  # notes, and whether two of a queue sounded at once
        tick = np.int64(0)
        running = np.int64(0)
        interrupted = False  # a system event came since the running status
        closed = False  # by an end of track
        cut = False
        while at < end:
            delta = np.int64(data[at])
            at += 1
            wide = 1
            if delta > 127:
                delta, at, wide = _quantity(data, at - 1, end)
            if at < 0 or at >= end:
                cut = True
                break
            if wide > 4:
                faults[_OVERLONG] += 1
            tick += delta
            status = np.int64(data[at])
            if status >= 0x80:
                at += 1
            elif running == 0:
                faults[_NO_STATUS] += 1
                while at < end and data[at] < 0x80:
                    at += 1
                if at == end:
                    break
                status = np.int64(data[at])
                at += 1
            else:
                status = running
                if interrupted:
                    faults[_RUNNING] += 1
                    interrupted = False
            if status < 0xF0:
                if status != running:
                    running = status
                    interrupted = False
                message = status & 0xF0
                wide = 1 if message == 0xC0 or message == 0xD0 else 2
                if at + wide > end:
                    cut = True
                    break
                first = np.int64(data[at])
                second = np.int64(data[at + 1]) if wide == 2 else np.int64(0)
                at += wide
                if first > 127 or second > 127:
                    faults[_RANGE] += 1
                    if first > 127:
                        continue
                    second = min(second, np.int64(127))
                channel = status & 0x0F
                queue = channel << 7 | first
                if message == 0x90 and second > 0:
                    if count == MAX_NOTES:
                        _empty_queues(notes, links, queues, begin, count)
                        return 3, 0, notes[:0], signatures[:0], tempos[:0]
                    notes[count, 0] = track
                    notes[count, 1] = channel
                    notes[count, 2] = program[channel]
                    notes[count, 3] = first
                    notes[count, 4] = tick
                    notes[count, 5] = _OPEN
                    notes[count, 6] = second
                    if queues[queue, _OLDEST] == _NONE and queues[queue, _LATEST] == _APART:
                        queues[queue, _OLDEST] = count
                    else:
                        together = True
                        _join_queue(notes, links, queues, queue, count)
                    queues[queue, _NEWEST] = count
                    sounding += 1
                    count += 1
                elif message == 0x80 or message == 0x90:
                    note = queues[queue, _OLDEST]
                    if note != _NONE:
                        notes[note, 5] = tick
                        sounding -= 1
                        queues[queue, _OLDEST] = _NONE if note == queues[queue, _NEWEST] else links[note, _BEHIND]
                    if queues[queue, _LATEST] >= 0:
                        links[queues[queue, _LATEST], _UNTIL] = tick
                        queues[queue, _LATEST] = _NONE
                elif message == 0xC0:
                    program[channel] = first
                continue
            interrupted = running > 0
            if (status > 0xF0 and status < 0xF7) or (status > 0xF7 and status < 0xFF):
                # system common and real-time messages have no place in a file; F1 and F3 have one data byte, F2 two
                faults[_SYSTEM] += 1
                wide = 2 if status == 0xF2 else (1 if status == 0xF1 or status == 0xF3 else 0)
                while wide > 0 and at < end and data[at] < 0x80:
                    at += 1
                    wide -= 1
                continue
            meta = np.int64(-1)
            if status == 0xFF:
                if at >= end:
                    cut = True
                    break
                if data[at] > 127:  # no type of a meta event: the FF is a system reset
                    faults[_SYSTEM] += 1
                    continue
                meta = np.int64(data[at])
                at += 1
            length, after, wide = _quantity(data, at, end)
            wrong = after < 0 or after + length > end
            if status == 0xF0 and not (after >= 0 and _is_sysex(data, after, length, end)):
                # written without a length, as it goes over a cable, or with a wrong one: it ends with its F7
                faults[_SYSEX] += 1
                if wide > 1 and after >= 0:
                    at = after
                while at < end and data[at] < 0x80:
                    at += 1
                if at < end and data[at] == 0xF7:
                    at += 1
                continue
            if wrong:
                cut = True
                break
            if wide > 4:
                faults[_OVERLONG] += 1
            at = after
            if meta == 0x58:
                if length < 2:
                    faults[_EMPTY] += 1
                else:
                    numerator, power = np.int64(data[at]), np.int64(data[at + 1])
                    if numerator == 0 or power > 16:
                        faults[_NONSENSE] += 1
                        numerator = np.int64(0)
                    signatures[n_signatures, 0] = tick
                    signatures[n_signatures, 1] = numerator
                    signatures[n_signatures, 2] = np.int64(1) << power if numerator > 0 else np.int64(0)
                    n_signatures += 1
            elif meta == 0x51:
                if length < 3:
                    faults[_EMPTY] += 1
                else:
                    tempos[n_tempos, 0] = tick
                    tempos[n_tempos, 1] = _number(data, at, 3)
                    n_tempos += 1
            at += length
            if meta == 0x2F:
                closed = True
                if at < end and _is_track(data, at):  # the length reaches over the next track
                    faults[_LENGTH] += 1
                    end = at
                break
        if cut and right:
            faults[_EARLY] += 1
        elif not closed and right:
            faults[_NO_END] += 1
        if together or sounding > 0:
            unended = unended or sounding > 0
            _empty_queues(notes, links, queues, begin, count)
        at = end
        track += 1
    if kind == 2 and track > 1:
        return 2, 0, notes[:0], signatures[:0], tempos[:0]
    if track < tracks:
        faults[_EARLY] += 1
    if unended:
        ended = 0
        for i in range(count):
            if notes[i, 5] == _OPEN:
                faults[_UNENDED] += 1
            if notes[i, 5] >= 0:
                if ended < i:
                    notes[ended] = notes[i]
                ended += 1
        count = ended
    notes, signatures, tempos = notes[:count], _by_tick(signatures[:n_signatures]), _by_tick(tempos[:n_tempos])
    if division < 0:  # ticks a second: half as many in a quarter note, so twice the ticks make it a whole number
        faults[_SMPTE] += 1
        division = -division
        notes[:, ONSET : OFFSET + 1] *= 2
        signatures[:, TICK] *= 2
        tempos[:, TICK] *= 2
    return 0, division, notes, signatures, tempos


def parse(data: bytes) -> Parsed:
    """Read the bytes of one MIDI file (format 0 or 1, or 2 with one track; in a RIFF or MacBinary wrapper or without).

    Notes are paired within their track: a note-off ends the oldest sounding note of its pitch and channel; on a pitch
    that lacks note-offs, a note-on ends the note before it as well. The program is the one in force on that track and
    channel at the onset (0 before any). In SMPTE time a quarter note lasts half a second.

    Raises:
        BrokenFileError: with the reason, if the bytes are empty, too large, or no MIDI file.
    """
    if len(data) > MAX_BYTES:
        raise BrokenFileError(TOO_LARGE)
    counts = np.zeros(len(FAULTS), np.int64)
    code, division, notes, signatures, tempos = parse_file(np.frombuffer(data, np.uint8), room_for(len(data)), counts)
    if code:
        raise BrokenFileError(REASONS[code])
    faults = {name: n for name, n in zip(FAULTS, counts.tolist(), strict=True) if n}
    return Parsed(int(division), notes, signatures, tempos, faults)

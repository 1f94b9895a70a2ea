"""The extraction once more, slowly, from its specification: mido, dictionaries and fractions.

Shares no code with melodylc; the tests compare the two window by window.
"""

from collections import defaultdict, deque
from fractions import Fraction
from math import ceil, floor

import mido

HOLD, REST = 128, 129


def nearest_sixteenth(ticks, ticks_per_quarter):
    return floor(Fraction(4 * ticks, ticks_per_quarter) + Fraction(1, 2))


def notes_and_signatures(path):
    """Notes as dicts, signatures as {tick: (numerator, denominator)}."""
    file = mido.MidiFile(path)
    notes, signatures = [], []
    for index, track in enumerate(file.tracks):
        tick = 0
        program = defaultdict(int)
        sounding = defaultdict(deque)
        for message in track:
            tick += message.time
            if message.type == "time_signature":
                signatures.append((tick, index, len(signatures), message.numerator, message.denominator))
            elif message.type == "program_change":
                program[message.channel] = message.program
            elif message.type == "note_on" and message.velocity > 0:
                note = {
                    "instrument": (index, message.channel, program[message.channel]),
                    "pitch": message.note,
                    "onset": tick,
                }
                sounding[message.channel, message.note].append(note)
            elif message.type in ("note_on", "note_off"):
                if sounding[message.channel, message.note]:
                    note = sounding[message.channel, message.note].popleft()
                    note["offset"] = tick
                    notes.append(note)
            elif message.type == "end_of_track":
                break
    by_tick = {tick: (n, d) for tick, _, _, n, d in sorted(signatures)}
    return file.ticks_per_beat, notes, by_tick


def stretches(signatures, ticks_per_quarter):
    """Dicts of start, end (None: open), signature and first bar."""
    signatures = dict(signatures)
    signatures.setdefault(0, (4, 4))
    result = []
    for tick, signature in sorted(signatures.items()):
        if result:
            before = result[-1]
            bar = Fraction(4 * ticks_per_quarter * before["signature"][0], before["signature"][1])
            bars = (tick - before["start"]) / bar
            alike = {signature, before["signature"]} <= {(4, 4), (2, 2)} or signature == before["signature"]
            if alike and bars.denominator == 1:
                continue
            before["end"] = tick
            first = before["bar"] + ceil(bars)
        else:
            first = 0
        result.append({"start": tick, "end": None, "signature": signature, "bar": first})
    return result


def skyline(notes, start, end, ticks_per_quarter):
    """{onset step: (pitch, offset step)} of the notes that belong to one stretch."""
    last = None if end is None else nearest_sixteenth(end - start, ticks_per_quarter)
    at = defaultdict(list)
    for note in notes:
        if note["onset"] < start or (end is not None and note["onset"] >= end):
            continue
        onset = nearest_sixteenth(note["onset"] - start, ticks_per_quarter)
        offset = max(onset + 1, nearest_sixteenth(note["offset"] - start, ticks_per_quarter))
        if last is not None:
            if onset >= last:
                continue
            offset = min(offset, last)
        at[onset].append((note["pitch"], offset))
    line = {}
    for onset in sorted(at):
        pitch, offset = max(at[onset])
        if line:
            previous = max(line)
            sounding, until = line[previous]
            if until > onset:
                if sounding > pitch:
                    continue
                line[previous] = (sounding, onset)
        line[onset] = (pitch, offset)
    return line


def window(line, bar):
    """256 states from bar `bar` of a line."""
    states = [REST] * 256
    for onset, (pitch, offset) in line.items():
        if not bar * 16 <= onset < bar * 16 + 256:
            continue  # a note from before the window stays silent
        states[onset - bar * 16] = pitch
        for step in range(onset + 1, min(offset, bar * 16 + 256)):
            states[step - bar * 16] = HOLD
    return states


def rejected_for(states, min_notes, min_unique_pitches, max_rest_bars):
    onsets = [state for state in states if state < HOLD]
    if len(onsets) < min_notes:
        return "too few notes"
    if len(set(onsets)) < min_unique_pitches:
        return "too few pitches"
    silent = "".join("-" if all(s == REST for s in states[b * 16 : b * 16 + 16]) else "x" for b in range(16))
    if "-" * (max_rest_bars + 1) in silent:
        return "too long a rest"
    return None


def windows(path, min_notes=16, min_unique_pitches=3, max_rest_bars=1):
    """([(instrument, bar, 256 states as bytes)], {reason: count}) of one file, in order."""
    ticks_per_quarter, notes, signatures = notes_and_signatures(path)
    kept, counts = [], defaultdict(int)
    parts = stretches(signatures, ticks_per_quarter)
    counts["not in 4/4"] = sum(part["signature"] not in ((4, 4), (2, 2)) for part in parts)
    instruments = defaultdict(list)
    for note in notes:
        instruments[note["instrument"]].append(note)
    for instrument in sorted(instruments):
        if instrument[1] == 9:
            counts["percussion"] += 1
            continue
        for part in parts:
            if part["signature"] not in ((4, 4), (2, 2)):
                continue
            line = skyline(instruments[instrument], part["start"], part["end"], ticks_per_quarter)
            if not line:
                continue
            bars = ceil(max(offset for _, offset in line.values()) / 16)
            if bars < 16:
                counts["shorter than 16 bars"] += 1
            for bar in range(bars - 15):
                states = window(line, bar)
                reason = rejected_for(states, min_notes, min_unique_pitches, max_rest_bars)
                if reason:
                    counts[reason] += 1
                else:
                    kept.append((instrument, part["bar"] + bar, bytes(states)))
    return kept, dict(counts)

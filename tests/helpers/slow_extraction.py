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
    file = mido.MidiFile(path, clip=True)
    notes, signatures = [], []
    for index, track in enumerate(file.tracks):
        tick = 0
        program = defaultdict(int)
        events = defaultdict(list)  # by channel and pitch: notes that begin, and ticks of note-offs
        for message in track:
            tick += message.time
            if message.type == "time_signature":
                signatures.append((tick, index, len(signatures), message.numerator, message.denominator))
            elif message.type == "program_change":
                program[message.channel] = message.program
            elif message.type == "note_on" and message.velocity > 0:
                note = {
                    "line": (index, message.channel),
                    "program": program[message.channel],
                    "pitch": message.note,
                    "onset": tick,
                    "place": len(notes),
                }
                notes.append(note)
                events[message.channel, message.note].append(note)
            elif message.type in ("note_on", "note_off"):
                events[message.channel, message.note].append(tick)
            elif message.type == "end_of_track":
                break
        for listed in events.values():
            if not first_in_first_out(listed):
                ended_by_the_next(listed)
    notes = [note for note in notes if note.get("offset") is not None]
    by_tick = {tick: (n, d) for tick, _, _, n, d in sorted(signatures)}
    return file.ticks_per_beat, notes, by_tick


def first_in_first_out(events):
    """Give each note the note-off that is its turn; False if one has none."""
    sounding = deque()
    for event in events:
        if isinstance(event, dict):
            sounding.append(event)
        elif sounding:
            sounding.popleft()["offset"] = event
    return not sounding


def ended_by_the_next(events):
    """Give each note the next note-off or note-on as its end; a note-on of the same tick makes it void."""
    for note, following in zip(events, [*events[1:], None]):
        if isinstance(note, dict):
            note["offset"] = following
            if isinstance(following, dict):
                note["offset"] = following["onset"] if following["onset"] > note["onset"] else None


def stretches(signatures, ticks_per_quarter, pair_2_4=False):
    """Dicts of start, end (None: open), signature, first bar, and bars of the file in one of 4/4 (0: not read)."""
    result = [{"start": 0, "end": None, "signature": (4, 4), "bar": 0}]
    for tick, signature in sorted(signatures.items()):
        before = result[-1]
        bar = Fraction(4 * ticks_per_quarter * before["signature"][0], before["signature"][1])
        nearest = max(floor((tick - before["start"]) / bar + Fraction(1, 2)), 0)
        bars = max(ceil((tick - before["start"]) / bar), 0)
        if abs(tick - before["start"] - nearest * bar) <= Fraction(ticks_per_quarter, 32):
            alike = {signature, before["signature"]} <= {(4, 4), (2, 2)} or signature == before["signature"]
            if alike:
                continue
            tick, bars = before["start"] + floor(nearest * bar + Fraction(1, 2)), nearest
        if tick > before["start"]:
            before["end"] = tick
            result.append({"start": tick, "end": None, "signature": signature, "bar": before["bar"] + bars})
        else:
            before["signature"] = signature
    for part in result:
        part["bars in one"] = {(4, 4): 1, (2, 2): 1, (2, 4): 2 * pair_2_4}.get(part["signature"], 0)
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
        is_plain = note["offset"] - note["onset"] >= Fraction(ticks_per_quarter, 8)
        if last is not None:
            if onset >= last:
                continue
            offset = min(offset, last)
        at[onset].append((is_plain, note["pitch"], offset))
    line = {}
    for onset in sorted(at):
        _, pitch, offset = max(at[onset])
        if line:
            previous = max(line)
            sounding, until = line[previous]
            if until > onset:
                if sounding > pitch and until - onset >= Fraction(offset - onset, 2):
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


def windows(path, min_notes=16, min_unique_pitches=3, max_rest_bars=1, pair_2_4=False):
    """([(line, program, bar, 256 states as bytes)], {reason: count}, {signature: notes}) of one file, in order."""
    ticks_per_quarter, notes, signatures = notes_and_signatures(path)
    kept, counts, met = [], defaultdict(int), defaultdict(int)
    parts = stretches(signatures, ticks_per_quarter, pair_2_4)
    counts["not in 4/4"] = sum(part["bars in one"] == 0 for part in parts)
    lines = defaultdict(list)
    for note in notes:
        lines[note["line"]].append(note)
    for line in sorted(lines):
        if line[1] == 9:
            counts["percussion"] += 1
            continue
        program = lines[line][0]["program"]
        for part in parts:
            members = [n for n in lines[line] if n["onset"] >= part["start"]]
            if part["end"] is not None:
                members = [n for n in members if n["onset"] < part["end"]]
            met[part["signature"]] += len(members)
            if part["bars in one"] == 0:
                continue
            tune = skyline(members, part["start"], part["end"], ticks_per_quarter)
            if not tune:
                continue
            bars = ceil(max(offset for _, offset in tune.values()) / 16)
            if bars < 16:
                counts["shorter than 16 bars"] += 1
            for bar in range(bars - 15):
                states = window(tune, bar)
                reason = rejected_for(states, min_notes, min_unique_pitches, max_rest_bars)
                if reason:
                    counts[reason] += 1
                else:
                    kept.append((line, program, part["bar"] + part["bars in one"] * bar, bytes(states)))
    return kept, dict(counts), {signature: n for signature, n in met.items() if n}

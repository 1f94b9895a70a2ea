"""Reading clips and writing them. AbletonOSC confirms nothing, so that what is written is read back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from melodylc.ableton.connection import Connection, RefusedError, Value
from melodylc.base.errors import UserError

AT_ONCE = 50  # notes in a packet: 1.1 kB, which no network splits
ATTEMPTS = 12  # at writing before it is given up
DIGITS, UNIT = 3, 1e-3  # of a quarter note, to which times are written
FIELDS = 5  # of a note: pitch, start, length, velocity, muted

Note = tuple[int, float, float, int]  # pitch, start and length in quarter notes, velocity


@dataclass(frozen=True)
class Slot:
    """A clip slot: a track and a scene, from 0."""

    track: int
    scene: int


@dataclass(frozen=True)
class Clip:
    """What plays of a clip: its loop, or all of it where it does not loop."""

    name: str
    begin: float  # where that is in the clip, in quarter notes,
    quarters: float  # and how long
    notes: tuple[Note, ...]  # from its beginning on; none is muted, none lasts beyond its end


def read_clip(connection: Connection, slot: Slot) -> Clip:
    """Return the clip in a slot.

    Raises:
        UserError: if there is none, or it has no notes.
    """
    where = f"scene {slot.scene + 1} of track {slot.track + 1}"
    if not has_clip(connection, slot):
        raise UserError(
            f"ableton: expected a clip in {where}, the slot is empty; select one in the Session View, or --scene N"
        )
    if not _of(connection, slot, "is_midi_clip"):
        raise UserError(f"ableton: expected a MIDI clip in {where}, it is audio; select another, or --scene N")
    begin, quarters = float(_of(connection, slot, "loop_start")), float(_of(connection, slot, "length"))
    end = begin + quarters
    notes = tuple(
        (pitch, max(start - begin, 0.0), min(length, end - start), max(velocity, 1))
        for pitch, start, length, velocity, muted in _notes(connection, slot, begin, quarters)
        if not muted
    )
    if not notes:
        raise UserError(f"ableton: expected notes in the clip in {where}, it has none")
    return Clip(str(_of(connection, slot, "name")), begin, quarters, notes)


def has_clip(connection: Connection, slot: Slot) -> bool:
    """Return whether there is a clip in a slot."""
    return bool(connection.ask("/live/clip_slot/get/has_clip", slot.track, slot.scene)[0])


def create_clip(connection: Connection, slot: Slot, name: str, notes: Sequence[Note], quarters: float) -> None:
    """Put a new clip with notes into a free slot. What cannot be finished is removed.

    Raises:
        UserError: if the slot is taken, or Live does not do it.
    """
    if has_clip(connection, slot):
        raise UserError(f"ableton: scene {slot.scene + 1} of track {slot.track + 1} has a clip meanwhile; try again")
    for _ in range(ATTEMPTS):
        connection.tell("/live/clip_slot/create_clip", slot.track, slot.scene, float(quarters))
        if has_clip(connection, slot):
            break
    else:
        raise UserError(f"ableton: Live makes no clip in scene {slot.scene + 1}{_why(connection)}")
    try:
        _write(connection, slot, notes, 0.0, quarters)
        _set(connection, slot, "name", name)
    except BaseException:
        _delete(connection, slot)
        raise


def replace_notes(connection: Connection, slot: Slot, name: str, notes: Sequence[Note], quarters: float) -> None:
    """Write other notes into a clip: where it plays, and from there on; its colour and the rest stay.

    Raises:
        UserError: if Live does not do it; it has the notes that were there in its Undo.
    """
    if not _of(connection, slot, "is_midi_clip"):
        raise UserError(f"ableton: expected a MIDI clip to replace in scene {slot.scene + 1}, it is audio")
    begin, length = float(_of(connection, slot, "loop_start")), float(_of(connection, slot, "length"))
    try:
        _write(connection, slot, notes, begin, max(quarters, length))
        if abs(length - quarters) > UNIT:
            _set(connection, slot, "loop_end", begin + quarters)
            _set(connection, slot, "end_marker", begin + quarters)
        _set(connection, slot, "name", name)
    except (UserError, KeyboardInterrupt) as error:
        undo = f"Undo in Live brings the notes of scene {slot.scene + 1} back"
        if isinstance(error, KeyboardInterrupt):
            error.args = (*error.args, undo)  # which are said when the command ends
            raise
        raise UserError(f"{error}; {undo}") from error


def _delete(connection: Connection, slot: Slot) -> None:
    """Delete a clip, if Live still answers."""
    with suppress(UserError):
        for _ in range(ATTEMPTS):
            connection.tell("/live/clip_slot/delete_clip", slot.track, slot.scene)
            if not has_clip(connection, slot):
                return


def _write(connection: Connection, slot: Slot, notes: Sequence[Note], begin: float, quarters: float) -> None:
    """Make these the notes that start in a stretch of a clip; what is there already, or muted, is not touched."""
    wanted = Counter(_placed(notes, begin))
    for _ in range(ATTEMPTS):
        audible = [note[:4] for note in _notes(connection, slot, begin, quarters) if not note[4]]
        there = Counter(_rounded(*note) for note in audible)
        if there == wanted:
            return
        others = there - wanted  # or some of these twice
        for note in audible:
            if _rounded(*note) in others:
                pitch, start = note[:2]
                connection.tell("/live/clip/remove/notes", slot.track, slot.scene, pitch, 1, start - UNIT / 2, UNIT)
        missing = [] if others else sorted((wanted - there).elements(), key=lambda note: (note[1], note[0]))
        for first in range(0, len(missing), AT_ONCE):
            flat: list[Value] = [value for note in missing[first : first + AT_ONCE] for value in (*note, False)]
            connection.tell("/live/clip/add/notes", slot.track, slot.scene, *flat)
    raise UserError(f"ableton: Live does not take the notes in scene {slot.scene + 1}{_why(connection)}")


def _placed(notes: Sequence[Note], begin: float) -> list[Note]:
    """Return notes as they are sent: none before the clip plays, none over the next of its pitch."""
    first = math.ceil(begin / UNIT - 0.01) * UNIT
    at = {
        (pitch, round(max(begin + start, first), DIGITS)): (length, velocity)
        for pitch, start, length, velocity in notes
    }
    placed, following = [], dict.fromkeys(range(128), math.inf)
    for pitch, start in sorted(at, reverse=True):
        length, velocity = at[pitch, start]
        placed.append((pitch, start, round(max(min(length, following[pitch] - start), UNIT), DIGITS), velocity))
        following[pitch] = start
    return placed


def _set(connection: Connection, slot: Slot, name: str, value: float | str) -> None:
    """Set something of a clip."""
    for _ in range(ATTEMPTS):
        connection.tell(f"/live/clip/set/{name}", slot.track, slot.scene, value)
        there = _of(connection, slot, name)
        if there == value or (isinstance(value, float) and abs(float(there) - value) < UNIT):
            return
    raise UserError(f"ableton: Live does not set the {name} in scene {slot.scene + 1}{_why(connection)}")


def _of(connection: Connection, slot: Slot, name: str) -> Any:
    return connection.ask(f"/live/clip/get/{name}", slot.track, slot.scene)[0]


def _notes(
    connection: Connection, slot: Slot, begin: float, quarters: float
) -> list[tuple[int, float, float, int, bool]]:
    """Return the notes that start in a stretch of a clip: pitch, start and length, velocity, whether muted."""
    # whole quarter notes are exact in OSC's 24 bits; what a third is rounded to may lie before a note that starts there
    first, end = math.floor(begin - UNIT), math.ceil(begin + quarters + UNIT)
    notes = [
        (int(pitch), float(start), float(length), round(velocity), bool(muted))
        for pitch, start, length, velocity, muted in _answered(connection, slot, first, end - first)
    ]
    # versions of 2023 and before answer with all notes, whatever part is asked for
    return [note for note in notes if begin - UNIT / 2 <= note[1] < begin + quarters - UNIT / 2]


def _answered(connection: Connection, slot: Slot, first: int, quarters: int) -> list[tuple[Any, ...]]:
    """Return the notes of a stretch as AbletonOSC has them; where they do not fit a packet, it is asked in halves."""
    try:
        values = connection.ask("/live/clip/get/notes", slot.track, slot.scene, 0, 128, float(first), float(quarters))
    except RefusedError:
        if quarters == 1:
            raise
        half = quarters // 2
        return _answered(connection, slot, first, half) + _answered(connection, slot, first + half, quarters - half)
    if len(values) % FIELDS:
        raise UserError("ableton: expected five values for each note, got others; is this AbletonOSC its authors'?")
    return [values[first : first + FIELDS] for first in range(0, len(values), FIELDS)]


def _rounded(pitch: int, start: float, length: float, velocity: int) -> Note:
    """Return a note as it is sent and compared: what goes through OSC has 24 bits."""
    return pitch, round(start, DIGITS), round(length, DIGITS), velocity


def _why(connection: Connection) -> str:
    return f" ({connection.complaint})" if connection.complaint else ""

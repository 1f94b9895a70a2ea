"""Melodies into a Live set: what is asked of the bridge for a set or its selected clip, and where its answers go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from melodylc.ableton import clips, live_set
from melodylc.ableton.clips import Clip, Slot
from melodylc.ableton.connection import Connection
from melodylc.ableton.live_set import Track
from melodylc.base.errors import UserError
from melodylc.base.numbers import numbers_of
from melodylc.bridge.questions import BEATS_PER_BAR, MOST_BARS, OWN
from melodylc.rules.key import Key

DONE = {"generate": "", "vary": "varied", "infill": "filled in", "continue": "continued"}

Answer = Callable[[dict[str, Any]], dict[str, Any]]  # that of melodylc.bridge.client


@dataclass(frozen=True)
class Order:
    """What is to be made, and where it goes.

    Args:
        question: for the bridge, without the melody; without a key, that of the set is taken.
        bars: of an infilling, those to make anew: "5-8".
        track: by number, from 1, or name; None for the selected one.
        scene: from 1; None for the selected one.
        replace: whether clips may be written over, from the scene on.
        name: of the clips; None for the key, or the name of the clip they come of.
    """

    question: dict[str, Any]
    bars: str | None = None
    track: str | None = None
    scene: int | None = None
    replace: bool = False
    name: str | None = None

    @property
    def of_a_clip(self) -> bool:
        """Return whether the melodies come of a clip."""
        return self.question["do"] != "generate"


def fill(connection: Connection, order: Order, answer: Answer, say: Callable[[str], None]) -> None:
    """Make melodies and write them into clips, telling `say` about each.

    Raises:
        UserError: if there is no place for them, they cannot be made, or Live does not take them.
    """
    there = live_set.read_set(connection)
    track = live_set.read_track(connection, live_set.find_track(connection, order.track))
    scene = live_set.selected_scene(connection) if order.scene is None else order.scene - 1
    if scene >= len(track.clips):
        raise UserError(f"ableton: expected a scene of the set, 1 to {len(track.clips)}, got {scene + 1}")
    given = clips.read_clip(connection, Slot(track.index, scene)) if order.of_a_clip else None
    say(f"{there}; {track}, scene {scene + 1}")
    if there.signature not in (None, (4, 4)):
        say("bars of melodies have four quarter notes, whatever the set's time signature")
    question = {"tempo": there.tempo} | _with_key(connection, order.question, given, say)
    if given is not None:
        question |= _of_clip(given, order)
    melodies = answer(question)["melodies"]
    track = _still_there(connection, track)
    if order.replace and given is not None and clips.read_clip(connection, Slot(track.index, scene)) != given:
        raise UserError(f"ableton: {given.name!r} has changed while others were made; nothing was written, try again")
    names = _names(order, question, given, len(melodies))
    for slot, melody, name in zip(_slots(connection, order, track, scene, len(melodies)), melodies, names, strict=True):
        _write(connection, slot, melody, name, order.replace)
        kept = "" if melody["kept"] else f"; not kept: {melody['why']}"
        say(f"scene {slot.scene + 1}: {name}, {melody['bars']} bars, {len(melody['notes'])} notes{kept}")


def _with_key(
    connection: Connection, question: dict[str, Any], given: Clip | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the question with the set's key, unless it or its chords have one, or the clip is in another."""
    if "key" in question or "chords" in question:
        return question
    try:
        key = live_set.read_key(connection)
    except UserError:
        if given is None:
            raise
        return question | {"key": OWN}
    classes = Key.parse(key).classes
    if given is not None and not all(pitch % 12 in classes for pitch, *_ in given.notes):
        say(f"the clip is not in the set's key, {key}, and stays in its own")  # nobody gave a key to a set in C major
        return question | {"key": OWN}
    say(f"the set's key: {key}")
    return question | {"key": key}


def _of_clip(clip: Clip, order: Order) -> dict[str, Any]:
    """Return what a question about a clip has beside others."""
    bars = math.ceil(clip.quarters / BEATS_PER_BAR - 1e-3)
    if bars > MOST_BARS:
        raise UserError(
            f"ableton: expected a clip of at most {MOST_BARS} bars, {clip.name!r} has {bars}; loop a part of it"
        )
    fields: dict[str, Any] = {"melody": [list(note) for note in clip.notes], "bars": bars}
    if order.bars is not None:
        anew = sorted(set(numbers_of("infill", order.bars, 1, bars)))
        fields["remake"] = [[(bar - 1) * BEATS_PER_BAR, bar * BEATS_PER_BAR] for bar in anew]
    return fields


def _names(order: Order, question: dict[str, Any], given: Clip | None, count: int) -> list[str]:
    done = DONE[question["do"]]
    name = order.name or (f"{given.name} {done}".strip() if given else question.get("key", "melody"))
    return [f"{name} {number}" for number in range(1, count + 1)] if count > 1 or not given else [name]


def _slots(connection: Connection, order: Order, track: Track, scene: int, count: int) -> list[Slot]:
    """Return where so many melodies go, with scenes for them: over clips from the scene on, or where none are."""
    over = range(scene, scene + count)
    scenes = list(over) if order.replace else live_set.free_slots(track, scene, count)
    live_set.add_scenes(connection, scenes[-1] + 1)
    return [Slot(track.index, each) for each in scenes]


def _still_there(connection: Connection, track: Track) -> Track:
    """Return the track as it is now: making melodies takes seconds, in which it may have been moved or deleted."""
    now = live_set.read_track(connection, track.index)
    if now.name != track.name:
        raise UserError(f"ableton: {track} has moved while melodies were made; nothing was written, try again")
    return now


def _write(connection: Connection, slot: Slot, melody: dict[str, Any], name: str, over: bool) -> None:
    notes = [(pitch, start, length, velocity) for pitch, start, length, velocity in melody["notes"]]
    put = clips.replace_notes if over and clips.has_clip(connection, slot) else clips.create_clip
    put(connection, slot, name, notes, melody["bars"] * BEATS_PER_BAR)

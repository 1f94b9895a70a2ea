"""What the bridge can be asked. Lengths and positions are in quarter notes, from the beginning of the first bar.

A question is a JSON object: `do` names one of `KINDS`, the other fields are those of its dataclass, and `id` comes back
with the answer. Fields that are null count as left out, and 96.0 is a whole number: some languages write it so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer, number
from melodylc.melody import STEPS, STEPS_PER_BEAT
from midi_io.files import Note

MOST_BARS = 64
MOST_NOTES = 16 * 1024  # of a melody that is given: its chords and overlaps are read past
MOST_MELODIES = 32  # of an answer
MOST_RULES = 32
LONGEST_TEXT = 2000
LAST_SEED = 2**53 - 1  # the last whole number that every reader of JSON has exactly
BEATS_PER_BAR = 4
OWN = "own"
KEEPS = ("rhythm", "pitches")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that the bridge is asked."""


@dataclass(frozen=True, kw_only=True)
class Hello(Question):
    """Which bridge this is, and which scales and rules it knows."""


@dataclass(frozen=True, kw_only=True)
class Wishes(Question):
    """What melodies are asked for, in the words of `melodylc generate`."""

    key: str | None = None  # or `OWN`, that of the melody that is given
    notes: int | None = None  # at least so many, in 16 bars
    at_most: int | None = None
    range: str | None = None  # "C4-G5"
    rules: tuple[str, ...] = ()
    chords: str | None = None
    form: str | None = None
    count: int = 1
    seed: int | None = None
    temperature: float | None = None
    strict: bool = False
    tempo: float = 120.0  # of the MIDI files


@dataclass(frozen=True, kw_only=True)
class Generate(Wishes):
    """New melodies."""

    bars: int = 16


@dataclass(frozen=True, kw_only=True)
class Given(Question):
    """A melody that is given: its notes, chords and overlaps among them, in so many bars."""

    melody: tuple[Note, ...]
    bars: int


@dataclass(frozen=True, kw_only=True)
class Vary(Wishes, Given):
    """Melodies like a given one."""

    amount: float = 0.25  # of the way to others


@dataclass(frozen=True, kw_only=True)
class Infill(Wishes, Given):
    """A given melody of which some stretches are made anew."""

    remake: tuple[tuple[float, float], ...]
    keep: str | None = None  # of these stretches, their rhythm or their pitches in order


@dataclass(frozen=True, kw_only=True)
class Continue(Wishes, Given):
    """A given melody that goes on."""

    more: int = 8  # bars


@dataclass(frozen=True, kw_only=True)
class AttributesOf(Given):
    """What one would ask for to get a melody like a given one."""


KINDS: dict[str, type[Question]] = {
    "hello": Hello,
    "generate": Generate,
    "vary": Vary,
    "infill": Infill,
    "continue": Continue,
    "attributes": AttributesOf,
}


# --- how fields are read ----------------------------------------------------------------------------------------------

Read = Callable[[str, Any], Any]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise UserError(f"{name}: expected some text of at most {LONGEST_TEXT} letters, got {value!r:.60}")
    return value.strip()


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{name}: expected true or false, got {value!r:.60}")
    return value


def _whole(low: int, high: int) -> Read:
    def read(name: str, value: Any) -> int:
        as_int = int(value) if isinstance(value, float) and value.is_integer() else value
        return integer(name, as_int, low, high)

    return read


def _real(low: float, high: float) -> Read:
    return lambda name, value: number(name, value, low, high)


def _list(name: str, value: Any, most: int, of: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        got = f"{len(value)} of them" if isinstance(value, list) else f"{value!r:.60}"
        raise UserError(f"{name}: expected a list of at most {most} {of}, got {got}")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else _list(name, value, MOST_RULES, "texts")
    return tuple(_text(name, each) for each in texts)


def _one_of(*choices: str) -> Read:
    def read(name: str, value: Any) -> str:
        if value not in choices:
            raise UserError(f"{name}: expected one of {', '.join(choices)}, got {value!r:.60}")
        return str(value)

    return read


_pitch, _velocity, _time = _whole(0, 127), _whole(1, 127), _real(-1e6, 1e6)


def _note(name: str, value: Any) -> Note:
    if not isinstance(value, list) or len(value) not in (3, 4):
        raise UserError(
            f"{name}: expected [pitch, start, length] or [pitch, start, length, velocity], got {value!r:.60}"
        )
    pitch, start, length = _pitch(f"{name}: pitch", value[0]), _time(f"{name}: start", value[1]), value[2]
    if not _time(f"{name}: length", length) > 0:
        raise UserError(f"{name}: expected a length above 0, got {length!r}")
    note = Note(pitch, start, start + float(length))
    return note._replace(velocity=_velocity(f"{name}: velocity", value[3])) if len(value) == 4 else note


def _notes(name: str, value: Any) -> tuple[Note, ...]:
    notes = _list(name, value, MOST_NOTES, "notes")
    return tuple(_note(f"{name}: note {index}", each) for index, each in enumerate(notes, start=1))


def _stretches(name: str, value: Any) -> tuple[tuple[float, float], ...]:
    stretches = _list(name, value, MOST_BARS * 16, "stretches")
    if len(stretches) == 2 and not any(isinstance(each, list) for each in stretches):
        stretches = [stretches]
    read = []
    for each in stretches:
        if not isinstance(each, list) or len(each) != 2:
            raise UserError(f"{name}: expected [from, to] in quarter notes, got {each!r:.60}")
        begin, end = (_time(name, bound) for bound in each)
        if step_of(begin) >= step_of(end):
            raise UserError(f"{name}: expected a sixteenth note at least, got {begin:g} to {end:g}")
        read.append((begin, end))
    if not read:
        raise UserError(f"{name}: expected what is to be made anew, got no stretch of the melody")
    return tuple(read)


READERS: dict[str, Read] = {
    "key": _text,
    "notes": _whole(1, STEPS),
    "at_most": _whole(1, STEPS),
    "range": _text,
    "rules": _texts,
    "chords": _text,
    "form": _text,
    "count": _whole(1, MOST_MELODIES),
    "seed": _whole(0, LAST_SEED),
    "temperature": _real(0, 10),
    "strict": _flag,
    "tempo": _real(4, 1000),
    "bars": _whole(1, MOST_BARS),
    "melody": _notes,
    "amount": _real(0, 1),
    "remake": _stretches,
    "keep": _one_of(*KEEPS),
    "more": _whole(1, MOST_BARS),
}


def step_of(beat: float) -> int:
    """Return the sixteenth that is nearest to a time in quarter notes, halves up."""
    return math.floor(beat * STEPS_PER_BEAT + 0.5)


# --- questions --------------------------------------------------------------------------------------------------------


def parsed(message: bytes) -> dict[str, Any]:
    """Return the JSON object of a message.

    Raises:
        UserError: if it is none.
    """
    try:
        said = json.loads(message, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UserError(f"question: expected a JSON object, got {message[:60]!r}") from error
    if not isinstance(said, dict):
        raise UserError(f"question: expected a JSON object, got {message[:60]!r}")
    return said


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def question(said: dict[str, Any]) -> Question:
    """Return the question of a JSON object.

    Raises:
        UserError: in one line that names the field, if there is none.
    """
    name = said.get("do")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UserError(f"do: expected one of {', '.join(KINDS)}, got {name!r:.60}")
    known = {each.name: each for each in fields(kind)}
    for field in said:
        if field == "folder":
            raise UserError(
                "folder: only melodylc bridge --ask writes files; over a socket, the answer has their bytes"
            )
        if field not in (*known, "do", "id"):
            raise UserError(f"{name}: expected the fields {', '.join(['id', *known])}, got {field!r:.60}")
    given = {field: value for field, value in said.items() if field in known and value is not None}
    for field, each in known.items():
        if each.default is MISSING and field not in given:
            raise UserError(f"{name}: expected {field}, which is missing")
    asked = kind(**{field: READERS[field](field, value) for field, value in given.items()})
    _check_inside(asked)
    return asked


def _check_inside(asked: Question) -> None:
    """Check that what is given lies in its bars.

    Raises:
        UserError: naming the first that does not.
    """
    if not isinstance(asked, Given):
        return
    end = asked.bars * BEATS_PER_BAR
    for note in asked.melody:
        if step_of(note.start) < 0 or note.start >= end:  # a little early is in the first bar
            raise UserError(f"melody: expected notes in {asked.bars} bars, 0 to {end}, got one at {note.start:g}")
    if isinstance(asked, Infill):
        for begin, stop in asked.remake:
            if step_of(begin) < 0 or step_of(stop) > step_of(end):
                raise UserError(f"remake: expected a part of 0 to {end}, got {begin:g} to {stop:g}")
    if isinstance(asked, Continue) and asked.bars + asked.more > MOST_BARS:
        raise UserError(f"more: expected at most {MOST_BARS} bars together, got {asked.bars} and {asked.more}")

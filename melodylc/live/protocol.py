"""The messages between the player and the inference process: a line of JSON for each.

The player sends one `Setup`, then one `Request` after the other, and `Goodbye`. The inference process answers `Ready`
or `Fatal`, then an `Answer` or a `Failure` for each request. The panel sends a `Task` where a player sends a request:
it is answered by any number of `Progress`, then a `Result` or a `Failure`, and `Stop` ends it early.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.live.control_values import ControlValues
from melodylc.melody import STEPS
from melodylc.rules.key import Key

States = bytes  # one for each step of a melody


class ProtocolError(Exception):
    """A line is no message of this protocol; the text says why."""


# --- how the fields of messages are read ------------------------------------------------------------------------------


def _typed(*types: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise ProtocolError(f"expected {' or '.join(each.__name__ for each in types)}, got {value!r:.60}")
        return value

    return read


_text, _flag, _integer, _number = _typed(str), _typed(bool), _typed(int), _typed(int, float)


def _record(value: Any) -> dict[str, Any]:
    return dict(_typed(dict)(value))


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(each) for each in _typed(list)(value))


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except ValueError as error:  # binascii.Error is one, and a text beyond ASCII raises another
        raise ProtocolError(f"expected base64, got {value!r:.60}") from error


def _states(value: Any) -> bytes:
    states = _bytes(value)
    if len(states) != STEPS:
        raise ProtocolError(f"expected the {STEPS} states of a melody, got {len(states)}")
    return states


def _rewards(value: Any) -> dict[str, float]:
    return {_text(name): float(_number(reward)) for name, reward in _typed(dict)(value).items()}


NUMBERS = ("notes", "low", "high", "at_most")  # of attributes


def _values(value: Any) -> ControlValues:
    asked = dict(_typed(dict)(value))
    key = asked.pop("key", None)
    try:
        if key is not None:
            name, classes, tonic = key
            key = Key(_text(name), frozenset(_integer(each) for each in classes), _optional(_integer)(tonic))
        attributes = Attributes(key, **{name: asked.pop(name, None) for name in NUMBERS})
        return ControlValues(attributes, **asked)
    except (TypeError, ValueError, UserError) as error:
        raise ProtocolError(str(error)) from error


# By the types of fields, as they are written below.
READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "str | None": _optional(_text),
    "bool": _flag,
    "int": _integer,
    "int | None": _optional(_integer),
    "float": _number,
    "float | None": _optional(_number),
    "bytes": _bytes,
    "bytes | None": _optional(_bytes),
    "States": _states,
    "States | None": _optional(_states),
    "tuple[str, ...]": _texts,
    "dict[str, float]": _rewards,
    "dict[str, Any]": _record,
    "ControlValues": _values,
}


def _encoded(value: Any) -> Any:
    """Return a field of a message as JSON has it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, ControlValues):
        key = value.attributes.key
        asked = {name: getattr(value.attributes, name) for name in NUMBERS}
        played = {name: getattr(value, name) for name in ("temperature", "amount", "hold", "mute")}
        return {"key": key and [key.name, sorted(key.classes), key.tonic], **asked, **played}
    return value


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """A message of either process."""

    def to_json(self) -> str:
        """Return the message as a line, without its end."""
        said = {each.name: _encoded(getattr(self, each.name)) for each in fields(self)}
        return json.dumps({"kind": type(self).__name__, **said})


@dataclass(frozen=True)
class Setup(Message):
    """The set-up of the inference process: what stays the same for all requests."""

    initial: ControlValues = field(default_factory=ControlValues)
    rules: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    style: str | None = None
    style_amount: float = 1.0
    model: str | None = None
    device: str | None = None
    rounds: int | None = None  # of learning; None: the budget's
    seconds: float | None = None  # of learning, likewise
    keep: str | None = None  # where a learned actor is saved
    strict: bool = False
    tries: int = 8
    searches: bool = False  # whether melodies that keep rules are searched for: then nothing is learned
    sounding_notes: tuple[str, ...] = ()  # the files of the notes that sound, one for each output
    record: str | None = None  # the MIDI file of what is played

    @property
    def learns(self) -> bool:
        """Return whether an actor is learned before the first melody."""
        return bool(self.rules) and not self.actors and not self.searches


@dataclass(frozen=True)
class Request(Message):
    """A request for a melody: from one that it continues, a phrase, a vector z, or a draw of the prior by its seed."""

    id: int
    values: ControlValues
    seed: int
    toward: int = 0  # seed of the draw that the start is moved toward
    amount: float = 0.0  # share of the way to it
    phrase: States | None = None
    z: bytes | None = None
    before: States | None = None  # its last eight bars are the first of the answer


@dataclass(frozen=True)
class Answer(Message):
    """A melody, the answer to a request."""

    id: int  # of its request
    states: States
    z: bytes  # where it came from, before rules moved it
    rewards: dict[str, float]
    way: str  # how it was made: by the actor, from the masked prior, ...
    plausible: bool
    tried: int  # draws it took
    seconds: float


@dataclass(frozen=True)
class Failure(Message):
    """An answer without a melody: the request or the task failed."""

    id: int | None  # of the request, where it could be read
    error: str


@dataclass(frozen=True)
class Task(Message):
    """Something else that is asked for: candidates, a melody made anew in parts, a rule to be learned."""

    id: int
    name: str
    asked: dict[str, Any]


@dataclass(frozen=True)
class Stop(Message):
    """The news that a task need not go on: what it has is its result."""

    id: int


@dataclass(frozen=True)
class Progress(Message):
    """What a task has come to so far."""

    id: int
    made: dict[str, Any]


@dataclass(frozen=True)
class Result(Message):
    """What a task has made."""

    id: int
    made: dict[str, Any]


@dataclass(frozen=True)
class Ready(Message):
    """The news that the inference process takes requests from now on."""


@dataclass(frozen=True)
class Fatal(Message):
    """The news that the inference process cannot work with its set-up."""

    error: str


@dataclass(frozen=True)
class Goodbye(Message):
    """The player's good-bye: nothing is left to be done for it."""


KINDS: dict[str, type[Message]] = {
    each.__name__: each
    for each in (Setup, Request, Answer, Failure, Task, Stop, Progress, Result, Ready, Fatal, Goodbye)
}
Heard = Answer | Failure | Progress | Result  # what comes of requests and tasks


def from_json(line: str) -> Message:
    """Return the message of a line.

    Raises:
        ProtocolError: if it is none.
    """
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"expected a line of JSON, got {line!r:.60}") from error
    kind = KINDS.get(str(said.get("kind"))) if isinstance(said, dict) else None
    if kind is None:
        raise ProtocolError(f"expected a message of kind {', '.join(KINDS)}, got {line!r:.60}")
    read = {}
    for each in fields(kind):
        if each.name in said:
            try:
                read[each.name] = READERS[str(each.type)](said[each.name])
            except ProtocolError as error:
                raise ProtocolError(f"{kind.__name__}: {each.name}: {error}") from error
    try:
        return kind(**read)
    except TypeError as error:  # a field is missing
        raise ProtocolError(f"{kind.__name__}: {error}") from error

"""What can be turned while a session plays: by control changes and programs, over OSC, from Python.

Which control change turns what is a `Map`, read from a small TOML file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.rules.key import COMMON_SCALES, NAMES, Key, tonic_and_scale
from melodylc.rules.notes import parse_range
from midi_io import messages
from midi_io.atomic import atomic_write

SCALE_NAMES = tuple(COMMON_SCALES)  # by number; the other scales by name
FEWEST, MOST = 16, 220  # notes a knob reaches
HOTTEST = 1.5  # temperature a knob reaches


@dataclass(frozen=True)
class ControlValues:
    """What a melody is asked for, and what becomes of the ones that play. None leaves a thing open.

    Raises:
        UserError: for what makes no sense, or leaves no pitch.
    """

    key: str | None = None  # as `Key.parse` reads it
    notes: int | None = None  # at least so many
    low: int | None = None  # MIDI pitch
    high: int | None = None
    temperature: float | None = None
    amount: float | None = None  # how far the next melody goes from this one: 0 nowhere, 1 anywhere; None: the mode's
    hold: bool = False  # stay with the melody that plays
    mute: bool = False

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.amount is not None:
            number("amount", self.amount, 0, 1)
        self.attributes()  # says what is wrong

    def attributes(self) -> Attributes:
        """What the knobs of the model are turned to."""
        return Attributes(self.key, self.notes, self.low, self.high)

    def sound(self) -> tuple[object, ...]:
        """What decides how a given melody sounds: when it changes, the melody is made again."""
        return self.key, self.notes, self.low, self.high, self.temperature

    def __str__(self) -> str:
        said = [self.key or "any key"]
        if self.notes is not None:
            said.append(f"{self.notes} notes")
        if self.low is not None or self.high is not None:
            said.append(f"{self.low or 0} to {127 if self.high is None else self.high}")
        return ", ".join(said + [word for word in ("hold", "mute") if getattr(self, word)])


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    number = float(value)
    if number != number or abs(number) == float("inf"):
        raise ValueError
    return number


def _open_or(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None or value in ("", "open", -1) else parse(value)


def _switch(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("on", "off", "true", "false"):
        return value.lower() in ("on", "true")
    return _number(value) != 0 if not isinstance(value, bool) else value


def _tonic_and_scale(asked: ControlValues) -> tuple[str, str]:
    """Of a key in notes or pitch classes: C major, from which a turn goes on."""
    return (asked.key and tonic_and_scale(asked.key)) or ("C", "major")


def _key(asked: ControlValues, value: Any) -> ControlValues:
    """A tonic, keeping the mode, or a whole key."""
    if value is None or value in ("", "open"):
        return replace(asked, key=None)
    if isinstance(value, str) and not re.fullmatch(r"[A-Ga-g][#b♯♭]?", value.strip()):
        return replace(asked, key=Key.parse(value).name)
    tonic = value.strip() if isinstance(value, str) else NAMES[_integer(value) % 12]
    return replace(asked, key=Key.parse(f"{tonic} {_tonic_and_scale(asked)[1]}").name)


def _mode(asked: ControlValues, value: Any) -> ControlValues:
    name = SCALE_NAMES[_integer(value)] if not isinstance(value, str) else value
    return replace(asked, key=Key.parse(f"{_tonic_and_scale(asked)[0]} {name}").name)


def _range(asked: ControlValues, value: Any) -> ControlValues:
    low, high = (None, None) if value is None or value in ("", "open") else parse_range(str(value))
    return replace(asked, low=low, high=high)


def _field(name: str, parse: Callable[[Any], Any]) -> Callable[[ControlValues, Any], ControlValues]:
    return lambda asked, value: replace(asked, **{name: parse(value)})


@dataclass(frozen=True)
class LiveControl:
    """One thing that can be turned."""

    turn: Callable[[ControlValues, Any], ControlValues]
    of_cc: Callable[[int], Any]  # from 0 to 127
    says: str


def _slot(count: int) -> Callable[[int], int]:
    return lambda value: value * count // 128


CONTROLS: dict[str, LiveControl] = {
    "key": LiveControl(
        _key, _slot(12), "a tonic ('C', 0 to 11) in the mode there is, or a key ('F# dorian'), or 'open'"
    ),
    "mode": LiveControl(_mode, _slot(len(SCALE_NAMES)), "a scale by name, or by its number"),
    "notes": LiveControl(
        _field("notes", _open_or(_integer)),
        lambda value: None if value == 0 else round(FEWEST + (MOST - FEWEST) * value / 127),
        "at least so many notes; -1 or 'open' for any number",
    ),
    "range": LiveControl(
        _range, lambda value: None if value == 0 else f"{60 - value // 4}-{72 + value // 4}", "as 'C4-G5'"
    ),
    "low": LiveControl(
        _field("low", _open_or(_integer)), lambda value: None if value == 0 else value, "lowest MIDI pitch, or -1"
    ),
    "high": LiveControl(
        _field("high", _open_or(_integer)), lambda value: None if value == 127 else value, "highest MIDI pitch, or -1"
    ),
    "temperature": LiveControl(
        _field("temperature", _open_or(_number)),
        lambda value: HOTTEST * value / 127,
        "of sampling, 0 to 10; -1: the model's",
    ),
    "amount": LiveControl(
        _field("amount", _open_or(_number)),
        lambda value: value / 127,
        "how far the next melody goes from this one, 0 to 1",
    ),
    "hold": LiveControl(_field("hold", _switch), lambda value: value >= 64, "stay with the melody that plays"),
    "mute": LiveControl(_field("mute", _switch), lambda value: value >= 64, "be silent from the next bar on"),
    "new": LiveControl(lambda asked, value: asked, lambda value: value >= 64, "another melody at the next bar"),
}


def turn(asked: ControlValues, control: str, value: Any) -> ControlValues:
    """With one control turned.

    Raises:
        UserError: for an unknown control, or a value it cannot take.
    """
    if control not in CONTROLS:
        raise UserError(f"control: expected one of {', '.join(CONTROLS)}, got {control!r}")
    try:
        return CONTROLS[control].turn(asked, value)
    except UserError:
        raise
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise UserError(f"{control}: expected {CONTROLS[control].says}; got {value!r}") from error


@dataclass(frozen=True)
class MidiTrigger:
    """A control change or program change: `cc 20`, `program`, on one channel (`cc 20 @ 3`) or any."""

    kind: int  # high half of the status
    number: int | None = None
    channel: int | None = None  # 0 to 15

    @classmethod
    def parse(cls, text: str) -> MidiTrigger:
        """From its text.

        Raises:
            UserError: with what is expected.
        """
        match = re.fullmatch(r"\s*(?:cc\s*(\d{1,3})|(program))\s*(?:@\s*(\d{1,2}))?\s*", text)
        if match and (match[1] is None or int(match[1]) < 120) and (match[3] is None or 1 <= int(match[3]) <= 16):
            channel = None if match[3] is None else int(match[3]) - 1
            if match[2]:
                return cls(messages.PROGRAM, None, channel)
            return cls(messages.CONTROL, int(match[1]), channel)
        raise UserError(
            f"controls: expected 'cc 0' to 'cc 119', or 'program', perhaps with '@ 1' to '@ 16', got {text!r}"
        )

    def __str__(self) -> str:
        what = "program" if self.kind == messages.PROGRAM else f"cc {self.number}"
        return what if self.channel is None else f"{what} @ {self.channel + 1}"

    def hears(self, message: bytes) -> bool:
        """Whether this message is it."""
        return (
            message[0] & 0xF0 == self.kind
            and (self.channel is None or message[0] & 0x0F == self.channel)
            and (self.number is None or message[1] == self.number)
        )


DEFAULT = {
    "key": "cc 20",
    "mode": "cc 21",
    "notes": "cc 22",
    "low": "cc 23",
    "high": "cc 24",
    "temperature": "cc 25",
    "amount": "cc 26",
    "new": "cc 27",
    "hold": "cc 28",
    "mute": "cc 29",
    "range": "cc 30",
}


@dataclass(frozen=True)
class ControlMap:
    """Which messages turn which controls. Programs 0 to 11 are keys in the mode there is, unless bound otherwise."""

    triggers: dict[str, MidiTrigger] = field(
        default_factory=lambda: {
            **{control: MidiTrigger.parse(text) for control, text in DEFAULT.items()},
        }
    )

    def heard(self, message: bytes) -> tuple[str, Any] | None:
        """The control that a message turns, and the value; None if it turns none."""
        kind = message[0] & 0xF0
        if kind not in (messages.CONTROL, messages.PROGRAM):
            return None
        for control, trigger in self.triggers.items():
            if trigger.hears(message):
                value = message[2] if kind == messages.CONTROL else message[1]
                return control, CONTROLS[control].of_cc(value)
        if kind == messages.PROGRAM:
            return "key", message[1] % 12
        return None

    def bound(self, control: str, trigger: MidiTrigger) -> ControlMap:
        """With a control bound to another message, which is taken from whatever it was bound to."""
        kept = {name: each for name, each in self.triggers.items() if each != trigger and name != control}
        return ControlMap({**kept, control: trigger})

    @classmethod
    def load(cls, path: Path) -> ControlMap:
        """From a TOML file of lines such as `key = "cc 20"`; controls it does not name cannot be turned.

        Raises:
            UserError: with the line that is wrong.
        """
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib

        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"controls: {path} is no TOML ({error})") from error
        triggers = {}
        for control, text in table.items():
            if control not in CONTROLS:
                raise UserError(f"controls: {path} names {control!r}; expected some of {', '.join(CONTROLS)}")
            if not isinstance(text, str):
                raise UserError(f'controls: {path}: expected {control} = "cc 20" or such, got {text!r}')
            triggers[control] = MidiTrigger.parse(text)
        return cls(triggers)

    def save(self, path: Path) -> None:
        """As `load` reads it, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ['# What turns the controls of melodylc live: "cc 0" to "cc 119", or "program", perhaps "@ channel".']
        lines += [f'{control} = "{self.triggers[control]}"' for control in CONTROLS if control in self.triggers]
        with atomic_write(path) as beside:
            beside.write_text("\n".join(lines) + "\n", encoding="utf-8")

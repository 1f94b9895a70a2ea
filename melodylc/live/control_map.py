"""The MIDI messages that set the live controls: a `ControlMap`, read from and saved to a small TOML file."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.live.controls import CONTROLS, current_name
from melodylc.rules.key import NAMES
from midi_io import messages
from midi_io.atomic import atomic_write


@dataclass(frozen=True)
class MidiTrigger:
    """A control change or program change: `cc 20`, `program`, on one channel (`cc 20 @ 3`) or any."""

    kind: int  # high half of the status
    number: int | None = None
    channel: int | None = None  # 0 to 15

    @classmethod
    def parse(cls, text: str) -> MidiTrigger:
        """Return the trigger of a text.

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

    def matches(self, message: bytes) -> bool:
        """Return whether a message is this one."""
        return (
            message[0] & 0xF0 == self.kind
            and (self.channel is None or message[0] & 0x0F == self.channel)
            and (self.number is None or message[1] == self.number)
        )


DEFAULT = {
    "key": "cc 20",
    "scale": "cc 21",
    "notes": "cc 22",
    "low": "cc 23",
    "high": "cc 24",
    "temperature": "cc 25",
    "amount": "cc 26",
    "new": "cc 27",
    "hold": "cc 28",
    "mute": "cc 29",
    "range": "cc 30",
    "at_most": "cc 31",
    "again": "cc 102",  # 32 to 63 are the fine halves of 0 to 31
    "back": "cc 103",
}


def _key_of(program: bytes) -> tuple[str, int] | None:
    """Return the key of a program change; a DAW sends others that choose sounds: they are no keys."""
    return ("key", program[1]) if program[1] < len(NAMES) else None


@dataclass(frozen=True)
class ControlMap:
    """The messages that set the controls.

    Programs 0 to 11 are keys in the scale there is, unless bound otherwise; those above set nothing. A control that is
    bound to programs takes them as values of a control change; the key takes 0 to 11 only.
    """

    triggers: dict[str, MidiTrigger] = field(
        default_factory=lambda: {control: MidiTrigger.parse(text) for control, text in DEFAULT.items()}
    )

    def control_of(self, message: bytes) -> tuple[str, Any] | None:
        """Return the control that a message sets, and the value; None if it sets none."""
        kind = message[0] & 0xF0
        if kind not in (messages.CONTROL, messages.PROGRAM):
            return None
        for control, trigger in self.triggers.items():
            if trigger.matches(message):
                if kind == messages.PROGRAM and control == "key":
                    return _key_of(message)
                value = message[2] if kind == messages.CONTROL else message[1]
                return control, CONTROLS[control].from_cc(value)
        return _key_of(message) if kind == messages.PROGRAM else None

    def bound(self, control: str, trigger: MidiTrigger) -> ControlMap:
        """Return a map with a control bound to another message, which is taken from whatever it was bound to."""
        others = {name: each for name, each in self.triggers.items() if each != trigger and name != control}
        return ControlMap({**others, control: trigger})

    @classmethod
    def load(cls, path: Path) -> ControlMap:
        """Read a TOML file of lines such as `key = "cc 20"`; no message sets the controls it does not name.

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
        for name, text in table.items():
            control = current_name(name)
            if control not in CONTROLS:
                raise UserError(f"controls: {path} names {name!r}; expected some of {', '.join(CONTROLS)}")
            if not isinstance(text, str):
                raise UserError(f'controls: {path}: expected {control} = "cc 20" or such, got {text!r}')
            triggers[control] = MidiTrigger.parse(text)
        return cls(triggers)

    def save(self, path: Path) -> None:
        """Save it as `load` reads it, completely or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ['# What sets the controls of melodylc live: "cc 0" to "cc 119", or "program", perhaps "@ channel".']
        lines += [f'{control} = "{self.triggers[control]}"' for control in CONTROLS if control in self.triggers]
        with atomic_write(path) as beside:
            beside.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""The live controls: what can be set while a session plays, by control changes, over OSC and from Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from melodylc.base.errors import UserError
from melodylc.live.control_values import ControlValues
from melodylc.live.crossing import in_key, moved
from melodylc.rules.key import COMMON_SCALES, NAMES, as_key, tonic_and_scale
from melodylc.rules.notes import parse_range

SCALE_NAMES = tuple(COMMON_SCALES)  # by number; the other scales by name
FEWEST_NOTES, MOST_NOTES = 16, 220  # that a control change reaches
HIGHEST_TEMPERATURE = 1.5  # that a control change reaches
ON = 64  # values of a control change from here on switch on
FORMER_NAMES = {"mode": "scale"}  # in control maps and OSC messages that exist


@dataclass(frozen=True)
class LiveControl:
    """One thing that can be set.

    Args:
        apply: returns control values with this one set to a value, which may be anything.
        from_cc: returns the value for a control change, of 0 to 127.
        expects: the values it takes, for people.
    """

    apply: Callable[[ControlValues, Any], ControlValues]
    from_cc: Callable[[int], Any]
    expects: str


def _integer(value: Any) -> int:
    read = _number(value)
    if read != int(read):
        raise ValueError
    return int(read)


def _choice(names: Sequence[str], value: Any) -> str:
    """Return the name of a number; none is counted from the end, and there are none beyond it."""
    if not 0 <= (number := _integer(value)) < len(names):
        raise ValueError
    return names[number]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    read = float(value)
    if read != read or abs(read) == float("inf"):
        raise ValueError
    return read


def _is_open(value: Any) -> bool:
    return value is None or value in ("", "open")


def _open_or(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if _is_open(value) or value == -1 else parse(value)


def _switch(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("on", "off", "true", "false"):
        return value.lower() in ("on", "true")
    return _number(value) != 0 if not isinstance(value, bool) else value


def _with_attributes(values: ControlValues, **fields: Any) -> ControlValues:
    return replace(values, attributes=replace(values.attributes, **fields))


def _tonic_and_scale(values: ControlValues) -> tuple[str, str]:
    """Return tonic and scale of the key there is; C major for none, and for one given by its notes."""
    key = values.attributes.key
    return (key and tonic_and_scale(key.name)) or ("C", "major")


def _with_key(values: ControlValues, key: str) -> ControlValues:
    return replace(values, attributes=in_key(values.attributes, as_key(key)))


def _set_key(values: ControlValues, value: Any) -> ControlValues:
    """Set a tonic in the scale there is, or a key."""
    if _is_open(value):
        return _with_attributes(values, key=None)
    if isinstance(value, str) and not re.fullmatch(r"[A-Ga-g][#b♯♭]?", value.strip()):
        return _with_key(values, value)
    tonic = value.strip() if isinstance(value, str) else _choice(NAMES, value)
    return _with_key(values, f"{tonic} {_tonic_and_scale(values)[1]}")


def _set_scale(values: ControlValues, value: Any) -> ControlValues:
    name = value if isinstance(value, str) else _choice(SCALE_NAMES, value)
    return _with_key(values, f"{_tonic_and_scale(values)[0]} {name}")


def _set_range(values: ControlValues, value: Any) -> ControlValues:
    low, high = (None, None) if _is_open(value) else parse_range(str(value))
    values = replace(values, knobs={**values.knobs, "low": low, "high": high})
    return _with_attributes(values, low=low, high=high)


def _bound(name: str) -> Callable[[ControlValues, Any], ControlValues]:
    def apply(values: ControlValues, value: Any) -> ControlValues:
        attributes, knobs = moved(values.attributes, values.knobs, name, _open_or(_integer)(value))
        return replace(values, attributes=attributes, knobs=knobs)

    return apply


def _playback(name: str, parse: Callable[[Any], Any]) -> Callable[[ControlValues, Any], ControlValues]:
    return lambda values, value: replace(values, **{name: parse(value)})


def _one_of(count: int) -> Callable[[int], int]:
    return lambda value: value * count // 128


def _is_on(value: int) -> bool:
    return value >= ON


CONTROLS: dict[str, LiveControl] = {
    "key": LiveControl(
        _set_key, _one_of(12), "a tonic ('C', 0 to 11) in the scale there is, or a key ('F# dorian'), or 'open'"
    ),
    "scale": LiveControl(
        _set_scale, _one_of(len(SCALE_NAMES)), f"a scale by name, or by its number, 0 to {len(SCALE_NAMES) - 1}"
    ),
    "notes": LiveControl(
        _bound("notes"),
        lambda value: None if value == 0 else round(FEWEST_NOTES + (MOST_NOTES - FEWEST_NOTES) * value / 127),
        "at least so many notes; -1 or 'open' for any number",
    ),
    "at_most": LiveControl(
        _bound("at_most"),
        lambda value: None if value == 127 else round(FEWEST_NOTES + (MOST_NOTES - FEWEST_NOTES) * value / 127),
        "at most so many notes; -1 or 'open' for any number",
    ),
    "range": LiveControl(
        _set_range, lambda value: None if value == 0 else f"{60 - value // 4}-{72 + value // 4}", "as 'C4-G5'"
    ),
    "low": LiveControl(_bound("low"), lambda value: None if value == 0 else value, "lowest MIDI pitch, or -1"),
    "high": LiveControl(_bound("high"), lambda value: None if value == 127 else value, "highest MIDI pitch, or -1"),
    "temperature": LiveControl(
        _playback("temperature", _open_or(_number)),
        lambda value: HIGHEST_TEMPERATURE * value / 127,
        "of sampling, 0 to 10; -1: the model's",
    ),
    "amount": LiveControl(
        _playback("amount", _open_or(_number)),
        lambda value: value / 127,
        "how far the next melody goes from this one, 0 to 1",
    ),
    "hold": LiveControl(_playback("hold", _switch), _is_on, "stay with the melody that plays"),
    "mute": LiveControl(_playback("mute", _switch), _is_on, "be silent from the next bar on"),
    "new": LiveControl(lambda values, value: values, _is_on, "another melody at the next bar"),
    "again": LiveControl(lambda values, value: values, _is_on, "this melody once more after this time"),
    "back": LiveControl(lambda values, value: values, _is_on, "the melody before this one at the next bar"),
}
ACTIONS = ("new", "again", "back")  # that need no value


def current_name(control: str) -> str:
    """Return the present name of a control that may have had another one."""
    return FORMER_NAMES.get(control, control)


def set_control(values: ControlValues, control: str, value: Any) -> ControlValues:
    """Return the values with one control set.

    Raises:
        UserError: for an unknown control, or a value it cannot take.
    """
    control = current_name(control)
    if control not in CONTROLS:
        raise UserError(f"control: expected one of {', '.join(CONTROLS)}, got {control!r}")
    try:
        return CONTROLS[control].apply(values, value)
    except UserError:
        raise
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise UserError(f"{control}: expected {CONTROLS[control].expects}; got {value!r}") from error

"""Numbers as they enter: of the right kind and within bounds, or one line that says which were expected."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from melodylc.base.errors import UserError

MOST = 1_000_000  # melodies, rounds, steps: more than memory or patience holds
Limits = tuple[type, float, float]  # int, float, or tuple (of whole numbers), lowest and highest
LAST_SEED = 2**63 - 1  # torch takes no larger one


def integer(name: str, value: Any, low: int, high: int = MOST, unit: str = "") -> int:
    """Return a whole number from low to high, numpy's own kinds among them.

    Raises:
        UserError: for anything else; a bool, a text or a float is no whole number.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and low <= int(value) <= high:
        return int(value)
    raise UserError(f"{name}: expected a whole number from {low} to {high}{unit}, got {value!r}")


def number(name: str, value: Any, low: float, high: float = float(MOST), unit: str = "") -> float:
    """Return a number from low to high.

    Raises:
        UserError: for anything else; a bool, a text or what is not finite is no number.
    """
    # compared as it came: a float of it may be too large for one
    if isinstance(value, Real) and not isinstance(value, bool) and not value < low and value <= high:
        return float(value)
    raise UserError(f"{name}: expected a number from {low:g} to {high:g}{unit}, got {value!r}")


def numbers_of(name: str, text: str, low: int, high: int) -> list[int]:
    """Return the numbers that a text such as "1,3,9-12" names, in its order.

    Raises:
        UserError: for anything else, and numbers outside low to high.
    """
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part, re.ASCII)
        if not match or int(match[1]) > int(match[2] or match[1]):
            raise UserError(f"{name}: expected such as 5-8 or 1,3,9-12, got {text!r}")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return [integer(name, number, low, high) for number in found]


def seed(value: Any) -> int | None:
    """Return a seed, or None for chance.

    Raises:
        UserError: unless it is a whole number from 0 to 2^63 - 1.
    """
    return None if value is None else integer("seed", value, 0, LAST_SEED)


def temperature(value: Any) -> float | None:
    """Return a temperature of sampling, or None for the model's.

    Raises:
        UserError: unless it is a number from 0 to 10.
    """
    return None if value is None else number("temperature", value, 0, 10)


def check(name: str, settings: Any, limits: Mapping[str, Limits], optional: Sequence[str] = ()) -> None:
    """Check the fields of settings; those named optional may be None.

    Raises:
        UserError: naming the first that is out of bounds.
    """
    for field, (kind, low, high) in limits.items():
        value, called = getattr(settings, field), f"{name}: {field}"
        if value is None and field in optional:
            continue
        if kind is tuple:
            if not isinstance(value, tuple | list) or not 1 <= len(value) <= 16:
                raise UserError(f"{called}: expected 1 to 16 widths, got {value!r}")
            for width in value:
                integer(called, width, int(low), int(high))
        elif kind is int:
            integer(called, value, int(low), int(high))
        else:
            number(called, value, low, high)

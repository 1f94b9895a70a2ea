"""Numbers as they enter: of the right kind and within bounds, or one line that says which were expected."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from melodylc.errors import UserError

MOST = 1_000_000  # melodies, rounds, steps: more than memory or patience holds
LAST_SEED = 2**63 - 1  # torch takes no larger one


def integer(name: str, value: Any, low: int, high: int = MOST, unit: str = "") -> int:
    """Return a whole number from low to high, numpy's own kinds among them.

    Raises:
        UserError: for anything else; a bool, a text or a float is no whole number.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise UserError(f"{name}: expected a whole number from {low} to {high}{unit}, got {value!r}")


def number(name: str, value: Any, low: float, high: float = float(MOST), unit: str = "") -> float:
    """Return a number from low to high.

    Raises:
        UserError: for anything else; a bool, a text or what is not finite is no number.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and low <= value <= high and value < float("inf"):
        return float(value)
    raise UserError(f"{name}: expected a number from {low:g} to {high:g}{unit}, got {value!r}")


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

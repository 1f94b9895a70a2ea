"""Results of experiments as tables of text."""

from __future__ import annotations

from typing import Any

APART = ("rows", "scales")  # parts of a result that are no single numbers: a table, and what a figure shows
NARROWEST = 9  # characters of a column: a sign, four digits, a point, an exponent


def table(result: dict[str, Any]) -> str:
    """Format a result: its rows, one a line, then its other numbers."""
    lines = []
    rows: dict[str, dict[str, float]] = result.get("rows", {})
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    if rows:
        first = max(len(name) for name in rows)
        lines.append(" " * first + "".join(f"  {name:>{width(name)}}" for name in columns))
        for name, row in rows.items():
            cells = "".join(f"  {number(row.get(column)):>{width(column)}}" for column in columns)
            lines.append(f"{name:<{first}}{cells}")
    for name, value in result.items():
        if name not in APART:
            lines.append(f"{name}: {_plain(value)}")
    return "\n".join(lines)


def width(name: str) -> int:
    """Return the width of a column with a name."""
    return max(len(name), NARROWEST)


def number(value: float | None) -> str:
    """Format a number of a table, with four digits."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return str(value)

"""Controls that bound each other: knobs cross on their way, and the one that moved last pushes the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from melodylc.attributes import Attributes
from melodylc.rules import Key

PAIRS = (("low", "high"), ("notes", "at_most"))  # the first is not to be above the second

Told = Mapping[str, int | None]  # where the knobs are: what a pushed one was set to is taken when there is room for it


def moved(attributes: Attributes, told: Told, name: str, value: int | None) -> tuple[Attributes, Told]:
    """Return attributes with one bound moved, which pushes the other of its pair, and where both knobs are.

    Raises:
        UserError: for what is no pitch, or no number of notes.
    """
    asked: dict[str, Any] = {name: value}
    replace(Attributes(), **asked)  # what is refused on its own account
    pair = next(pair for pair in PAIRS if name in pair)
    knobs = {each: told.get(each, getattr(attributes, each)) for each in pair} | {name: value}
    settled: dict[str, Any] = _pitches(knobs, attributes.key, name) if name in PAIRS[0] else _numbers(knobs, name)
    return replace(attributes, **settled), {**told, **knobs}


def in_key(attributes: Attributes, key: Key) -> Attributes:
    """Return attributes in another key, with a range that is widened if no pitch of the key lies in it."""
    asked: dict[str, Any] = _pitches({"low": attributes.low, "high": attributes.high}, key, "low")
    return replace(attributes, key=key, **asked)


def _numbers(knobs: dict[str, int | None], last: str) -> dict[str, int | None]:
    least, most = knobs["notes"], knobs["at_most"]
    crossed = least is not None and most is not None and most < least
    return dict.fromkeys(knobs, knobs[last]) if crossed else knobs


def _pitches(knobs: dict[str, int | None], key: Key | None, last: str) -> dict[str, int | None]:
    """Return a range in which there is a pitch of the key; `last` stays unless there is none beyond it."""
    there = np.arange(128) if key is None else np.flatnonzero(key.pitches())
    low, high = knobs["low"] or 0, 127 if knobs["high"] is None else knobs["high"]
    if ((there >= low) & (there <= high)).any():
        return knobs
    if last == "low":
        nearest = int(min(there[there >= low], default=there[-1]))
    else:
        nearest = int(max(there[there <= high], default=there[0]))
    return {
        "low": None if knobs["low"] is None else min(low, nearest),
        "high": None if knobs["high"] is None else max(high, nearest),
    }

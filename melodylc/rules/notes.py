"""Rules on how many notes a melody has and where they lie."""

from __future__ import annotations

import re

import numpy as np

from melodylc.errors import UserError
from melodylc.melody import HOLD, STEPS
from melodylc.rules.key import ACCIDENTALS, NATURALS
from melodylc.rules.rule import Rule


def notes(*, at_least: int) -> Rule:
    """min(1, notes / at_least) (equation 4, c_density); notes are counted by their starts.

    Raises:
        UserError: unless 1 <= at_least <= 256.
    """
    if not 1 <= at_least <= STEPS:
        raise UserError(f"notes: expected at_least from 1 to {STEPS}, got {at_least}")

    def reward(states: np.ndarray) -> np.ndarray:
        return np.minimum(1.0, (states < HOLD).sum(axis=1) / at_least)

    return Rule(f"{at_least} notes", reward, notes.__doc__ or "")


def pitch_range(low: int, high: int) -> Rule:
    """The share of notes with a MIDI pitch from low to high, both included; 0 for a melody without notes.

    Raises:
        UserError: unless 0 <= low <= high <= 127.
    """
    if not 0 <= low <= high <= 127:
        raise UserError(f"range: expected 0 <= low <= high <= 127, got {low} to {high}")

    def reward(states: np.ndarray) -> np.ndarray:
        counts = (states < HOLD).sum(axis=1)
        return ((states >= low) & (states <= min(high, 127))).sum(axis=1) / np.maximum(counts, 1)

    return Rule(f"pitches {low} to {high}", reward, pitch_range.__doc__ or "")


def parse_range(text: str) -> tuple[int, int]:
    """Lowest and highest MIDI pitch from "C4-G5" (C4 is 60) or "60-79".

    Raises:
        UserError: if it is neither, or the first is above the second.
    """
    pitch = r"([A-Ga-g][#b♯♭]?-?\d|\d{1,3})"
    match = re.fullmatch(rf"\s*{pitch}\s*(?:-|to|\.\.)\s*{pitch}\s*", text)
    if match:
        low, high = (_pitch(name) for name in match.groups())
        if 0 <= low <= high <= 127:
            return low, high
    raise UserError(f"range: expected LOW-HIGH, such as C4-G5 or 60-79, within 0 to 127, got {text!r}")


def _pitch(name: str) -> int:
    if name.isdigit():
        return int(name)
    match = re.fullmatch(r"([A-G])([#b♯♭]?)(-?\d)", name[0].upper() + name[1:])
    assert match
    return NATURALS[match[1]] + ACCIDENTALS[match[2]] + 12 * (int(match[3]) + 1)

"""Rules on the number of notes of a melody and on their pitches."""

from __future__ import annotations

import re

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import HOLD, STEPS
from melodylc.rules.key import ACCIDENTALS, NATURALS
from melodylc.rules.note_arrays import down_to, onsets, up_to
from melodylc.rules.rule import Rule, check_share

PITCH = r"[A-Ga-g][#b♯♭]?-?\d|\d{1,3}"  # a name with its octave, or a MIDI number

PITCH = r"[A-Ga-g][#b♯♭]?-?\d|\d{1,3}"  # a name with its octave, or a MIDI number


def notes(*, at_least: int | None = None, at_most: int | None = None) -> Rule:
    """Reward the number of notes n: the lower of min(1, n / at_least) and min(1, at_most / n).

    The first is c_density of equation 4. The reward is 0 for a melody without notes.

    Raises:
        UserError: unless one of them is given, and 1 <= at_least <= at_most <= 256.
    """
    if at_least is None and at_most is None:
        raise UserError("notes: expected at_least or at_most, got neither")
    low = 1 if at_least is None else integer("notes: at_least", at_least, 1, STEPS)
    high = STEPS if at_most is None else integer("notes: at_most", at_most, 1, STEPS)
    if low > high:
        raise UserError(f"notes: expected 1 <= at_least <= at_most <= {STEPS}, got at_least {low} and at_most {high}")

    def reward(states: np.ndarray) -> np.ndarray:
        count = (states < HOLD).sum(axis=1)
        return np.minimum(up_to(count, low), down_to(count, high)) * (count > 0)

    if at_most is None:
        name = f"{low} notes"
    else:
        name = f"at most {high} notes" if at_least is None else f"{low} to {high} notes"
    return Rule(name, reward, notes.__doc__ or "")


def pitch_range(low: int, high: int) -> Rule:
    """Reward the share of notes with a MIDI pitch from low to high, both included; 0 for a melody without notes.

    Raises:
        UserError: unless 0 <= low <= high <= 127.
    """
    _check_range(low, high)
    allowed_pitches = np.zeros(128, bool)
    allowed_pitches[low : high + 1] = True

    def reward(states: np.ndarray) -> np.ndarray:
        counts = (states < HOLD).sum(axis=1)
        return ((states >= low) & (states <= high)).sum(axis=1) / np.maximum(counts, 1)

    return Rule(f"pitches {low} to {high}", reward, pitch_range.__doc__ or "", allowed_pitches=allowed_pitches)


def tessitura(low: int, high: int, at_least: float = 0.75) -> Rule:
    """Reward min(1, s / at_least), s being the share of notes from low to high; 0 without notes.

    So most of the melody lies there, and some notes may not.

    Raises:
        UserError: unless 0 <= low <= high <= 127, and at_least in (0, 1].
    """
    _check_range(low, high)
    check_share("tessitura", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        return up_to(notes.share((notes.pitch >= low) & (notes.pitch <= high)), at_least)

    return Rule(f"tessitura {low} to {high}", reward, tessitura.__doc__ or "")


def _check_range(low: int, high: int) -> None:
    if integer("range: low", low, 0, 127) > integer("range: high", high, 0, 127):
        raise UserError(f"range: expected 0 <= low <= high <= 127, got {low} to {high}")


def parse_range(text: str) -> tuple[int, int]:
    """Return the lowest and the highest MIDI pitch of "C4-G5" (C4 is 60) or "60-79".

    Raises:
        UserError: for anything else, or if the first is above the second.
    """
    match = re.fullmatch(rf"\s*({PITCH})\s*(?:-|to|\.\.)\s*({PITCH})\s*", text)
    if match:
        low, high = (_pitch(name) for name in match.groups())
        if 0 <= low <= high <= 127:
            return low, high
    raise UserError(f"range: expected LOW-HIGH, such as C4-G5 or 60-79, within 0 to 127, got {text!r}")


def as_pitch(name: str, value: object) -> int:
    """Return a MIDI pitch from its number or a name such as "C4" (60) or "F#3".

    Raises:
        UserError: naming the field, if it is neither.
    """
    if isinstance(value, str) and re.fullmatch(PITCH, value.strip()):
        value = _pitch(value.strip())
    return integer(name, value, 0, 127, ", or a name such as C4")


def _pitch(name: str) -> int:
    if name.isdigit():
        return int(name)
    match = re.fullmatch(r"([A-G])([#b♯♭]?)(-?\d)", name[0].upper() + name[1:])
    assert match
    return NATURALS[match[1]] + ACCIDENTALS[match[2]] + 12 * (int(match[3]) + 1)

"""What melodies can be asked for without learning: a key, a number of notes, a range (the labels of section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import STEPS
from melodylc.rules import Key, Rule, notes, pitch_classes, pitch_range
from melodylc.rules.key import as_key
from melodylc.rules.notes import as_pitch

if TYPE_CHECKING:  # who only states attributes need not wait for torch
    from torch import Tensor

COUNT, LOW, HIGH = 12, 13, 14  # columns of what `measure` reads and of what labels hold, after the pitch classes
MEASURED = 15
CENTRES = (96.0, 60.0, 76.0)  # note count, lowest, highest pitch: where labels and predictions are 0
UNITS = (32.0, 12.0, 12.0)  # and where they are 1 more
LABELS = MEASURED + 3  # ... and which of the three numbers are asked for


@dataclass(frozen=True, init=False)
class Attributes:
    """A key, a number of notes and a range; what is None is left open.

    Args:
        key: as `Key.parse` reads it: "E blues", "C,D,E,G,A"; or a `Key`, or pitch classes.
        notes: for the conditional actor about so many, for the rule at least so many.
        low, high: the lowest and the highest MIDI pitch allowed, as numbers or by name: "C4" is 60.

    Raises:
        UserError: for what is no key, no number or no pitch, and where no pitch is left.
    """

    key: Key | None
    notes: int | None
    low: int | None
    high: int | None

    def __init__(
        self,
        key: str | Key | Iterable[int] | None = None,
        notes: int | None = None,
        low: int | str | None = None,
        high: int | str | None = None,
    ) -> None:
        fields = {
            "key": None if key is None else as_key(key),
            "notes": None if notes is None else integer("notes", notes, 1, STEPS),
            "low": None if low is None else as_pitch("low", low),
            "high": None if high is None else as_pitch("high", high),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # frozen from here on
        if not self.pitches().any():
            key_name = self.key.name if self.key else "the range"
            low, high = self.low or 0, 127 if self.high is None else self.high
            raise UserError(f"no pitch of {key_name} lies in {low} to {high}; widen the range")

    def rules(self) -> list[Rule]:
        """Return the rules that say the same; of notes, that there are at least so many."""
        rules = []
        if self.key is not None:
            rules.append(pitch_classes(self.key))
        if self.notes is not None:
            rules.append(notes(at_least=self.notes))
        if self.low is not None or self.high is not None:
            rules.append(pitch_range(self.low or 0, 127 if self.high is None else self.high))
        return rules

    def pitches(self) -> np.ndarray:
        """Return which pitches are allowed, (128,) bool."""
        allowed_pitches = np.ones(128, bool) if self.key is None else self.key.pitches()
        allowed_pitches[: self.low or 0] = False
        if self.high is not None:
            allowed_pitches[self.high + 1 :] = False
        return allowed_pitches

    def labels(self) -> Tensor:
        """Return the labels of the conditional actor, (18,).

        Twelve pitch classes that are allowed; note count, low and high in their units, 0 where open; which of the three
        are asked for.
        """
        import torch

        classes = range(12) if self.key is None else self.key.classes
        numbers = (self.notes, self.low, self.high)
        y = torch.zeros(LABELS)
        y[list(classes)] = 1
        for index, (number, centre, unit) in enumerate(zip(numbers, CENTRES, UNITS, strict=True)):
            if number is not None:
                y[COUNT + index] = (number - centre) / unit
                y[MEASURED + index] = 1
        return y

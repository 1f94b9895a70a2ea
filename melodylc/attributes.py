"""What melodies can be asked for without learning: a key, numbers of notes, a range (the labels of section 4)."""

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

# The columns of labels: 12 pitch classes forbidden, 12 of which one is the tonic, four numbers and whether each of them
# is asked for. Everything is 0 where nothing is asked for.
FORBIDDEN, TONIC, NUMBERS, ASKED, LABELS = 0, 12, 24, 28, 32
AT_LEAST, AT_MOST, LOW, HIGH = range(4)  # the numbers: notes, notes, lowest and highest pitch
CENTRES = (96.0, 96.0, 60.0, 76.0)  # where a number's label is 0
UNITS = (32.0, 32.0, 12.0, 12.0)  # and what makes it 1 more


@dataclass(frozen=True, init=False)
class Attributes:
    """A key, bounds of the number of notes and a range; what is None is left open.

    Args:
        key: as `Key.parse` reads it: "E blues", "C,D,E,G,A"; or a `Key`, or pitch classes.
        notes: at least so many.
        at_most: at most so many notes.
        low, high: the lowest and the highest MIDI pitch allowed, as numbers or by name: "C4" is 60.

    Raises:
        UserError: for what is no key, no number or no pitch, and where no pitch is left.
    """

    key: Key | None
    notes: int | None
    low: int | None
    high: int | None
    at_most: int | None

    def __init__(
        self,
        key: str | Key | Iterable[int] | None = None,
        notes: int | None = None,
        low: int | str | None = None,
        high: int | str | None = None,
        *,
        at_most: int | None = None,
    ) -> None:
        fields = {
            "key": None if key is None else as_key(key),
            "notes": None if notes is None else integer("notes", notes, 1, STEPS),
            "low": None if low is None else as_pitch("low", low),
            "high": None if high is None else as_pitch("high", high),
            "at_most": None if at_most is None else integer("at_most", at_most, 1, STEPS),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # frozen from here on
        if self.notes is not None and self.at_most is not None and self.at_most < self.notes:
            raise UserError(f"notes: expected the least not above the most, got at least {notes} and at most {at_most}")
        if not self.pitches().any():
            key_name = self.key.name if self.key else "the range"
            low, high = self.low or 0, 127 if self.high is None else self.high
            raise UserError(f"no pitch of {key_name} lies in {low} to {high}; widen the range")

    def __str__(self) -> str:
        """Return what is asked for, in words."""
        parts = [] if self.key is None else [self.key.name]
        bounds = [f"{word} {n}" for word, n in (("at least", self.notes), ("at most", self.at_most)) if n is not None]
        parts += [" and ".join(bounds) + " notes"] if bounds else []
        if self.low is not None or self.high is not None:
            parts.append(f"pitches {self.low or 0} to {127 if self.high is None else self.high}")
        return ", ".join(parts) or "anything"

    def rules(self) -> list[Rule]:
        """Return the rules that say the same."""
        rules = []
        if self.key is not None:
            rules.append(pitch_classes(self.key))
        if self.notes is not None or self.at_most is not None:
            rules.append(notes(at_least=self.notes, at_most=self.at_most))
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
        """Return the labels of the prior and of the conditional actor, (32,); see `FORBIDDEN`."""
        import torch

        return torch.from_numpy(self.as_numbers())

    def as_numbers(self) -> np.ndarray:
        """Return the labels as an array, (32,)."""
        labels = np.zeros(LABELS, np.float32)
        if self.key is not None:
            labels[[FORBIDDEN + c for c in range(12) if c not in self.key.classes]] = 1
            if self.key.tonic is not None:
                labels[TONIC + self.key.tonic] = 1
        numbers = (self.notes, self.at_most, self.low, self.high)
        for index, (number, centre, unit) in enumerate(zip(numbers, CENTRES, UNITS, strict=True)):
            if number is not None:
                labels[NUMBERS + index] = (number - centre) / unit
                labels[ASKED + index] = 1
        return labels

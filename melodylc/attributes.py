"""What `generate` can be asked for without learning: a key, a number of notes, a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from melodylc.base.numbers import integer
from melodylc.melody import STEPS
from melodylc.rules import Key, Rule, notes, pitch_classes, pitch_range

if TYPE_CHECKING:  # who only states a wish need not wait for torch
    from torch import Tensor

COUNT, LOW, HIGH = 12, 13, 14  # columns of what `measure` reads and of what labels hold, after the pitch classes
MEASURED = 15
CENTRES = (96.0, 60.0, 76.0)  # note count, lowest, highest pitch: where labels and predictions are 0
UNITS = (32.0, 12.0, 12.0)  # and where they are 1 more
LABELS = MEASURED + 3  # ... and which of the three numbers are asked for


@dataclass(frozen=True)
class Attributes:
    """None leaves a thing open.

    Raises:
        UserError: for a number out of bounds.
    """

    key: Key | None = None
    notes: int | None = None  # about so many, or at least: see `rules`
    low: int | None = None  # lowest MIDI pitch allowed
    high: int | None = None

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("notes", self.notes, 1, STEPS),
            ("low", self.low, 0, 127),
            ("high", self.high, 0, 127),
        ):
            if value is not None:
                integer(name, value, low, high)

    def rules(self) -> list[Rule]:
        """The rules that say the same; of notes, that there are at least so many."""
        rules = []
        if self.key is not None:
            rules.append(pitch_classes(self.key))
        if self.notes is not None:
            rules.append(notes(at_least=self.notes))
        if self.low is not None or self.high is not None:
            rules.append(pitch_range(self.low or 0, 127 if self.high is None else self.high))
        return rules

    def pitches(self) -> np.ndarray:
        """(128,) bool: the pitches it lets through."""
        allowed_pitches = np.ones(128, bool) if self.key is None else self.key.pitches()
        allowed_pitches[: self.low or 0] = False
        if self.high is not None:
            allowed_pitches[self.high + 1 :] = False
        return allowed_pitches

    def labels(self) -> Tensor:
        """(18,): allowed pitch classes; note count, low, high in their units, 0 where open; which of them are asked."""
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

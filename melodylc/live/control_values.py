"""The values of the live controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from melodylc.attributes import Attributes
from melodylc.base.numbers import number
from melodylc.base.numbers import temperature as checked_temperature


@dataclass(frozen=True)
class ControlValues:
    """The attributes that melodies are asked for, and how they are played; None leaves a thing open.

    Args:
        attributes: key, number of notes (at least and at most so many), lowest and highest pitch.
        temperature: of sampling, 0 to 10; None takes the model's.
        amount: how far the next melody goes from this one: 0 nowhere, 1 anywhere; None takes the session mode's.
        hold: stay with the melody that plays.
        mute: be silent.
        knobs: where the knobs of bounds are that others have pushed; no part of what is asked for.

    Raises:
        UserError: for a temperature or an amount out of bounds.
    """

    attributes: Attributes = field(default_factory=Attributes)
    temperature: float | None = None
    amount: float | None = None
    hold: bool = False
    mute: bool = False
    knobs: Mapping[str, int | None] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if self.amount is not None:
            number("amount", self.amount, 0, 1)

    @property
    def sound(self) -> tuple[object, ...]:
        """Return what decides how a melody sounds: when it changes, the melody is made again."""
        return self.attributes, self.temperature

    def __str__(self) -> str:
        asked = self.attributes
        parts = ["any key" if asked.key is None else asked.key.name]
        if asked.notes is not None:
            parts.append(f"{asked.notes} notes")
        if asked.at_most is not None:
            parts.append(f"at most {asked.at_most} notes")
        if asked.low is not None or asked.high is not None:
            parts.append(f"{asked.low or 0} to {127 if asked.high is None else asked.high}")
        return ", ".join(parts + [name for name in ("hold", "mute") if getattr(self, name)])

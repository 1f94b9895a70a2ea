"""What melodies are asked for, as a task says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from melodylc import chords
from melodylc.attributes import Attributes
from melodylc.melody import BARS
from melodylc.rules import Rule, find, form

if TYPE_CHECKING:
    from melodylc.constraints.playing_actor import AnyActor
    from melodylc.runtime.interface import MelodyModel


@dataclass(frozen=True)
class Asked:
    """What melodies are asked for, and how they are drawn."""

    attributes: Attributes  # with the key of the chords, where there is no other
    rules: tuple[Rule, ...]  # further ones, those of chords and form not among them,
    names: tuple[str | None, ...]  # and by which name each of them was asked for
    actors: tuple[AnyActor, ...]
    progression: str | None
    form: str | None
    bars: int
    count: int
    temperature: float | None
    strict: bool
    seed: int

    @classmethod
    def of(cls, model: MelodyModel, asked: dict[str, Any]) -> Asked:
        """Return what a task asks for.

        Raises:
            UserError: for a key, a rule, chords or a file that are none.
        """
        attributes = Attributes(**asked["attributes"])
        if asked["chords"] is not None:
            attributes = chords.fitting(asked["chords"], attributes)
        rules = [find(text) for text in asked["rules"]]
        names: list[str | None] = [text.partition("(")[0] for text in asked["rules"]]
        if asked["taste"] is not None:
            from melodylc.constraints.preference import load_preference

            rules.append(load_preference(asked["taste"], model))
            names.append(None)
        return cls(
            attributes,
            tuple(rules),
            tuple(names),
            _actors(asked["actors"], model),
            asked["chords"],
            asked["form"],
            asked["bars"],
            asked["count"],
            asked["temperature"],
            asked["strict"],
            asked["seed"],
        )

    @property
    def chord_rules(self) -> tuple[Rule, ...]:
        """Return the rule of the chords, if there are any."""
        return () if self.progression is None else (chords.rule(self.progression),)

    def all_rules(self, bars: int) -> list[Rule]:
        """Return every rule that a melody of so many bars is held against; the last ones are `rules`."""
        formed = [form(self.form)] if self.form is not None and bars == BARS else []
        return [*self.attributes.rules(), *self.chord_rules, *formed, *self.rules]


def _actors(paths: Sequence[str], model: MelodyModel) -> tuple[AnyActor, ...]:
    if not paths:
        return ()
    from melodylc.constraints.playing_actor import load_actor

    return tuple(load_actor(path, model) for path in paths)

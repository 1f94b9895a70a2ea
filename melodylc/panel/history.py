"""The melodies of a panel, in the sets in which they came, kept in a file: neither reload nor crash loses one."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.melody import STEPS_PER_BAR
from melodylc.panel.settings import Settings
from midi_io.atomic import atomic_write

MOST_SETS = 400  # older ones are forgotten, unless something in them was liked, edited, locked or saved
MOST_UNDONE = 100  # edits of a melody that can be undone
VERSION = 1


@dataclass(frozen=True)
class KnownMelody:
    """A melody on the page: its notes, what the musician did to it, and what is known of it."""

    id: str
    states: tuple[int, ...]
    locks: tuple[int, ...]
    asked: dict[str, Any]  # what it was asked for, as a task says it: it is judged by that when it is edited
    facts: dict[str, Any] = field(default_factory=dict)  # rules, implausible, kept, outside, allowed, chords, ...
    way: str = ""
    title: str = ""
    mark: int = 0  # 1 liked, -1 disliked
    saved: str | None = None
    undone: tuple[tuple[int, ...], ...] = ()  # earlier notes, the last one first
    redone: tuple[tuple[int, ...], ...] = ()
    checked: bool = True  # whether what is known of it is of these notes

    @property
    def bars(self) -> int:
        """Return how many bars it has."""
        return len(self.states) // STEPS_PER_BAR

    @property
    def cared_for(self) -> bool:
        """Return whether the musician did something to it."""
        return bool(self.mark or self.saved or self.undone or any(self.locks))

    @cached_property
    def as_text(self) -> str:
        """Return the melody as the file has it: of thousands, few have changed since the last time."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)})

    def edited(self, states: tuple[int, ...]) -> KnownMelody:
        """Return the melody with other notes, which can be undone."""
        if states == self.states:
            return self
        undone = (self.states, *self.undone)[:MOST_UNDONE]
        return replace(self, states=states, undone=undone, redone=(), checked=False)

    def undo(self) -> KnownMelody:
        """Return the melody as it was before its last edit."""
        if not self.undone:
            return self
        states, *undone = self.undone
        return replace(self, states=states, undone=tuple(undone), redone=(self.states, *self.redone), checked=False)

    def redo(self) -> KnownMelody:
        """Return the melody as it was before the last undo."""
        if not self.redone:
            return self
        states, *redone = self.redone
        return replace(self, states=states, undone=(self.states, *self.undone), redone=tuple(redone), checked=False)

    def as_page(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        shown = {"id": self.id, "states": self.states, "locks": self.locks, "bars": self.bars, "mark": self.mark}
        return {
            **self.facts,
            **shown,
            "way": self.way,
            "title": self.title,
            "saved": self.saved,
            "checked": self.checked,
            "undo": len(self.undone),
            "redo": len(self.redone),
        }


@dataclass(frozen=True)
class MelodySet:
    """Melodies that came together."""

    id: str
    title: str
    melodies: tuple[str, ...]
    time: float  # seconds since 1970

    def as_page(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        return asdict(self)


@dataclass(frozen=True)
class LearnedActor:
    """An actor that was learned on the page."""

    rules: str  # in words
    report: str
    path: str
    key: str  # which rules and chords it is for
    reached: bool  # whether single draws keep them well enough; else melodies are searched for as before


@dataclass
class History:
    """All sets, oldest first, which of them is shown, and what melodies are asked for now."""

    melodies: dict[str, KnownMelody] = field(default_factory=dict)
    sets: list[MelodySet] = field(default_factory=list)
    at: str | None = None
    chosen: str | None = None
    settings: Settings = field(default_factory=Settings)
    learned: list[LearnedActor] = field(default_factory=list)

    def add(self, id: str, title: str, melodies: list[KnownMelody]) -> None:
        """Add melodies to a set; a new one is shown, and its first melody chosen."""
        self.melodies.update({melody.id: melody for melody in melodies})
        ids = tuple(melody.id for melody in melodies)
        for index, each in enumerate(self.sets):
            if each.id == id:
                self.sets[index] = replace(each, melodies=each.melodies + ids)
                return
        self.sets.append(MelodySet(id, title, ids, time.time()))
        self.at, self.chosen = id, ids[0]
        self._forget()

    def _forget(self) -> None:
        for old in [each for each in self.sets[:-MOST_SETS] if not self._cared_for(each)]:
            self.sets.remove(old)
            for melody in old.melodies:
                del self.melodies[melody]

    def _cared_for(self, given: MelodySet) -> bool:
        return any(self.melodies[each].cared_for for each in given.melodies)

    def go(self, id: Any) -> MelodySet:
        """Show another set, and return it.

        Raises:
            UserError: if there is none of that id.
        """
        found = next((each for each in self.sets if each.id == id), None)
        if found is None:
            raise UserError(f"history: there is no set {id!r:.40}")
        self.at, self.chosen = found.id, found.melodies[0]
        return found

    def melody(self, id: Any) -> KnownMelody:
        """Return a melody by its id.

        Raises:
            UserError: if there is none.
        """
        if not isinstance(id, str) or id not in self.melodies:
            raise UserError(f"melody: there is none of id {id!r:.40}")
        return self.melodies[id]

    def save(self, path: Path) -> None:
        """Write everything, whole or not at all."""
        others = {
            "version": VERSION,
            "sets": [asdict(each) for each in self.sets],
            "at": self.at,
            "chosen": self.chosen,
            "settings": self.settings.as_json(),
            "learned": [asdict(each) for each in self.learned],
        }
        melodies = ",\n".join(melody.as_text for melody in self.melodies.values())
        with atomic_write(path) as beside:
            beside.write_text(f'{json.dumps(others)[:-1]}, "melodies": [\n{melodies}]}}', encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> History:
        """Read what `save` wrote.

        Raises:
            UserError: if it is damaged, or of a later version.
        """
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            if read["version"] != VERSION:
                raise ValueError(f"version {read['version']}")
            melodies = [_melody(each) for each in read["melodies"]]
            history = cls(
                {melody.id: melody for melody in melodies},
                [MelodySet(**each | {"melodies": tuple(each["melodies"])}) for each in read["sets"]],
                read["at"],
                read["chosen"],
                Settings().changed(read["settings"]),
                learned=[LearnedActor(**each) for each in read["learned"]],
            )
            history._check()
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError) as error:
            raise UserError(
                f"panel: {path} cannot be read ({error}); move it away to begin anew, nothing else depends on it"
            ) from error
        return history

    def _check(self) -> None:
        """Check that everything that is spoken of is there.

        Raises:
            ValueError: saying what is not.
        """
        held = [id for each in self.sets for id in each.melodies]
        if len(set(held)) < len(held) or not set(held) <= set(self.melodies) or not all(s.melodies for s in self.sets):
            raise ValueError("sets without their melodies")
        if self.at not in (None, *(each.id for each in self.sets)) or self.chosen not in (None, *self.melodies):
            raise ValueError("what is shown is not there")
        for each in self.melodies.values():
            texts, records = (each.id, each.way, each.title, each.saved or ""), (each.asked, each.facts)
            if not all(isinstance(a, str) for a in texts) or not all(isinstance(a, dict) for a in records):
                raise ValueError(f"melody {each.id!r:.40} is not as it was written")
            if not all(isinstance(a, int) for notes in (each.states, *each.undone, *each.redone) for a in notes):
                raise ValueError(f"melody {each.id!r:.40} has other states than numbers")
            if len(each.locks) != len(each.states) or each.bars * STEPS_PER_BAR != len(each.states) or not each.bars:
                raise ValueError(f"melody {each.id!r:.40} has {len(each.states)} steps")


def _melody(read: dict[str, Any]) -> KnownMelody:
    known = {each.name: read[each.name] for each in fields(KnownMelody)}
    numbers = {name: tuple(known[name]) for name in ("states", "locks")}
    versions = {name: tuple(tuple(each) for each in known[name]) for name in ("undone", "redone")}
    return KnownMelody(**known | numbers | versions)


def new_id() -> str:
    """Return an id that nothing has yet."""
    return secrets.token_hex(6)

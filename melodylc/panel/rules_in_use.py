"""The rules that the panel offers: built in, and from the user's files, which are read again when they are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.panel.settings import RuleUse
from melodylc.rules import catalogue, find


@dataclass
class RulesInUse:
    """The rules that are offered, and what is wrong with those that are in use.

    Args:
        files: Python files of rules, named on the command line. They are code, so no page can name another.
    """

    files: tuple[Path, ...] = ()
    errors: dict[int, str] = field(default_factory=dict)  # of the rules in use, by their place
    _of_files: list[dict[str, Any]] = field(default_factory=list)  # entries of a catalogue
    _saved: dict[Path, tuple[int, int] | None] = field(default_factory=dict)  # the files as they were read last

    def __post_init__(self) -> None:
        self._built_in = [entry.as_json() for entry in catalogue.built_in()]

    @property
    def catalogue(self) -> list[dict[str, Any]]:
        """Return what is offered."""
        return [*self._built_in, *self._of_files]

    def take(self, entries: list[dict[str, Any]]) -> None:
        """Take the entries of the files, which the inference process has read."""
        self._of_files = entries

    def saved_since(self) -> bool:
        """Return whether a file was saved since this was asked last."""
        before, self._saved = self._saved, {path: _stamp(path) for path in self.files}
        return self._saved != before

    def check(self, rules: Sequence[RuleUse]) -> None:
        """Find what is wrong with rules; what a file's do is only known when they are used."""
        self.errors = {}
        for index, rule in enumerate(rules):
            try:
                text = self.text_of(rule)
                if not is_of_file(rule):
                    find(text)
            except UserError as error:
                self.errors[index] = str(error)

    def take_failure(self, rules: Sequence[RuleUse], error: str) -> bool:
        """Note a failure at the rule of a file that it names; return whether it names one."""
        named = [i for i, rule in enumerate(rules) if is_of_file(rule) and rule.name.rpartition(":")[2] in error]
        self.errors |= dict.fromkeys(named, error)
        return bool(named)

    def text_of(self, rule: RuleUse) -> str:
        """Return a rule as `rules.find` takes it; only what is offered: finding the rule of a file runs the file.

        Raises:
            UserError: for another rule, or arguments that are none.
        """
        if rule.name not in {entry["name"] for entry in self.catalogue if not entry["error"]}:
            raise UserError(f"rule: {rule.name:.80} is not there; choose another")
        return catalogue.call(rule.name, rule.arguments)

    def offered(self, texts: Sequence[str]) -> list[str]:
        """Return those of earlier texts whose rules are still offered: files may be gone, or not named any more."""
        names = tuple(entry["name"] for entry in self.catalogue if not entry["error"])
        return [text for text in texts if text.startswith(names)]

    def texts(self, rules: Sequence[RuleUse]) -> list[str]:
        """Return the rules that are on and have nothing wrong, as `rules.find` takes them."""
        return [self.text_of(rule) for index, rule in enumerate(rules) if rule.on and index not in self.errors]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return when a file was saved, and its size: what is saved in two goes may have the time of the first."""
    try:
        found = path.stat()
    except OSError:  # gone, or not yet back: editors save by putting another in its place
        return None
    return found.st_mtime_ns, found.st_size


def is_of_file(rule: RuleUse) -> bool:
    """Return whether a rule is one of the user's files."""
    return ".py:" in rule.name

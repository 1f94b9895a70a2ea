"""What the inference process is asked for the panel, in the words of its tasks, and how what it makes becomes a set."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from melodylc.base.errors import UserError
from melodylc.melody import BARS
from melodylc.panel.history import KnownMelody, new_id
from melodylc.panel.state import Panel
from melodylc.rules.catalogue import Entry
from melodylc.tasks.jobs import Job

Made = dict[str, Any]  # the result of a task


def wishes(panel: Panel, **others: Any) -> dict[str, Any]:
    """Return what melodies are asked for now, as a task says it.

    Raises:
        UserError: for settings with a problem.
    """
    if panel.problems:
        raise UserError(next(iter(panel.problems.values())))
    s = panel.history.settings
    to_taste = s.taste and panel.taste_file.exists()
    learned = [] if s.form or to_taste or s.bars != BARS else panel.useful_actors()[-1:]
    return {
        "attributes": {"key": s.key, "notes": s.notes, "low": s.low, "high": s.high, "at_most": s.at_most},
        "rules": panel.rules.texts(s.rules),
        "taste": str(panel.taste_file) if to_taste else None,
        "actors": [each.path for each in learned],
        "chords": s.chords,
        "form": s.form,
        "bars": s.bars,
        "count": s.count,
        "temperature": s.temperature,
        "strict": s.strict and (s.key is not None or s.chords is not None or (s.low, s.high) != (None, None)),
        "seed": secrets.randbits(31),
        **others,
    }


def ask(
    panel: Panel,
    name: str,
    asked: dict[str, Any],
    done: Callable[[Made], None],
    text: str = "",
    *,
    about: str | None = None,
    failed: Callable[[str], None] | None = None,
) -> None:
    """Ask for a task; without a text, the page need not say that it goes on.

    Raises:
        UserError: where too many wait.
    """
    panel.ask(Job(name, asked, done, failed or panel.fail, text, about, quiet=not text))


def as_set(
    panel: Panel, title: str, asked: dict[str, Any], locks: tuple[int, ...] | None = None
) -> Callable[[Made], None]:
    """Return what takes melodies that were made as a new set, which is shown, and further ones that are made later."""
    id, taken = new_id(), 0

    def take(made: Made) -> None:
        nonlocal taken
        melodies = [
            _known(each, f"{title} {number}", asked, locks)
            for number, each in enumerate(made["melodies"][taken:], start=taken + 1)
        ]
        taken += len(melodies)
        if melodies:
            panel.history.add(id, title, melodies)
            panel.show(*(melody.id for melody in melodies))
            panel.touch("sets", "at", "chosen")

    return take


def _known(made: Made, title: str, asked: dict[str, Any], locks: tuple[int, ...] | None) -> KnownMelody:
    facts = {name: value for name, value in made.items() if name not in ("states", "way")}
    states = tuple(made["states"])
    stays = locks if locks is not None and len(locks) == len(states) else (0,) * len(states)
    return KnownMelody(new_id(), states, stays, asked, facts, made.get("way", ""), title)


def ask_for_candidates(panel: Panel) -> None:
    """Have candidates made for the settings of now.

    Raises:
        UserError: for settings with a problem.
    """
    asked = wishes(panel)
    title = panel.history.settings.in_words([text.partition("(")[0] for text in asked["rules"]])
    ask(panel, "generate", asked, as_set(panel, title, asked), f"making {title}", about="settings")


def ask_for_taste(panel: Panel) -> None:
    """Have the taste learned again from all melodies that were judged."""
    judged = [melody for melody in panel.history.melodies.values() if melody.mark]
    marked = {mark: [melody.states for melody in judged if melody.mark == mark] for mark in (1, -1)}
    base = _earlier_taste(panel)
    asked = {"path": str(panel.taste_file), "liked": marked[1], "disliked": marked[-1], "base": base}

    def take(made: Made) -> None:
        panel.share_to_taste = made["share"]
        panel.touch("taste")

    def fail(error: str) -> None:  # damaged, or of another model: nothing is written over it
        panel.fail(error if base is None else f"{error}; or move {base} away, to begin anew")

    ask(panel, "taste", asked, take, about="taste", failed=fail)


def _earlier_taste(panel: Panel) -> str | None:
    """Return the file of the taste that was there before this panel, which goes on from it."""
    before = panel.hidden / "taste-before.safetensors"
    if not before.exists() and panel.taste_file.exists() and panel.share_to_taste is None:
        if any(melody.mark for melody in panel.history.melodies.values()):
            return None  # it is of the panel itself, as it ran last
        for suffix in (".json", ".safetensors"):  # whose being there stands for both
            if (file := panel.taste_file.with_suffix(suffix)).exists():
                before.with_suffix(suffix).write_bytes(file.read_bytes())
    return str(before) if before.exists() else None


def ask_for_rules(panel: Panel) -> None:
    """Have the files of rules read, where they were saved since; what uses their rules is made anew."""
    if not panel.rules.files or not panel.rules.saved_since():
        return

    def take(made: Made) -> None:
        first = not any(entry["file"] for entry in panel.rules.catalogue)
        panel.rules.take(made["entries"])
        panel.check()
        panel.touch("catalogue")
        used = {entry["name"] for entry in made["entries"]}
        if not first and not panel.problems and any(r.on and r.name in used for r in panel.history.settings.rules):
            ask_for_candidates(panel)

    def fail(error: str) -> None:
        entries = [Entry(file, file=file, error=f"{file} cannot be read ({error})") for file in files]
        take({"entries": [entry.as_json() for entry in entries]})

    files = [str(path) for path in panel.rules.files]
    ask(panel, "catalogue", {"files": files}, take, about="rules", failed=fail)


def begin(panel: Panel) -> None:
    """Ask for what a panel begins with: its rules, its taste, and candidates where there are none."""
    ask_for_rules(panel)
    if panel.taste_file.exists():
        ask_for_taste(panel)
    if not panel.history.sets and not panel.problems:
        ask_for_candidates(panel)

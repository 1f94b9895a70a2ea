"""The state that all pages of a panel show: melodies, what is asked for, what goes on. `actions` change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.panel.history import History, KnownMelody
from melodylc.panel.into_daw import IntoDaw
from melodylc.panel.rules_in_use import RulesInUse
from melodylc.panel.settings import FORMS
from melodylc.rules.key import NAMES, SCALES
from melodylc.tasks.jobs import Job, Jobs, TaskSource

SENT_SETS = 12  # of the history, the last ones, whose melodies a page gets when it opens; others as it goes there
HIDDEN = ".panel"  # folder of what the panel needs itself, in the one that melodies are saved in


@dataclass
class Panel:
    """The state of a panel.

    Args:
        folder: where melodies are saved.
        source: what performs tasks.
        rule_files: Python files of rules, named on the command line.
        model: which it is, for actors that are learned on it; nothing: the embedded one.
        say: called with "said" or "error", and a line for everybody who looks, from any thread.
        wake: called from any thread when something may have changed.

    Raises:
        UserError: for a history that is damaged.
    """

    folder: Path
    source: TaskSource
    rule_files: tuple[Path, ...] = ()
    say: Callable[[str, str], None] = lambda kind, text: None
    history: History = field(default_factory=History)
    problems: dict[str, str] = field(default_factory=dict)  # of the settings, a line for each field
    share_to_taste: float | None = None  # of the melodies that the model knows, once a taste was learned
    upload: dict[str, Any] | None = None  # the file that was dropped last
    wake: Callable[[], None] = lambda: None
    model: str = ""
    unsaved: bool = False

    def __post_init__(self) -> None:
        self.hidden.mkdir(parents=True, exist_ok=True)
        if self.history_file.exists():
            self.history = History.load(self.history_file)
        self.jobs = Jobs(self.source)
        self.rules = RulesInUse(self.rule_files)
        self.into_daw = IntoDaw(self.chosen_states, self.say, self.wake)
        self._changed: set[str] = set()
        self._changed_melodies: set[str] = set()
        self._shown: dict[str, Any] = {}  # of what changes by itself
        self.check()

    # --- where things are ---------------------------------------------------------------------------------------------

    @property
    def hidden(self) -> Path:
        """Return the folder of what the panel needs itself."""
        return self.folder / HIDDEN

    @property
    def history_file(self) -> Path:
        """Return the file of the history."""
        return self.hidden / "history.json"

    @property
    def taste_file(self) -> Path:
        """Return the file of the taste, which other commands take as well."""
        return self.folder / "taste.safetensors"

    # --- what pages see -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the whole state, as a page gets it when it opens."""
        history = self.history
        shown = [*history.sets[-SENT_SETS:], *(each for each in history.sets if each.id == history.at)]
        ids = {id for each in shown for id in each.melodies} | ({history.chosen} if history.chosen else set())
        return {
            "version": __version__,
            "folder": str(self.folder),
            "scales": list(SCALES),
            "tonics": list(NAMES),
            "forms": list(FORMS),
            "melodies": {id: history.melodies[id].as_page() for id in ids},
            **{name: part() for name, part in self._parts.items()},
        }

    @property
    def _parts(self) -> dict[str, Callable[[], Any]]:
        """Return the parts of the state that change, each as it is now."""
        history, problems = self.history, self.problems
        return {
            "worker": self._worker,
            "busy": lambda: self.jobs.busy,
            "settings": history.settings.as_json,
            "catalogue": lambda: self.rules.catalogue,
            "rule_errors": lambda: {str(index): text for index, text in self.rules.errors.items()},
            "key_error": lambda: problems.get("key_error"),
            "chords_error": lambda: problems.get("chords_error"),
            "form_error": lambda: problems.get("form_error"),
            "sets": lambda: [each.as_page() for each in history.sets],
            "at": lambda: history.at,
            "chosen": lambda: history.chosen,
            "taste": self._taste,
            "learned": lambda: [{"rules": each.rules, "report": each.report} for each in self.useful_actors()],
            "upload": lambda: self.upload,
            "live": lambda: self.into_daw.status,
        }

    def changes(self) -> dict[str, Any] | None:
        """Return the parts of the state that changed since the last call, or None."""
        parts = {name: part() for name, part in self._parts.items() if name in self._changed}
        if self._changed_melodies:
            known = [self.history.melodies[id] for id in self._changed_melodies if id in self.history.melodies]
            parts["melodies"] = {melody.id: melody.as_page() for melody in known}
        self._changed.clear()
        self._changed_melodies.clear()
        return parts or None

    def _worker(self) -> dict[str, str]:
        source = self.source
        if source.fatal or (source.trouble and not source.ready):
            return {"state": "gone", "text": source.fatal or source.trouble or ""}
        return {"state": "ready" if source.ready else "starting", "text": source.trouble or ""}

    def _taste(self) -> dict[str, Any]:
        marks, share = [melody.mark for melody in self.history.melodies.values()], self.share_to_taste
        if share is None:
            text = "no melody has been judged yet"
        elif share == 0:
            text = "no melody is sure to be to your taste yet; judge a few more"
        else:
            text = f"{'less than 1%' if share < 0.01 else f'{share:.0%}'} of known melodies are to your taste"
        return {"liked": marks.count(1), "disliked": marks.count(-1), "share": share, "text": text}

    def chosen_states(self) -> np.ndarray | None:
        """Return the melody (S,) in the roll, None where there is none."""
        known = self.history.melodies.get(self.history.chosen or "")
        return None if known is None else np.array(known.states, np.uint8)

    # --- how it changes -----------------------------------------------------------------------------------------------

    def touch(self, *names: str) -> None:
        """Note that parts of the state have changed."""
        self._changed.update(names)
        self.unsaved = True

    def put(self, *melodies: KnownMelody) -> None:
        """Take melodies, new ones or in the place of what they were."""
        self.history.melodies.update({melody.id: melody for melody in melodies})
        self.show(*(melody.id for melody in melodies))

    def show(self, *ids: str) -> None:
        """Have pages told of melodies."""
        self._changed_melodies.update(ids)
        self.unsaved = True

    def check(self) -> None:
        """Find what is wrong with the settings."""
        self.problems = self.history.settings.problems()
        self.rules.check(self.history.settings.rules)
        self.touch("key_error", "chords_error", "form_error", "rule_errors", "learned")

    def useful_actors(self) -> list[Any]:
        """Return the actors that were learned for the rules of now, and keep them."""
        key, learned = self.learned_key(), self.history.learned
        return [each for each in learned if each.key == key and each.reached and Path(each.path).exists()]

    def learned_key(self) -> str:
        """Return what an actor is for: the model, and the rules and chords of now, whatever their order."""
        settings = self.history.settings
        return " & ".join([self.model, *sorted(self.rules.texts(settings.rules)), settings.chords or ""])

    def ask(self, job: Job) -> None:
        """Have a job done.

        Raises:
            UserError: where too many wait.
        """
        if not self.jobs.add(job):
            raise UserError("too much is waiting; stop something, or wait a moment")

    def fail(self, error: str) -> None:
        """Take a failure: it is shown at the rule that it names, and told."""
        if self.rules.take_failure(self.history.settings.rules, error):
            self.touch("rule_errors")
        self.say("error", error)

    def poll(self) -> None:
        """Take what the inference process has made, and note what goes on."""
        self.jobs.poll()
        now = {"worker": self._worker(), "busy": self.jobs.busy, "live": self.into_daw.status}
        self._changed.update(name for name, part in now.items() if part != self._shown.get(name))
        self._shown = now

    def save(self) -> None:
        """Write the history; it stays unsaved where that fails."""
        self.history.save(self.history_file)
        self.unsaved = False

    def close(self) -> None:
        """End: write what is not written yet."""
        try:
            self.into_daw.stop()
        finally:
            try:
                if self.unsaved:
                    self.save()
            finally:
                self.source.close()

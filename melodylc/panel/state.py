"""The state that all pages of a panel show, and what changes it: the musician's actions and what is made of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.exchange import write_midi
from melodylc.melody import canonical
from melodylc.panel.history import History, KnownMelody, new_id
from melodylc.panel.jobs import Job, Jobs, TaskSource
from melodylc.panel.settings import FORMS, MOST_BARS, RuleUse
from melodylc.rules import catalogue, find
from melodylc.rules.key import NAMES, SCALES

SENT_SETS = 12  # of the history, the last ones, whose melodies a page gets when it opens; others as it goes there
MOST_UPLOADS = 20  # files dropped on the page that are kept, to choose other bars of them
GOES_ON_BY = 8  # bars
HIDDEN = ".panel"  # folder of what the panel needs itself, in the one that melodies are saved in


@dataclass
class Panel:
    """The state of a panel. `act` is what a page asks for, `poll` what the inference process has made meanwhile.

    Args:
        folder: where melodies are saved.
        rule_files: Python files of rules, named on the command line.
        source: what performs tasks.
        say: called with a line for everybody who looks.
    """

    folder: Path
    source: TaskSource
    rule_files: tuple[Path, ...] = ()
    say: Callable[[str, str], None] = lambda kind, text: None  # "said" or "error", and a line
    history: History = field(default_factory=History)
    _changed: set[str] = field(default_factory=set)
    _changed_melodies: set[str] = field(default_factory=set)
    unsaved: bool = False

    def __post_init__(self) -> None:
        self.hidden.mkdir(parents=True, exist_ok=True)
        if self.history_file.exists():
            self.history = History.load(self.history_file)
        self.jobs = Jobs(self.source)
        self._built_in = catalogue.built_in()
        self._of_files: list[dict[str, Any]] = []
        self._read_at: dict[Path, float] = {}
        self._uploads: dict[str, tuple[str, Path]] = {}
        self._upload: dict[str, Any] | None = None
        self._rule_errors: dict[int, str] = {}
        self._problems: dict[str, str] = {}
        self._share: float | None = None
        self._shown_worker: dict[str, str] = {}
        self._shown_busy: dict[str, Any] | None = None
        self._check()
        self.watch_rule_files()
        if self.taste_file.exists():
            self._learn_taste()
        if not self.history.sets:
            self._generate()

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
        recent = {id for each in self.history.sets[-SENT_SETS:] for id in each.melodies}
        recent |= {id for each in self.history.sets if each.id == self.history.at for id in each.melodies}
        recent |= set() if self.history.chosen is None else {self.history.chosen}
        return {
            "version": __version__,
            "folder": str(self.folder),
            "scales": list(SCALES),
            "tonics": list(NAMES),
            "forms": list(FORMS),
            "melodies": {id: self.history.melodies[id].as_page() for id in recent},
            **{name: part() for name, part in self._parts.items()},
        }

    @property
    def _parts(self) -> dict[str, Callable[[], Any]]:
        """Return the parts of the state that change, each as it is now."""
        history = self.history
        return {
            "worker": lambda: self._shown_worker or self._worker(),
            "busy": lambda: self.jobs.busy,
            "settings": lambda: history.settings.as_json(),
            "catalogue": lambda: [*(entry.as_json() for entry in self._built_in), *self._of_files],
            "rule_errors": lambda: {str(index): text for index, text in self._rule_errors.items()},
            "key_error": lambda: self._problems.get("key_error"),
            "chords_error": lambda: self._problems.get("chords_error"),
            "form_error": lambda: self._problems.get("form_error"),
            "sets": lambda: [
                {"id": s.id, "title": s.title, "how": s.how, "melodies": s.melodies, "time": s.time}
                for s in history.sets
            ],
            "at": lambda: history.at,
            "chosen": lambda: history.chosen,
            "taste": self._taste,
            "learned": lambda: [{"rules": each["rules"], "report": each["report"]} for each in self._useful()],
            "upload": lambda: self._upload,
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
        marks = [melody.mark for melody in self.history.melodies.values()]
        liked, disliked = marks.count(1), marks.count(-1)
        if self._share is None:
            text = "no melody has been judged yet"
        elif self._share == 0:
            text = "no melody is sure to be to your taste yet; judge a few more"
        else:
            percent = "less than 1 %" if self._share < 0.01 else f"{self._share:.0%}"
            text = f"{percent} of known melodies are to your taste"
        return {"liked": liked, "disliked": disliked, "share": self._share, "text": text}

    def _touch(self, *names: str) -> None:
        """Note that parts of the state changed that are kept on disk."""
        self._changed.update(names)
        self.unsaved = True

    def _put(self, melody: KnownMelody) -> None:
        self.history.melodies[melody.id] = melody
        self._changed_melodies.add(melody.id)
        self.unsaved = True

    def save(self) -> None:
        """Write the history."""
        self.unsaved = False
        self.history.save(self.history_file)

    # --- what happens by itself ---------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Take what the inference process has made."""
        self.jobs.poll()
        worker, busy = self._worker(), self.jobs.busy
        if worker != self._shown_worker:
            self._shown_worker = worker
            self._changed.add("worker")
        if busy != self._shown_busy:
            self._shown_busy = busy
            self._changed.add("busy")

    def watch_rule_files(self) -> None:
        """Have the files of rules read again that were saved since; what uses their rules is made anew."""
        written = {path: path.stat().st_mtime if path.exists() else 0.0 for path in self.rule_files}
        if written == self._read_at or not self.rule_files:
            return
        first, self._read_at = not self._read_at, written
        self._ask("catalogue", {"files": [str(path) for path in self.rule_files]}, self._take_catalogue, quiet=True)
        if not first and any(self._is_of_file(rule) and rule.on for rule in self.history.settings.rules):
            self._rule_errors = {}
            self._generate()

    def _take_catalogue(self, made: dict[str, Any]) -> None:
        self._of_files = made["entries"]
        self._check()
        self._changed.add("catalogue")

    # --- what is asked for --------------------------------------------------------------------------------------------

    def _ask(
        self,
        name: str,
        asked: dict[str, Any],
        done: Callable[[dict[str, Any]], None],
        *,
        text: str = "",
        about: str | None = None,
        quiet: bool = False,
    ) -> None:
        job = Job(name, asked, done, lambda error: self._failed(name, error), text, about, quiet)
        if not self.jobs.add(job):
            raise UserError("too much is waiting; stop something, or wait a moment")

    def _failed(self, name: str, error: str) -> None:
        for index, rule in enumerate(self.history.settings.rules):
            if self._is_of_file(rule) and rule.name.rpartition(":")[2] in error:
                self._rule_errors[index] = error
                self._changed.add("rule_errors")
        self.say("error", error)

    def _check(self) -> None:
        """Find what is wrong with the settings, for the page to show."""
        settings = self.history.settings
        self._problems = settings.problems()
        self._rule_errors = {}
        for index, rule in enumerate(settings.rules):
            try:
                text = self._text_of(rule)
                if not self._is_of_file(rule):
                    find(text)
            except UserError as error:
                self._rule_errors[index] = str(error)
        self._changed |= {"key_error", "chords_error", "form_error", "rule_errors", "learned"}

    def _is_of_file(self, rule: RuleUse) -> bool:
        return ".py:" in rule.name

    def _text_of(self, rule: RuleUse) -> str:
        """Return a rule as `rules.find` takes it; only rules that are offered are taken: a file's name runs the file.

        Raises:
            UserError: for another rule, or arguments that are none.
        """
        offered = {entry.name for entry in self._built_in} | {entry["name"] for entry in self._of_files}
        if rule.name not in offered:
            raise UserError(f"rule: {rule.name:.80} is not there; choose another")
        return catalogue.call(rule.name, rule.arguments)

    def _rule_texts(self) -> list[str]:
        rules = enumerate(self.history.settings.rules)
        return [self._text_of(rule) for index, rule in rules if rule.on and index not in self._rule_errors]

    def _learned_key(self) -> str:
        """Return what an actor is for: the rules and chords, whatever their order."""
        return json.dumps([sorted(self._rule_texts()), self.history.settings.chords])

    def _useful(self) -> list[dict[str, str]]:
        """Return the actors that were learned for the rules of now."""
        key = self._learned_key()
        return [each for each in self.history.learned if each["key"] == key and Path(each["path"]).exists()]

    def _asked(self, **others: Any) -> dict[str, Any]:
        """Return what melodies are asked for, as a task says it.

        Raises:
            UserError: for settings with a problem.
        """
        if self._problems:
            raise UserError(next(iter(self._problems.values())))
        s = self.history.settings
        taste = s.taste and self.taste_file.exists()
        actors = [each["path"] for each in self._useful()[-1:]] if not (s.form or s.taste or s.bars != 16) else []
        asked = {
            "attributes": {"key": s.key, "notes": s.notes, "low": s.low, "high": s.high, "at_most": s.at_most},
            "rules": self._rule_texts(),
            "taste": str(self.taste_file) if taste else None,
            "actors": actors,
            "chords": s.chords,
            "form": s.form,
            "bars": s.bars,
            "count": s.count,
            "temperature": s.temperature,
            "strict": s.strict and bool(s.attributes().rules()),
            "seed": secrets.randbits(31),
        }
        return asked | others

    # --- actions ------------------------------------------------------------------------------------------------------

    def act(self, action: Any) -> None:
        """Do what a page asks for.

        Raises:
            UserError: in one line, for what cannot be done; nothing has changed then.
        """
        if not isinstance(action, dict) or not isinstance(action.get("do"), str):
            raise UserError('expected an action, an object with "do"')
        arguments = {name: value for name, value in action.items() if name not in ("do", "id")}
        known = ACTIONS.get(action["do"])
        if known is None:
            raise UserError(f"do: expected one of {', '.join(ACTIONS)}, got {action['do']!r:.40}")
        do, needed, optional = known
        if not set(needed) <= set(arguments) <= {*needed, *optional}:
            raise UserError(f"{action['do']}: expected {', '.join(needed) or 'nothing more'}")
        do(self, **arguments)

    def set(self, settings: Any) -> None:
        """Change settings; new candidates follow where they decide what is made."""
        before = self.history.settings
        changed = before.changed(settings)
        if changed == before:
            return
        self.history.settings = changed
        self._touch("settings")
        if changed.makes == before.makes:
            return
        self._check()
        if not self._problems:
            self._generate()

    def again(self) -> None:
        """Make other candidates for the same settings."""
        self._generate()

    def _generate(self) -> None:
        if self._problems:
            raise UserError(next(iter(self._problems.values())))
        asked, title = self._asked(), str(self.history.settings)
        self._ask("generate", asked, self._set_of(title, asked), text=f"making {title}", about="settings")

    def _set_of(
        self, title: str, asked: dict[str, Any], locks: tuple[int, ...] | None = None
    ) -> Callable[[dict[str, Any]], None]:
        """Return what takes melodies that were made as a new set."""

        def take(made: dict[str, Any]) -> None:
            melodies = [
                self._known(each, f"{title} {number}", asked, locks)
                for number, each in enumerate(made["melodies"], start=1)
            ]
            if not melodies:
                return
            self.history.add(title, made.get("summary", ""), melodies)
            self._changed_melodies |= {melody.id for melody in melodies}
            self._touch("sets", "at", "chosen")

        return take

    def _known(
        self, made: dict[str, Any], title: str, asked: dict[str, Any], locks: tuple[int, ...] | None
    ) -> KnownMelody:
        states = tuple(made.pop("states"))
        way = made.pop("way", "")
        stays = locks if locks is not None and len(locks) == len(states) else (0,) * len(states)
        return KnownMelody(new_id(), states, stays, asked, made, way, title)

    def like(self, melody: Any, amount: Any = 0.25) -> None:
        """Make melodies near one, some of the way from it to others."""
        known = self.history.melody(melody)
        if not isinstance(amount, int | float) or not 0 < amount <= 1:
            raise UserError(f"like: expected an amount above 0, up to 1, got {amount!r:.40}")
        asked = self._asked(bars=known.bars)
        wanted = asked | {"melody": known.states, "amount": amount}
        self._ask("like", wanted, self._set_of(f"like {known.title}", asked), text="looking around it")

    def between(self, first: Any, last: Any) -> None:
        """Make melodies on the way from one to another."""
        ends = self.history.melody(first), self.history.melody(last)
        if ends[0].id == ends[1].id:
            raise UserError("between: expected two melodies, got the same one twice")
        asked = self._asked()
        wanted = asked | {"first": ends[0].states, "last": ends[1].states}
        title = f"between {ends[0].title} and {ends[1].title}"
        self._ask("between", wanted, self._set_of(title, asked), text="looking between them")

    def remake(self, melody: Any) -> None:
        """Make anew what is not locked of a melody."""
        known = self.history.melody(melody)
        if all(lock == 1 for lock in known.locks):
            raise UserError("remake: everything is locked; unlock what is to be made anew")
        asked = self._asked(bars=known.bars)
        wanted = asked | {"melody": known.states, "locks": known.locks}
        self._ask("remake", wanted, self._set_of(f"{known.title} remade", asked, known.locks), text="remaking it")

    def go_on(self, melody: Any, bars: Any = None) -> None:
        """Let a melody go on for some more bars."""
        known = self.history.melody(melody)
        bars = known.bars + GOES_ON_BY if bars is None else bars
        if not isinstance(bars, int) or not known.bars < bars <= MOST_BARS:
            raise UserError(f"continue: expected more bars than {known.bars}, at most {MOST_BARS}, got {bars!r:.40}")
        if known.bars < 16:
            raise UserError(f"continue: expected a melody of 16 bars or more, this one has {known.bars}")
        asked = self._asked(bars=bars, count=2)
        wanted = asked | {"melody": known.states}
        self._ask("continue", wanted, self._set_of(f"{known.title}, {bars} bars", asked), text="letting it go on")

    def go(self, set: Any) -> None:
        """Show another set of the history."""
        self.history.go(set)
        shown = next(each for each in self.history.sets if each.id == set)
        self._changed_melodies |= {*shown.melodies}
        self._touch("at", "chosen")

    def choose(self, melody: Any) -> None:
        """Show a melody in the roll."""
        self.history.chosen = self.history.melody(melody).id
        self._touch("chosen")

    def edit(self, melody: Any, states: Any) -> None:
        """Give a melody other notes."""
        known = self.history.melody(melody)
        given = np.array(_numbers("states", states, len(known.states), 129), np.uint8)
        self._put(self._judge(known.edited(tuple(canonical(given).tolist()))))

    def undo(self, melody: Any) -> None:
        """Take the last edit of a melody back."""
        self._put(self._judge(self.history.melody(melody).undo()))

    def redo(self, melody: Any) -> None:
        """Do again what was taken back."""
        self._put(self._judge(self.history.melody(melody).redo()))

    def _judge(self, known: KnownMelody) -> KnownMelody:
        """Return a melody whose notes have changed, and have it judged."""
        wanted = known.asked | {"melodies": [known.states]}

        def take(made: dict[str, Any]) -> None:
            now = self.history.melodies.get(known.id)
            if now is not None and now.states == known.states:
                facts = dict(made["melodies"][0])
                facts.pop("states")
                self._put(replace(now, facts=facts))

        self._ask("judge", wanted, take, about=known.id, quiet=True)
        return known

    def lock(self, melody: Any, locks: Any) -> None:
        """Say which steps of a melody stay: 1 as they are, 2 their rhythm, 3 their pitches."""
        known = self.history.melody(melody)
        self._put(replace(known, locks=_numbers("locks", locks, len(known.states), 3)))

    def mark(self, melody: Any, mark: Any) -> None:
        """Say whether a melody is liked; the taste is learned again from all that were."""
        known = self.history.melody(melody)
        if mark not in (-1, 0, 1) or isinstance(mark, bool):
            raise UserError(f"mark: expected 1, 0 or -1, got {mark!r:.40}")
        self._put(replace(known, mark=int(mark)))
        self._touch("taste")
        self._learn_taste()

    def _learn_taste(self) -> None:
        judged = [melody for melody in self.history.melodies.values() if melody.mark]
        marked = {mark: [melody.states for melody in judged if melody.mark == mark] for mark in (1, -1)}
        wanted = {"path": str(self.taste_file), "liked": marked[1], "disliked": marked[-1], "base": self._base()}

        def take(made: dict[str, Any]) -> None:
            self._share = made["share"]
            self._changed.add("taste")

        self._ask("taste", wanted, take, about="taste", quiet=True)

    def _base(self) -> str | None:
        """Return the file of the taste that was there before the panel, which goes on from it."""
        before, now = self.hidden / "taste-before.safetensors", self.taste_file
        if not before.exists() and now.exists() and not any(each.mark for each in self.history.melodies.values()):
            for suffix in (".safetensors", ".json"):
                if now.with_suffix(suffix).exists():
                    before.with_suffix(suffix).write_bytes(now.with_suffix(suffix).read_bytes())
        return str(before) if before.exists() else None

    def ask(self) -> None:
        """Show two melodies whose judgement tells most about what is liked."""
        asked = self._asked(bars=16)
        wanted = asked | {"path": str(self.taste_file)}
        title = "which of these do you like?"
        self._ask("ask", wanted, self._set_of(title, asked), text="choosing two to judge", about="ask")

    def learn(self) -> None:
        """Learn an actor for the rules of now."""
        texts, key = self._rule_texts(), self._learned_key()
        chords = self.history.settings.chords
        if not texts and not chords:
            raise UserError("learn: expected a rule or chords; key, notes and range need no learning")
        actors = self.hidden / "actors"
        actors.mkdir(exist_ok=True)
        path = actors / f"{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}.safetensors"
        named = ", ".join(texts + ([f"over {chords}"] if chords else []))

        def take(made: dict[str, Any]) -> None:
            others = [each for each in self.history.learned if each["key"] != key]
            entry = {"rules": named, "report": made["report"], "path": str(path), "key": key}
            self.history.learned = [*others, entry]
            self._touch("learned")
            self.say("said", made["report"])
            self._generate()

        wanted = self._asked(actors=[], path=str(path), form=None)
        self._ask("learn", wanted, take, text=f"learning {named}", about="learn")

    def stop(self) -> None:
        """End what is under way, with what there is."""
        if not self.jobs.stop():
            self.say("said", "nothing is going on that can be stopped")

    # --- files --------------------------------------------------------------------------------------------------------

    def take_upload(self, name: str, data: bytes) -> None:
        """Take a MIDI file that was dropped on the page: its melody is a new set."""
        folder = self.hidden / "uploads"
        folder.mkdir(exist_ok=True)
        id = new_id()
        path = folder / f"{id}.mid"
        path.write_bytes(data)
        self._uploads[id] = (Path(name.replace("\\", "/")).name[:100] or "your file", path)
        while len(self._uploads) > MOST_UPLOADS:
            _, oldest = self._uploads.pop(next(iter(self._uploads)))
            oldest.unlink(missing_ok=True)
        self.take_melody(id)

    def take_melody(self, upload: Any, track: Any = None, channel: Any = None, bar: Any = None) -> None:
        """Take 16 bars of a file that was dropped on the page."""
        if not isinstance(upload, str) or upload not in self._uploads:
            raise UserError("import: that file is no longer there; drop it again")
        for what, value in (("track", track), ("channel", channel), ("bar", bar)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                raise UserError(f"import: expected {what} as a number from 0, got {value!r:.40}")
        name, path = self._uploads[upload]
        asked = self._asked(actors=[], bars=16)
        wanted = asked | {"path": str(path), "track": track, "channel": channel, "bar": bar}

        def take(made: dict[str, Any]) -> None:
            self._upload = {"id": upload, "name": name, "tracks": made["tracks"]}
            self._changed.add("upload")
            self._set_of(name, asked)(made)

        def fail(error: str) -> None:
            self.say("error", error.replace(str(path), name))

        if not self.jobs.add(Job("read", wanted, take, fail, f"reading {name}")):
            raise UserError("too much is waiting; stop something, or wait a moment")

    def save_melody(self, melody: Any, chords: Any = True) -> None:
        """Write a melody as a MIDI file into the folder, under a name that nothing has yet."""
        known = self.history.melody(melody)
        number, slug = 1, re.sub(r"[^\w#]+", "-", known.title).strip("-")[:60] or "melody"
        while (path := self.folder / f"{slug}-{number:02d}.mid").exists():
            number += 1
        try:
            path.write_bytes(self.midi_of(known, bool(chords)))
        except OSError as error:
            raise UserError(f"save: {path}: {error.strerror}; check the folder and the space left") from error
        self._put(replace(known, saved=path.name))
        self.say("said", f"saved as {path.name} in {self.folder}")

    def midi_of(self, known: KnownMelody, chords: bool) -> bytes:
        """Return a melody as a MIDI file, with its chords as a second track where it has some and they are wanted."""
        beside = self.hidden / f"{os.getpid()}-{new_id()}.mid"
        progression = known.facts.get("progression") if chords else None
        try:
            write_midi(beside, np.array(known.states, np.uint8), self.history.settings.tempo, progression)
            return beside.read_bytes()
        finally:
            beside.unlink(missing_ok=True)

    def close(self) -> None:
        """End: write what is not written yet."""
        if self.unsaved:
            self.save()
        self.source.close()


# Each action: what does it, what it needs, and what it may be given.
ACTIONS: dict[str, tuple[Callable[..., None], tuple[str, ...], tuple[str, ...]]] = {
    "set": (Panel.set, ("settings",), ()),
    "again": (Panel.again, (), ()),
    "like": (Panel.like, ("melody",), ("amount",)),
    "between": (Panel.between, ("first", "last"), ()),
    "remake": (Panel.remake, ("melody",), ()),
    "continue": (Panel.go_on, ("melody",), ("bars",)),
    "go": (Panel.go, ("set",), ()),
    "choose": (Panel.choose, ("melody",), ()),
    "edit": (Panel.edit, ("melody", "states"), ()),
    "undo": (Panel.undo, ("melody",), ()),
    "redo": (Panel.redo, ("melody",), ()),
    "lock": (Panel.lock, ("melody", "locks"), ()),
    "mark": (Panel.mark, ("melody", "mark"), ()),
    "ask": (Panel.ask, (), ()),
    "learn": (Panel.learn, (), ()),
    "stop": (Panel.stop, (), ()),
    "import": (Panel.take_melody, ("upload",), ("track", "channel", "bar")),
    "save": (Panel.save_melody, ("melody",), ("chords",)),
}


def _numbers(name: str, given: Any, count: int, most: int) -> tuple[int, ...]:
    """Return so many whole numbers from 0 to `most`.

    Raises:
        UserError: for anything else.
    """
    whole = isinstance(given, list) and all(type(each) is int and 0 <= each <= most for each in given)
    if not whole or len(given) != count:
        raise UserError(f"{name}: expected {count} whole numbers from 0 to {most}")
    return tuple(given)

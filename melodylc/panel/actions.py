"""What a musician can do on the page: each action changes the panel's state, or says in one line why it cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer, number
from melodylc.melody import BARS, canonical
from melodylc.panel import midi_files
from melodylc.panel.asking import Made, as_set, ask, ask_for_candidates, ask_for_taste, wishes
from melodylc.panel.history import KnownMelody, LearnedActor
from melodylc.panel.settings import MOST_BARS
from melodylc.panel.state import Panel
from melodylc.tasks.locks import LAST, LOCKED

GOES_ON_BY = 8  # bars
LONGEST_PART = 32  # characters of a title within another
LONG_COUNT = 2  # melodies that go on: each takes seconds


def act(panel: Panel, action: Any) -> None:
    """Do what a page asks for: an object with "do", and what that needs.

    Raises:
        UserError: in one line, for what cannot be done; nothing has changed then.
    """
    if not isinstance(action, dict) or not isinstance(action.get("do"), str):
        raise UserError('expected an action, an object with "do"')
    arguments = {name: value for name, value in action.items() if name != "do"}
    if action["do"] not in ACTIONS:
        raise UserError(f"do: expected one of {', '.join(ACTIONS)}, got {action['do']!r:.40}")
    do, needed, optional = ACTIONS[action["do"]]
    if not set(needed) <= set(arguments) <= {*needed, *optional}:
        raise UserError(f"{action['do']}: expected {', '.join((*needed, *optional)) or 'nothing more'}")
    do(panel, **arguments)


# --- what melodies are asked for --------------------------------------------------------------------------------------


def _set(panel: Panel, settings: Any) -> None:
    """Change settings; new candidates follow where they decide what is made."""
    before, texts = panel.history.settings, panel.rules.texts(panel.history.settings.rules)
    changed = before.changed(settings)
    if changed == before:
        return
    panel.history.settings = changed
    panel.touch("settings")
    panel.into_daw.set_tempo(changed.tempo)
    if changed.makes == before.makes:
        return
    panel.check()
    # a rule that still needs an argument is none yet
    same = (
        replace(changed.makes, rules=()) == replace(before.makes, rules=())
        and panel.rules.texts(changed.rules) == texts
    )
    if not panel.problems and not same:
        ask_for_candidates(panel)


def _learn(panel: Panel) -> None:
    """Learn an actor for the rules of now."""
    settings, key = panel.history.settings, panel.learned_key()
    texts = [text.rpartition("/")[2] for text in panel.rules.texts(settings.rules)]  # of a file its name alone
    named = ", ".join([*texts, *([f"over {settings.chords}"] if settings.chords else [])])
    if not named:
        raise UserError("learn: expected a rule or chords; key, notes and range need no learning")
    actors = panel.hidden / "actors"
    actors.mkdir(exist_ok=True)
    path = str(actors / f"{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}.safetensors")

    def take(made: Made) -> None:
        others = [each for each in panel.history.learned if each.key != key]
        panel.history.learned = [*others, LearnedActor(named, made["report"], path, key, made["reached"])]
        panel.touch("learned")
        panel.say("said", made["report"])
        if not panel.problems:
            ask_for_candidates(panel)

    asked = wishes(panel, actors=[], form=None, path=path)
    ask(panel, "learn", asked, take, f"learning {named}", about="learn")


def _stop(panel: Panel) -> None:
    """End what is under way, with what there is."""
    if not panel.jobs.stop():
        panel.say("said", "nothing is going on that can be stopped")


# --- melodies from melodies -------------------------------------------------------------------------------------------


def _like(panel: Panel, melody: Any, amount: Any = 0.25) -> None:
    """Make melodies near one, some of the way from it to others."""
    known = panel.history.melody(melody)
    amount = number("like: amount", amount, 0.01, 1)
    asked = wishes(panel, bars=known.bars)
    wanted = asked | {"melody": known.states, "amount": amount}
    ask(panel, "like", wanted, as_set(panel, f"like {_short(known)}", asked), "looking around it")


def _between(panel: Panel, first: Any, last: Any) -> None:
    """Make melodies on the way from one to another."""
    ends = panel.history.melody(first), panel.history.melody(last)
    if ends[0].id == ends[1].id:
        raise UserError("between: expected two melodies, got the same one twice")
    asked = wishes(panel, bars=BARS)
    wanted = asked | {"first": ends[0].states, "last": ends[1].states}
    title = f"between {_short(ends[0])} and {_short(ends[1])}"
    ask(panel, "between", wanted, as_set(panel, title, asked), "looking between them")


def _remake(panel: Panel, melody: Any) -> None:
    """Make anew what is not locked of a melody."""
    known = panel.history.melody(melody)
    if all(lock == LOCKED for lock in known.locks):
        raise UserError("remake: everything is locked; unlock what is to be made anew")
    asked = wishes(panel, bars=known.bars)
    wanted = asked | {"melody": known.states, "locks": known.locks}
    ask(panel, "remake", wanted, as_set(panel, f"{_short(known)} remade", asked, known.locks), "remaking it")


def _continue(panel: Panel, melody: Any, bars: Any = None) -> None:
    """Let a melody go on until it has so many bars."""
    known = panel.history.melody(melody)
    if known.bars < BARS:
        raise UserError(f"continue: expected a melody of {BARS} bars or more, this one has {known.bars}")
    if known.bars >= MOST_BARS:
        raise UserError(f"continue: the panel shows {MOST_BARS} bars at most; save it, then melodylc continue")
    bars = min(known.bars + GOES_ON_BY, MOST_BARS) if bars is None else bars
    bars = integer("continue: bars", bars, known.bars + 1, MOST_BARS)
    asked = wishes(panel, bars=bars, count=LONG_COUNT)
    wanted = asked | {"melody": known.states}
    ask(panel, "continue", wanted, as_set(panel, f"{_short(known)}, {bars} bars", asked), "letting it go on")


# --- the history ------------------------------------------------------------------------------------------------------


def _go(panel: Panel, set: Any) -> None:
    """Show another set of the history."""
    panel.show(*panel.history.go(set).melodies)
    panel.touch("at", "chosen")


def _choose(panel: Panel, melody: Any) -> None:
    """Show a melody in the roll."""
    panel.history.chosen = panel.history.melody(melody).id
    panel.touch("chosen")


# --- a melody's own notes ---------------------------------------------------------------------------------------------


def _edit(panel: Panel, melody: Any, states: Any) -> None:
    """Give a melody other notes."""
    known = panel.history.melody(melody)
    given = np.array(_numbers("states", states, len(known.states), 129), np.uint8)
    _judged(panel, known.edited(tuple(canonical(given).tolist())))


def _undo(panel: Panel, melody: Any) -> None:
    """Take the last edit of a melody back."""
    _judged(panel, panel.history.melody(melody).undo())


def _redo(panel: Panel, melody: Any) -> None:
    """Do again what was taken back."""
    _judged(panel, panel.history.melody(melody).redo())


def _judged(panel: Panel, known: KnownMelody) -> None:
    """Take a melody whose notes have changed, and have it judged."""

    def take(made: Made) -> None:
        now = panel.history.melodies.get(known.id)
        if now is not None and now.states == known.states:
            facts = {name: value for name, value in made["melodies"][0].items() if name != "states"}
            panel.put(replace(now, facts=facts, checked=True))

    still_there = {
        "rules": panel.rules.offered(known.asked["rules"]),
        "taste": str(panel.taste_file) if known.asked["taste"] and panel.taste_file.exists() else None,
        "actors": [],  # nothing is made
    }
    ask(panel, "judge", known.asked | still_there | {"melodies": [known.states]}, take, about=known.id)
    panel.put(known)


def _lock(panel: Panel, melody: Any, locks: Any) -> None:
    """Say which steps of a melody stay: 1 as they are, 2 their rhythm, 3 their pitches."""
    known = panel.history.melody(melody)
    panel.put(replace(known, locks=_numbers("locks", locks, len(known.states), LAST)))


# --- likes ------------------------------------------------------------------------------------------------------------


def _mark(panel: Panel, melody: Any, mark: Any) -> None:
    """Say whether a melody is liked; the taste is learned again from all that were."""
    known = panel.history.melody(melody)
    marked = replace(known, mark=integer("mark", mark, -1, 1))
    panel.put(marked)
    panel.touch("taste")
    ask_for_taste(panel)


def _ask(panel: Panel) -> None:
    """Show two melodies whose judgement tells most about what is liked."""
    asked = wishes(panel, bars=BARS, actors=[])
    wanted = asked | {"path": str(panel.taste_file)}
    take = as_set(panel, "which of these do you like?", asked)
    ask(panel, "ask", wanted, take, "choosing two to judge", about="ask")


# --- into the DAW -----------------------------------------------------------------------------------------------------


def _live(panel: Panel, on: Any, sync: Any = "internal", port: Any = None, record: Any = False) -> None:
    """Play the melody in the roll into a DAW, over a virtual MIDI port or one that is there, or end that."""
    if on is True:
        panel.into_daw.start(panel.folder, panel.history.settings.tempo, sync, port, record)
    else:
        panel.into_daw.stop()
    panel.touch("live")


# Each action: what does it, what it needs, and what it may be given.
ACTIONS: dict[str, tuple[Callable[..., None], tuple[str, ...], tuple[str, ...]]] = {
    "set": (_set, ("settings",), ()),
    "again": (ask_for_candidates, (), ()),
    "like": (_like, ("melody",), ("amount",)),
    "between": (_between, ("first", "last"), ()),
    "remake": (_remake, ("melody",), ()),
    "continue": (_continue, ("melody",), ("bars",)),
    "go": (_go, ("set",), ()),
    "choose": (_choose, ("melody",), ()),
    "edit": (_edit, ("melody", "states"), ()),
    "undo": (_undo, ("melody",), ()),
    "redo": (_redo, ("melody",), ()),
    "lock": (_lock, ("melody", "locks"), ()),
    "mark": (_mark, ("melody", "mark"), ()),
    "ask": (_ask, (), ()),
    "learn": (_learn, (), ()),
    "stop": (_stop, (), ()),
    "import": (midi_files.take_melody, ("upload",), ("track", "channel", "bar")),
    "save": (midi_files.save_melody, ("melody",), ("chords",)),
    "live": (_live, ("on",), ("sync", "port", "record")),
}


def _short(known: KnownMelody) -> str:
    """Return a melody's title as that of another begins or ends with it: titles of titles would grow and grow."""
    title = known.title.removeprefix("like ")
    return title if len(title) <= LONGEST_PART else f"{title[:LONGEST_PART].rstrip()} …"


def _numbers(name: str, given: Any, count: int, most: int) -> tuple[int, ...]:
    """Return so many whole numbers from 0 to `most`.

    Raises:
        UserError: for anything else.
    """
    whole = isinstance(given, list) and all(type(each) is int and 0 <= each <= most for each in given)
    if not whole or len(given) != count:
        raise UserError(f"{name}: expected {count} whole numbers from 0 to {most}")
    return tuple(given)

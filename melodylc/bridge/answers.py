"""What a question asks the inference process for, and the answer that its result becomes; no torch here."""

from __future__ import annotations

import base64
import math
import re
import secrets
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.version import __version__
from melodylc.bridge import grid
from melodylc.bridge.questions import OWN, AttributesOf, Continue, Generate, Given, Infill, Question, Vary, Wishes
from melodylc.keys import key_of
from melodylc.melody import BARS, HOLD, STEPS, STEPS_PER_BAR
from melodylc.rules.key import NAMES, SCALES
from melodylc.rules.notes import parse_range
from melodylc.tasks.locks import FREE, LOCKED, PITCHES, RHYTHM
from midi_io import files
from midi_io.files import Note

Answer = dict[str, Any]
PROTOCOL = 1
LONGEST_LINE = 500
KEPT = {None: FREE, "rhythm": RHYTHM, "pitches": PITCHES}


def seeded(asked: Question) -> Question:
    """Return a question with a seed, by chance where it has none."""
    if isinstance(asked, Wishes) and asked.seed is None:
        return replace(asked, seed=secrets.randbits(31))
    return asked


def task(asked: Wishes) -> tuple[str, dict[str, Any]]:
    """Return the name of the task for a question, and what it asks for; see `melodylc.tasks.performing`.

    Raises:
        UserError: for a range that is none, and where nothing is left to make anew.
    """
    low, high = (None, None) if asked.range is None else parse_range(asked.range)
    wishes = {
        "attributes": {"key": _key(asked), "notes": asked.notes, "low": low, "high": high, "at_most": asked.at_most},
        "rules": list(asked.rules),
        "taste": None,
        "actors": [],
        "bars": bars(asked),
        **{name: value for name, value in asdict(asked).items() if name in _AS_THEY_ARE},
    }
    if isinstance(asked, Infill):
        states, locks = _locked(asked)
        if (locks == LOCKED).all():
            raise UserError("remake: a note that begins before it sounds all along; begin where that note begins")
        return "remake", wishes | {"melody": states.tolist(), "locks": locks.tolist()}
    if isinstance(asked, Given):
        wishes["melody"] = grid.states_of(asked.melody, asked.bars).tolist()
    if isinstance(asked, Vary):
        return "like", wishes | {"amount": asked.amount}
    return ("continue" if isinstance(asked, Continue) else "generate"), wishes


def _key(asked: Wishes) -> str | None:
    if asked.key != OWN:
        return asked.key
    if not isinstance(asked, Given):
        raise UserError(f"key: expected {OWN!r} with a melody, whose key it is; got none")
    own = key_of(grid.states_of(asked.melody, asked.bars))
    return None if own is None else own.name


_AS_THEY_ARE = ("chords", "form", "count", "temperature", "strict", "seed")


def bars(asked: Wishes) -> int:
    """Return how many bars the melodies of the answer have."""
    if isinstance(asked, Continue):
        return asked.bars + asked.more
    assert isinstance(asked, Generate | Given)
    return asked.bars


def _locked(asked: Infill) -> tuple[np.ndarray, np.ndarray]:
    states = grid.states_of(asked.melody, asked.bars)
    return grid.locked(states, grid.anew(asked.remake, asked.bars), KEPT[asked.keep])


def answer(asked: Wishes, made: dict[str, Any]) -> Answer:
    """Return the answer that the result of a task becomes."""
    return {"seed": asked.seed, "melodies": [_melody(asked, each) for each in made["melodies"]]}


def _melody(asked: Wishes, made: dict[str, Any]) -> dict[str, Any]:
    states = np.array(made["states"], np.uint8)
    given = asked.melody if isinstance(asked, Given) else ()
    notes = grid.notes_of(states, given, _stays(asked, len(states)))
    return {
        "notes": [[note.pitch, note.start, _length(note), note.velocity] for note in notes],
        "bars": len(states) // STEPS_PER_BAR,
        "kept": made["kept"],
        "why": _why(made),
        "midi": base64.b64encode(_midi(notes, len(states) // STEPS_PER_BAR, asked.tempo)).decode(),
    }


def _length(note: Note) -> float:
    return round(note.end - note.start, 9)  # or 0.9 would come back as 0.8999999999999999


def _stays(asked: Wishes, steps: int) -> np.ndarray:
    """Return the steps whose notes stay as they were given, (S,) bool."""
    if isinstance(asked, Infill):
        return ~grid.anew(asked.remake, asked.bars)
    there = asked.bars * STEPS_PER_BAR if isinstance(asked, Continue) else 0
    return np.arange(steps) < there


def _why(made: dict[str, Any]) -> str:
    """Return what a melody does not keep, in one line; nothing where it keeps all."""
    said = [f"{rule['name']}: {math.floor(rule['reward'] * 100)} %" for rule in made["rules"] if rule["reward"] < 1]
    odd = made["implausible"]
    return one_line("; ".join(said + ([f"unlike known melodies in {', '.join(odd)}"] if odd else [])))


def _midi(notes: list[Note], bars: int, tempo: float) -> bytes:
    """Return the bytes of a MIDI file; what was played before its beginning begins with it."""
    inside = [note._replace(start=max(note.start, 0.0)) for note in notes if note.end > 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "melody.mid"
        files.write(path, inside, beats=bars * 4, tempo=tempo)
        return path.read_bytes()


def hello() -> Answer:
    """Return which bridge this is, and what it knows."""
    from melodylc.rules.catalogue import built_in

    rules = [entry.name for entry in built_in() if entry.error is None]
    return {"program": "melodylc", "version": __version__, "protocol": PROTOCOL, "scales": [*SCALES], "rules": rules}


def attributes(asked: AttributesOf) -> Answer:
    """Return what one would ask for to get a melody like a given one.

    Raises:
        UserError: for one without notes.
    """
    states = grid.states_of(asked.melody, asked.bars)
    key, pitches = key_of(states), states[states < HOLD]
    if key is None:
        raise UserError("attributes: expected a melody with notes, got none")
    low, high = (f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in (int(pitches.min()), int(pitches.max())))
    notes = min(round(len(pitches) * BARS / asked.bars), STEPS)  # notes are asked for by 16 bars
    return {"key": key.name, "notes": max(notes, 1), "range": f"{low}-{high}", "bars": asked.bars}


def failed(said: dict[str, Any], why: object) -> Answer:
    """Return the answer to a question, as far as it was understood, that has no other."""
    return echoed(said, {"error": one_line(str(why))})


def echoed(said: dict[str, Any], answer: Answer) -> Answer:
    """Return an answer with the number, or whatever it was, by which its question was asked."""
    return ({"id": said["id"]} if "id" in said else {}) | answer


def one_line(text: str) -> str:
    """Return a text in one line that is not too long."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"

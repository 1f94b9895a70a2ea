"""A page to listen to: real, drawn and controlled melodies, blinded and in random order, in one HTML file.

The page knows nothing but numbers and notes. Which melody is which stands in a key beside it, and with the key the
answers that listeners save are scored (`listening_score.py`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.numbers import LAST_SEED, integer
from melodylc.evaluation.real_melodies import RealMelodies
from melodylc.generation import generate
from melodylc.melody import STEPS, to_notes
from melodylc.model import Model
from midi_io.atomic import atomic_write

PAGE, KEY = "listening.html", "listening-key.json"
ANSWERS_KIND, KEY_KIND, VERSION = "melodylc.listening.answers", "melodylc.listening.key", 1
TEMPLATE = Path(__file__).with_name("listening.html")
PLACE = "/*MELODIES*/null"  # in the template, where the melodies go
EACH = 8  # melodies of each kind: three kinds of 32 seconds are a quarter of an hour
TEMPO = 120  # beats a minute, the same for all: corpus and model know no tempo
REAL, DRAWN, CONTROLLED = "real", "drawn", "controlled"
REQUESTS = (  # what controlled melodies are asked for, in turn: a key, notes, a range, and all three
    Attributes("C major", notes=120),
    Attributes("E blues", low="C4", high="C6"),
    Attributes("A harmonic minor"),
    Attributes("G dorian", notes=72, low="D4", high="D5"),
)


@dataclass(frozen=True)
class Candidate:
    """A melody that is to be heard, and what it is."""

    states: np.ndarray  # (256,)
    kind: str
    request: str = ""  # of a controlled melody, in words


def candidates(model: Model, real: RealMelodies, each: int, seed: int) -> list[Candidate]:
    """Return real, drawn and controlled melodies, `each` of every kind (fewer real ones if there are not so many).

    Drawn and controlled melodies are single draws: nothing is selected.
    """
    chosen = [Candidate(states, REAL) for states in real.draw(each, seed)[0]]
    chosen += [Candidate(states, DRAWN) for states in model.sample(each, seed=seed)]
    for number, attributes in enumerate(REQUESTS):
        count = len(range(number, each, len(REQUESTS)))
        made = generate(model, attributes, count, seed=seed, tries=1) if count else None
        request = ", ".join(rule.name for rule in attributes.rules())
        chosen += [Candidate(states, CONTROLLED, request) for states in (made.melodies if made else ())]
    return chosen


def write_listening(
    model: Model, real: RealMelodies, out: Path, *, each: int = EACH, seed: int = 0
) -> tuple[Path, Path]:
    """Write the page and its key to a folder and return their paths.

    Args:
        each: melodies of every kind.
        seed: of the melodies, their order and their names on the page.
    """
    integer("each", each, 1)
    integer("seed", seed, 0, LAST_SEED)
    chosen = candidates(model, real, each, seed)
    rng = np.random.default_rng([seed, len(chosen)])
    order = rng.permutation(len(chosen))
    names = [f"m{number:04d}" for number in rng.choice(10_000, len(chosen), replace=False)]
    heard = [{"id": name, "notes": _notes(chosen[index].states)} for name, index in zip(names, order)]
    # known to both files; of the notes only, so that it says nothing about the kinds
    page_id = hashlib.blake2b(json.dumps(heard).encode(), digest_size=8).hexdigest()
    content = {"page": page_id, "tempo": TEMPO, "steps": STEPS, "kind": ANSWERS_KIND, "version": VERSION}
    key = {
        "kind": KEY_KIND,
        "version": VERSION,
        "page": page_id,
        "seed": seed,
        "model": model.path.name,
        "real": real.origin,
        "melodies": {
            name: {"kind": chosen[index].kind, "request": chosen[index].request} for name, index in zip(names, order)
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / PAGE) as beside:
        beside.write_text(page_text({**content, "melodies": heard}), encoding="utf-8")
    with atomic_write(out / KEY) as beside:
        beside.write_text(json.dumps(key, indent=2) + "\n", encoding="utf-8")
    return out / PAGE, out / KEY


def page_text(content: dict[str, Any]) -> str:
    """Return the page with its melodies."""
    template = TEMPLATE.read_text(encoding="utf-8")
    assert template.count(PLACE) == 1
    return template.replace(PLACE, json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))


def _notes(states: np.ndarray) -> list[list[float]]:
    """Return pitch, start and length of each note, in beats."""
    return [[note.pitch, note.start, note.end - note.start] for note in to_notes(states)]

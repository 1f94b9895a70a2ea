"""Melodies of the panel as files: MIDI files that were dropped on the page, and what it saves and hands out."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.exchange import write_midi
from melodylc.melody import BARS
from melodylc.notation import to_abc, to_musicxml
from melodylc.panel.asking import Made, as_set, ask, wishes
from melodylc.panel.history import KnownMelody, new_id
from melodylc.panel.state import Panel
from midi_io.atomic import atomic_write

MOST_UPLOADS = 20  # files that are kept, to choose other bars of them
LONGEST_NAME = 60  # characters
PLACES = ("track", "channel", "bar")


# --- in ---------------------------------------------------------------------------------------------------------------


def take_upload(panel: Panel, name: str, data: bytes) -> None:
    """Take a MIDI file that was dropped on the page: its melody is a new set.

    Raises:
        UserError: where too much is waiting.
    """
    folder = _uploads(panel)
    folder.mkdir(exist_ok=True)
    plain = "".join(c for c in PureWindowsPath(name).name if c.isprintable())[-LONGEST_NAME:] or "your file"
    id = new_id()
    (folder / f"{id}.mid").write_bytes(data)
    (folder / f"{id}.txt").write_text(plain, encoding="utf-8")
    for oldest in sorted(folder.glob("*.mid"), key=lambda path: path.stat().st_mtime)[:-MOST_UPLOADS]:
        oldest.unlink()
        oldest.with_suffix(".txt").unlink(missing_ok=True)
    take_melody(panel, id)


def _uploads(panel: Panel) -> Path:
    return panel.hidden / "uploads"


def take_melody(panel: Panel, upload: Any, track: Any = None, channel: Any = None, bar: Any = None) -> None:
    """Take 16 bars of a file that was dropped on the page.

    Raises:
        UserError: if it is no longer there; for a place that is none.
    """
    path = _uploads(panel) / f"{upload}.mid"
    if not re.fullmatch(r"[0-9a-f]{12}", str(upload)) or not path.exists():
        raise UserError("import: that file is no longer there; drop it again")
    given = dict(zip(PLACES, (track, channel, bar), strict=True))
    place = {what: None if value is None else integer(what, value, 0) for what, value in given.items()}
    name = path.with_suffix(".txt").read_text(encoding="utf-8")
    asked = wishes(panel, actors=[], bars=BARS)

    def take(made: Made) -> None:
        panel.upload = {"id": upload, "name": name, **{what: made[what] for what in ("tracks", "taken", "marked")}}
        panel.touch("upload")
        as_set(panel, name, asked)(made)

    def fail(error: str) -> None:
        panel.say("error", error.replace(str(path), name))

    ask(panel, "read", asked | {"path": str(path), **place}, take, f"reading {name}", failed=fail)


# --- out --------------------------------------------------------------------------------------------------------------


def save_melody(panel: Panel, melody: Any, chords: Any = True) -> None:
    """Write a melody as a MIDI file into the folder, under a name that nothing has yet.

    Raises:
        UserError: if there is no such melody, or the folder cannot be written.
    """
    known = panel.history.melody(melody)
    number, slug = 1, re.sub(r"[^\w#]+", "-", known.title).strip("-")[:LONGEST_NAME] or "melody"
    while (path := panel.folder / f"{slug}-{number:02d}.mid").exists():
        number += 1
    try:
        data = midi(panel, known, bool(chords))
        with atomic_write(path) as beside:
            beside.write_bytes(data)
    except OSError as error:
        raise UserError(f"save: {path}: {error.strerror}; check the folder and the space left") from error
    panel.put(replace(known, saved=path.name))
    panel.say("said", f"saved as {path.name} in {panel.folder}")


def midi(panel: Panel, known: KnownMelody, chords: bool) -> bytes:
    """Return a melody as a MIDI file, with its chords as a second track where it has some and they are wanted."""
    beside = panel.hidden / f"{os.getpid()}-{new_id()}.mid"
    progression = known.facts.get("progression") if chords else None
    try:
        write_midi(beside, _states(known), panel.history.settings.tempo, progression)
        return beside.read_bytes()
    finally:
        beside.unlink(missing_ok=True)


def abc(panel: Panel, known: KnownMelody, chords: bool) -> bytes:
    """Return a melody in ABC notation."""
    return to_abc(_states(known), **_written(panel, known)).encode()


def musicxml(panel: Panel, known: KnownMelody, chords: bool) -> bytes:
    """Return a melody as MusicXML.

    Raises:
        ImportError: without the extra `musicxml`.
    """
    return to_musicxml(_states(known), **_written(panel, known)).encode()


def _states(known: KnownMelody) -> np.ndarray:
    return np.array(known.states, np.uint8)


def _written(panel: Panel, known: KnownMelody) -> dict[str, Any]:
    """Return how a melody is written: the key that it was asked for, and its chords."""
    return {
        "tempo": panel.history.settings.tempo,
        "key": known.asked["attributes"]["key"],
        "chords": known.facts.get("progression"),
        "title": known.title,
    }

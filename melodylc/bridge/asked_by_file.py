"""Questions and answers in files, for programs whose scripts have no sockets."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.bridge import answers, client
from melodylc.bridge.framing import MOST_BYTES
from melodylc.bridge.questions import parsed
from melodylc.live.protocol import Setup
from midi_io.atomic import atomic_write


def answer_file(question: Path, answer: Path, port: int, setup: Setup | None = None) -> None:
    """Read a question, and write its answer, whole or not at all; what goes wrong is an answer too.

    A question may name a `folder`, which gets a MIDI file of each melody.

    Args:
        setup: which model answers in this process; None: the bridge that runs, and this process where none does.

    Raises:
        OSError: where the answer cannot be written.
    """
    said: dict[str, Any] = {}
    try:
        said = _read(question)
        folder = said.pop("folder", None)
        made = client.answer_as_it_comes(said, port, setup)
        if folder is not None and "melodies" in made:
            _write_melodies(folder, f"{said.get('do')}-{made['seed']}", made["melodies"])
    except UserError as error:
        made = answers.failed(said, error)
    with atomic_write(answer) as beside:
        beside.write_text(json.dumps(made))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"question: {path} cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise UserError(f"question: expected at most {MOST_BYTES} bytes, got more in {path}")
    return parsed(data.removeprefix(b"\xef\xbb\xbf"))  # some editors put a mark before UTF-8


def _write_melodies(folder: Any, name: str, melodies: list[dict[str, Any]]) -> None:
    """Write the MIDI file of each melody to a folder, under a name that nothing has there, and say which.

    Raises:
        UserError: where it cannot be written.
    """
    if not isinstance(folder, str) or not folder.strip():
        raise UserError(f"folder: expected the path of a folder, got {folder!r:.60}")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number, melody in enumerate(melodies, start=1):
            path = _free(Path(folder).absolute(), f"{name}-{number:02d}")
            with atomic_write(path) as beside:
                beside.write_bytes(base64.b64decode(melody["midi"]))
            melody["file"] = str(path)
    except (OSError, ValueError) as error:
        raise UserError(f"folder: {folder} cannot be written ({error})") from error


def _free(folder: Path, name: str) -> Path:
    """Return a path in a folder that is not taken: what a DAW refers to stays."""
    path, number = folder / f"{name}.mid", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.mid"
    return path

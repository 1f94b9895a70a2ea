"""Models on disk: weights as safetensors, everything else as a JSON card beside them. Nothing is ever unpickled."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from melodylc.base.errors import UserError
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import Sizes
from midi_io.atomic import atomic_write

KIND = "melodylc.vae"
VERSION = 1
WHAT = {  # each kind of files in a word, and what makes one
    KIND: ("model", "a model; melodylc train makes one, and without a name the embedded one is taken"),
    "melodylc.actor": ("actor", "an actor; melodylc learn --out FILE.safetensors makes one"),
    "melodylc.knobs": ("knobs", "the knobs of a model; melodylc knobs --model FILE makes them"),
}


def weights_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of weights that are to be written; their card goes beside them, as .json.

    Raises:
        UserError: unless its suffix is .safetensors: with another, one of the two could overwrite the other.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"save: expected a path that ends in .safetensors, got {str(path)!r}; the card goes beside it")
    return path


def save(model: MelodyVAE, path: str | os.PathLike[str], card: dict[str, Any], half: bool = True) -> None:
    """Write `path` (.safetensors) and the card beside it (.json). In half precision by default.

    Raises:
        UserError: for another suffix.
    """
    from safetensors.torch import save_file

    path = weights_path(path)
    dtype = torch.float16 if half else torch.float32
    tensors = {name: value.detach().to(dtype).contiguous() for name, value in model.state_dict().items()}
    with atomic_write(path) as beside:
        save_file(tensors, beside)
    write_card(path, KIND, {"sizes": asdict(model.sizes), **card})


def write_card(path: Path, kind: str, card: dict[str, Any]) -> None:
    """The JSON card beside a safetensors file."""
    with atomic_write(weights_path(path).with_suffix(".json")) as beside:
        beside.write_text(json.dumps({"kind": kind, "version": VERSION, **card}, indent=2) + "\n")


def read_card(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """The JSON card beside a safetensors file.

    Raises:
        UserError: if it is missing, no JSON, or of another kind or version.
    """
    card_path = Path(path).with_suffix(".json")
    word, wanted = WHAT[kind]
    try:
        card = json.loads(card_path.read_text())
        found = (card.get("kind"), card.get("version"))
    except (OSError, ValueError, AttributeError) as error:
        detail = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{word}: expected weights at {path} and a JSON card at {card_path}, got none ({detail}); "
            f"name the file of {wanted}"
        ) from error
    if found != (kind, VERSION):
        says = f"{card_path} is of {found[0]} version {found[1]}"
        raise UserError(f"{word}: expected {kind} version {VERSION}, {says}; name the file of {wanted}")
    return card


def read_tensors(path: str | os.PathLike[str], word: str = "model") -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, in float32; an error begins with the word for what it holds.

    Raises:
        UserError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{word}: expected safetensors weights at {path}, got none or damaged ones ({error})"
        ) from error


def load(path: str | os.PathLike[str]) -> tuple[MelodyVAE, dict[str, Any]]:
    """A model in float32 and its card.

    Raises:
        UserError: if the files are missing, damaged, or do not fit each other.
    """
    card = read_card(path, KIND)
    try:
        sizes = Sizes(**card["sizes"])
        if not all(isinstance(value, int) and 0 <= value <= 8192 for value in asdict(sizes).values()):
            raise ValueError(f"sizes {card['sizes']}")
        with torch.device("meta"):
            model = MelodyVAE(sizes)
        model.load_state_dict(read_tensors(path), assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"model: the card and the weights at {path} do not fit each other ({detail})") from error
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval(), card

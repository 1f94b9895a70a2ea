"""Models on disk: weights as safetensors, everything else as a JSON card beside them."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import torch

from melodylc import kinds
from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.base.storage import read_card, read_tensors, weights_path, write_card, write_tensors
from melodylc.runtime.sizes import LARGEST, Sizes
from melodylc.vae.model import MelodyVAE

KIND = kinds.MODEL


def save(model: MelodyVAE, path: str | os.PathLike[str], card: dict[str, Any], half: bool = True) -> None:
    """Write `path` (.safetensors) and the card beside it (.json). In half precision by default.

    Raises:
        UserError: for another suffix.
    """
    path = weights_path(path)
    dtype = torch.float16 if half else torch.float32
    write_tensors(path, {name: value.detach().to(dtype) for name, value in model.state_dict().items()})
    write_card(path, KIND, {"sizes": asdict(model.sizes), **card})


def load(path: str | os.PathLike[str]) -> tuple[MelodyVAE, dict[str, Any]]:
    """Return a model in float32 and its card.

    Raises:
        UserError: if the files are missing, damaged, or do not fit each other.
    """
    card = read_card(path, KIND)
    try:
        sizes = Sizes.of_card(card)
        with torch.device("meta"):
            model = MelodyVAE(sizes)
        model.load_state_dict(read_tensors(path), assign=True)
        model.equal_within = number("equal_within", card.get("equal_within", 0.0), 0, LARGEST)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"model: the card and the weights at {path} do not fit each other ({detail})") from error
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval(), card

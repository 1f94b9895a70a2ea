"""A trained model loaded: with torch where that is installed, or in numpy, which is enough to play."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.base.extras import installed, need
from melodylc.base.storage import FileKind
from melodylc.runtime import model as runtime
from melodylc.runtime.bank import fingerprint
from melodylc.runtime.interface import MelodyModel

if TYPE_CHECKING:
    from melodylc.model import Model


def load(path: str | os.PathLike[str] | None = None, device: str | None = None, *, drawn: bool = False) -> MelodyModel:
    """Load the embedded model, or one from `melodylc train`: a folder, or its model.safetensors.

    Without torch it is a `melodylc.runtime.model.PlayingModel`, which has the same draws and learns nothing; with
    torch a `melodylc.Model`.

    Args:
        device: where its networks are to be: cpu (the default), cuda, cuda:1; all but cpu need torch.
        drawn: whether melodies will only be drawn, for which the model without torch is enough, and there sooner. A
            search, which decodes hundreds, is faster with torch.

    Raises:
        UserError: if files are missing, damaged, or do not fit each other; for a device that is not there; for a model
            or a device that needs torch where there is none.
    """
    plain = device in (None, "cpu")
    if plain and (drawn or not installed("torch")) and runtime.runs(path):
        return runtime.load(path)
    need("model: one without a realistic prior" if plain else f"device: {device}", "torch")
    from melodylc import model

    return model.load(path, device)


def with_torch(model: MelodyModel, what: str) -> Model:
    """Return a model itself, or the same one with its networks in torch where it plays without.

    Args:
        what: needs it, in the words of an error.

    Raises:
        UserError: if torch is not installed, or the model's files have become damaged.
    """
    need(what, "torch")
    from melodylc.model import Model

    if isinstance(model, Model):
        return model
    loaded = _loaded(model.path)
    if model.style is None:
        return loaded
    from melodylc.style import in_style

    return in_style(loaded, model.style, model.style_amount)


@lru_cache(maxsize=1)
def _loaded(path: Path) -> Model:
    from melodylc import model

    return model.load(path)


def learned_card(path: str | os.PathLike[str], kind: FileKind, model: MelodyModel) -> dict[str, Any]:
    """Return the card of what was learned on a model.

    Raises:
        UserError: if it is missing, damaged, of another kind, or was learned on another model.
    """
    card = storage.read_card(path, kind)
    if card.get("model") != fingerprint(model):
        raise UserError(f"{kind.word}: {path} was learned on another model; learn it again on this one")
    return card

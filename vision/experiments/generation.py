"""Images of labels of one's own, by the actors of table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vision import figures
from vision.data.images import Dataset
from vision.errors import UserError
from vision.study import Study

SHOWN = 8
JUDGED = 200


def run(study: Study, asked: Sequence[str], kind: str) -> dict[str, Any]:
    """A row of images for each text, and how many of its labels the classifier finds in more of them."""
    texts = list(asked) or study.data.columns[0]
    columns = study.data.columns[1] if not asked else torch.stack([labels(study.data, text) for text in texts])
    vae, actor = study.vae(), study.actor(kind)
    rows, sheets = {}, []
    for text, column in zip(texts, columns, strict=True):
        wanted = column.expand(JUDGED, -1).to(study.device)
        with torch.no_grad():
            made = study.decode(vae.decoder, actor(study.prior(JUDGED, vae.latent), wanted))
        logits = study.logits(made)
        if study.data.exclusive:
            right = (logits.argmax(dim=1) == column.argmax()).float()
        else:
            right = ((logits > 0) == column.bool()).float().mean(dim=1)
        rows[text] = {"accuracy": float(right.mean()), "all_as_asked": float((right == 1).float().mean())}
        sheets.append(made[:SHOWN])
    figures.grid(study.out / "generate.png", torch.stack(sheets), texts, title=f"as asked, actor {kind}")
    return {"draws": JUDGED, "rows": rows}


def labels(data: Dataset, text: str) -> Tensor:
    """(Y,) of a text: the name of a class, or names of attributes between commas (or `none`), all others 0.

    Raises:
        UserError: for a name that is none.
    """
    names = [name.strip() for name in text.split(",")]
    if names == ["none"] and not data.exclusive:
        names = []
    unknown = [name for name in names if name not in data.attributes]
    if unknown or (data.exclusive and len(names) != 1):
        expected = "one of" if data.exclusive else "some, between commas, or none, of"
        raise UserError(f"--ask: expected {expected} {', '.join(data.attributes)}; got {text!r}")
    return torch.tensor([float(name in names) for name in data.attributes])

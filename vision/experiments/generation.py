"""Images of any labels, by the actors of table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from melodylc.base.errors import UserError
from vision import figures
from vision.data.images import Dataset
from vision.workspace import Workspace

SHOWN = 8  # images of each row of the figure
JUDGED = 200  # images of each text that the classifier judges


def run(workspace: Workspace, texts: Sequence[str], kind: str) -> dict[str, Any]:
    """Make a row of images of each text, and measure how many of its labels the classifier finds in images of it.

    Args:
        texts: labels as `labels` reads them; none for the labels of figures.
        kind: of the actor.
    """
    names, columns = workspace.data.columns
    if texts:
        names, columns = list(texts), torch.stack([labels(workspace.data, text) for text in texts])
    vae, actor = workspace.vae(), workspace.actor(kind)
    rows, sheets = {}, []
    for text, column in zip(names, columns, strict=True):
        wanted = column.expand(JUDGED, -1).to(workspace.device)
        with torch.no_grad():
            made = workspace.decode(vae.decoder, actor(workspace.prior(JUDGED, vae.latent), wanted))
        logits = workspace.logits(made)
        if workspace.data.exclusive:
            right = (logits.argmax(dim=1) == column.argmax()).float()
        else:
            right = ((logits > 0) == column.bool()).float().mean(dim=1)
        rows[text] = {"accuracy": float(right.mean()), "all_as_asked": float((right == 1).float().mean())}
        sheets.append(made[:SHOWN])
    figures.grid(workspace.out / "generate.png", torch.stack(sheets), names, title=f"given labels, actor {kind}")
    return {"draws": JUDGED, "rows": rows}


def labels(data: Dataset, text: str) -> Tensor:
    """Return the labels (Y,) of a text: a class, or attributes between commas (or `none`); all others are 0.

    Raises:
        UserError: for an unknown name.
    """
    names = [name.strip() for name in text.split(",")]
    if names == ["none"] and not data.exclusive:
        names = []
    unknown = [name for name in names if name not in data.attributes]
    if unknown or (data.exclusive and len(names) != 1):
        expected = "one of" if data.exclusive else "some, between commas, or none, of"
        raise UserError(f"--ask: expected {expected} {', '.join(data.attributes)}; got {text!r}")
    return torch.tensor([float(name in names) for name in data.attributes])

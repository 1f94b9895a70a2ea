"""Images of any labels, by the actors of table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vision import figures
from vision.asking import AskedLabels
from vision.data.images import Dataset
from vision.workspace import Workspace

SHOWN = 8  # images of each row of the figure
JUDGED = 200  # images of each text that the classifier judges


def run(workspace: Workspace, texts: Sequence[str], kind: str) -> dict[str, Any]:
    """Make a row of images of each text, and measure how many of the labels it names the classifier finds in them.

    Args:
        texts: as `AskedLabels` reads them; none for the labels of figures.
        kind: of the actor.
    """
    data = workspace.data
    if texts:
        asked = {text: AskedLabels.of(data.names, text) for text in texts}
    else:
        names, columns = data.columns
        asked = {
            name: AskedLabels(dict(enumerate(column.tolist()))) for name, column in zip(names, columns, strict=True)
        }
    vae, actor = workspace.vae(), workspace.actor(kind)
    rows, sheets = {}, []
    for text, labels in asked.items():
        wanted = labels.drawn(data, JUDGED, workspace.seed).to(workspace.device)
        with torch.no_grad():
            made = workspace.decode(vae.decoder, actor(workspace.prior(JUDGED, vae.latent), wanted))
        right = _found(data, workspace.logits(made), labels)
        rows[text] = {"accuracy": float(right.mean()), "all_as_asked": float((right == 1).float().mean())}
        sheets.append(made[:SHOWN])
    title = f"given labels, actor {kind}"
    figures.grid(workspace.out / "generate.png", torch.stack(sheets), list(asked), title=title)
    return {"draws": JUDGED, "rows": rows}


def _found(data: Dataset, logits: Tensor, labels: AskedLabels) -> Tensor:
    """Return the share of the named labels that logits (B, Y) of a classifier have, (B,)."""
    places = list(labels.named)
    if data.exclusive:
        (digit,) = (place for place in places if labels.named[place] == 1)
        return (logits.argmax(dim=1) == digit).float()
    wanted = torch.tensor([labels.named[place] == 1 for place in places])
    return ((logits[:, places] > 0) == wanted).float().mean(dim=1)

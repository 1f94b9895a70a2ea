"""Images of any labels, by the actors of table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vision import figures
from vision.asking import AskedLabels, found
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
        right = found(data.names, workspace.logits(made), labels)
        rows[text] = {"accuracy": float(right.mean()), "all_as_asked": float((right == 1).float().mean())}
        sheets.append(made[:SHOWN])
    title = f"given labels, actor {kind}"
    figures.grid(workspace.out / "generate.png", torch.stack(sheets), list(asked), title=title)
    return {"draws": JUDGED, "rows": rows}

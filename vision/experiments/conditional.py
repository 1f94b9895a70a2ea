"""Table 1, figures 4, 7, 8 and 14: conditional generation by latent actors and critics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from melodylc.latent import losses
from vision import figures, published
from vision.presets import CONDITIONAL
from vision.workspace import Workspace

ROWS = 6  # of a figure, each from a draw of the prior
UNMOVED = "prior"  # the name of the column of draws that no actor has moved


def run(workspace: Workspace) -> dict[str, Any]:
    """Judge samples for the labels of test images by the classifier; measure shifts, weighted by sigma_bar^-2."""
    vae, data = workspace.vae(), workspace.data
    labels = workspace.test_labels(workspace.preset.draws)
    z = workspace.prior(len(labels), vae.latent)
    images, true = data.test.at(slice(None))
    decoded = workspace.decode(vae.decoder, workspace.encode(vae, data.test).mean)
    rows: dict[str, Any] = published.table_1(data) | {
        "real test images": workspace.label_scores(images, true),
        "their reconstructions": workspace.label_scores(decoded, true)
        | {"classifier_frechet": workspace.frechet(decoded)},
    }
    names, columns = data.columns
    sheets = []
    for kind, title in CONDITIONAL.items():
        actor = workspace.actor(kind)
        with torch.no_grad():
            moved = actor(z, labels)
        made = workspace.decode(vae.decoder, moved)
        rows[title] = (
            workspace.label_scores(made, labels)
            | {"classifier_frechet": workspace.frechet(made)}
            | {"z_mse": float(losses.shift(moved, z, workspace.encodings(vae).sigma_bar))}
        )
        sheets.append((title, sheet(workspace, actor, z[:ROWS], columns)))
    figures.panels(workspace.out / "conditional.png", sheets, [UNMOVED, *names])
    return {"draws": len(labels), "rows": rows}


@torch.no_grad()
def sheet(workspace: Workspace, actor: Any, z: Tensor, columns: Tensor, vae: Any = None) -> Tensor:
    """Return images (R, 1 + K, C, H, W): a draw of the prior by row, first as it is, then moved to labels by column."""
    vae = vae or workspace.vae()
    every = columns.to(workspace.device).repeat(len(z), 1)
    moved = actor(z.repeat_interleave(len(columns), dim=0), every).view(len(z), len(columns), -1)
    made = workspace.decode(vae.decoder, torch.cat([z[:, None], moved], dim=1).flatten(0, 1))
    return made.view(len(z), 1 + len(columns), *workspace.data.shape)

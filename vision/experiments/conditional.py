"""Table 1, figures 4, 7, 8 and 14: conditional generation by latent actors and critics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from melodylc.latent import losses
from vision import figures
from vision.presets import CONDITIONAL
from vision.workspace import Workspace

# table 1 of the paper (CelebA at full size), for comparison
PAPER_CONDITIONAL = {
    "real": {"accuracy": 0.936, "precision": 0.901, "recall": 0.893, "f1": 0.895},
    "free": {"accuracy": 0.942, "precision": 0.914, "recall": 0.904, "f1": 0.906, "z_mse": 80.7},
    "small": {"accuracy": 0.926, "precision": 0.898, "recall": 0.860, "f1": 0.870, "z_mse": 58.9},
    "distance": {"accuracy": 0.928, "precision": 0.903, "recall": 0.863, "f1": 0.874, "z_mse": 17.0},
    "IcGAN, 18 attributes (Perarnau et al. 2016)": {"accuracy": 0.860, "f1": 0.524},
}
ROWS = 6  # of a figure, each from a draw of the prior


def run(workspace: Workspace) -> dict[str, Any]:
    """Judge samples for the labels of test images by the classifier; measure shifts, weighted by sigma_bar^-2."""
    vae, data = workspace.vae(), workspace.data
    labels = workspace.test_labels(workspace.preset.draws)
    z = workspace.prior(len(labels), vae.latent)
    images, true = data.test.at(slice(None))
    decoded = workspace.decode(vae.decoder, workspace.encode(vae, data.test).mean)
    rows: dict[str, Any] = {
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
    figures.panels(workspace.out / "conditional.png", sheets, names)
    return {"draws": len(labels), "rows": rows, "paper": PAPER_CONDITIONAL}


@torch.no_grad()
def sheet(workspace: Workspace, actor: Any, z: Tensor, columns: Tensor, vae: Any = None) -> Tensor:
    """Return images (R, K, C, H, W): a draw of the prior by row, labels by column."""
    vae = vae or workspace.vae()
    every = columns.to(workspace.device).repeat(len(z), 1)
    made = workspace.decode(vae.decoder, actor(z.repeat_interleave(len(columns), dim=0), every))
    return made.view(len(z), len(columns), *workspace.data.shape)

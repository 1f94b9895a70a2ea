"""Figure 15: the same constraints on a plain autoencoder, the limit of sigma_x to 0."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.experiments.conditional import ROWS, UNMOVED, sheet
from vision.workspace import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Compare conditional samples of the autoencoder with the VAE's, both unregularised, and their diversity."""
    labels = workspace.test_labels(workspace.preset.draws)
    names, columns = workspace.data.columns
    rows: dict[str, Any] = {}
    sheets = []
    plain = workspace.vae(0.0, training=workspace.preset.variants)
    for title, vae, actor in (
        (f"VAE, sigma_x {workspace.preset.sigma_x:g}", workspace.vae(), workspace.actor("free")),
        ("plain autoencoder", plain, workspace.actor("free", plain)),
    ):
        z = workspace.prior(len(labels), vae.latent)
        with torch.no_grad():
            made = workspace.decode(vae.decoder, actor(z, labels))
        test = workspace.data.test
        real = test.at(slice(None))[0]
        rebuilt = workspace.decode(vae.decoder, workspace.encode(vae, test).mean)
        rows[title] = workspace.label_scores(made, labels) | {
            "classifier_frechet": workspace.frechet(made),
            "classifier_frechet_prior": workspace.frechet(workspace.decode(vae.decoder, z)),
            "spread": metrics.spread(made),
            "reconstruction_error": float((rebuilt - real).square().mean().sqrt()),
        }
        sheets.append((title, sheet(workspace, actor, z[:ROWS], columns, vae)))
    figures.panels(workspace.out / "autoencoder.png", sheets, [UNMOVED, *names])
    return {"draws": len(labels), "rows": rows}

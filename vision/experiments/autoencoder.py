"""Figure 15: the same constraints on a plain autoencoder, sigma_x -> 0."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.experiments.conditional import ROWS, sheet
from vision.study import Study


def run(study: Study) -> dict[str, Any]:
    """Conditional samples of the autoencoder beside the VAE's, both unregularised, with their diversity."""
    labels = study.asked(study.preset.draws)
    names, columns = study.data.columns
    rows: dict[str, Any] = {}
    sheets = []
    plain = study.vae(0.0, training=study.preset.variants)
    for title, vae, actor in (
        (f"VAE, sigma_x {study.preset.sigma_x:g}", study.vae(), study.actor("free")),
        ("plain autoencoder", plain, study.actor("free", plain)),
    ):
        z = study.prior(len(labels), vae.latent)
        with torch.no_grad():
            made = study.decode(vae.decoder, actor(z, labels))
        test = study.data.test
        real = test.at(slice(None))[0]
        rebuilt = study.decode(vae.decoder, study.encode(vae, test)[0])
        rows[title] = study.judged(made, labels) | {
            "classifier_frechet": study.frechet(made),
            "classifier_frechet_prior": study.frechet(study.decode(vae.decoder, z)),
            "spread": metrics.spread(made),
            "reconstruction_error": float((rebuilt - real).square().mean().sqrt()),
        }
        sheets.append((title, sheet(study, actor, z[:ROWS], columns, vae)))
    figures.panels(study.out / "autoencoder.png", sheets, names)
    return {"draws": len(labels), "rows": rows}

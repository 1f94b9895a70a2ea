"""The survey's objectives side by side: reconstructions, samples of the prior, and q(z)."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures
from vision.experiments.likelihood import elbo
from vision.objectives import ELBO, adversarial, beta, info, mmd
from vision.workspace import Workspace

OBJECTIVES = {
    "ELBO": ELBO,
    "beta-VAE, beta 4": beta(4.0),
    "InfoVAE, alpha 1, lambda 10000": info(1.0, 10_000.0),
    "adversarial autoencoder, weight 100": adversarial(100.0),
}
SHOWN = 10
MMD_IMAGES = 2000  # at most, of MMD: it compares all pairs


def run(workspace: Workspace) -> dict[str, Any]:
    """Train a VAE for each objective and compare them.

    `mmd` is between encodings of test images and the prior, in the kernel of InfoVAE.
    """
    test = workspace.data.test
    real = test.at(slice(None))[0]
    rows: dict[str, Any] = {}
    sheets = [("test images", real[None, :SHOWN])]
    for name, objective in OBJECTIVES.items():
        vae = workspace.vae(objective=objective, training=workspace.preset.variants)
        z, sigma = workspace.encode(vae, test)
        rebuilt = workspace.decode(vae.decoder, z)
        drawn = z + sigma * workspace.prior(len(z), vae.latent, seed=1)
        prior = workspace.prior(len(z), vae.latent)
        samples = workspace.decode(vae.decoder, prior)
        most = min(len(z), MMD_IMAGES)
        rows[name] = {
            "reconstruction_error": float((rebuilt - real).square().mean().sqrt()),
            "classifier_frechet": workspace.frechet(rebuilt),
            "classifier_frechet_prior": workspace.frechet(samples),
            "kl": elbo(workspace, vae, test)["kl"],
            "mmd": float(mmd(drawn[:most], prior[:most])),
        }
        sheets.append((f"{name}: reconstructions, samples", torch.stack([rebuilt[:SHOWN], samples[:SHOWN]])))
    figures.panels(workspace.out / "objectives.png", sheets)
    return {"rows": rows}

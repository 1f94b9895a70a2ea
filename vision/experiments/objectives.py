"""The survey's objectives side by side: how they reconstruct, how their prior samples look, what q(z) is like."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures
from vision.experiments.likelihood import elbo
from vision.objectives import ELBO, adversarial, beta, info, mmd
from vision.study import Study

OBJECTIVES = {
    "ELBO": ELBO,
    "beta-VAE, beta 4": beta(4.0),
    "InfoVAE, alpha 1, lambda 10000": info(1.0, 10_000.0),
    "adversarial autoencoder, weight 100": adversarial(100.0),
}
SHOWN = 10


def run(study: Study) -> dict[str, Any]:
    """All trained alike; `mmd` is between encodings of test images and the prior, in the kernel of InfoVAE."""
    test = study.data.test
    real = test.at(slice(None))[0]
    rows: dict[str, Any] = {}
    sheets = [("test images", real[None, :SHOWN])]
    for name, objective in OBJECTIVES.items():
        vae = study.vae(objective=objective, training=study.preset.variants)
        z, sigma = study.encode(vae, test)
        rebuilt = study.decode(vae.decoder, z)
        drawn = z + sigma * study.prior(len(z), vae.latent, seed=1)
        prior = study.prior(len(z), vae.latent)
        samples = study.decode(vae.decoder, prior)
        most = min(len(z), 2000)
        rows[name] = {
            "reconstruction_error": float((rebuilt - real).square().mean().sqrt()),
            "classifier_frechet": study.frechet(rebuilt),
            "classifier_frechet_prior": study.frechet(samples),
            "kl": elbo(study, vae, test)["kl"],
            "mmd": float(mmd(drawn[:most], prior[:most])),
        }
        sheets.append((f"{name}: reconstructions, samples", torch.stack([rebuilt[:SHOWN], samples[:SHOWN]])))
    figures.panels(study.out / "objectives.png", sheets)
    return {"rows": rows}

"""Figure 2: samples of a blurred VAE, of a sharp one, and of the sharp one after the realism constraint."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.study import Study

SHOWN = 10


def run(study: Study) -> dict[str, Any]:
    """Reconstructions and samples at sigma_x 1 and at the preset's, and samples moved by the realism actor.

    The critic is measured by how well it tells encodings of test images from draws of the prior (AUC).
    """
    preset, data = study.preset, study.data
    blurred, sharp = study.vae(1.0, training=preset.sweep), study.vae()
    actor, critic, regularised = study.actor("realism"), study.critic("realism"), study.actor("distance")
    count = min(preset.draws, len(data.test))
    test = data.test.of(slice(count))
    real, labels = test.at(slice(None))
    z = study.prior(count, sharp.latent)
    encoded, _ = study.encode(sharp, test)
    with torch.no_grad():
        moved = actor(z)
        as_asked = regularised(z, labels.to(study.device))
        told = metrics.auc(critic(encoded)[:, 0].cpu(), critic(z)[:, 0].cpu())
        fooled = metrics.auc(critic(encoded)[:, 0].cpu(), critic(moved)[:, 0].cpu())
    images = {
        "test images": real,
        "reconstructions, sigma_x 1": study.decode(blurred.decoder, study.encode(blurred, test)[0]),
        "prior samples, sigma_x 1": study.decode(blurred.decoder, study.prior(count, blurred.latent)),
        f"reconstructions, sigma_x {preset.sigma_x:g}": study.decode(sharp.decoder, encoded),
        f"prior samples, sigma_x {preset.sigma_x:g}": study.decode(sharp.decoder, z),
        "after the realism actor": study.decode(sharp.decoder, moved),
        "after the conditional actor, labels as in row 1": study.decode(sharp.decoder, as_asked),
    }
    rows = {
        name: {"classifier_frechet": study.frechet(sheet)} for name, sheet in images.items() if name != "test images"
    }
    rows["training images"] = {"classifier_frechet": study.frechet(data.train.at(slice(count))[0])}
    figures.grid(
        study.out / "sharpen.png",
        torch.stack([sheet[:SHOWN] for sheet in images.values()]),
        list(images),
        title="realism sharpening (figure 2)",
    )
    return {"critic_auc": told, "critic_auc_after_actor": fooled, "images": count, "rows": rows}

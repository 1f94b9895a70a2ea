"""Figure 2: samples of a blurred VAE, of a sharp one, and of the sharp one after the realism constraint."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.workspace import Workspace

SHOWN = 10


def run(workspace: Workspace) -> dict[str, Any]:
    """Compare reconstructions and samples at sigma_x 1 and at the preset's, and samples moved by the realism actor.

    `critic_auc` says how well the critic separates encodings of test images from draws of the prior.
    """
    preset, data = workspace.preset, workspace.data
    blurred, sharp = workspace.vae(1.0, training=preset.sweep), workspace.vae()
    actor, critic, regularised = workspace.actor("realism"), workspace.critic("realism"), workspace.actor("distance")
    count = min(preset.draws, len(data.test))
    test = data.test.subset(slice(count))
    real, labels = test.at(slice(None))
    z = workspace.prior(count, sharp.latent)
    encoded = workspace.encode(sharp, test).mean
    with torch.no_grad():
        moved = actor(z)
        conditioned = regularised(z, labels.to(workspace.device))
        auc = metrics.auc(critic(encoded)[:, 0].cpu(), critic(z)[:, 0].cpu())
        fooled = metrics.auc(critic(encoded)[:, 0].cpu(), critic(moved)[:, 0].cpu())
    # by name in the tables: with --sigma-x 1 the two differ in their training alone
    briefly = "sigma_x 1" if preset.sigma_x != 1 else "sigma_x 1, trained as in the sweep"
    images = {
        "test images": real,
        f"reconstructions, {briefly}": workspace.decode(blurred.decoder, workspace.encode(blurred, test).mean),
        f"prior samples, {briefly}": workspace.decode(blurred.decoder, workspace.prior(count, blurred.latent)),
        f"reconstructions, sigma_x {preset.sigma_x:g}": workspace.decode(sharp.decoder, encoded),
        f"prior samples, sigma_x {preset.sigma_x:g}": workspace.decode(sharp.decoder, z),
        "after the realism actor": workspace.decode(sharp.decoder, moved),
        "after the conditional actor, labels as in row 1": workspace.decode(sharp.decoder, conditioned),
    }
    rows = {
        name: {"classifier_frechet": workspace.frechet(sheet)}
        for name, sheet in images.items()
        if name != "test images"
    }
    rows["training images"] = {"classifier_frechet": workspace.frechet(data.train.at(slice(count))[0])}
    figures.grid(
        workspace.out / "sharpen.png",
        torch.stack([sheet[:SHOWN] for sheet in images.values()]),
        list(images),
        title="realism sharpening (figure 2)",
    )
    return {"critic_auc": auc, "critic_auc_after_actor": fooled, "images": count, "rows": rows}

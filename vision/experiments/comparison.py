"""What the method is compared with, all judged by the same classifier, with the diversity of what each makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vision import figures, metrics
from vision.baselines import attribute_vectors, pixel_gan
from vision.experiments.conditional import PAPER_CONDITIONAL, ROWS
from vision.workspace import Workspace

ALIKE = 40  # images asked for with the same labels, whose pairs are compared
Maker = Callable[[Tensor, Tensor], Tensor]  # (B, Z) draws of the prior and (B, Y) labels to images


def run(workspace: Workspace) -> dict[str, Any]:
    """Accuracy and the like for labels of test images; MS-SSIM and distance within a class, for the figures' labels."""
    data = workspace.data
    labels = workspace.asked(workspace.preset.draws)
    latent = workspace.preset.architecture.latent
    names, columns = data.columns
    images, asked = data.test.at(slice(None))
    rows: dict[str, Any] = {"real test images": workspace.judged(images, asked) | _diversity(_alike(workspace))}
    sheets = []
    for name, make in makers(workspace).items():
        made = make(workspace.prior(len(labels), latent), labels)
        same = [
            make(workspace.prior(ALIKE, latent, seed=2 + number), column.expand(ALIKE, -1).to(workspace.device))
            for number, column in enumerate(columns)
        ]
        rows[name] = workspace.judged(made, labels) | {"classifier_frechet": workspace.frechet(made)} | _diversity(same)
        sheets.append((name, torch.stack([sheet[:ROWS] for sheet in same], dim=1)))
    figures.panels(workspace.out / "compare.png", sheets, names)
    if not data.exclusive:  # as table 1 has it: published, of other attributes, not measured here
        rows |= {f"{name}, as published": row for name, row in PAPER_CONDITIONAL.items() if name.startswith("IcGAN")}
    return {"draws": len(labels), "rows": rows}


def makers(workspace: Workspace) -> dict[str, Maker]:
    """How each method makes images from draws of the prior and labels."""
    vae = workspace.vae()
    conditional = workspace.vae(conditional=True)
    gan = pixel_gan.generator(workspace)

    def latent(kind: str) -> Maker:
        actor = workspace.actor(kind)
        return lambda z, y: workspace.decode(vae.decoder, actor(z, y).detach())

    return {
        "latent CGAN, lambda 0": latent("free"),
        "latent CGAN, distance penalty": latent("distance"),
        "latent AC-GAN": latent("auxiliary"),
        "attribute vectors": lambda z, y: workspace.decode(vae.decoder, attribute_vectors.sample(workspace, z, y)),
        "conditional VAE": lambda z, y: workspace.decode(conditional.decoder, z, y),
        "conditional GAN in pixels": lambda z, y: workspace.decode(gan, z, y),
    }


def _alike(workspace: Workspace) -> list[Tensor]:
    """Real images with the labels of each column of the figures, where there are four at least."""
    found = []
    for column in workspace.data.columns[1]:
        rows = (workspace.data.train.labels == column).all(dim=1).nonzero()[:ALIKE, 0]
        if len(rows) >= 4:
            found.append(workspace.data.train.at(rows)[0])
    return found


def _diversity(alike: list[Tensor]) -> dict[str, float]:
    """Means over sets of images with the same labels; nothing where there is no set."""
    if not alike:
        return {}
    return {
        "ms_ssim": sum(metrics.likeness(images) for images in alike) / len(alike),
        "spread": sum(metrics.spread(images) for images in alike) / len(alike),
    }

"""Other methods beside the paper's, judged by the same classifier, with the diversity of the images of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vision import figures, metrics, published
from vision.baselines import attribute_vectors
from vision.baselines.systems import trained
from vision.experiments.conditional import ROWS
from vision.workspace import Workspace

ALIKE = 40  # images of the same labels, whose pairs are compared
LEAST_ALIKE = 4  # real images of the same labels from which their diversity is measured: two pairs
Maker = Callable[[Tensor, Tensor], Tensor]  # draws of the prior (B, Z) and labels (B, Y) to images


def run(workspace: Workspace) -> dict[str, Any]:
    """Compare accuracy for labels of test images, and MS-SSIM and distance within each of the figures' labels."""
    data = workspace.data
    labels = workspace.test_labels(workspace.preset.draws)
    latent = workspace.preset.architecture.latent
    names, columns = data.columns
    images, true = data.test.at(slice(None))
    rows: dict[str, Any] = published.table_1(data)
    rows["real test images"] = workspace.label_scores(images, true) | _diversity(_alike(workspace))
    sheets = []
    for name, make in makers(workspace).items():
        made = make(workspace.prior(len(labels), latent), labels)
        same = [
            make(workspace.prior(ALIKE, latent, seed=2 + number), column.expand(ALIKE, -1).to(workspace.device))
            for number, column in enumerate(columns)
        ]
        scores = workspace.label_scores(made, labels)
        rows[name] = scores | {"classifier_frechet": workspace.frechet(made)} | _diversity(same)
        sheets.append((name, torch.stack([sheet[:ROWS] for sheet in same], dim=1)))
    figures.panels(workspace.out / "compare.png", sheets, names)
    return {"draws": len(labels), "rows": rows}


def makers(workspace: Workspace) -> dict[str, Maker]:
    """Return, by method, how it makes images of draws of the prior and labels."""
    vae = workspace.vae()
    conditional = workspace.vae(conditional=True)

    def pixels(system: str) -> Maker:
        gan = trained(workspace, system)
        return lambda z, y: workspace.decode(gan, z[:, : gan.latent], y)  # its z may be shorter than the VAE's

    def latent(kind: str) -> Maker:
        actor = workspace.actor(kind)
        return lambda z, y: workspace.decode(vae.decoder, actor(z, y).detach())

    return {
        "latent CGAN, lambda 0": latent("free"),
        "latent CGAN, distance penalty": latent("distance"),
        "latent AC-GAN": latent("auxiliary"),
        "attribute vectors": lambda z, y: workspace.decode(vae.decoder, attribute_vectors.sample(workspace, z, y)),
        "conditional VAE": lambda z, y: workspace.decode(conditional.decoder, z, y),
        "conditional GAN in pixels": pixels("conditional GAN"),
        "AC-GAN in pixels": pixels("AC-GAN"),
    }


def _alike(workspace: Workspace) -> list[Tensor]:
    """Return real images with the labels of each column of the figures, where there are enough."""
    found = []
    for column in workspace.data.columns[1]:
        rows = (workspace.data.train.labels == column).all(dim=1).nonzero()[:ALIKE, 0]
        if len(rows) >= LEAST_ALIKE:
            found.append(workspace.data.train.at(rows)[0])
    return found


def _diversity(alike: list[Tensor]) -> dict[str, float]:
    """Return the diversity of sets of images with the same labels, the mean over sets; nothing without a set."""
    if not alike:
        return {}
    return {
        "ms_ssim": sum(metrics.likeness(images) for images in alike) / len(alike),
        "spread": sum(metrics.spread(images) for images in alike) / len(alike),
    }

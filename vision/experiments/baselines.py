"""Generators in pixels beside each other: how they learn, what they are asked for, and what they encode."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vision import figures, metrics
from vision.baselines import icgan
from vision.baselines.encoding_gans import EncodingGan
from vision.baselines.labelled_gans import InfoGan
from vision.baselines.systems import SYSTEMS, trained
from vision.workspace import Workspace

SHOWN = 12
Judged = tuple[dict[str, float], list[tuple[str, Tensor]]]  # a row of the table, and pictures with titles


def run(workspace: Workspace) -> dict[str, Any]:
    """Judge images of each system by the classifier.

    Labels are those of test images, for the systems that can be asked; `classifier_score` is of classes only.
    `information` is the bound of InfoGAN, in nats.
    """
    labels = workspace.test_labels(workspace.preset.draws)
    real, true = workspace.data.test.at(slice(None))
    rows: dict[str, Any] = {"real test images": _quality(workspace, real) | workspace.label_scores(real, true)}
    sheets = [("test images", real[None, :SHOWN])]
    for name in SYSTEMS:
        rows[name], of_system = judged(workspace, name, real[: len(labels)], labels)
        sheets += of_system
    rows["IcGAN"], of_icgan = judged_icgan(workspace, real[: len(labels)], labels[: len(real)])
    figures.panels(workspace.out / "baselines.png", sheets + of_icgan)
    return {"draws": len(labels), "rows": rows}


def judged(workspace: Workspace, name: str, real: Tensor, labels: Tensor) -> Judged:
    """Return the row and the pictures of a system: of labels (N, Y), and test images (M, C, H, W) rebuilt."""
    gan = trained(workspace, name)
    z = workspace.prior(len(labels), workspace.preset.pixel_layers.latent)
    asked = gan.codes(z) if isinstance(gan, InfoGan) else labels
    made = workspace.decode(gan, z, asked)
    row = _quality(workspace, made) | {"classifier_frechet": workspace.frechet(made)}
    sheets = [(name, made[None, :SHOWN])]
    if SYSTEMS[name].asked:
        row |= workspace.label_scores(made, labels)
    if isinstance(gan, InfoGan):
        with torch.no_grad():
            row["information"] = gan.information(made.to(workspace.device), asked)
    if isinstance(gan, EncodingGan):
        rebuilt = workspace.decode(gan.rebuild, real.to(workspace.device))
        row["reconstruction_error"] = _error(rebuilt, real)
        sheets.append((f"{name}: reconstructions", rebuilt[None, :SHOWN]))
    return row, sheets


def _quality(workspace: Workspace, images: Tensor) -> dict[str, float]:
    """Return what is measured of all images, made or real."""
    score = {"classifier_score": metrics.classifier_score(workspace.logits(images))} if workspace.data.exclusive else {}
    return score | {"spread": metrics.spread(images)}


def judged_icgan(
    workspace: Workspace, real: Tensor, labels: Tensor
) -> tuple[dict[str, float], list[tuple[str, Tensor]]]:
    """Return the row and the pictures of IcGAN: test images (N, C, H, W) with other labels (N, Y), and rebuilt."""
    inverted = icgan.trained(workspace)
    x = real.to(workspace.device)
    changed, rebuilt = workspace.decode(inverted.change, x, labels), workspace.decode(inverted.rebuild, x)
    row = _quality(workspace, changed) | {"classifier_frechet": workspace.frechet(changed)}
    row |= workspace.label_scores(changed, labels) | {"reconstruction_error": _error(rebuilt, real)}
    pictures = [("IcGAN, labels changed", changed), ("IcGAN: reconstructions", rebuilt)]
    return row, [(title, images[None, :SHOWN]) for title, images in pictures]


def _error(rebuilt: Tensor, real: Tensor) -> float:
    """Return the root mean squared difference of pixels."""
    return float((rebuilt - real[: len(rebuilt)]).square().mean().sqrt())

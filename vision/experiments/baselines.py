"""Generators in pixels beside each other: how they learn, what they are asked for, and what they encode."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.baselines.labelled_gans import InfoGan
from vision.baselines.systems import SYSTEMS, trained
from vision.workspace import Workspace

SHOWN = 12


def run(workspace: Workspace) -> dict[str, Any]:
    """Judge images of each system by the classifier.

    Labels are those of test images, for the systems that can be asked; `classifier_score` is of classes only.
    `information` is the bound of InfoGAN, in nats.
    """
    data = workspace.data
    labels = workspace.test_labels(workspace.preset.draws)
    z = workspace.prior(len(labels), workspace.preset.architecture.latent)
    real, true = data.test.at(slice(None))
    rows: dict[str, Any] = {"real test images": _quality(workspace, real) | workspace.label_scores(real, true)}
    sheets = [("test images", real[None, :SHOWN])]
    for name, system in SYSTEMS.items():
        gan = trained(workspace, name)
        made = workspace.decode(gan, z, labels)
        rows[name] = _quality(workspace, made) | {"classifier_frechet": workspace.frechet(made)}
        if system.asked:
            rows[name] |= workspace.label_scores(made, labels)
        if isinstance(gan, InfoGan):
            with torch.no_grad():
                rows[name]["information"] = gan.information(made.to(workspace.device), gan.codes(z))
        sheets.append((name, made[None, :SHOWN]))
    figures.panels(workspace.out / "baselines.png", sheets)
    return {"draws": len(labels), "rows": rows}


def _quality(workspace: Workspace, images: torch.Tensor) -> dict[str, float]:
    """Return what is measured of all images, made or real."""
    score = {"classifier_score": metrics.classifier_score(workspace.logits(images))} if workspace.data.exclusive else {}
    return score | {"spread": metrics.spread(images)}

"""Explicit densities of encodings (section 8) beside N(0, I) and the actors, which are implicit ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vision import figures, metrics
from vision.priors import known
from vision.workspace import Workspace

SHOWN = 10


def run(workspace: Workspace) -> dict[str, Any]:
    """Judge images decoded from draws of each, for labels of test images where it reads labels.

    `log_density` is of encodings of test images, in nats, given their labels where labels are read; of the VAE it is a
    lower bound.
    """
    vae, data = workspace.vae(), workspace.data
    labels = workspace.test_labels(workspace.preset.draws)
    z = workspace.prior(len(labels), vae.latent)
    mean, sigma = workspace.encode(vae, data.test)
    encodings, true = mean + sigma * workspace.prior(len(mean), vae.latent, seed=1), data.test.labels.to(mean.device)
    rows: dict[str, Any] = {}
    sheets = []

    def judge(name: str, drawn: Tensor, density: Tensor | None, asked: bool) -> None:
        made = workspace.decode(vae.decoder, drawn)
        rows[name] = workspace.label_scores(made, labels) if asked else {}
        if data.exclusive:
            rows[name]["classifier_score"] = metrics.classifier_score(workspace.logits(made))
        rows[name] |= {"classifier_frechet": workspace.frechet(made), "spread": metrics.spread(made)}
        if density is not None:
            rows[name]["log_density"] = float(density.mean())
        sheets.append((name, made[None, :SHOWN]))

    normal = torch.distributions.Normal(0.0, 1.0).log_prob(encodings).sum(dim=-1)
    realism, conditional = workspace.actor("realism"), workspace.actor("free")
    with torch.no_grad(), workspace.processes.forked():
        torch.manual_seed(workspace.seed)
        judge("N(0, I)", z, normal, asked=False)
        judge("realism actor", realism(z), None, asked=False)
        judge("conditional actor, lambda 0", conditional(z, labels), None, asked=True)
        for name, asked in known.PRIORS.items():
            prior = known.trained(workspace, name)
            judge(name, prior.sample(labels), prior.log_density(encodings, true), asked)
    figures.panels(workspace.out / "priors.png", sheets)
    return {"draws": len(labels), "rows": rows}

"""Figure 9: draws of the prior optimised under both critics, the realism critic trained with the inner loop."""

from __future__ import annotations

from typing import Any

import torch

from melodylc.latent import descent, losses
from vision import figures
from vision.workspace import Workspace

STEP_COUNTS = (0, 10, 30, 50, 100)
SHOWN = 10
THRESHOLDS = (0.5, 0.95)  # probabilities of realism and of each label at which an image is done


def run(workspace: Workspace) -> dict[str, Any]:
    """Measure accuracy, Frechet distance and shift after growing numbers of steps, for labels of test images."""
    vae = workspace.vae()
    critic, attributes = workspace.critic("inner"), workspace.attribute_critic()
    wanted = workspace.test_labels(workspace.preset.draws)
    z = workspace.prior(len(wanted), vae.latent)
    rows: dict[str, Any] = {}
    shown = []
    for steps in STEP_COUNTS:
        moved = descent.transform_latents(z, critic, attributes, wanted, thresholds=THRESHOLDS, steps=steps)
        made = workspace.decode(vae.decoder, moved)
        shown.append(made[:SHOWN])
        rows[f"{steps} steps"] = workspace.label_scores(made, wanted) | {
            "classifier_frechet": workspace.frechet(made),
            "z_mse": float(losses.shift(moved, z, workspace.encodings(vae).sigma_bar)),
            "realism": float(torch.sigmoid(critic(moved)).mean()),
        }
    columns = [
        ", ".join(name for name, label in zip(workspace.data.attributes, labels, strict=True) if label) or "none"
        for labels in wanted[:SHOWN].tolist()
    ]
    figures.grid(workspace.out / "optimise.png", torch.stack(shown), list(rows), columns, "from the prior (figure 9)")
    return {"draws": len(wanted), "rows": rows}

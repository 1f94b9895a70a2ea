"""Figure 9: draws of the prior optimised under both critics, the realism critic trained with the inner loop."""

from __future__ import annotations

from typing import Any

import torch

from melodylc.latent import descent, losses
from vision import figures
from vision.study import Study

STEPS = (0, 10, 30, 50, 100)
SHOWN = 10


def run(study: Study) -> dict[str, Any]:
    """Accuracy, Frechet distance and shift along the way, for labels of test images."""
    vae = study.vae()
    critic, attributes = study.critic("inner"), study.attribute_critic()
    wanted = study.asked(study.preset.draws)
    z = study.prior(len(wanted), vae.latent)
    rows: dict[str, Any] = {}
    shown = []
    for steps in STEPS:
        moved = descent.transform(z, critic, attributes, wanted, thresholds=(0.5, 0.95), steps=steps)
        made = study.decode(vae.decoder, moved)
        shown.append(made[:SHOWN])
        rows[f"{steps} steps"] = study.judged(made, wanted) | {
            "classifier_frechet": study.frechet(made),
            "z_mse": float(losses.shift(moved, z, study.encodings(vae).sigma_bar)),
            "realism": float(torch.sigmoid(critic(moved)).mean()),
        }
    columns = [
        ", ".join(name for name, label in zip(study.data.attributes, labels, strict=True) if label) or "none"
        for labels in wanted[:SHOWN].tolist()
    ]
    figures.grid(study.out / "optimise.png", torch.stack(shown), list(rows), columns, "from the prior (figure 9)")
    return {"draws": len(wanted), "rows": rows}

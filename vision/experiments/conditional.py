"""Table 1, figures 4, 7, 8 and 14: conditional generation by latent actors and critics."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from melodylc.latent import losses
from vision import figures
from vision.presets import CONDITIONAL
from vision.study import Study

# table 1 of the paper (CelebA at full size), for comparison
PAPER = {
    "real": {"accuracy": 0.936, "precision": 0.901, "recall": 0.893, "f1": 0.895},
    "free": {"accuracy": 0.942, "precision": 0.914, "recall": 0.904, "f1": 0.906, "z_mse": 80.7},
    "small": {"accuracy": 0.926, "precision": 0.898, "recall": 0.860, "f1": 0.870, "z_mse": 58.9},
    "distance": {"accuracy": 0.928, "precision": 0.903, "recall": 0.863, "f1": 0.874, "z_mse": 17.0},
    "IcGAN, 18 attributes (Perarnau et al. 2016)": {"accuracy": 0.860, "f1": 0.524},
}
ROWS = 6


def run(study: Study) -> dict[str, Any]:
    """Samples asked for with the labels of test images, judged by the classifier; shifts weighted by sigma_bar^-2."""
    vae, data = study.vae(), study.data
    labels = study.asked(study.preset.draws)
    z = study.prior(len(labels), vae.latent)
    images, asked = data.test.at(slice(None))
    decoded = study.decode(vae.decoder, study.encode(vae, data.test)[0])
    rows: dict[str, Any] = {
        "real test images": study.judged(images, asked),
        "their reconstructions": study.judged(decoded, asked) | {"classifier_frechet": study.frechet(decoded)},
    }
    names, columns = data.columns
    sheets = []
    for kind, title in CONDITIONAL.items():
        actor = study.actor(kind)
        with torch.no_grad():
            moved = actor(z, labels)
        made = study.decode(vae.decoder, moved)
        rows[title] = (
            study.judged(made, labels)
            | {"classifier_frechet": study.frechet(made)}
            | {"z_mse": float(losses.shift(moved, z, study.encodings(vae).sigma_bar))}
        )
        sheets.append((title, sheet(study, actor, z[:ROWS], columns)))
    figures.panels(study.out / "conditional.png", sheets, names)
    return {"draws": len(labels), "rows": rows, "paper": PAPER}


@torch.no_grad()
def sheet(study: Study, actor: Any, z: Tensor, columns: Tensor, vae: Any = None) -> Tensor:
    """(R, K, C, H, W): draws by row, labels asked for by column."""
    vae = vae or study.vae()
    every = columns.to(study.device).repeat(len(z), 1)
    made = study.decode(vae.decoder, actor(z.repeat_interleave(len(columns), dim=0), every))
    return made.view(len(z), len(columns), *study.data.shape)

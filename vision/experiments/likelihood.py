"""Table 4 and figure 16: the effect of sigma_x on the ELBO and on the scales of the posterior."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures
from vision.data.images import Images
from vision.inference import CHUNK
from vision.models import VAE
from vision.presets import SIGMA_X_SQUARED
from vision.workspace import Workspace

# table 4 of the paper (CelebA at full size)
PAPER_LIKELIHOOD = {
    "1": {"log_likelihood": -11360, "kl": 30, "elbo": -11390},
    "0.1": {"log_likelihood": -11325, "kl": 150, "elbo": -11475},
    "0.01": {"log_likelihood": 15680, "kl": 600, "elbo": 15080},
    "0.001": {"log_likelihood": 16090, "kl": 1950, "elbo": 14140},
    "0.0001": {"log_likelihood": 16150, "kl": 3650, "elbo": 12500},
}


USED = 0.5  # mean posterior scale below which a dimension counts as used; the prior's is 1


def _vaes(workspace: Workspace) -> dict[str, VAE]:
    """Return a VAE for each sigma_x^2, by its text."""
    return {f"{square:g}": workspace.vae(square**0.5, training=workspace.preset.sweep) for square in SIGMA_X_SQUARED}


def table(workspace: Workspace) -> dict[str, Any]:
    """Measure log likelihood, KL and ELBO of held-out images in nats, by sigma_x^2 (table 4)."""
    rows = {square: elbo(workspace, vae, workspace.data.valid) for square, vae in _vaes(workspace).items()}
    best = max(rows, key=lambda square: rows[square]["elbo"])
    figure = figures.canvas(6, 4)
    axes = figure.add_subplot()
    squares = [float(square) for square in rows]
    for name in ("log_likelihood", "elbo"):
        axes.semilogx(squares, [row[name] for row in rows.values()], "o-", label=name.replace("_", " "))
    axes.set_xlabel("sigma_x^2")
    axes.set_ylabel("nats")
    axes.legend()
    figures.save(figure, workspace.out / "likelihood.png")
    return {"images": len(workspace.data.valid), "best_sigma_x_squared": best, "rows": rows, "paper": PAPER_LIKELIHOOD}


def scales(workspace: Workspace) -> dict[str, Any]:
    """Measure the mean posterior scale of each latent dimension over the training images, by sigma_x^2 (figure 16)."""
    sorted_scales = {
        square: workspace.encodings(vae).sigma_bar.sort().values.tolist() for square, vae in _vaes(workspace).items()
    }
    figure = figures.canvas(6, 4)
    axes = figure.add_subplot()
    for square, values in sorted_scales.items():
        axes.plot(values, label=f"sigma_x^2 = {square}")
    axes.set_xlabel("latent dimension, from the tightest")
    axes.set_ylabel("mean sigma_z")
    axes.legend()
    figures.save(figure, workspace.out / "scales.png")
    return {
        "mean": {square: sum(values) / len(values) for square, values in sorted_scales.items()},
        "used": {square: sum(value < USED for value in values) for square, values in sorted_scales.items()},
        "scales": sorted_scales,
    }


@torch.no_grad()
def elbo(workspace: Workspace, vae: VAE, images: Images) -> dict[str, float]:
    """Return log likelihood of one sample of z, KL and ELBO, in nats, the means over images."""
    generator = torch.Generator().manual_seed(workspace.seed)
    likelihood = kl = 0.0
    for start in range(0, len(images), CHUNK):
        x = images.at(slice(start, start + CHUNK))[0].to(workspace.device)
        posterior = vae.encode(x)
        noise = torch.randn(posterior.mean.shape, generator=generator).to(workspace.device)
        decoded = vae.decoder(posterior.mean + posterior.sigma * noise)
        likelihood += float(vae.log_likelihood(x, decoded).sum())
        kl += float(posterior.kl().sum())
    likelihood, kl = likelihood / len(images), kl / len(images)
    return {"log_likelihood": likelihood, "kl": kl, "elbo": likelihood - kl}

"""Table 4 and figure 16: the effect of sigma_x on the ELBO and on the scales of the posterior."""

from __future__ import annotations

import math
from typing import Any

import torch

from vision import figures, published
from vision.data.images import Images
from vision.inference import CHUNK
from vision.models import VAE
from vision.presets import SIGMA_X_SQUARED
from vision.workspace import Workspace

USED = 0.5  # mean posterior scale below which a dimension counts as used; the prior's is 1
LINEAR = 2.0  # nats per dimension: the axis of table 4 is linear within, where the optima are, and logarithmic beyond
LINEAR_SHARE = 4.0  # of that part on each side of 0, in decades


def _vaes(workspace: Workspace) -> dict[str, VAE]:
    """Return a VAE for each sigma_x^2, by its text."""
    return {f"{square:g}": workspace.vae(square**0.5, training=workspace.preset.sweep) for square in SIGMA_X_SQUARED}


def table(workspace: Workspace) -> dict[str, Any]:
    """Measure log likelihood, KL and ELBO of held-out images in nats, by sigma_x^2 (table 4)."""
    rows = {square: elbo(workspace, vae, workspace.data.valid) for square, vae in _vaes(workspace).items()}
    best = max(rows, key=lambda square: rows[square]["elbo"])
    figures.save(curves(rows, math.prod(workspace.data.shape)), workspace.out / "likelihood.png")
    rows = published.table_4(workspace.data) | rows
    return {"images": len(workspace.data.valid), "best_sigma_x_squared": best, "rows": rows}


def curves(rows: published.Rows, dimensions: int) -> Any:
    """Draw log likelihood and ELBO by sigma_x^2 beside the paper's, with a ring around the best ELBO of each.

    They are drawn per dimension of an image, in which data sets and the paper can be compared.
    """
    figure = figures.canvas(6.5, 4.5)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=LINEAR, linscale=LINEAR_SHARE)
    axes.yaxis.set_major_formatter("{x:g}")
    of = (("here", rows, dimensions, "tab:blue"), ("paper", published.TABLE_4, published.TABLE_4_DIMENSIONS, "tab:red"))
    for whose, table, size, colour in of:
        squares = [float(square) for square in table]
        for name, line in (("log_likelihood", "o:"), ("elbo", "o-")):
            values = [row[name] / size for row in table.values()]
            axes.plot(squares, values, line, color=colour, markersize=4, label=f"{name.replace('_', ' ')}, {whose}")
        at = values.index(max(values))
        axes.plot(squares[at], values[at], "o", color=colour, markersize=12, fillstyle="none")
    axes.set_xlabel("sigma_x^2")
    axes.set_ylabel("nats per dimension")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


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

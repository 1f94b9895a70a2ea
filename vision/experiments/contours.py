"""Figure 3: the realism critic over the two latent dimensions of the smallest posterior scale."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures
from vision.workspace import Workspace

POINTS = 41  # along an axis of the map
REACH = 3.0  # of the map on each side, in latent units: three standard deviations of the prior
MARKED = REACH / 1.5  # of the outermost marks
MARKS = 3  # along an axis, where images are decoded
LEVELS = [level / 20 for level in range(21)]  # of D, the same colours in both maps
CENTRES = 100  # whose maps are measured; the first is drawn


def run(workspace: Workspace) -> dict[str, Any]:
    """Draw maps of D around a draw of the prior and around a held-out encoding, with images at marked points.

    The numbers are D at the centre, and the share of the map where D is lower (1 where the centre is the maximum), the
    means over maps around `CENTRES` draws and encodings.
    """
    vae = workspace.vae()
    critic = workspace.critic("realism")
    first, second = workspace.encodings(vae).sigma_bar.argsort()[:2].tolist()
    means, _ = workspace.encode(vae, workspace.data.valid.subset(slice(CENTRES)))
    axis = torch.linspace(-REACH, REACH, POINTS, device=workspace.device)
    marks = torch.linspace(-MARKED, MARKED, MARKS, device=workspace.device)
    figure = figures.canvas(15, 4.5)
    panels = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1))
    result: dict[str, Any] = {"dimensions": [first, second]}
    for (name, centres), (left, right) in zip(
        (("draw of the prior", workspace.prior(CENTRES, vae.latent)), ("held-out encoding", means)),
        (panels[:2], panels[2:]),
        strict=True,
    ):
        centre = centres[0]
        with torch.no_grad():
            maps = torch.stack([critic(_around(c, first, second, axis).flatten(0, 1))[:, 0] for c in centres])
            here = critic(centres)
            values = torch.sigmoid(maps[0]).view(POINTS, POINTS).cpu()
            shown = workspace.decode(vae.decoder, _around(centre, first, second, marks).flip(0).flatten(0, 1))
        # the same axes as the map: the first dimension to the right, the second upwards
        extent = [float(v) for v in axis.cpu()]
        filled = left.contourf(extent, extent, values, levels=LEVELS, cmap="viridis")
        points = [float(v) for v in marks.cpu()]
        left.plot([x for x in points for _ in points], points * MARKS, "x", color="lightgray")
        left.plot([0], [0], "s", color="orange")
        left.set_title(f"D(z) around a {name}", fontsize=10)
        left.set_xlabel(f"z[{first}]")
        left.set_ylabel(f"z[{second}]")
        left.set_box_aspect(1)
        figures.show(right, shown.view(MARKS, MARKS, *workspace.data.shape), title="decoded at the marks")
        result[name] = {"value": float(torch.sigmoid(here).mean()), "below": float((maps < here).float().mean())}
    figure.colorbar(filled, ax=panels, label="D(z), in both maps", shrink=0.8)
    figures.save(figure, workspace.out / "contours.png")
    return result


def _around(centre: torch.Tensor, first: int, second: int, axis: torch.Tensor) -> torch.Tensor:
    """Return vectors (P, P, Z): the centre shifted along the second dimension by row, along the first by column."""
    at = centre.repeat(len(axis), len(axis), 1)
    at[:, :, first] += axis[None, :]
    at[:, :, second] += axis[:, None]
    return at

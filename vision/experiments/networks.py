"""Figures 12 and 13: the actor, the critic and the VAE, drawn from the networks themselves."""

from __future__ import annotations

from typing import Any

from melodylc.latent import adversarial
from melodylc.latent.diagrams import Box, draw
from vision import diagrams, figures
from vision.models import VAE
from vision.presets import CONDITIONAL
from vision.workspace import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Draw the untrained networks of the preset; count parameters of the actors and critics, and of the VAE."""
    preset, data = workspace.preset, workspace.data
    vae = VAE(data.shape, preset.architecture, preset.sigma_x)
    columns = diagrams.columns_of_vae(vae, data.shape)
    rows: dict[str, dict[str, float]] = {"VAE": {"parameters": _size(columns["encoder"]) + _size(columns["decoder"])}}
    of_large = 0
    for kind, title in CONDITIONAL.items():
        actor, critic = adversarial.networks(vae.latent, preset.constraint(kind), len(data.attributes))
        assert actor is not None
        own = [diagrams.column_of_constraint(network, vae.latent) for network in (actor, critic)]
        size = sum(map(_size, own))
        of_large = of_large or size
        rows[title] = {"parameters": size, "times_fewer": of_large / size}
        if kind == "free":
            columns = {"actor": own[0], "critic": own[1]} | columns
    figures.save(draw(columns), workspace.out / "networks.png")
    return {"rows": rows}


def _size(boxes: list[Box]) -> int:
    return sum(box.parameters for box in boxes)

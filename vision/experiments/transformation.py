"""Figures 5 and 10: attributes of given images changed, by gradient under both critics and by actors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from melodylc.latent import descent, losses
from vision import figures
from vision.baselines import attribute_vectors
from vision.workspace import Workspace

THRESHOLDS = (0.5, 0.9, 0.99, 0.999, 0.9999)  # of D_attr at which an image is done; 0.5 is the boundary itself
SHOWN = 6


def run(workspace: Workspace) -> dict[str, Any]:
    """Each test image changed in one attribute (or to another class), and how far that led from it.

    `identity` is the distance from the original in the classifier's penultimate features, `pixels` the root mean
    squared difference. The gradient's row of equal accuracy is the one of the lowest threshold that is classified at
    least as well as the unregularised actor.
    """
    vae, data = workspace.vae(), workspace.data
    count = min(workspace.preset.draws, len(data.test))
    test = data.test.of(slice(count))
    images, had = test.at(slice(None))
    wanted = one_changed(had, data.exclusive, workspace.seed).to(workspace.device)
    z, _ = workspace.encode(vae, test)
    critic, attributes = workspace.critic("realism"), workspace.attribute_critic()
    free, near = workspace.actor("free"), workspace.actor("distance")
    with torch.no_grad():
        ways = {
            "reconstruction, unchanged": z,
            "actor, lambda 0": free(z, wanted),
            "actor, distance penalty": near(z, wanted),
            "attribute vectors": attribute_vectors.move(
                z, had.to(workspace.device), wanted, attribute_vectors.directions(workspace)
            ),
        }
    by_gradient = {f"gradient, threshold {threshold:g}": threshold for threshold in THRESHOLDS}
    for name, threshold in by_gradient.items():
        ways[name] = gradient(critic, attributes, z, wanted, threshold)
    original = workspace.features(images)
    rows: dict[str, Any] = {}
    for name, moved in ways.items():
        made = workspace.decode(vae.decoder, moved)
        rows[name] = workspace.judged(made, wanted) | {
            "identity": float((workspace.features(made) - original).norm(dim=1).mean()),
            "pixels": float((made - images).square().flatten(1).mean(dim=1).sqrt().mean()),
            "z_mse": float(losses.shift(moved, z, workspace.encodings(vae).sigma_bar)),
        }
    bar = rows["actor, lambda 0"]["accuracy"]
    equal = next((name for name in by_gradient if rows[name]["accuracy"] >= bar), None)
    _draw(workspace, critic, attributes, free, z, images, had, by_gradient[equal] if equal else THRESHOLDS[-1])
    return {"images": count, "equal_accuracy": equal, "rows": rows}


def gradient(real: Any, attributes: Any, z: Tensor, wanted: Tensor, threshold: float) -> Tensor:
    """Section 5, until realism passes one half and each attribute the threshold."""
    return descent.transform_latents(z, real, attributes, wanted, thresholds=(0.5, threshold))


def one_changed(labels: Tensor, exclusive: bool, seed: int) -> Tensor:
    """(B, Y) labels with one attribute flipped each, at random; of classes, another class."""
    generator = torch.Generator().manual_seed(seed)
    count, attributes = labels.shape
    if exclusive:
        moves = torch.randint(1, attributes, (count,), generator=generator)
        return torch.nn.functional.one_hot((labels.argmax(dim=1) + moves) % attributes, attributes).float()
    flipped = torch.randint(attributes, (count,), generator=generator)
    changed = labels.clone()
    changed[torch.arange(count), flipped] = 1 - changed[torch.arange(count), flipped]
    return changed


def _draw(
    workspace: Workspace,
    critic: Any,
    attributes: Any,
    free: Any,
    z: Tensor,
    images: Tensor,
    had: Tensor,
    threshold: float,
) -> None:
    """Each shown image changed in each attribute in turn, by both ways; black where nothing would change."""
    data = workspace.data
    width = len(data.attributes)
    rows = []
    for index in range(SHOWN):
        if data.exclusive:
            every = torch.eye(width)
            same = every.argmax(dim=1) == had[index].argmax()
        else:
            every = had[index].repeat(width, 1)
            every[range(width), range(width)] = 1.0
            same = had[index] == 1
        rows.append((every.to(workspace.device), same))
    sheets = []
    for title, way in (
        ("gradient under both critics (figure 5)", lambda s, w: gradient(critic, attributes, s, w, threshold)),
        ("unregularised actor (figure 10)", lambda s, w: free(s, w).detach()),
    ):
        lines = []
        for index, (every, same) in enumerate(rows):
            made = workspace.decode(workspace.vae().decoder, way(z[index].repeat(width, 1), every))
            made[same] = 0
            lines.append(
                torch.cat(
                    [images[index : index + 1], workspace.decode(workspace.vae().decoder, z[index : index + 1]), made]
                )
            )
        sheets.append((title, torch.stack(lines)))
    figures.panels(workspace.out / "transform.png", sheets, ["original", "reconstruction", *data.attributes])

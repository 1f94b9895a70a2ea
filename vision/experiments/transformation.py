"""Figures 5 and 10: given images with an attribute changed, by gradient under both critics and by actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from melodylc.latent import descent, losses
from vision import figures, metrics
from vision.baselines import attribute_vectors
from vision.changes import apply_changes, changes_of, draw_changes
from vision.workspace import Workspace

THRESHOLDS = (0.5, 0.9, 0.99, 0.999, 0.9999)  # of D_attr at which an image is done; 0.5 is the boundary itself
SHOWN = 6
# encodings (B, Z), labels to reach (B, Y) and their weights (B, Y) to vectors (B, Z)
Method = Callable[[Tensor, Tensor, Tensor], Tensor]


def run(workspace: Workspace) -> dict[str, Any]:
    """Change each test image in one attribute (or to another class), and measure its distance from the original.

    Of attributes, `changed` is the share of images in which the classifier finds the change, `others` the share of all
    other attributes that are as they were. `identity` is the distance in the classifier's penultimate features,
    `pixels` the root mean squared difference. `equal_accuracy` is the gradient's lowest threshold at which the
    classifier finds as many changes as after the unregularised actor.
    """
    vae, data = workspace.vae(), workspace.data
    count = min(workspace.preset.draws, len(data.test))
    test = data.test.subset(slice(count))
    images, labels = test.at(slice(None))
    changes = draw_changes(data, labels, workspace.seed)
    wanted, weights = (tensor.to(workspace.device) for tensor in apply_changes(data, labels, changes))
    places = torch.tensor([change.place for change in changes])
    z = workspace.encode(vae, test).mean
    critic, attributes = workspace.critic("realism"), workspace.attribute_critic()
    free, near = workspace.actor("free"), workspace.actor("distance")
    with torch.no_grad():
        moved_by = {
            "reconstruction, unchanged": z,
            "actor, lambda 0": free(z, wanted),
            "actor, distance penalty": near(z, wanted),
            "attribute vectors": attribute_vectors.move(
                z, labels.to(workspace.device), wanted, attribute_vectors.directions(workspace)
            ),
        }
    by_gradient = {f"gradient, threshold {threshold:g}": threshold for threshold in THRESHOLDS}
    for name, threshold in by_gradient.items():
        moved_by[name] = gradient(critic, attributes, z, wanted, weights, threshold)
    original = workspace.features(images)
    rows: dict[str, Any] = {}
    for name, moved in moved_by.items():
        made = workspace.decode(vae.decoder, moved)
        rows[name] = _scores(workspace.logits(made), wanted.cpu(), places, data.exclusive) | {
            "identity": float((workspace.features(made) - original).norm(dim=1).mean()),
            "pixels": float((made - images).square().flatten(1).mean(dim=1).sqrt().mean()),
            "z_mse": float(losses.shift(moved, z, workspace.encodings(vae).sigma_bar)),
        }
    found = "accuracy" if data.exclusive else "changed"
    unregularised = rows["actor, lambda 0"][found]
    equal = next((name for name in by_gradient if rows[name][found] >= unregularised), None)
    shown = by_gradient[equal] if equal else THRESHOLDS[-1]
    methods: dict[str, Method] = {
        "gradient under both critics (figure 5)": lambda start, y, w: gradient(critic, attributes, start, y, w, shown),
        "unregularised actor (figure 10)": lambda start, y, _: free(start, y).detach(),
    }
    _draw(workspace, z, images, labels, methods)
    return {"images": count, "equal_accuracy": equal, "rows": rows}


def gradient(real: Any, attributes: Any, z: Tensor, wanted: Tensor, weights: Tensor, threshold: float) -> Tensor:
    """Transform encodings (B, Z) by gradient, until realism is above one half and what is weighed above a threshold."""
    return descent.transform_latents(
        z, real, attributes, wanted, attribute_weights=weights, thresholds=(0.5, threshold)
    )


def _scores(logits: Tensor, wanted: Tensor, places: Tensor, exclusive: bool) -> dict[str, float]:
    """Return how well a classifier's logits (B, Y) agree with what is wanted (B, Y), where one of each was changed."""
    scores = metrics.label_scores(logits, wanted, exclusive)
    if exclusive:
        return scores
    right = (logits > 0) == wanted.bool()
    changed = torch.zeros_like(right)
    changed[torch.arange(len(places)), places] = True
    others = {"others": float(right[~changed].float().mean())} if right.shape[1] > 1 else {}
    return {"changed": float(right[changed].float().mean())} | others | scores


def _draw(workspace: Workspace, z: Tensor, images: Tensor, labels: Tensor, methods: Mapping[str, Method]) -> None:
    """Draw each of the first images with each change in turn, one grid by method.

    Args:
        z, images, labels: encodings (B, Z), originals (B, C, H, W) and labels (B, Y) of the images.
    """
    data, decoder = workspace.data, workspace.vae().decoder
    changes = changes_of(data)
    sheets = []
    for title, move in methods.items():
        lines = []
        for index in range(min(SHOWN, len(z))):
            start, own = z[index : index + 1], labels[index : index + 1].repeat(len(changes), 1)
            wanted, weights = (tensor.to(workspace.device) for tensor in apply_changes(data, own, changes))
            made = workspace.decode(decoder, move(start.repeat(len(changes), 1), wanted, weights))
            same = [bool(change.is_in(row[None])) for row, change in zip(own, changes, strict=True)]
            made[torch.tensor(same)] = 0  # black where nothing would change
            lines.append(torch.cat([images[index : index + 1], workspace.decode(decoder, start), made]))
        sheets.append((title, torch.stack(lines)))
    columns = ["original", "reconstruction", *(change.name for change in changes)]
    figures.panels(workspace.out / "transform.png", sheets, columns)

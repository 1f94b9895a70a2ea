"""Figures 5 and 10: given images with an attribute changed, by gradient under both critics and by actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from melodylc.latent import descent, losses
from vision import figures
from vision.baselines import attribute_vectors
from vision.workspace import Workspace

THRESHOLDS = (0.5, 0.9, 0.99, 0.999, 0.9999)  # of D_attr at which an image is done; 0.5 is the boundary itself
SHOWN = 6
Method = Callable[[Tensor, Tensor], Tensor]  # encodings (B, Z) and labels (B, Y) to vectors (B, Z)


def run(workspace: Workspace) -> dict[str, Any]:
    """Change each test image in one attribute (or to another class), and measure its distance from the original.

    `identity` is that distance in the classifier's penultimate features, `pixels` the root mean squared difference.
    `equal_accuracy` is the gradient's lowest threshold at which images are classified at least as well as the
    unregularised actor's.
    """
    vae, data = workspace.vae(), workspace.data
    count = min(workspace.preset.draws, len(data.test))
    test = data.test.subset(slice(count))
    images, labels = test.at(slice(None))
    wanted = one_changed(labels, data.exclusive, workspace.seed).to(workspace.device)
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
        moved_by[name] = gradient(critic, attributes, z, wanted, threshold)
    original = workspace.features(images)
    rows: dict[str, Any] = {}
    for name, moved in moved_by.items():
        made = workspace.decode(vae.decoder, moved)
        rows[name] = workspace.label_scores(made, wanted) | {
            "identity": float((workspace.features(made) - original).norm(dim=1).mean()),
            "pixels": float((made - images).square().flatten(1).mean(dim=1).sqrt().mean()),
            "z_mse": float(losses.shift(moved, z, workspace.encodings(vae).sigma_bar)),
        }
    unregularised = rows["actor, lambda 0"]["accuracy"]
    equal = next((name for name in by_gradient if rows[name]["accuracy"] >= unregularised), None)
    shown = by_gradient[equal] if equal else THRESHOLDS[-1]
    methods: dict[str, Method] = {
        "gradient under both critics (figure 5)": lambda start, y: gradient(critic, attributes, start, y, shown),
        "unregularised actor (figure 10)": lambda start, y: free(start, y).detach(),
    }
    _draw(workspace, z, images, labels, methods)
    return {"images": count, "equal_accuracy": equal, "rows": rows}


def gradient(real: Any, attributes: Any, z: Tensor, wanted: Tensor, threshold: float) -> Tensor:
    """Transform encodings (B, Z) by gradient, until realism is above one half and each attribute above a threshold."""
    return descent.transform_latents(z, real, attributes, wanted, thresholds=(0.5, threshold))


def one_changed(labels: Tensor, exclusive: bool, seed: int) -> Tensor:
    """Flip one attribute of each row of labels (B, Y), at random; of classes (exclusive), take another class."""
    generator = torch.Generator().manual_seed(seed)
    count, attributes = labels.shape
    if exclusive:
        moves = torch.randint(1, attributes, (count,), generator=generator)
        return torch.nn.functional.one_hot((labels.argmax(dim=1) + moves) % attributes, attributes).float()
    flipped = torch.randint(attributes, (count,), generator=generator)
    changed = labels.clone()
    changed[torch.arange(count), flipped] = 1 - changed[torch.arange(count), flipped]
    return changed


def _draw(workspace: Workspace, z: Tensor, images: Tensor, labels: Tensor, methods: Mapping[str, Method]) -> None:
    """Draw each of the first images changed in each attribute in turn, one grid by method.

    Args:
        z, images, labels: encodings (B, Z), originals (B, C, H, W) and labels (B, Y) of the images.
    """
    names = workspace.data.attributes
    decoder = workspace.vae().decoder
    sheets = []
    for title, move in methods.items():
        lines = []
        for index in range(SHOWN):
            changed, same = _each_changed(labels[index], workspace.data.exclusive)
            start = z[index : index + 1]
            made = workspace.decode(decoder, move(start.repeat(len(names), 1), changed.to(workspace.device)))
            made[same] = 0  # black where nothing would change
            lines.append(torch.cat([images[index : index + 1], workspace.decode(decoder, start), made]))
        sheets.append((title, torch.stack(lines)))
    figures.panels(workspace.out / "transform.png", sheets, ["original", "reconstruction", *names])


def _each_changed(labels: Tensor, exclusive: bool) -> tuple[Tensor, Tensor]:
    """Set each of an image's labels (Y,) to 1 in turn, (Y, Y); return also which it has already, (Y,) bool."""
    count = len(labels)
    if exclusive:
        return torch.eye(count), torch.arange(count) == labels.argmax()
    changed = labels.repeat(count, 1)
    changed[range(count), range(count)] = 1.0
    return changed, labels == 1

"""Pictures of one's own with labels changed, by an actor and by gradient under both critics (section 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from melodylc.latent import descent
from vision import figures
from vision.asking import AskedLabels, found
from vision.data.images import LabelNames, unit
from vision.workspace import Workspace

REALISM, CERTAINTY = 0.5, 0.9  # at which descent ends: of D, and of D_attr for each label that is asked for
Method = Callable[[Tensor, Tensor, AskedLabels], Tensor]  # encoding (1, Z), labels (1, Y), what is asked, to (1, Z)


def run(workspace: Workspace, pictures: Mapping[str, Tensor], texts: Sequence[str], kind: str) -> dict[str, Any]:
    """Make a grid of each picture by each method, a change a column, and measure what became of it.

    What a text does not name stays as the classifier finds it in the picture. `found` is the share of what was asked
    for that the classifier finds, `identity` the distance from the picture in its penultimate features, `pixels` the
    root mean squared difference.

    Args:
        pictures: images (C, H, W) uint8 by name.
        texts: as `AskedLabels` reads them; none for each label in turn.
        kind: of the actor.
    """
    vae, names = workspace.vae(), workspace.data.names
    methods: dict[str, Method] = {f"actor {kind}": _by_actor(workspace, kind), "gradient": _by_gradient(workspace)}
    seen: dict[str, str] = {}
    rows: dict[str, dict[str, float]] = {}
    sheets = []
    for name, pixels in pictures.items():
        image = unit(pixels)[None]
        labels = _labels(names, workspace.logits(image))
        has = [attribute for attribute, label in zip(names.attributes, labels[0], strict=True) if label]
        seen[name] = ", ".join(has) or "none"
        z = vae.encode(image.to(workspace.device)).mean
        original = workspace.features(image)
        changes = {text: text for text in texts} or _others(names, has)
        lines = []
        for method, move in methods.items():
            made = []
            for text in changes.values():
                asked = AskedLabels.of(names, text)
                changed = workspace.decode(vae.decoder, move(z, asked.applied(labels).to(workspace.device), asked))
                made.append(changed)
                rows[f"{name}, {text}, {method}"] = {
                    "found": float(found(names, workspace.logits(changed), asked)),
                    "identity": float((workspace.features(changed) - original).norm()),
                    "pixels": float((changed - image).square().mean().sqrt()),
                }
            lines.append(torch.cat([image, workspace.decode(vae.decoder, z), *made]))
        columns = ["as cut", "reconstruction", *changes]
        sheets.append((f"{name}, by {' and by '.join(methods)}", torch.stack(lines), columns))
    figures.headed_panels(workspace.out / "generate.png", sheets)
    return {"labels found in the pictures": seen, "rows": rows}


def _labels(names: LabelNames, logits: Tensor) -> Tensor:
    """Return the labels (B, Y) that a classifier's logits (B, Y) say."""
    if names.exclusive:
        return torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).float()
    return (logits > 0).float()


def _others(names: LabelNames, has: Sequence[str]) -> dict[str, str]:
    """Return what each label in turn is asked for, by the head of its column; what a picture has is removed."""
    if names.exclusive:
        return {label: label for label in names.attributes}
    return dict((f"-{name}", f"not {name}") if name in has else (f"+{name}", name) for name in names.attributes)


def _by_actor(workspace: Workspace, kind: str) -> Method:
    actor = workspace.actor(kind)
    return lambda z, labels, _: actor(z, labels).detach()


def _by_gradient(workspace: Workspace) -> Method:
    critic, attributes = workspace.critic("realism"), workspace.attribute_critic()

    def move(z: Tensor, labels: Tensor, asked: AskedLabels) -> Tensor:
        places = list(asked.named)  # the critic of labels judges these alone: the others may follow

        def named(vectors: Tensor) -> Tensor:
            return attributes(vectors)[:, places]

        return descent.transform_latents(z, critic, named, labels[:, places], thresholds=(REALISM, CERTAINTY))

    return move

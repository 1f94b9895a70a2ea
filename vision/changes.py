"""Changes of one attribute of an image, as figures 5 and 10 have them.

Shapes: B images, Y labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vision.data.images import Dataset

BOTH_WAYS = (0.0, 1.0)
# What the authors' notebook changes the paper's ten attributes to. It leaves hats and bald heads as they are, removes
# no hair, which something else has to replace, and changes no man with facial hair to one without.
CHANGED_TO: dict[str, tuple[float, ...]] = {
    "bald": (),
    "black hair": (1.0,),
    "blond hair": (1.0,),
    "brown hair": (1.0,),
    "eyeglasses": (1.0,),
    "male": (0.0, 1.0),
    "facial hair": (1.0,),
    "smiling": (0.0, 1.0),
    "hat": (),
    "young": (0.0, 1.0),
}


@dataclass(frozen=True)
class Change:
    """An attribute, and the value that it is changed to."""

    place: int  # of the attribute among the labels
    value: float  # 0 or 1
    name: str

    def is_in(self, labels: Tensor) -> Tensor:
        """Return which of labels (B, Y) have it already, (B,) bool."""
        return labels[:, self.place] == self.value

    def applied(self, labels: Tensor, data: Dataset) -> Tensor:
        """Return labels (B, Y) with it, and without those that it excludes: hair has one colour, a digit one class."""
        changed = labels.clone()
        if self.value:
            for group in data.alternatives:
                places = [data.attributes.index(name) for name in group]
                if self.place in places:
                    changed[:, places] = 0
        changed[:, self.place] = self.value
        return changed

    def weights(self, data: Dataset) -> Tensor:
        """Return how much each label counts in a transformation, (Y,): of attributes the changed one, of classes all.

        What is left out may follow what is changed, as a beard does when a man becomes a woman.
        """
        if data.exclusive:
            return torch.ones(len(data.attributes))
        return torch.eye(len(data.attributes))[self.place]


def changes_of(data: Dataset) -> list[Change]:
    """Return the changes of a data set: to each class, of the paper's attributes as in `CHANGED_TO`, of others all."""
    known = CHANGED_TO if set(data.attributes) == set(CHANGED_TO) else {}
    changes = []
    for place, name in enumerate(data.attributes):
        values = (1.0,) if data.exclusive else known.get(name, BOTH_WAYS)
        changes += [Change(place, value, name if value else f"not {name}") for value in values]
    return changes


def draw_changes(data: Dataset, labels: Tensor, seed: int) -> list[Change]:
    """Draw a change of each image with labels (B, Y), among those that are not in it already."""
    changes = changes_of(data)
    new = ~torch.stack([change.is_in(labels) for change in changes], dim=1)  # (B, changes)
    drawn = torch.multinomial(new.float(), 1, generator=torch.Generator().manual_seed(seed))[:, 0]
    return [changes[at] for at in drawn.tolist()]


def apply_changes(data: Dataset, labels: Tensor, changes: list[Change]) -> tuple[Tensor, Tensor]:
    """Return labels (B, Y) with a change each, and the weights (B, Y) of a transformation to them."""
    wanted = [change.applied(row[None], data) for row, change in zip(labels, changes, strict=True)]
    return torch.cat(wanted), torch.stack([change.weights(data) for change in changes])

"""Labels that a text asks for: "7", "smiling, hat", "not young, No_Beard"."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from melodylc.base.errors import UserError
from vision.data.images import Dataset, LabelNames


@dataclass(frozen=True)
class AskedLabels:
    """The labels that a text names, each 0 or 1; the others are free."""

    named: dict[int, float]

    @classmethod
    def of(cls, labels: LabelNames, text: str) -> AskedLabels:
        """Return what a text asks for: a class, or attributes between commas, each with `not` before it or without.

        Names are those of the data set or its own files, in any case; `none` asks for no attribute at all.

        Raises:
            UserError: for an unknown name, and for labels that exclude each other.
        """
        names = [" ".join(part.replace("_", " ").split()).casefold() for part in text.split(",")]
        if names == ["none"] and not labels.exclusive:
            return cls(dict.fromkeys(range(len(labels.attributes)), 0.0))
        named: dict[int, float] = {}
        for name in names:
            place, value = _label(labels, name, text)
            if named.setdefault(place, value) != value:
                raise UserError(f"--ask: {labels.attributes[place]} is asked for and excluded in {text!r}")
        if labels.exclusive and len(names) != 1:
            raise _unknown(labels, text)
        return cls(_completed(labels, named, text))

    def applied(self, labels: Tensor) -> Tensor:
        """Return labels (B, Y) with those that the text names; the others stay."""
        changed = labels.clone()
        for place, value in self.named.items():
            changed[:, place] = value
        return changed

    def drawn(self, data: Dataset, count: int, seed: int) -> Tensor:
        """Return labels (count, Y) in which those that are free are as in training images that have the named ones.

        Where no image has them all, as in any training image.
        """
        known = data.train.labels
        places = list(self.named)
        wanted = torch.tensor([self.named[place] for place in places])
        alike = (known[:, places] == wanted).all(dim=1).nonzero()[:, 0]
        rows = alike if len(alike) else torch.arange(len(known))
        chosen = torch.randint(len(rows), (count,), generator=torch.Generator().manual_seed(seed))
        return self.applied(known[rows[chosen]])


def found(labels: LabelNames, logits: Tensor, asked: AskedLabels) -> Tensor:
    """Return the share of the labels that a text names which a classifier's logits (B, Y) have, (B,)."""
    places = list(asked.named)
    if labels.exclusive:
        (one,) = (place for place in places if asked.named[place] == 1)
        return (logits.argmax(dim=1) == one).float()
    wanted = torch.tensor([asked.named[place] == 1 for place in places])
    return ((logits[:, places] > 0) == wanted).float().mean(dim=1)


def _label(labels: LabelNames, name: str, text: str) -> tuple[int, float]:
    """Return the place of a name and what it asks for."""
    own = {attribute.casefold(): (attribute, True) for attribute in labels.attributes}
    known = {alias.replace("_", " ").casefold(): meant for alias, meant in labels.aliases.items()} | own
    wanted = True
    if name not in known and name.startswith("not "):
        name, wanted = name.removeprefix("not "), False
    if name not in known or (labels.exclusive and not wanted):
        raise _unknown(labels, text)
    attribute, has = known[name]
    return labels.attributes.index(attribute), float(has == wanted)


def _completed(labels: LabelNames, named: dict[int, float], text: str) -> dict[int, float]:
    """Return named labels with those that they exclude."""
    completed = dict(named)
    for group in labels.alternatives:
        places = [labels.attributes.index(name) for name in group]
        chosen = [place for place in places if named.get(place) == 1]
        if len(chosen) > 1:
            both = " and ".join(labels.attributes[place] for place in chosen)
            raise UserError(f"--ask: {both} exclude each other, in {text!r}; ask for one of them")
        if chosen:
            completed |= {place: 0.0 for place in places if place != chosen[0]}
    return completed


def _unknown(labels: LabelNames, text: str) -> UserError:
    expected = "one of" if labels.exclusive else "some, between commas and with or without not, or none, of"
    return UserError(f"--ask: expected {expected} {', '.join(labels.attributes)}; got {text!r}")

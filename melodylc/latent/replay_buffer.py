"""What critics have to learn from: everything that was ever rewarded or measured."""

from __future__ import annotations

import torch
from torch import Tensor


class ReplayBuffer:
    """Inputs of the critics (what they read of vectors) and their targets, in the order in which they were added."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, inputs: Tensor, targets: Tensor) -> None:
        """Append examples, equally many inputs (B, ...) and targets (B, ...); such a batch is one addition."""
        self.inputs.append(inputs)
        self.targets.append(targets)

    def draw(self, count: int, generator: torch.Generator, *, newest: int = 0) -> tuple[Tensor, Tensor]:
        """Draw examples at random, with replacement, in the order of their addition.

        Args:
            newest: of how many additions, the newest; 0 for all.
        """
        sizes = [len(targets) for targets in self.targets]
        first = len(sizes) - newest if newest and newest < len(sizes) else 0
        at, _ = torch.randint(sum(sizes[:first]), sum(sizes), (count,), generator=generator).sort()
        bounds = torch.tensor([0, *sizes]).cumsum(0)
        addition = torch.bucketize(at, bounds[1:], right=True)
        inputs, targets = [], []
        for index in addition.unique().tolist():
            rows = at[addition == index] - bounds[index]
            inputs.append(self.inputs[index][rows])
            targets.append(self.targets[index][rows])
        return torch.cat(inputs), torch.cat(targets)

"""Several critics of the same thing, and how they learn from a replay buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from melodylc.latent.gradient_steps import descend
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.replay_buffer import ReplayBuffer

CriticLoss = Callable[[Tensor, Tensor], Tensor]  # a critic's outputs (B, O) and targets (B, ...) to a number


def lowest_logits(critics: Sequence[nn.Module], inputs: Tensor) -> Tensor:
    """Return the lowest of the critics' logits, (B, O): what one critic overrates by mistake does not count."""
    return torch.stack([critic(inputs) for critic in critics]).amin(dim=0)


class CriticEnsemble:
    """Critics that learn the same from one replay buffer, each from batches of its own."""

    def __init__(
        self, critics: Sequence[nn.Module], loss: CriticLoss, *, learning_rate: float, batch: int, newest: int
    ) -> None:
        """Take critics and how they learn.

        Args:
            newest: additions to the buffer, the newest, that half of the steps of a round are made on.
        """
        self.critics, self.loss, self.batch, self.newest = list(critics), loss, batch, newest
        self.optimisers = [adam(critic.parameters(), learning_rate, ADVERSARIAL_BETAS) for critic in critics]

    def train(self, buffer: ReplayBuffer, steps: int, generator: torch.Generator, *, newest: int = 0) -> None:
        """Make steps on the buffer, or on its newest additions."""
        for _ in range(steps):
            for critic, optimiser in zip(self.critics, self.optimisers, strict=True):
                inputs, targets = buffer.draw(self.batch, generator, newest=newest)
                descend(optimiser, self.loss(critic(inputs.float()), targets))  # a buffer may hold half precision

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Within it critics only judge: no gradients of their weights are computed, a third of a step through them."""
        for critic in self.critics:
            critic.requires_grad_(False)
        try:
            yield
        finally:
            for critic in self.critics:
                critic.requires_grad_(True)

    def train_round(self, buffer: ReplayBuffer, steps: int, generator: torch.Generator) -> None:
        """Make a round's steps: half on everything, half on the newest, so they are sharpest where the actor is."""
        self.train(buffer, steps // 2, generator)
        self.train(buffer, steps - steps // 2, generator, newest=self.newest)

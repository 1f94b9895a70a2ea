"""How critics learn: alone, and several of the same thing from a replay buffer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from melodylc.latent.gradient_steps import descend
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.precision import half_precision
from melodylc.latent.replay_buffer import ReplayBuffer

CriticLoss = Callable[[Tensor, Tensor], Tensor]  # a critic's outputs (B, O) and targets (B, ...) to a number


def teach(
    optimiser: torch.optim.Optimizer,
    loss: Callable[[], Tensor],
    steps: int = 1,
    *,
    after: Callable[[], None] = lambda: None,
) -> Tensor:
    """Make steps of a critic's optimiser; return the last loss. Every critic of this project learns by it.

    Args:
        loss: what the critic descends, a number; called for each step, so that each is made on examples of its own.
        after: called after each step, as for weights that have a bound.
    """
    descended = torch.tensor(torch.nan)  # of no steps
    for _ in range(steps):
        descended = loss()
        descend(optimiser, descended)
        after()
    return descended.detach()


def lowest_logits(critics: Sequence[nn.Module], inputs: Tensor) -> Tensor:
    """Return the lowest of the critics' logits, (B, O): what one critic overrates by mistake does not count."""
    return torch.stack([critic(inputs) for critic in critics]).amin(dim=0)


class CriticEnsemble:
    """Critics that learn the same from one replay buffer, each from batches of its own."""

    def __init__(
        self,
        critics: Sequence[nn.Module],
        loss: CriticLoss,
        *,
        learning_rate: float,
        batch: int,
        newest: int,
        half: bool = False,
    ) -> None:
        """Take critics and how they learn.

        Args:
            newest: additions to the buffer, the newest, that half of the steps of a round are made on.
            half: whether they compute in bf16 where the hardware does.
        """
        self.half = half
        self.critics, self.loss, self.batch, self.newest = list(critics), loss, batch, newest
        self.optimisers = [adam(critic.parameters(), learning_rate, ADVERSARIAL_BETAS) for critic in critics]

    def train(self, buffer: ReplayBuffer, steps: int, generator: torch.Generator, *, newest: int = 0) -> None:
        """Make steps on the buffer, or on its newest additions."""

        def loss(critic: nn.Module) -> Tensor:
            inputs, targets = buffer.draw(self.batch, generator, newest=newest)
            with self._precision(inputs):
                outputs = critic(inputs.float())  # a buffer may hold half precision
            return self.loss(outputs.float(), targets)

        for _ in range(steps):
            for critic, optimiser in zip(self.critics, self.optimisers, strict=True):
                teach(optimiser, partial(loss, critic))

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

    def lowest(self, inputs: Tensor) -> Tensor:
        """Return the lowest of the critics' logits (B, O), in the precision in which they learn."""
        with self._precision(inputs):
            return lowest_logits(self.critics, inputs).float()

    def _precision(self, inputs: Tensor) -> AbstractContextManager[Any]:
        return half_precision(inputs.device) if self.half else nullcontext()

    def train_round(self, buffer: ReplayBuffer, steps: int, generator: torch.Generator) -> None:
        """Make a round's steps: half on everything, half on the newest, so they are sharpest where the actor is."""
        self.train(buffer, steps // 2, generator)
        self.train(buffer, steps - steps // 2, generator, newest=self.newest)

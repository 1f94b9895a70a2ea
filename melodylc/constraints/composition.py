"""Actors that were learned apart, used together without learning again: energies add up (section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.constraints.realism import realism_critic
from melodylc.constraints.rule_actor import RuleActor
from melodylc.latent import losses
from melodylc.latent.descent import combined_energy, optimise
from melodylc.model import Model

DESCENT_STEPS, DESCENT_RATE = 30, 0.05  # of descent: proposals are near, half the paper's rate does not overshoot
DISTANCE_WEIGHT = 0.1  # of the distance from the draw, as in the paper's loop
REALISM_WEIGHT = 0.1  # of the realism critic, as in figure 5
SATURATION = 4.0  # logit beyond which a critic wins nothing more, as in `Budget.enough`: the others get their turn
ROWS_AT_ONCE = 256  # vectors moved together; more gain nothing and take memory


@dataclass(frozen=True)
class ComposedActor:
    """Several rule actors as one."""

    actors: tuple[RuleActor, ...]

    @property
    def model(self) -> Model:
        """Return the model that all were learned on."""
        return self.actors[0].model

    def move(self, z: Vectors) -> Tensor:
        """Move z (B, Z) to where the critics of every actor are content.

        The best of the actors' proposals (each shift alone, their sum, one actor after the other), then descent.
        """
        start = torch.as_tensor(z)
        return torch.cat([self._move(part) for part in start.split(ROWS_AT_ONCE)]) if len(start) else start

    def _move(self, z: Tensor) -> Tensor:
        real = realism_critic(self.model)
        near_start = combined_energy(z, self.model.bank.sigma_bar, [], penalty=DISTANCE_WEIGHT)

        def energy(moved: Tensor) -> Tensor:
            bars = self.model.bar_embeddings(moved)  # once for all critics
            cost = near_start(moved) + REALISM_WEIGHT * losses.constraint_loss(real(moved)).sum(dim=-1)
            for actor in self.actors:
                logits = torch.stack([critic(bars) for critic in actor.critics]).amin(dim=0)
                cost = cost + losses.constraint_loss(logits.clamp(max=SATURATION)).sum(dim=-1)
            return cost

        shifts = [actor.move(z) - z for actor in self.actors]
        chained = z
        for actor in self.actors:
            chained = actor.move(chained)
        proposals = torch.stack([*(z + shift for shift in shifts), z + sum(shifts), chained])  # (P, B, Z)
        with torch.no_grad():
            costs = torch.stack([energy(proposal) for proposal in proposals])  # (P, B)
        best = proposals[costs.argmin(dim=0), torch.arange(len(z))]
        return optimise(best, energy, steps=DESCENT_STEPS, learning_rate=DESCENT_RATE)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Sample melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)


def compose(*actors: RuleActor) -> ComposedActor:
    """Compose rule actors of one model that were learned apart: no melody is decoded and nothing is learned.

    Raises:
        UserError: for none, for actors of different models, or learned without critics of bars (the paper's loop).
    """
    if not actors:
        raise UserError("compose: expected one actor or more, got none")
    if len({actor.card["model"] for actor in actors}) > 1:
        raise UserError("compose: expected actors of one model; learn them again on the same one")
    for actor in actors:
        if not actor.critics:
            raise UserError(f"compose: {actor.card['rule']} was learned without critics of bars; learn it again")
    return ComposedActor(actors)

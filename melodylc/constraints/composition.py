"""Controls learned apart, met together without learning again: energies add (section 5, with rewards for labels)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc.base.errors import UserError
from melodylc.constraints.realism import realism_critic
from melodylc.constraints.rule_actor import RuleActor
from melodylc.latent import losses
from melodylc.latent.descent import combined_energy, optimise
from melodylc.model import Model

DESCENT_STEPS = 30  # of descent from the actors' proposal
DESCENT_RATE = 0.05
PENALTY = 0.1  # weight of the distance from the draw
REALISM = 0.1  # weight of the realism critic, as in figure 5
ROWS = 256  # vectors moved together


@dataclass(frozen=True)
class ComposedActor:
    """Several controls as one."""

    actors: tuple[RuleActor, ...]

    @property
    def model(self) -> Model:
        return self.actors[0].model

    def move(self, z: Tensor) -> Tensor:
        """z (B, Z) to where every control's critics are content: the best of the actors' proposals, then descent."""
        return torch.cat([self._move(part) for part in z.split(ROWS)]) if len(z) else z

    def _move(self, z: Tensor) -> Tensor:
        real = realism_critic(self.model)
        staying = combined_energy(z, self.model.bank.sigma_bar, [], penalty=PENALTY)

        def energy(moved: Tensor) -> Tensor:
            bars = self.model.bar_embeddings(moved)  # once for all critics
            cost = staying(moved) + REALISM * losses.constraint_loss(real(moved)).sum(dim=-1)
            for actor in self.actors:
                logits = torch.stack([critic(bars) for critic in actor.critics]).amin(dim=0)
                cost = cost + losses.constraint_loss(logits.clamp(max=4.0)).sum(dim=-1)
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
        """Melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)


def compose(*actors: RuleActor) -> ComposedActor:
    """Controls of one model, learned apart, as one: no melody is decoded and nothing is learned.

    Raises:
        UserError: for none, for controls of different models, or learned without critics of bars (the paper's loop).
    """
    if not actors:
        raise UserError("compose: expected one control or more, got none")
    if len({actor.card["model"] for actor in actors}) > 1:
        raise UserError("compose: expected controls of one model; learn them again on the same one")
    for actor in actors:
        if not actor.critics:
            raise UserError(f"compose: {actor.card['rule']} was learned without critics of bars; learn it again")
    return ComposedActor(actors)

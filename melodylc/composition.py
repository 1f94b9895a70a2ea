"""Controls learned apart, met together without learning again: energies add (section 5, with rewards for labels)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from melodylc.control import Control
from melodylc.errors import UserError
from melodylc.latent import losses
from melodylc.latent.descent import optimise, total
from melodylc.model import Model
from melodylc.realism import realism_critic

STEPS = 30  # of descent from the actors' proposal
RATE = 0.05
PENALTY = 0.1  # weight of the distance from the draw
REALISM = 0.1  # weight of the realism critic, as in figure 5
ROWS = 256  # vectors moved together


@dataclass(frozen=True)
class Composed:
    """Several controls as one."""

    controls: tuple[Control, ...]

    @property
    def model(self) -> Model:
        return self.controls[0].model

    def move(self, z: Tensor) -> Tensor:
        """z (B, Z) to where every control's critics are content: the best of the actors' proposals, then descent."""
        return torch.cat([self._move(part) for part in z.split(ROWS)]) if len(z) else z

    def _move(self, z: Tensor) -> Tensor:
        real = realism_critic(self.model)
        staying = total(z, self.model.bank.sigma_bar, [], penalty=PENALTY)

        def energy(moved: Tensor) -> Tensor:
            bars = self.model.bars(moved)  # once for all critics
            cost = staying(moved) + REALISM * losses.kept(real(moved)).sum(dim=-1)
            for control in self.controls:
                logits = torch.stack([critic(bars) for critic in control.critics]).amin(dim=0)
                cost = cost + losses.kept(logits.clamp(max=4.0)).sum(dim=-1)
            return cost

        shifts = [control.move(z) - z for control in self.controls]
        chained = z
        for control in self.controls:
            chained = control.move(chained)
        proposals = torch.stack([*(z + shift for shift in shifts), z + sum(shifts), chained])  # (P, B, Z)
        with torch.no_grad():
            costs = torch.stack([energy(proposal) for proposal in proposals])  # (P, B)
        best = proposals[costs.argmin(dim=0), torch.arange(len(z))]
        return optimise(best, energy, steps=STEPS, learning_rate=RATE)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)


def compose(*controls: Control) -> Composed:
    """Controls of one model, learned apart, as one: no melody is decoded and nothing is learned.

    Raises:
        UserError: for none, for controls of different models, or learned without critics of bars (the paper's loop).
    """
    if not controls:
        raise UserError("compose: expected one control or more, got none")
    if len({control.card["model"] for control in controls}) > 1:
        raise UserError("compose: expected controls of one model; learn them again on the same one")
    for control in controls:
        if not control.critics:
            raise UserError(f"compose: {control.card['rule']} was learned without critics of bars; learn it again")
    return Composed(controls)

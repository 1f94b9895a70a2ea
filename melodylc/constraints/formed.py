"""New melodies in a form, such as AABA: equal phrases are equal by construction."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.constraints.draws import PriorDraws
from melodylc.melody import BARS, HOLD, REST, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.model import Model
from melodylc.rules.form import Form


class FormedDraws(PriorDraws):
    """Draws of the prior whose bars are equal as in a form: they come from equal noise, so that the others fit them.

    No phrase begins with a note of the one before it, or it would be another where it returns.
    """

    def __init__(
        self,
        model: Model,
        form: Form,
        attributes: Attributes | None = None,
        temperature: float | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> None:
        """Draw melodies in a form; see `PriorDraws`.

        Raises:
            UserError: for a model without a realistic prior.
        """
        if model.realistic is None:
            raise UserError("form: expected a model with a realistic prior; melodylc prior trains one")
        at_each_step = np.ones((STEPS, STATES), bool) & (True if allowed_states is None else allowed_states)
        self.begins = np.arange(STEPS) % (form.bars * STEPS_PER_BAR) == 0
        at_each_step[self.begins, HOLD] = False
        super().__init__(model, attributes, temperature, at_each_step)
        self.source = form.source()

    def latent(self, noise: Tensor) -> Tensor:
        return super().latent(noise[:, torch.from_numpy(self.source)])

    def decoded(self, z: Tensor, noise: Tensor, source: torch.Generator | None) -> np.ndarray:
        return self._in_form(super().decoded(z, noise, source))

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        del melody
        return self._in_form(changed)

    def _in_form(self, melodies: np.ndarray) -> np.ndarray:
        """Return melodies (B, 256) whose phrases are those that come first of their letter."""
        held = (melodies == HOLD) & self.begins
        bars = canonical(np.where(held, REST, melodies)).reshape(-1, BARS, STEPS_PER_BAR)
        return bars[:, self.source].reshape(-1, STEPS)

"""New melodies whose phrases return, as in the form AABA: equal phrases are equal by construction."""

from __future__ import annotations

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.seeds import Source
from melodylc.constraints.draws import PriorDraws
from melodylc.melody import BARS, HOLD, REST, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.runtime.interface import MelodyModel


class FormedDraws(PriorDraws):
    """Draws of the prior some of whose bars return: these come from equal noise, so that the others fit them.

    No phrase begins with a note of the one before it, or it would be another where it returns.
    """

    def __init__(
        self,
        model: MelodyModel,
        source: np.ndarray,
        phrase: int,
        attributes: Attributes | None = None,
        temperature: float | None = None,
        allowed_states: np.ndarray | None = None,
    ) -> None:
        """Draw melodies with bars that return; see `PriorDraws`.

        Args:
            source: (16,), for each bar the one that it is equal to, or itself.
            phrase: bars of a phrase.

        Raises:
            UserError: for a model without a realistic prior.
        """
        if model.realistic is None:
            raise UserError("phrases that return: expected a model with a realistic prior; melodylc prior trains one")
        at_each_step = np.ones((STEPS, STATES), bool) & (True if allowed_states is None else allowed_states)
        self.begins = np.arange(STEPS) % (phrase * STEPS_PER_BAR) == 0
        at_each_step[self.begins, HOLD] = False
        super().__init__(model, attributes, temperature, at_each_step)
        self.source = source

    def latent(self, noise: np.ndarray) -> np.ndarray:
        return super().latent(noise[:, self.source])

    def decoded(self, z: np.ndarray, noise: np.ndarray, source: Source) -> np.ndarray:
        return self._returning(super().decoded(z, noise, source))

    def fitted(self, changed: np.ndarray, melody: np.ndarray) -> np.ndarray:
        del melody
        return self._returning(changed)

    def _returning(self, melodies: np.ndarray) -> np.ndarray:
        """Return melodies (B, 256) whose bars are those that they return."""
        held = (melodies == HOLD) & self.begins
        bars = canonical(np.where(held, REST, melodies)).reshape(-1, BARS, STEPS_PER_BAR)
        return bars[:, self.source].reshape(-1, STEPS)

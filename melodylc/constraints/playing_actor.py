"""Actors of rules that were saved, loaded to play: with torch as they were learned, without it to move draws only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from melodylc import kinds
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.base.extras import installed
from melodylc.loading import learned_card, with_torch
from melodylc.runtime import actors
from melodylc.runtime.interface import MelodyModel

if TYPE_CHECKING:
    from melodylc.constraints.rule_actor import RuleActor

AnyActor: TypeAlias = "RuleActor | PlayingActor"
KIND = kinds.RULE_ACTOR


@dataclass(frozen=True)
class PlayingActor:
    """A rule actor without torch: it moves draws as it learned to, and has no critics."""

    model: MelodyModel
    network: actors.Actor
    card: dict[str, Any]  # as of `melodylc.RuleActor`

    def move(self, z: Vectors) -> np.ndarray:
        """Return where draws (B, Z) satisfy the rule, (B, Z)."""
        return self.network.moved(z)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Return melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)


def load_actor(path: str | os.PathLike[str], model: MelodyModel) -> AnyActor:
    """Load an actor saved by `RuleActor.save`; without torch it is a `PlayingActor`.

    Raises:
        UserError: if it is missing, damaged, or was learned on another model.
    """
    if installed("torch"):
        from melodylc.constraints import rule_actor

        return rule_actor.load_actor(path, with_torch(model, "actor"))
    card = learned_card(path, KIND, model)
    try:
        hidden = tuple(card["budget"]["actor_hidden"])
        actors.check_widths(hidden)
        network = actors.read_actor(Path(path), KIND.word, model.latent, hidden, prefix="actor.")
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"actor: the card and the weights at {path} do not fit each other ({error})") from error
    return PlayingActor(model, network, card)

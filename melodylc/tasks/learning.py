"""What is learned as a task: a rule, and a taste; runs in the inference process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.constraints.lengths import sixteens
from melodylc.constraints.preference import load_preference, prefer
from melodylc.latent.budget import Budget
from melodylc.loading import with_torch
from melodylc.runtime.interface import MelodyModel
from melodylc.tasks.asked import Asked
from melodylc.tasks.making import judged, states

if TYPE_CHECKING:
    from melodylc.latent.rewards import Round


def learned(
    model: MelodyModel, asked: Asked, path: str, tell: Callable[..., None], stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Learn an actor for the rules that are asked for and save it; stopped early, the best so far.

    Raises:
        UserError: without a rule, and where torch is not installed.
    """
    rules = (*asked.chord_rules, *asked.rules)
    if not rules:
        raise UserError("learn: expected a rule or chords; key, notes and range need no learning")
    if stopped():
        raise UserError("learn: stopped before it began")

    def on_round(figures: Round) -> None:
        curve.append([len(curve) + 1, round(figures.kept, 4), round(figures.satisfied, 4)])
        tell(curve=curve)
        if stopped():
            raise KeyboardInterrupt

    curve: list[list[float]] = []
    learning = with_torch(model, "learn")
    from melodylc.constraints.rule_actor import learn

    actor = learn(
        learning,
        reduce(and_, rules),
        attributes=asked.attributes,
        budget=Budget(),
        progress=False,
        on_round=on_round,
    )
    actor.save(path)
    return {"report": actor.report, "reached": actor.outcome == "reached", "curve": curve}


def asked_about(model: MelodyModel, asked: Asked, path: str, seed: int) -> dict[str, Any]:
    """Return two melodies whose judgement tells most about what is liked."""
    preference = load_preference(path, model) if Path(path).exists() else prefer(model)
    pair = preference.ask(2, seed=seed)
    return {"melodies": [judged(model, asked, each) | {"way": "known melodies"} for each in pair]}


def tasted(
    model: MelodyModel, path: str, liked: Sequence[list[int]], disliked: Sequence[list[int]], base: str | None
) -> dict[str, Any]:
    """Learn what is liked from all melodies that were judged, and save it; of longer ones the first 16 bars count.

    Args:
        base: a file of what was liked and disliked before, which it goes on from.
    """
    before = prefer(model) if base is None else load_preference(base, model)
    preference = before.answered(liked=_first_sixteen(liked), disliked=_first_sixteen(disliked))
    preference.save(path)
    return {"share": preference.share_satisfied}


def _first_sixteen(melodies: Sequence[list[int]]) -> list[np.ndarray]:
    return [sixteens(states(each)[None])[0, 0] for each in melodies]

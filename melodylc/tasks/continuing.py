"""Melodies that go on from a given one; runs in the inference process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.constraints.lengths import ending
from melodylc.continuing import continue_melody
from melodylc.melody import BARS, REST, STEPS, STEPS_PER_BAR
from melodylc.runtime.interface import MelodyModel
from melodylc.tasks.asked import Asked
from melodylc.tasks.making import ADDED_SECONDS, Tell, found, judged, one_by_one
from melodylc.tasks.remaking import window_remade


def continued(
    model: MelodyModel, asked: Asked, melody: np.ndarray, tell: Tell, stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Return melodies that go on from one (S,), until they have as many bars as are asked for.

    One of fewer than 16 bars is gone on with by filling them first.

    Raises:
        UserError: unless it has fewer bars than are asked for.
    """
    there = len(melody) // STEPS_PER_BAR
    if there >= asked.bars:
        raise UserError(f"continue: expected more bars than the melody has; got {there}, {asked.bars}")

    def make(number: int) -> list[dict[str, Any]]:
        seed = asked.seed + number
        begun = _filled(model, asked, melody, seed, stopped)
        if len(begun) == asked.bars * STEPS_PER_BAR:
            return [judged(model, asked, begun, np.arange(len(begun)) < len(melody)) | {"way": "continued"}]
        made = continue_melody(
            model,
            begun,
            asked.attributes,
            bars=asked.bars,
            count=1,
            rules=[*asked.chord_rules, *asked.rules],
            seed=seed,
            temperature=asked.temperature,
            strict=asked.strict,
            seconds=ADDED_SECONDS,
        )
        given = np.arange(asked.bars * STEPS_PER_BAR) < len(melody)
        return found(model, asked, replace(made, given=given))

    return one_by_one(asked.count, make, tell, stopped)


def _filled(model: MelodyModel, asked: Asked, melody: np.ndarray, seed: int, stopped: Callable[[], bool]) -> np.ndarray:
    """Return a melody (S,) with those that are missing to 16 bars, or to as many as are asked for."""
    steps = min(asked.bars * STEPS_PER_BAR, STEPS)
    if len(melody) >= steps:
        return melody
    begun = np.append(melody, np.full(steps - len(melody), REST, np.uint8))
    ends = [ending(asked.attributes, asked.bars)] if asked.bars <= BARS else []
    return window_remade(model, asked, begun, np.arange(steps) < len(melody), 0, None, seed, stopped, further=ends)

"""What generation gives back: melodies, and how they came about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from melodylc.constraints.sampling import Drawn
from melodylc.plausibility import Bounds


@dataclass(frozen=True)
class Generated:
    """Melodies, and how they came about."""

    melodies: np.ndarray  # (count, 256), or as many steps as the bars that were asked for have
    draws: list[int]  # which draw each melody is, from 1
    ways: list[str]  # the name of the way by which each came
    implausible: list[tuple[str, ...]]  # the features in which each is not plausible
    summary: str = ""  # how they were made, in a sentence
    given: np.ndarray | None = None  # (steps,) bool, those that were given: notes there are not held against the others

    @property
    def counts(self) -> str:
        """Return how many melodies came which way, in words."""
        return "taken from " + ", ".join(f"{name} {count}" for name, count in Counter(self.ways).most_common())


def report(drawn: Drawn, bounds: Bounds, summary: str) -> Generated:
    """Return melodies that were drawn, in which features they are not plausible, and how they came about."""
    made = Generated(
        drawn.melodies, drawn.draws, drawn.ways, [bounds.violated(melody) for melody in drawn.melodies], summary
    )
    return replace(made, summary=f"{summary}; {made.counts}")

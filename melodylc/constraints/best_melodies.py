"""The melodies nearest to a rule, as they are met while it is learned."""

from __future__ import annotations

import numpy as np

from melodylc.melody import STEPS


class BestMelodies:
    """The different melodies of highest score among all that were considered, the best first."""

    def __init__(self, most: int) -> None:
        """Take how many of them to hold."""
        self.most = most
        self.melodies = np.empty((0, STEPS), np.uint8)
        self.scores = np.empty(0)

    def consider(self, states: np.ndarray, scores: np.ndarray) -> None:
        """Hold the best of melodies (B, 256) with scores (B,) if they are better than those held."""
        best = np.argsort(-scores, kind="stable")[: self.most]
        melodies = np.concatenate([self.melodies, states[best]])
        scores = np.concatenate([self.scores, scores[best]])
        _, first = np.unique(melodies, axis=0, return_index=True)
        order = first[np.argsort(-scores[first], kind="stable")][: self.most]
        self.melodies, self.scores = melodies[order], scores[order]

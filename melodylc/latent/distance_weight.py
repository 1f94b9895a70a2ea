"""The weight of the distance penalty (lambda of equation 3), following the share kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DistanceWeight:
    """How lambda changes from round to round: while enough is kept it grows, so that actors learn to stay near.

    It falls where less is kept, since an actor that stays near and satisfies nothing is of no use; but not where
    outputs have grown alike, since there an actor that goes further has only one place to go.
    """

    growth: float  # factor of a round above the target
    shrinkage: float  # factor of any other round
    least: float  # it stays above 0, so that it can grow again
    most: float  # and below where the penalty alone would decide

    def after(self, weight: float, kept: float, target: float, varied: bool = True) -> float:
        """Return the weight that follows a round with a share kept, its outputs varied or alike."""
        factor = self.growth if kept > target or not varied else self.shrinkage
        return min(max(weight * factor, self.least), self.most)

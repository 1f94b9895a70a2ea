"""Swing: of two notes of equal value, the first lasts longer."""

from __future__ import annotations

import math
from dataclasses import dataclass

SIXTEENTHS, EIGHTHS = 0.5, 1.0  # beats that a pair of them lasts


@dataclass(frozen=True)
class Swing:
    """Swing of sixteenths or of eighths.

    Args:
        share: of a pair of them that the first one lasts: 0.5 is straight, 0.67 a triplet.
        pair: beats that two of them last: `SIXTEENTHS` or `EIGHTHS`.
    """

    share: float = 0.5
    pair: float = SIXTEENTHS

    def swung(self, beat: float) -> float:
        """Return where a straight position is played."""
        return _bent(beat, self.pair, 0.5, self.share)

    def straightened(self, beat: float) -> float:
        """Return the straight position of one that is swung: the inverse of `swung`."""
        return _bent(beat, self.pair, self.share, 0.5)


STRAIGHT = Swing()


def _bent(beat: float, pair: float, before: float, after: float) -> float:
    """Return a position once the middle of its pair has moved from one share of the pair to another."""
    number = math.floor(beat / pair)
    share = beat / pair - number
    if share < before:
        share *= after / before
    else:
        share = after + (share - before) * (1 - after) / (1 - before)
    return (number + share) * pair

"""Swing and triplets, recognised from where the notes of a phrase begin.

Every share of swung sixteenths and of swung eighths is tried, beside straight ones, for notes that are all late or
early by some milliseconds and off by some more. The likeliest is taken. In each of them a beat may be in triplets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from melodylc.live.feel import Feel
from melodylc.melody import STEPS_PER_BEAT
from midi_io.swing import EIGHTHS, SIXTEENTHS, STRAIGHT, Swing
from midi_io.transport import BEATS_PER_BAR

SWINGS = (
    STRAIGHT,
    # beyond, a dotted note and the short one after it are a pair
    *(Swing(share / 100, SIXTEENTHS) for share in range(54, 71)),
    *(Swing(share / 100, EIGHTHS) for share in range(54, 71)),
)
SHARES = np.array([swing.share for swing in SWINGS])
DIVISIONS = np.array([[swing.swung(step / STEPS_PER_BEAT) for step in range(STEPS_PER_BEAT + 1)] for swing in SWINGS])
MOVED = DIVISIONS[:, :-1] != np.arange(STEPS_PER_BEAT) / STEPS_PER_BEAT  # (S, 4): the sixteenths that swing moves
THIRDS = np.arange(4) / 3
JITTERS = np.array([0.008, 0.012, 0.018, 0.027])  # seconds that notes are off, as deviations: one of them fits
FINEST = 0.01  # beats, likewise: nobody is nearer
SHIFTS = np.linspace(-0.06, 0.06, 13)  # seconds by which all notes may be late
SHIFTED = 0.02  # their deviation
# negative logarithms of how likely things are
STRAYS = -np.log(4 * 0.02)  # a note that is nowhere near: one in fifty belongs to no division
SWUNG = 6.0  # a phrase that is swung
TRIPLET = 3.0  # a beat in triplets, among beats that are not
FEWEST = 3  # notes that swing moves, and that it leaves, from which it can be told
EARLY = 0.1  # beats before a beat from which a note is of it
NEAR_THIRDS = 0.03  # of the share of swung eighths from two thirds, within which their middle notes are triplets


class _Fit(NamedTuple):
    """How notes fit to a swing."""

    costs: np.ndarray  # (S,): of all swings, negative logarithms of their likelihood
    best: int  # of them
    late: float  # beats by which all notes are
    deviation: float  # beats


def feel_of(beats: np.ndarray, beat: float) -> Feel:
    """Return the feel of notes.

    Args:
        beats: where they begin, (N,), in beats from a bar line.
        beat: seconds that a beat lasts.
    """
    of_beat = np.maximum(np.floor(beats + EARLY), 0).astype(int)
    fit = _fit(beats, of_beat, beat)
    swing = SWINGS[fit.best]
    if fit.best > 0:
        likely = np.exp(fit.costs[fit.best] - fit.costs) * [each.pair == swing.pair for each in SWINGS]
        likely[0] = 0
        swing = Swing(float(likely @ SHARES / likely.sum()), swing.pair)
    triplets = _triplets(beats - of_beat - fit.late, of_beat, fit, swing)
    if any(triplets) and _in_thirds(swing):
        swing = Swing(2 / 3, EIGHTHS)
    return Feel(swing, triplets)


def _fit(beats: np.ndarray, of_beat: np.ndarray, beat: float) -> _Fit:
    """Return the fit of notes, each of which is of a beat (N,), to all swings.

    Shapes: swings S, shifts L, notes N, deviations J, beats B.
    """
    late, deviations = SHIFTS / beat, np.maximum(JITTERS / beat, FINEST)
    at = beats - of_beat - late[:, None]  # (L, N)
    apart = np.abs(at[..., None] - DIVISIONS[:, None, None])  # (S, L, N, 5)
    nearest = apart.argmin(axis=-1) % STEPS_PER_BEAT
    counts = (nearest[..., None] == np.arange(STEPS_PER_BEAT)).sum(axis=2)  # (S, L, 4)
    # where sixteenths lie close to each other, notes between are near to either: it costs to say which
    said = -np.log((counts + 0.5) / (len(beats) + 0.5 * STEPS_PER_BEAT))
    of_notes = _costs(apart.min(axis=-1)[..., None], deviations) + np.take_along_axis(said, nearest, axis=2)[..., None]
    in_thirds = _costs(np.abs(at[..., None] - THIRDS).min(axis=-1)[..., None], deviations) + np.log(3)  # (L, N, J)
    notes_of = (of_beat == np.unique(of_beat)[:, None]).astype(float)  # (B, N)
    of_beats = np.minimum(notes_of @ of_notes, notes_of @ in_thirds + TRIPLET)  # (S, L, B, J)
    costs = of_beats.sum(axis=2) + ((SHIFTS / SHIFTED) ** 2 / 2)[:, None]
    moved = (counts * MOVED[:, None]).sum(axis=2)  # (S, L)
    costs[(moved < FEWEST) | (len(beats) - moved < FEWEST)] = np.inf
    costs[0] = of_beats[0].sum(axis=1) + ((SHIFTS / SHIFTED) ** 2 / 2)[:, None]
    costs[1:] += SWUNG
    best, shift, deviation = np.unravel_index(costs.argmin(), costs.shape)
    return _Fit(costs.min(axis=(1, 2)), int(best), float(late[shift]), float(deviations[deviation]))


def _costs(off: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """Return how unlikely it is that notes are so far from a division, as negative logarithms."""
    return np.minimum((off / deviation) ** 2 / 2 + np.log(np.sqrt(2 * np.pi) * deviation), STRAYS)


def _in_thirds(swing: Swing) -> bool:
    """Return whether swung eighths are the first and the last note of triplets."""
    return swing.pair == EIGHTHS and abs(swing.share - 2 / 3) < NEAR_THIRDS


def _triplets(at: np.ndarray, of_beat: np.ndarray, fit: _Fit, swing: Swing) -> tuple[bool, ...]:
    """Return for each beat, of the bars up to the last note, whether it is in triplets; () for none.

    Args:
        at: where notes are in their beats, (N,).
    """
    count = -(-(int(of_beat.max()) + 1) // BEATS_PER_BAR) * BEATS_PER_BAR
    apart, from_thirds = np.abs(at[:, None] - DIVISIONS[fit.best]), np.abs(at[:, None] - THIRDS)
    nearest, third = apart.argmin(axis=1) % STEPS_PER_BEAT, from_thirds.argmin(axis=1)

    def have(notes: np.ndarray) -> np.ndarray:
        """Return which beats have one of these notes."""
        return np.bincount(of_beat, notes, count) > 0

    if _in_thirds(swing):
        found = have(nearest == 1) & ~have(nearest == 3)
    else:
        gained = _costs(apart.min(axis=1), fit.deviation) - _costs(from_thirds.min(axis=1), fit.deviation)
        of_beats, may_be = np.bincount(of_beat, gained, count), have(third == 1) & have(third == 2)
        found = may_be & (of_beats > TRIPLET)
        if found.any():  # where there are some, others are likelier
            found = may_be & (of_beats > min(np.log(np.maximum(count - found.sum(), 1) / found.sum()), TRIPLET))
    if 2 * found.sum() > have(nearest > 0).sum():
        found[:] = True  # a beat that nothing divides is as the others
    return tuple(found.tolist()) if found.any() else ()

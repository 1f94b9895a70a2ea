"""The feel of a phrase: how its beats are divided. Straight, swung, or in triplets.

Melodies know sixteenths only. So a phrase is straightened before it is rounded to them, and its answer is played with
the feel of the phrase. The three notes of a triplet are the first, second and third sixteenth of their beat; an
answer's beat that is played in triplets puts its sixteenths on the thirds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from melodylc.melody import STEPS_PER_BEAT
from midi_io.files import Note
from midi_io.swing import EIGHTHS, SIXTEENTHS, STRAIGHT, Swing
from midi_io.transport import BEATS_PER_BAR

JITTERS = np.array([0.008, 0.012, 0.018, 0.027])  # seconds that notes are off, as deviations: one of them fits
FINEST = 0.01  # beats, likewise: nobody is nearer
SHIFTS = np.linspace(-0.06, 0.06, 13)  # seconds by which all notes may be late
SHIFTED = 0.02  # their deviation
FEWEST = 3  # notes that swing moves, and that it leaves, from which it can be told
STRAYS = -np.log(4 * 0.02)  # the cost of a note that is nowhere near: one in fifty belongs to no division
SWUNG = 6.0  # by how much the cost has to be less than that of straight notes
SWINGS = (
    STRAIGHT,
    *(Swing(share / 100, SIXTEENTHS) for share in range(54, 76)),
    *(Swing(share / 100, EIGHTHS) for share in range(54, 71)),  # beyond, a dotted eighth and its sixteenth are one
)
THIRDS = np.array([0, 1 / 3, 2 / 3, 1])
TRIPLET = 3.0  # by how much the cost of a beat has to be less in thirds, among beats that are not
EARLY = 0.1  # beats before a beat from which a note is of it
NEAR_THIRDS = 0.03  # of the share of swung eighths from two thirds, within which their middle notes are triplets


@dataclass(frozen=True)
class Feel:
    """How the beats of a phrase are divided.

    Args:
        swing: of the beats that are no triplets.
        triplets: for each beat of the phrase, from its first bar line on, whether it is divided into three.
    """

    swing: Swing = STRAIGHT
    triplets: tuple[bool, ...] = ()

    def __str__(self) -> str:
        said = []
        if self.swing.share > 0.5:
            of = "eighths" if self.swing.pair == EIGHTHS else "sixteenths"
            said.append(f"{of} swung {100 * self.swing.share:.0f} %")
        if any(self.triplets):
            said.append("triplets")
        return ", ".join(said) or "straight"

    def in_thirds(self, beat: int) -> bool:
        """Return whether a beat is divided into three; the phrase repeats."""
        return bool(self.triplets) and self.triplets[beat % len(self.triplets)]

    def step(self, beat: float) -> int:
        """Return the sixteenth that a position, in beats, is rounded to."""
        whole = floor(beat)
        if self.in_thirds(whole):
            third = floor((beat - whole) * 3 + 0.5)
            return whole * STEPS_PER_BEAT + (STEPS_PER_BEAT if third == 3 else third)
        return floor(self.swing.straightened(beat) * STEPS_PER_BEAT + 0.5)

    def played(self, notes: Sequence[Note]) -> list[Note]:
        """Return the notes of a melody, in beats from its beginning, where they are played."""
        steps = {round(note.start * STEPS_PER_BEAT) for note in notes}
        return [
            note._replace(start=self._played(note.start, steps), end=self._played(note.end, steps)) for note in notes
        ]

    def _played(self, beat: float, begun: set[int]) -> float:
        whole = floor(beat)
        if not self.in_thirds(whole):
            return self.swing.swung(beat)
        first = whole * STEPS_PER_BEAT
        return whole + _third(round(beat * STEPS_PER_BEAT) - first, [step - first for step in begun])

    def over(self, beats: int) -> Feel:
        """Return the feel of a phrase that lasts so many beats: those after its last note are as most before them."""
        if not any(self.triplets):
            return Feel(self.swing)
        return Feel(self.swing, (self.triplets + (all(self.triplets),) * beats)[:beats])


EVEN = Feel()


def _third(step: int, begun: Sequence[int]) -> float:
    """Return where a sixteenth of a beat is played in triplets, if notes begin on these sixteenths.

    The fourth takes the place of the third where no note begins, or of the second, which then moves the third. Where
    notes begin on all, it is played in the midst of the last third.
    """
    if step < 2:
        return step / 3
    if 2 in begun and 3 in begun:
        return {2: 2 / 3, 3: 5 / 6}[step] if 1 in begun else (step - 1) / 3
    return 5 / 6 if step == 3 and 2 in begun else 2 / 3


def feel_of(beats: np.ndarray, beat: float) -> Feel:
    """Return the feel of notes.

    Args:
        beats: where they begin, (N,), in beats from a bar line.
        beat: seconds that a beat lasts.
    """
    costs, shifts, deviations = _fits(beats, SWINGS, beat)
    costs[1:] += SWUNG
    best = int(costs.argmin())
    swing = SWINGS[best]
    if best > 0:
        alike = np.array([each.pair == swing.pair and each.share > 0.5 for each in SWINGS])
        likely = np.exp(costs[best] - costs) * alike
        swing = Swing(float(likely @ [each.share for each in SWINGS] / likely.sum()), swing.pair)
    triplets = _triplets(beats - shifts[best], swing, deviations[best])
    if any(triplets) and _in_thirds(swing):
        swing = Swing(2 / 3, EIGHTHS)
    return Feel(swing, triplets)


def _fits(beats: np.ndarray, swings: Sequence[Swing], beat: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how badly notes fit to swings, by how much all are late then, and by how much each is off: (S,).

    The first is a negative logarithm of the likelihood; the others are in beats, and those that are likeliest.
    """
    divisions = np.stack([_divisions(swing) for swing in swings])  # (S, 5)
    late = SHIFTS / beat
    at = (beats - late[:, None]) % 1  # (L, N)
    apart = np.abs(at[None, ..., None] - divisions[:, None, None])  # (S, L, N, 5)
    off, nearest = apart.min(axis=-1), apart.argmin(axis=-1) % STEPS_PER_BEAT  # (S, L, N)
    # where sixteenths lie close to each other, notes between are near to either: it costs to say which
    counts = (nearest[..., None] == np.arange(STEPS_PER_BEAT)).sum(axis=2)  # (S, L, 4)
    saying = -(counts * np.log((counts + 0.5) / (len(beats) + 0.5 * STEPS_PER_BEAT))).sum(axis=2)
    deviations = np.maximum(JITTERS / beat, FINEST)
    costs = _costs(off[..., None], deviations).sum(axis=2)
    costs += (saying + (SHIFTS / SHIFTED) ** 2 / 2)[..., None]
    moved = np.stack([divisions[:, step] != step / STEPS_PER_BEAT for step in range(STEPS_PER_BEAT)], axis=1)  # (S, 4)
    of_moved = (counts * moved[:, None]).sum(axis=2)
    told = (moved.sum(axis=1)[:, None] == 0) | ((of_moved >= FEWEST) & (len(beats) - of_moved >= FEWEST))
    costs[~told] = np.inf
    flat = costs.reshape(len(swings), -1)  # over (L, J)
    best = flat.argmin(axis=1)
    return flat.min(axis=1), late[best // len(JITTERS)], deviations[best % len(JITTERS)]


def _divisions(swing: Swing) -> np.ndarray:
    """Return where the sixteenths of a beat lie, and its end."""
    return np.array([swing.swung(step / STEPS_PER_BEAT) for step in range(STEPS_PER_BEAT + 1)])


def _costs(off: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return how unlikely it is that notes are so far from the nearest division, as negative logarithms."""
    return np.minimum((off / deviation) ** 2 / 2 + np.log(2.5066 * deviation), STRAYS)


def _off(beats: np.ndarray, divisions: np.ndarray) -> np.ndarray:
    """Return how far positions (N,) are from the nearest division (D,) of their beat."""
    return np.abs((beats % 1)[:, None] - divisions).min(axis=1)


def _in_thirds(swing: Swing) -> bool:
    """Return whether swung eighths are the first and the last note of triplets."""
    return swing.pair == EIGHTHS and abs(swing.share - 2 / 3) < NEAR_THIRDS


def _triplets(beats: np.ndarray, swing: Swing, deviation: float) -> tuple[bool, ...]:
    """Return for each beat, of the bars up to the last note, whether it is in triplets."""
    beat = np.maximum(np.floor(beats + EARLY), 0).astype(int)
    count = -(-(int(beat.max()) + 1) // BEATS_PER_BAR) * BEATS_PER_BAR
    divisions = _divisions(swing)
    nearest = np.abs((beats - beat)[:, None] - divisions).argmin(axis=1)
    if _in_thirds(swing):
        found = _have(beat, nearest == 1, count) & ~_have(beat, nearest == 3, count)
    else:
        third = np.abs((beats - beat)[:, None] - THIRDS).argmin(axis=1)
        gained = _costs(_off(beats, divisions), deviation) - _costs(_off(beats, THIRDS), deviation)
        likely = np.bincount(beat, gained, count) > TRIPLET
        found = likely & _have(beat, third == 1, count) & _have(beat, third == 2, count)
    divided = _have(beat, nearest % STEPS_PER_BEAT > 0, count)
    if 2 * found.sum() > divided.sum():
        found[:] = True  # a beat that nothing divides is as the others
    return tuple(found.tolist())


def _have(beat: np.ndarray, notes: np.ndarray, count: int) -> np.ndarray:
    """Return which of the beats have one of these notes."""
    return np.bincount(beat, notes, count) > 0

"""The feel of a phrase: how its beats are divided. Straight, swung, or in triplets.

Melodies know sixteenths only. So a phrase is straightened before it is rounded to them, and its answer is played with
the feel of the phrase. The three notes of a triplet are the first, second and third sixteenth of their beat; an
answer's beat that is played in triplets puts its sixteenths on the thirds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from melodylc.melody import STEPS_PER_BEAT
from midi_io.files import Note
from midi_io.swing import EIGHTHS, STRAIGHT, Swing


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
        """Return the notes of a melody, in beats from its beginning, in order, where they are played.

        Of four notes in a beat of triplets the last is left out; the one before it lasts as long.
        """
        steps = {round(note.start * STEPS_PER_BEAT) for note in notes}
        kept: list[Note] = []
        for note in notes:
            step = round(note.start * STEPS_PER_BEAT)
            fourth = step % STEPS_PER_BEAT == 3 and {step - 1, step - 2} <= steps
            if fourth and self.in_thirds(step // STEPS_PER_BEAT):
                kept[-1] = kept[-1]._replace(end=note.end)
            else:
                kept.append(note)
        return [
            note._replace(start=self._played(note.start, steps), end=self._played(note.end, steps)) for note in kept
        ]

    def _played(self, beat: float, begun: set[int]) -> float:
        whole = floor(beat)
        if not self.in_thirds(whole):
            return self.swing.swung(beat)
        first = whole * STEPS_PER_BEAT
        of_beat = [step for step in range(1, STEPS_PER_BEAT) if first + step in begun]
        return whole + _third(round(beat * STEPS_PER_BEAT) - first, of_beat)

    def over(self, beats: int) -> Feel:
        """Return the feel of a phrase that lasts so many beats: those after its last note are as most before them."""
        if not any(self.triplets):
            return Feel(self.swing)
        return Feel(self.swing, (self.triplets + (all(self.triplets),) * beats)[:beats])


EVEN = Feel()


def _third(step: int, begun: Sequence[int]) -> float:
    """Return where a sixteenth of a beat is played in triplets, if notes begin on these sixteenths.

    A fourth is played on the last third, unless a note begins on the third as well: that one is early then.
    """
    if step < 2:
        return step / 3
    if 2 in begun and 3 in begun and 1 not in begun:
        return (step - 1) / 3
    return 5 / 6 if step == 3 and 2 in begun else 2 / 3  # five sixths is an end

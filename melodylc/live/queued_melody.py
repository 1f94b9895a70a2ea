"""A melody that a session plays, or is to play."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from melodylc.live.control_values import ControlValues
from melodylc.live.feel import EVEN, Feel
from melodylc.melody import ADDED_BARS, BARS, to_notes
from midi_io.files import Note
from midi_io.transport import BEATS_PER_BAR

Bars = tuple[tuple[Note, ...], ...]


@dataclass(frozen=True)
class QueuedMelody:
    """A melody that plays, or is to play."""

    number: int  # counted from 1; a melody that is made again for other control values keeps it
    values: ControlValues
    seed: int
    z: bytes  # where it came from, before the rules moved it
    rewards: dict[str, float]
    way: str  # how it was made, as `ways` of the sampling calls it
    plausible: bool
    states: bytes  # (256,), of the sixteen bars
    length: int = BARS  # bars of it that are to be played
    before: bytes | None = None  # (256,), the melody that it continues: it plays from its ninth bar on
    feel: Feel = EVEN  # of the phrase that it answers

    @property
    def bars(self) -> Bars:
        """Return its sixteen bars in the order in which they play, notes in beats from their bar's beginning."""
        bars = bars_of(self.states, self.feel)
        return bars if self.before is None else bars[ADDED_BARS:] + bars[:ADDED_BARS]

    @property
    def satisfied(self) -> float:
        """Return the lowest of its rewards; 1 without rules."""
        return min(self.rewards.values(), default=1.0)

    @property
    def kept(self) -> bool:
        """Return whether it satisfies every rule and is plausible."""
        return self.satisfied == 1 and self.plausible


@lru_cache(maxsize=64)  # of thousands that a night leaves behind, few are played just now
def bars_of(states: bytes, feel: Feel = EVEN) -> Bars:
    """Return the notes of a melody by bars, in beats from the beginning of their bar, where they are played."""
    bars: list[list[Note]] = [[] for _ in range(BARS)]
    for note in feel.played(to_notes(np.frombuffer(states, np.uint8))):
        bar = int(note.start // BEATS_PER_BAR)
        line = bar * BEATS_PER_BAR
        bars[bar].append(note._replace(start=note.start - line, end=note.end - line))
    return tuple(map(tuple, bars))

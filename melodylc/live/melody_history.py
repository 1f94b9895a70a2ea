"""What a session has played: the melodies, and where each of them stands.

A position that is reached again sounds as before. Both are bounded: what was heard longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from melodylc.live.queued_melody import QueuedMelody

MOST_MELODIES = 1 << 12  # of 16 bars at 120 bpm: 36 hours
MOST_PLACES = 1 << 14


class Place(NamedTuple):
    """A stretch of a melody."""

    melody: int  # its number
    part: int = 0  # which of its stretches


class Score:
    """Which melody stands where: stretches of bars, by number, and what is played there."""

    def __init__(self, most: int = MOST_PLACES) -> None:
        self._places: OrderedDict[int, Place] = OrderedDict()
        self._most = most

    def at(self, stretch: int) -> Place | None:
        """Return what stands in a stretch, None for nothing."""
        return self._places.get(stretch)

    def put(self, stretch: int, place: Place) -> None:
        """Put into a stretch what is played there from now on."""
        self._places[stretch] = place
        self._places.move_to_end(stretch)
        if len(self._places) > self._most:
            self._places.popitem(last=False)

    def forget_after(self, stretch: int) -> None:
        """Forget what stands in the stretches after one."""
        for each in [each for each in self._places if each > stretch]:
            del self._places[each]


@dataclass
class _Entry:
    drawn: QueuedMelody  # as it was made first
    latest: QueuedMelody
    before: int | None  # the melody that was heard before it, when it was heard first
    follower: int | None = None  # the melody that continues it


class MelodyHistory:
    """The melodies of a session that were heard, by number, each as it was drawn and as it was made last."""

    def __init__(self, most: int = MOST_MELODIES) -> None:
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._most = most

    def __contains__(self, number: int | None) -> bool:
        return number in self._entries

    def __getitem__(self, number: int) -> QueuedMelody:
        """Return a melody as it was made last."""
        return self._entries[number].latest

    def add(self, melody: QueuedMelody, before: int | None) -> None:
        """Add a melody that is heard for the first time, after another one."""
        self._entries[melody.number] = _Entry(melody, melody, before)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def hear(self, number: int) -> None:
        """Have a melody forgotten later: it is heard."""
        self._entries.move_to_end(number)

    def make_again(self, melody: QueuedMelody) -> None:
        """Take a melody that was made again for other control values."""
        self._entries[melody.number].latest = melody

    def take_up(self, number: int, sound: tuple[object, ...]) -> bool:
        """Take up a melody as it was drawn or made last for a sound; return False if it is to be made again."""
        entry = self._entries[number]
        if entry.latest.values.sound != sound and entry.drawn.values.sound == sound:
            entry.latest = entry.drawn
        return entry.latest.values.sound == sound

    def drawn(self, number: int) -> QueuedMelody:
        """Return a melody as it was made first."""
        return self._entries[number].drawn

    def before(self, number: int) -> int | None:
        """Return the melody that was heard before one; None for the first, and for one that is forgotten."""
        before = self._entries[number].before
        return before if before in self else None

    def follower(self, number: int) -> int | None:
        """Return the melody that continues one, None as long as there is none."""
        follower = self._entries[number].follower
        return follower if follower in self else None

    def follow(self, number: int, follower: int) -> None:
        """Have a melody continued by another one."""
        self._entries[number].follower = follower

    def last_of(self, number: int) -> int:
        """Return the last of the melodies that continue each other, from one on."""
        while (follower := self.follower(number)) is not None:
            number = follower
        return number

    def heard_last(self, count: int) -> list[int]:
        """Return the melodies that were heard last, the latest first."""
        return list(islice(reversed(self._entries), count))

"""The status of a live session, as fields and as a line."""

from __future__ import annotations

from dataclasses import dataclass

from melodylc.live.control_values import ControlValues


@dataclass(frozen=True)
class Status:
    """The status of a session."""

    tempo: float
    running: bool
    beat: float  # quarter notes from the beginning, below 0 in a count-in
    beats_per_bar: float  # quarter notes, as the DAW counts them where it tells
    values: ControlValues
    rules: tuple[str, ...]  # that were asked for beside
    melody: int  # number of the melody that plays, 0 before the first
    kept: bool | None  # whether that melody satisfies every rule and is plausible
    recent: tuple[bool, ...]  # the same of the melodies played last, that one included
    satisfied: float | None  # the lowest reward of that melody
    rewards: dict[str, float]
    way: str | None  # how that melody was made: by the actor, from the masked prior, ...
    plausible: bool | None
    queue: int  # melodies ready
    late: int
    skipped: int
    sent: int
    links: int  # connections of the ports
    trouble: str | None  # what is wrong just now

    def __str__(self) -> str:
        bar, beat = divmod(self.beat, self.beats_per_bar)
        place = f"bar {int(bar) + 1}.{int(beat) + 1}" if self.beat >= 0 else f"count-in {int(beat) + 1}"
        place = place if self.running else "stopped"
        melody = "no melody yet"
        if self.satisfied is not None:
            kept = f"{'kept' if self.kept else 'not kept'} ({sum(self.recent)} of the last {len(self.recent)})"
            odd = "" if self.plausible else ", not plausible"
            melody = f"melody {self.melody}, {kept}, satisfied {self.satisfied:.0%}{odd}, from {self.way}"
        rules = ", ".join([str(self.values), *self.rules])
        parts = [f"{self.tempo:.1f} bpm", place, rules, melody, f"queue {self.queue}", f"late {self.late}"]
        if not self.links:
            parts.append("not connected")
        return "  ".join(parts + ([f"({self.trouble})"] if self.trouble else []))

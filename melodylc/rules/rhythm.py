"""Rules on the starts and lengths of notes. A step is a sixteenth; a beat has 4, a bar 16."""

from __future__ import annotations

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import REST, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT
from melodylc.rules.note_arrays import down_to, lengths, onsets, up_to
from melodylc.rules.rule import Rule, check_share

# The metrical strength of each step of a bar: bar line, half bar, beat, eighth, sixteenth.
STRENGTH = np.array([4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0])

# For each step of a bar, the number of steps to the next stronger one. None is stronger than a bar line.
_NEVER = STEPS + 1
TO_STRONGER = np.array(
    [
        next((d for d in range(1, STEPS_PER_BAR + 1) if STRENGTH[(at + d) % STEPS_PER_BAR] > STRENGTH[at]), _NEVER)
        for at in range(STEPS_PER_BAR)
    ]
)


def syncopation(at_least: float = 0.25) -> Rule:
    """Reward min(1, s / at_least), s being the share of notes that are syncopated; 0 for a melody without notes.

    A note is syncopated if it still sounds on the next step that is stronger than the one it starts on (bar line, half
    bar, beat, eighth, sixteenth, in that order of strength).

    Raises:
        UserError: unless at_least is in (0, 1].
    """
    check_share("syncopation", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        syncopated = lengths(states, notes) > TO_STRONGER[notes.step % STEPS_PER_BAR]
        return up_to(notes.share(syncopated), at_least)

    return Rule(f"syncopation {at_least:g}", reward, syncopation.__doc__ or "")


def longest_rest(at_most: int) -> Rule:
    """Reward min(1, at_most / r), r being the steps of the longest rest; 0 for a melody without notes.

    Raises:
        UserError: unless at_most is 0 to 256 steps.
    """
    integer("longest_rest: at_most", at_most, 0, STEPS, " steps")

    def reward(states: np.ndarray) -> np.ndarray:
        rest = states == REST
        steps = np.arange(1, STEPS + 1)
        last_sound = np.maximum.accumulate(np.where(rest, 0, steps), axis=1)
        return down_to((steps - last_sound).max(axis=1), at_most) * ~rest.all(axis=1)

    return Rule(f"rests of at most {at_most} steps", reward, longest_rest.__doc__ or "")


def note_lengths(shortest: int = 1, longest: int = STEPS, at_least: float = 1.0) -> Rule:
    """Reward min(1, s / at_least), s being the share of notes of shortest to longest steps; 0 without notes.

    Raises:
        UserError: unless 1 <= shortest <= longest, and at_least in (0, 1].
    """
    integer("note_lengths: shortest", shortest, 1, STEPS, " steps")
    if integer("note_lengths: longest", longest, 1, STEPS, " steps") < shortest:
        raise UserError(f"note_lengths: expected 1 <= shortest <= longest, got {shortest} and {longest}")
    check_share("note_lengths", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        length = lengths(states, notes)
        return up_to(notes.share((length >= shortest) & (length <= longest)), at_least)

    return Rule(f"lengths {shortest} to {longest}", reward, note_lengths.__doc__ or "")


def swing(at_least: float = 0.75) -> Rule:
    """Reward swing, as far as sixteenths can write it: min(1, s / at_least).

    Of the notes that start in the second half of a beat, s is the share that start on its last sixteenth (long-short)
    rather than in its middle (straight). The reward is 0 without such notes.

    Raises:
        UserError: unless at_least is in (0, 1].
    """
    check_share("swing", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        within = notes.step % STEPS_PER_BEAT
        return up_to(notes.share(within == 3, among=within >= 2), at_least)

    return Rule(f"swing {at_least:g}", reward, swing.__doc__ or "")


def on_the_beat(at_least: float = 0.75) -> Rule:
    """Reward min(1, s / at_least), s being the share of the 64 beats on which a note starts.

    Raises:
        UserError: unless at_least is in (0, 1].
    """
    check_share("on_the_beat", at_least)

    def reward(states: np.ndarray) -> np.ndarray:
        return up_to((states[:, ::STEPS_PER_BEAT] < 128).mean(axis=1), at_least)

    return Rule(f"on the beat {at_least:g}", reward, on_the_beat.__doc__ or "")

"""The parts of a melody that are not locked, made anew; runs in the inference process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.constraints.search import SearchBudget
from melodylc.infilling import infill
from melodylc.melody import BARS, HOLD, REST, STEPS, STEPS_PER_BAR, canonical
from melodylc.rules import Rule
from melodylc.runtime.interface import MelodyModel
from melodylc.tasks.asked import Asked
from melodylc.tasks.locks import FREE, LOCKED, PITCHES, RHYTHM
from melodylc.tasks.making import Tell, judged, one_by_one, states

KEEPS = {FREE: None, RHYTHM: "rhythm", PITCHES: "pitches"}  # what infilling is told, in the order in which it is done
BUDGET = SearchBudget(decodes=60, first=4, seconds=3.0)  # of each part: a draw takes as long as five melodies


def locked_melody(melody: Sequence[int], locks: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a melody (S,) and its locks (S,) as they came from the page.

    Raises:
        UserError: if they are none, or everything is locked.
    """
    notes, stays = states(melody), np.array(locks, int)
    if stays.shape != notes.shape or not np.isin(stays, (FREE, LOCKED, RHYTHM, PITCHES)).all():
        raise UserError("locks: expected one of 0 to 3 for each step")
    if (stays == LOCKED).all():
        raise UserError("remake: everything is locked; unlock what is to be made anew")
    return notes, stays


def remade(
    model: MelodyModel, asked: Asked, melody: np.ndarray, locks: np.ndarray, tell: Tell, stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Return melodies in which all that is not locked is new: first what is free, then what keeps rhythm or pitches.

    Rules see 16 bars at a time, so longer melodies are made anew in as many windows as the new bars need.
    """
    parts = [(keep, start) for keep in KEEPS for start in _windows(locks == keep)]
    given = locks == LOCKED

    def make(number: int) -> list[dict[str, Any]]:
        made = melody
        for part, (keep, start) in enumerate(parts):
            seed = asked.seed + number * len(parts) + part
            made = window_remade(model, asked, made, locks != keep, start, KEEPS[keep], seed, stopped)
        made = ended_as_given(made, melody, given)
        return [judged(model, asked, made, given) | {"way": "remade"}]

    return one_by_one(asked.count, make, tell, stopped)


def _windows(anew: np.ndarray) -> list[int]:
    """Return the bars (from 0) with which windows of 16 begin that cover all steps (S,) to be made anew."""
    bars = np.flatnonzero(anew.reshape(-1, STEPS_PER_BAR).any(axis=1))
    last = max(0, len(anew) // STEPS_PER_BAR - BARS)
    starts: list[int] = []
    for bar in bars.tolist():
        if not starts or bar >= starts[-1] + BARS:
            starts.append(min(max(0, bar - BARS // 4), last))  # with some bars before it, which it follows from
    return starts


def window_remade(
    model: MelodyModel,
    asked: Asked,
    melody: np.ndarray,
    stays: np.ndarray,
    start: int,
    keep: str | None,
    seed: int,
    stopped: Callable[[], bool],
    further: Sequence[Rule] = (),
) -> np.ndarray:
    """Return a melody (S,) with what does not stay (S,) in 16 bars from one on made anew.

    Args:
        further: rules that new bars are to keep beside those that are asked for.
    """
    # fewer than 16 bars are played again, and made anew each time: else their copies would tell what they were
    steps = (start * STEPS_PER_BAR + np.arange(STEPS)) % len(melody)
    first = np.arange(STEPS) < len(melody)
    another = Rule("another", lambda states: (states != melody[steps])[:, first].any(axis=1).astype(float))
    found = infill(
        model,
        melody[steps],
        asked.attributes,
        locked=stays[steps],
        keep=keep,
        count=1,
        rules=[*(rule.beginning(start) for rule in (*asked.chord_rules, *asked.rules)), *further, another],
        seed=seed,
        temperature=asked.temperature,
        strict=asked.strict,
        searching=replace(BUDGET, stopped=stopped),
    )
    made = melody.copy()
    made[steps[first]] = found.melodies[0, first]
    return made


def ended_as_given(made: np.ndarray, melody: np.ndarray, locked: np.ndarray) -> np.ndarray:
    """Return a melody (S,) in which notes of a given one that are locked, (S,) bool, end where they ended there."""
    longer = np.zeros(len(made), bool)
    longer[1:] = locked[:-1] & ~locked[1:] & (made[1:] == HOLD) & (melody[1:] != HOLD)
    return canonical(np.where(longer, np.uint8(REST), made))

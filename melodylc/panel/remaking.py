"""The parts of a melody that are not locked, made anew; runs in the inference process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.constraints.search import SearchBudget
from melodylc.infilling import infill
from melodylc.melody import BARS, STEPS, STEPS_PER_BAR
from melodylc.model import Model
from melodylc.panel.asked import Asked
from melodylc.panel.making import judged, states

FREE, LOCKED, RHYTHM, PITCHES = range(4)  # of each step: nothing stays, all of it, its rhythm, its pitches
KEEPS = {FREE: None, RHYTHM: "rhythm", PITCHES: "pitches"}  # what infilling is told, in the order in which it is done
SECONDS = 3.0  # of each search
FIRST, DECODES = 4, 60  # draws for each melody: those that a search begins with, and all of them


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
    model: Model,
    asked: Asked,
    melody: np.ndarray,
    locks: np.ndarray,
    stopped: Callable[[], bool],
    tell: Callable[..., None],
) -> dict[str, Any]:
    """Return melodies in which all that is not locked is new: first what is free, then what keeps rhythm or pitches.

    Rules see 16 bars at a time, so longer melodies are made anew in as many windows as the new bars need.
    """
    made = np.repeat(melody[None], asked.count, axis=0)
    todo = [(keep, start) for keep in KEEPS for start in _windows(locks == keep)]
    for number, (keep, start) in enumerate(todo):
        tell(text=f"part {number + 1} of {len(todo)}" if len(todo) > 1 else "")
        made = _window_remade(model, asked, made, locks != keep, start, KEEPS[keep], number, stopped)
    given = locks == LOCKED
    return {"melodies": [judged(model, asked, each, given) | {"way": "remade"} for each in made]}


def _windows(anew: np.ndarray) -> list[int]:
    """Return the bars (from 0) with which windows of 16 begin that cover all steps (S,) to be made anew."""
    bars = np.flatnonzero(anew.reshape(-1, STEPS_PER_BAR).any(axis=1))
    last = max(0, len(anew) // STEPS_PER_BAR - BARS)
    starts: list[int] = []
    for bar in bars.tolist():
        if not starts or bar >= starts[-1] + BARS:
            starts.append(min(max(0, bar - BARS // 4), last))  # with some bars before it, which it follows from
    return starts


def _window_remade(
    model: Model,
    asked: Asked,
    melodies: np.ndarray,
    stays: np.ndarray,
    start: int,
    keep: str | None,
    number: int,
    stopped: Callable[[], bool],
) -> np.ndarray:
    """Return melodies (B, S) with what does not stay in 16 bars from one on made anew."""
    steps = (start * STEPS_PER_BAR + np.arange(STEPS)) % melodies.shape[1]  # fewer than 16 bars are played again
    first = np.arange(STEPS) < melodies.shape[1]
    locked = stays[steps] | ~first
    rules = [rule.beginning(start) for rule in (*asked.chord_rules, *asked.rules)]
    same = (melodies == melodies[0]).all()  # then all of them are made in one search
    each = SECONDS if same else SECONDS / len(melodies)
    many = len(melodies) if same else 1
    budget = SearchBudget(decodes=DECODES * many, first=FIRST * many, seconds=each, stopped=stopped)
    found = [
        infill(
            model,
            melody[steps],
            asked.attributes,
            locked=locked,
            keep=keep,
            count=many,
            rules=rules,
            seed=asked.seed + 101 * number + index,
            temperature=asked.temperature,
            strict=asked.strict,
            searching=budget,
        ).melodies
        for index, melody in enumerate(melodies[:1] if same else melodies)
    ]
    made = melodies.copy()
    made[:, steps[first]] = np.concatenate(found)[:, first]
    return made

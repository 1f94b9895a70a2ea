"""Candidates, and what is known of each; runs in the inference process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from melodylc import plausibility
from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.chords import named
from melodylc.constraints.lengths import rewards, sixteens
from melodylc.constraints.sampling import mask, score
from melodylc.constraints.search import SearchBudget
from melodylc.generated import Generated
from melodylc.generation import generate
from melodylc.melody import BARS, STEPS, STEPS_PER_BAR, canonical, check
from melodylc.rules.outside import notes_outside
from melodylc.runtime.interface import MelodyModel
from melodylc.runtime.prior import slerp
from melodylc.tasks.asked import Asked

SECONDS = 3.0  # that the search for a melody goes on at most: somebody waits
ADDED_SECONDS = 1.5  # that each search for eight bars more goes on, of which there may be two
FIRST = 12  # draws that it begins with
NEIGHBOURS = 24  # among which those that are shown are chosen
FURTHER = 0.25  # of the way, by which neighbours are further away where there are none


def states(given: Sequence[int]) -> np.ndarray:
    """Return a melody of any number of bars as it came from the page.

    Raises:
        UserError: if it is none.
    """
    try:
        return canonical(check(np.array(given, np.uint8), None))
    except (ValueError, OverflowError, TypeError) as error:
        raise UserError(f"melody: {error}") from error


def judged(model: MelodyModel, asked: Asked, melody: np.ndarray, given: np.ndarray | None = None) -> dict[str, Any]:
    """Return a melody with what it keeps: its rewards, whether it is plausible, the notes that are outside a rule.

    Args:
        given: (S,) bool, steps whose notes are not held against it.
    """
    bars = len(melody) // STEPS_PER_BAR
    rules = asked.all_rules(bars)
    bounds = plausibility.bounds(model).with_returning(max(0, BARS - bars))
    violated = dict.fromkeys(name for window in sixteens(melody[None]) for name in bounds.violated(window[0]))
    values = [float(rewards(rule, melody[None], given)[0]) for rule in rules]
    asked_by = [None] * (len(rules) - len(asked.names)) + [*asked.names]
    key, pitches = asked.attributes.key, asked.attributes.pitches()
    return {
        "states": melody.tolist(),
        "rules": [
            {"name": rule.name, "rule": name, "reward": value}
            for rule, name, value in zip(rules, asked_by, values, strict=True)
        ],
        "implausible": list(violated),
        "kept": not violated and all(value == 1 for value in values),
        # a rule that is kept leaves room for some notes that it would not allow by themselves
        "outside": [
            list(each)
            for each in notes_outside((r for r, value in zip(rules, values, strict=True) if value < 1), melody)
        ],
        "allowed": None if pitches.all() else np.flatnonzero(pitches).tolist(),
        "tonic": None if key is None else key.tonic,
        "chords": None if asked.progression is None else _chords(asked.progression, bars),
        "progression": asked.progression,
    }


def _chords(progression: str, bars: int) -> list[dict[str, Any]]:
    return [
        {"start": start, "end": end, "name": name, "pitches": list(pitches)}
        for start, end, name, pitches in named(progression, bars)
    ]


Tell = Callable[..., None]  # takes what a task has come to so far, by name


def one_by_one(
    count: int, make: Callable[[int], list[dict[str, Any]]], tell: Tell, stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Return melodies that are made one after another, by their number: the first is heard while others are made."""
    made = make(0)
    for number in range(1, count):
        if stopped():
            break
        tell(melodies=made)
        made = made + make(number)
    return {"melodies": made}


def found(model: MelodyModel, asked: Asked, made: Generated) -> list[dict[str, Any]]:
    """Return melodies that were generated, with what is known of each."""
    return [
        judged(model, asked, melody, made.given) | {"way": way, "tried": tried}
        for melody, way, tried in zip(made.melodies, made.ways, made.draws, strict=True)
    ]


def generated(model: MelodyModel, asked: Asked, tell: Tell, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Return new melodies: drawn for what is asked, made by actors, or searched for."""

    def make(number: int, count: int = 1) -> list[dict[str, Any]]:
        made = generate(
            model,
            asked.attributes,
            count,
            rules=list(asked.rules),
            actors=list(asked.actors),
            seed=asked.seed + number,
            temperature=asked.temperature,
            strict=asked.strict,
            chords=asked.progression,
            form=asked.form,
            bars=asked.bars,
            how="search" if _searched(asked) else "auto",
            searching=SearchBudget(seconds=seconds, first=FIRST, stopped=stopped),
        )
        return found(model, asked, made)

    seconds = ADDED_SECONDS if asked.bars > BARS else SECONDS
    if _searched(asked) or asked.bars != BARS:
        return one_by_one(asked.count, make, tell, stopped)
    return {"melodies": make(0, asked.count)}


def _searched(asked: Asked) -> bool:
    """Return whether there is something to search for: rules without an actor, beside attributes."""
    return bool(asked.rules or asked.progression or asked.form) and not asked.actors


def alike(model: MelodyModel, asked: Asked, melody: np.ndarray, amount: float) -> dict[str, Any]:
    """Return melodies near one in latent space: some of the way from its encoding to draws of the prior.

    Of many neighbours those are taken that keep most, no two the same. Where most are the melody itself, as of a few
    notes, others are taken that are further away.

    Raises:
        UserError: where those furthest away are the melody, too.
    """
    windows = _windows(melody)
    z = as_array(model.encode(windows).mean)  # (W, Z)
    draws = as_array(model.prior(NEIGHBOURS, asked.seed, asked.attributes))
    amounts = [amount, *np.arange(amount, 1, FURTHER)[1:].tolist(), 1.0]
    decoded = melody[:0].reshape(0, len(melody))
    for each in amounts:
        decoded = _different(melody, decoded, _decoded(model, asked, len(melody), z, draws, each))
        if len(decoded) >= asked.count:
            break
    if not len(decoded):
        raise UserError("more like this: every neighbour is this melody itself; ask for something else")
    bounds = plausibility.bounds(model).including(sixteens(melody[None])[:, 0])
    rules = asked.all_rules(len(melody) // STEPS_PER_BAR)
    scores = np.min([score(window, rules, bounds) for window in sixteens(decoded)], axis=0)
    best = np.sort(np.argsort(-scores, kind="stable")[: asked.count])
    return {"melodies": [judged(model, asked, each) | {"way": "more like this"} for each in canonical(decoded[best])]}


def _decoded(
    model: MelodyModel, asked: Asked, steps: int, z: np.ndarray, draws: np.ndarray, amount: float
) -> np.ndarray:
    """Return melodies (D, S) of so many steps some of the way from z (W, Z) to draws (D, Z)."""
    near = np.concatenate([slerp(z, np.broadcast_to(toward, z.shape), amount) for toward in draws])  # (D W, Z)
    allowed = mask(asked.all_rules(BARS)) if asked.strict and asked.attributes.rules() else None
    decoded = model.decode(near, temperature=asked.temperature, seed=asked.seed, allowed_states=allowed)
    return np.asarray(decoded.reshape(len(draws), -1)[:, :steps])


def _different(melody: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return melodies (N, S), in their order, no two the same, and none that is a given one (S,)."""
    together = np.concatenate([melody[None], *others])
    first = np.sort(np.unique(together, axis=0, return_index=True)[1])
    return np.asarray(together[first[first > 0]])


def between(model: MelodyModel, asked: Asked, first: np.ndarray, last: np.ndarray) -> dict[str, Any]:
    """Return melodies on the way from one to another, without the ends."""
    if len(first) != STEPS or len(last) != STEPS:
        raise UserError("between: expected two melodies of 16 bars; choose others")
    from melodylc.transforming import interpolate

    made = interpolate(model, first, last, asked.count + 2, asked.attributes, seed=asked.seed, strict=asked.strict)
    melodies = made.melodies[1:-1]
    return {"melodies": [judged(model, asked, each) | {"way": "between"} for each in melodies]}


def _windows(melody: np.ndarray) -> np.ndarray:
    """Return a melody of any number of bars as 16 bars at a time (W, 256), the last one filled by playing it again."""
    steps = -(-len(melody) // STEPS) * STEPS
    if len(melody) < STEPS:
        return canonical(melody[np.arange(STEPS) % len(melody)][None])
    rest = melody[-STEPS:][: steps - len(melody)] if steps > len(melody) else melody[:0]
    return canonical(np.concatenate([melody, rest]).reshape(-1, STEPS))

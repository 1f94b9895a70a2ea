"""Melodies of other lengths than 16 bars: longer ones go on from what they were, shorter ones are phrases that return.

Rules, plausibility and the model know 16 bars. A longer melody keeps a rule where every 16 bars of it do, from each
eighth bar on; a shorter one where it does when it is played again until 16 bars are full. So that it comes to rest, its
last note is long, and the tonic where the key has one.

Shapes: B melodies, N bars, S = 16 N steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.constraints.formed import FormedDraws
from melodylc.constraints.infilling import Infilling, of_new_notes
from melodylc.constraints.search import SearchBudget, Searched, search
from melodylc.melody import ADDED_BARS, BARS, HOLD, REST, STATES, STEPS, STEPS_PER_BAR, canonical
from melodylc.plausibility import Bounds
from melodylc.rules import Rule
from melodylc.rules.note_arrays import lengths, onsets
from melodylc.runtime.interface import MelodyModel

MOST_BARS = 256
VARIED = 0.75  # of the different pitches at the beginning: those of new bars, at least
LONG = 8  # steps, a half note: of a last note that is long; where there is one bar, half as many
FIRST = 0.13  # of the budget of shorter ones: the draws that a search begins with, before the last note is held
BUDGET = SearchBudget(decodes=96, first=12)  # of each addition, and once more where nothing is found: 20 seconds


def sixteens(melodies: np.ndarray) -> np.ndarray:
    """Return the 16 bars in which rules see melodies (B, S), (W, B, 256): one or more windows of each."""
    return np.stack([canonical(melodies[:, steps]) for steps in _steps_of_sixteens(melodies.shape[1])])


def _steps_of_sixteens(steps: int) -> np.ndarray:
    """Return which steps of a melody of so many are in each of its 16 bars, (W, 256)."""
    if steps <= STEPS:
        return np.arange(STEPS)[None] % steps
    starts = [*range(0, steps - STEPS, ADDED_BARS * STEPS_PER_BAR), steps - STEPS]
    return np.add.outer(starts, np.arange(STEPS))


def rewards(rule: Rule, melodies: np.ndarray, given: np.ndarray | None = None) -> np.ndarray:
    """Return the rewards (B,) of melodies (B, S) of any length: the least over their 16 bars.

    Args:
        given: (S,) bool, the steps that were given, equal in all: notes there that are not allowed are left out, and
            16 bars of which nothing is new.
    """
    found = []
    for steps, window in zip(_steps_of_sixteens(melodies.shape[1]), sixteens(melodies), strict=True):
        here = rule.beginning(steps[0] // STEPS_PER_BAR)
        if given is None or not len(window):
            found.append(here(window))
        elif not given[steps].all():
            found.append(of_new_notes(here, window[0], given[steps])(window))
    return np.min(found, axis=0)


def ending(attributes: Attributes, bars: int = BARS) -> Rule:
    """Return the rule that the last note of the first bars is long, and the tonic where the key has one."""
    tonic = None if attributes.key is None else attributes.key.tonic

    def reward(states: np.ndarray) -> np.ndarray:
        played = np.where(np.arange(STEPS) < bars * STEPS_PER_BAR, states, np.uint8(REST))
        notes = onsets(played)
        last = np.append(notes.row[1:] != notes.row[:-1], True)[: len(notes.row)]
        rest = np.minimum(lengths(played, notes) / _long(bars), 1)
        home = rest if tonic is None else notes.pitch % 12 == tonic
        return np.bincount(notes.row, (home + rest) / 2 * last, len(states))

    return Rule("an ending", reward)


def ended(melodies: np.ndarray, attributes: Attributes) -> str:
    """Return how many melodies (B, S) end as `ending` asks, in words."""
    bars = min(melodies.shape[1] // STEPS_PER_BAR, BARS)
    whole = ending(attributes, bars)(sixteens(melodies)[-1]) == 1
    tonic = attributes.key is not None and attributes.key.tonic is not None
    return f"{whole.sum()} of {len(melodies)} end on a long {'tonic' if tonic else 'note'}"


def lively_as(begun: np.ndarray, new: int) -> Rule:
    """Return the rule that the last bars of a melody are about as lively as those it began with.

    Each addition follows from the one before it, and what comes to rest once would stay there: so new bars have at
    least three in four of the different pitches of as many bars at the beginning, and half to twice the notes.

    Args:
        begun: (S,), of 16 bars or more.
        new: how many bars are new.
    """
    steps = new * STEPS_PER_BAR
    parts = begun[: STEPS // steps * steps].reshape(-1, steps)
    pitches, notes = _different(parts).mean(), (parts < HOLD).sum(axis=1).mean()

    def reward(states: np.ndarray) -> np.ndarray:
        added = states[:, -steps:]
        count = (added < HOLD).sum(axis=1)
        varied = np.minimum(_different(added) / (VARIED * pitches), 1) if pitches else 1
        return np.asarray(
            varied * np.minimum(1, np.minimum(2 * count / max(notes, 1), 2 * notes / np.maximum(count, 1)))
        )

    return Rule("as lively as before", reward)


def _different(melodies: np.ndarray) -> np.ndarray:
    """Return how many different pitches melodies (B, S) have, (B,)."""
    present = np.zeros((len(melodies), STATES), bool)
    present[np.arange(len(melodies))[:, None], melodies] = True
    return np.asarray(present[:, :HOLD].sum(axis=1))


def longer(
    model: MelodyModel,
    melody: np.ndarray,
    bars: int,
    rules: Sequence[Rule],
    attributes: Attributes,
    bounds: Bounds,
    *,
    ends: bool = True,
    budget: SearchBudget = BUDGET,
    seed: int = 0,
    temperature: float | None = None,
    allowed_states: np.ndarray | None = None,
) -> tuple[np.ndarray, int]:
    """Let a melody (S,) of 16 bars or more go on until it has so many; returns it and the number of decodes.

    Eight bars at a time are made as an infill of 16 whose first ones are known. Notes of these that a key or range does
    not allow are not held against the new ones. Where a search does not find them, one more does, in which the last
    note of an ending is held to the end.

    Args:
        ends: whether it ends like an ending.
        budget: of each search, two at the most for eight bars.
    """
    decodes, held = 0, _held_at_the_end(allowed_states)
    while (left := bars - len(melody) // STEPS_PER_BAR) > 0:
        new = min(ADDED_BARS, left) * STEPS_PER_BAR
        known = np.append(canonical(melody[new - STEPS :]), np.full(new, REST, np.uint8))
        locked = np.arange(STEPS) < STEPS - new
        last = ends and left <= ADDED_BARS
        begins = (len(melody) + new - STEPS) // STEPS_PER_BAR
        judged = [of_new_notes(rule.beginning(begins), known, locked) for rule in rules]
        judged += [lively_as(melody, ADDED_BARS)] if left >= ADDED_BARS else []  # a few bars may come to rest
        judged += [ending(attributes)] if last else []
        found = _first_kept(
            search(
                Infilling(model, known, locked, attributes=attributes, temperature=temperature, allowed_states=allowed),
                judged,
                1,
                bounds,
                budget=budget,
                seed=int(np.random.SeedSequence([seed, len(melody), number]).generate_state(1)[0]),
            )
            for number, allowed in enumerate((allowed_states, held if last else allowed_states))
        )
        melody, decodes = np.append(melody, found.melodies[0, STEPS - new :]), decodes + found.decodes
    return melody, decodes


def shorter(
    model: MelodyModel,
    bars: int,
    count: int,
    rules: Sequence[Rule],
    attributes: Attributes,
    bounds: Bounds,
    *,
    budget: SearchBudget = SearchBudget(),
    seed: int = 0,
    temperature: float | None = None,
    allowed_states: np.ndarray | None = None,
) -> Searched:
    """Search for melodies of fewer than 16 bars that end like an ending, in two searches as `longer` does.

    Returns:
        Melodies (count, 256), played again until 16 bars are full.
    """
    parts = budget.share(FIRST), budget.share(1 - FIRST)
    return _first_kept(
        search(
            FormedDraws(model, np.arange(BARS) % bars, bars, attributes, temperature, allowed),
            [*rules, ending(attributes, bars)],
            count,
            bounds,
            budget=part,
            seed=seed,
        )
        for part, allowed in zip(parts, (allowed_states, _held_at_the_end(allowed_states, bars)), strict=True)
    )


def _first_kept(searches: Iterator[Searched]) -> Searched:
    """Return the best of what searches find; where the first finds all that is asked for, the others do not begin."""
    found = next(searches)
    while (found.scores < 1).any() and (further := next(searches, None)) is not None:
        found = found.or_better(further)
    return found


def _held_at_the_end(allowed_states: np.ndarray | None, bars: int = BARS) -> np.ndarray:
    """Return the states (256, 130) that a melody may have, of those allowed, where its last note is held to the end."""
    held = np.broadcast_to(True if allowed_states is None else allowed_states, (STEPS, STATES)).copy()
    end = bars * STEPS_PER_BAR
    held[end - _long(bars) : end] = np.arange(STATES) == HOLD
    return held


def _long(bars: int) -> int:
    """Return how many steps a last note has that is long."""
    return min(LONG, bars * LONG // 2)


def check_model(model: MelodyModel) -> None:
    """Check that a model can make other lengths than 16 bars.

    Raises:
        UserError: without a realistic prior.
    """
    if model.realistic is None:
        raise UserError("bars: expected a model with a realistic prior; melodylc prior trains one")


def check_bars(bars: int, progression: str | None = None) -> None:
    """Check a number of bars, and that chords return with a melody of fewer than 16.

    Raises:
        UserError: for more than 256 bars or none, or a progression that does not fit.
    """
    from melodylc.chords import check_fit

    integer("bars", bars, 1, MOST_BARS)
    if progression is not None:
        check_fit(progression, bars)

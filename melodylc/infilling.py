"""What the command infill does, for programmers: a melody of which some bars are made anew, and the rest stays."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer, numbers_of
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints.infilling import KEEP, Infilling, notes_outside, of_new_notes
from melodylc.constraints.sampling import Constraints, mask
from melodylc.constraints.search import SearchBudget, search
from melodylc.generated import Generated, report
from melodylc.melody import BARS, HOLD, STEPS, STEPS_PER_BAR, canonical, check
from melodylc.rules import Rule
from melodylc.runtime.interface import MelodyModel

BUDGET = SearchBudget(decodes=600, first=32)  # a draw of a part takes as long as five of a whole melody


def infill(
    model: MelodyModel,
    melody: np.ndarray,
    attributes: Attributes | None = None,
    *,
    bars: str | Iterable[int] | None = None,
    locked: np.ndarray | None = None,
    keep: str | None = None,
    count: int = 4,
    rules: Rule | Sequence[Rule] = (),
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    searching: SearchBudget = BUDGET,
) -> Generated:
    """Make some bars of a melody (256,) anew, `count` times, so that they belong; the others stay as they are.

    Attributes and rules are for the whole melody. Notes of the bars that stay which a key or range does not allow stay
    too, and are not held against the new ones; the summary counts them.

    Args:
        bars: those to make anew, from 1: "5-8", "1,3,9-12", or numbers. Default: all, where `keep` is given.
        locked: (256,) bool, in the place of bars: the steps that stay.
        keep: what stays of the new bars: "rhythm", "pitches" in their order, or "notes", between which others may come
            and whose lengths may change.
        seed, temperature, strict, searching: see `melodylc.generate`.

    Raises:
        ValueError: if it is no melody.
        UserError: for bars, steps or a `keep` that are none; for a model without a realistic prior.
    """
    melody = canonical(check(melody).reshape(STEPS))
    if keep is not None and keep not in KEEP:
        raise UserError(f"infill: expected keep as one of {', '.join(KEEP)}, got {keep!r}")
    integer("count", count, 0)
    checked_temperature(temperature)
    seed = secrets.randbits(31) if checked_seed(seed) is None else seed
    assert seed is not None
    stays = _locked(bars, locked, keep)
    constraints = Constraints.of(attributes, rules)
    allowed = mask(constraints.all_rules) if strict else None
    draws = Infilling(
        model,
        melody,
        stays,
        keep=keep,
        attributes=constraints.attributes,
        temperature=temperature,
        allowed_states=allowed,
    )
    bounds = plausibility.bounds(model).including(melody)
    fixed = draws.locked | (melody < HOLD) if keep == "notes" else draws.locked
    judged = [of_new_notes(rule, melody, fixed) for rule in constraints.all_rules]
    # bars that the others tell, as of a figure that repeats, are most likely what they were: that is not anew
    judged.append(Rule("another", lambda states: (states != melody).any(axis=-1).astype(float)))
    found = search(draws, judged, count, bounds, budget=searching, seed=seed)
    summary = f"bars {in_words(~stays)} made anew" + (f", their {keep} kept" if keep else "")
    outside = {rule.name: (notes_outside(rule, melody, fixed) >= 0).sum() for rule in constraints.all_rules}
    summary += "".join(f"; {n} of the notes that stay outside {name}" for name, n in outside.items() if n)
    return report(found.as_drawn(), bounds, f"{summary}; {found}; seed {seed}")


def _locked(bars: str | Iterable[int] | None, locked: np.ndarray | None, keep: str | None) -> np.ndarray:
    """Return which steps stay, (256,) bool.

    Raises:
        UserError: unless bars, steps or what to keep say so, and something is left to make anew.
    """
    if (bars is None) == (locked is None) and not (bars is None and keep):
        raise UserError("infill: expected bars to make anew, or locked steps, one of them")
    if locked is not None:
        locked = np.asarray(locked)
        if locked.shape != (STEPS,) or locked.dtype != bool:
            raise UserError(f"infill: expected locked as ({STEPS},) bool, got {locked.shape} {locked.dtype}")
        if locked.all():
            raise UserError("infill: every step is locked; leave some to make anew")
        return locked
    anew = np.ones(BARS, bool) if bars is None else np.isin(np.arange(1, BARS + 1), numbers_of_bars(bars))
    return np.repeat(~anew, STEPS_PER_BAR)


def numbers_of_bars(bars: str | Iterable[int]) -> list[int]:
    """Return the bars, from 1, that a text such as "1,3,9-12" names, or numbers as they are.

    Raises:
        UserError: for anything else, and bars outside 1 to 16.
    """
    if isinstance(bars, str):
        return numbers_of("bars", bars, 1, BARS)
    found = list(bars)
    if not found:
        raise UserError(f"bars: expected some of 1 to {BARS}, got none")
    return [integer("bars", bar, 1, BARS) for bar in found]


def in_words(anew: np.ndarray) -> str:
    """Return the bars that have some of steps (256,) bool, such as "1, 5-8"."""
    bars = np.flatnonzero(anew.reshape(BARS, STEPS_PER_BAR).any(axis=1)) + 1
    runs = np.split(bars, np.flatnonzero(np.diff(bars) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)

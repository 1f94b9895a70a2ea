"""What the command continue does, for programmers: a melody goes on from what it was."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import LAST_SEED, integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.base.progress import bar as bar_of
from melodylc.constraints.lengths import BUDGET, check_bars, check_model, ended, longer, sixteens
from melodylc.constraints.sampling import Constraints, mask
from melodylc.generated import Generated
from melodylc.melody import BARS, HOLD, STEPS_PER_BAR, canonical, check
from melodylc.plausibility import Bounds
from melodylc.rules import Rule
from melodylc.runtime.interface import MelodyModel

LONG_WAIT = 64  # bars of a melody, beyond which progress is shown


def continue_melody(
    model: MelodyModel,
    melody: np.ndarray,
    attributes: Attributes | None = None,
    *,
    bars: int = 2 * BARS,
    count: int = 4,
    rules: Rule | Sequence[Rule] = (),
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    seconds: float | None = None,
) -> Generated:
    """Let a melody (S,) of 16 bars or more go on, `count` times, until it has so many bars; it ends like an ending.

    What is there stays to the last step. Attributes and rules are for every 16 bars; notes of the melody itself that a
    key or range does not allow are not held against the new ones.

    Args:
        seed, temperature, strict: see `melodylc.generate`.
        seconds: after which each search for eight bars ends, of which there may be two.

    Raises:
        ValueError: if it is no melody, or several.
        UserError: unless it has 16 bars or more, and fewer than are asked for; without a realistic prior.
    """
    melody = canonical(check(melody, None))
    if melody.ndim != 1:
        raise ValueError(f"continue: expected one melody (steps,), got {melody.shape}")
    there = len(melody) // STEPS_PER_BAR
    check_bars(bars)
    check_model(model)
    if not BARS <= there < bars:
        raise UserError(
            f"continue: expected a melody of {BARS} bars or more, and more bars than it has; got {there}, {bars}"
        )
    integer("count", count, 0)
    checked_temperature(temperature)
    seed = secrets.randbits(31) if checked_seed(seed) is None else seed
    assert seed is not None
    constraints = Constraints.of(attributes, rules)
    bounds = plausibility.bounds(model).including(sixteens(melody[None])[:, 0])
    begun = Generated(np.repeat(melody[None], count, axis=0), [1] * count, ["your melody"] * count, [()] * count)
    made = gone_on(begun, model, bars, constraints, bounds, seed, temperature, strict, seconds)
    pitches = melody[melody < HOLD]
    outside = {
        rule.name: int((~rule.allowed_pitches[pitches]).sum())
        for rule in constraints.all_rules
        if rule.allowed_pitches is not None
    }
    summary = made.summary + "".join(f"; {n} of your notes outside {name}" for name, n in outside.items() if n)
    given = np.arange(bars * STEPS_PER_BAR) < len(melody)
    return replace(made, summary=f"{summary}; seed {seed}", given=given)


def gone_on(
    begun: Generated,
    model: MelodyModel,
    bars: int,
    constraints: Constraints,
    bounds: Bounds,
    seed: int,
    temperature: float | None,
    strict: bool,
    seconds: float | None = None,
) -> Generated:
    """Return melodies (B, S) of 16 bars or more with those that follow, until they have so many.

    Args:
        bounds: within which they are plausible.
        seconds: after which each search for more bars ends.
    """
    rules = constraints.all_rules
    made, decodes = np.empty((len(begun.melodies), bars * STEPS_PER_BAR), np.uint8), 0
    going_on = bar_of(len(made), begun.melodies, unit="melody", desc="more bars", show=bars > LONG_WAIT)
    for index, melody in enumerate(going_on):
        made[index], more = longer(
            model,
            melody,
            bars,
            rules,
            constraints.attributes,
            bounds.including(melody[-BARS * STEPS_PER_BAR :]),
            budget=replace(BUDGET, seconds=seconds),
            seed=(seed + index) % (LAST_SEED + 1),
            temperature=temperature,
            allowed_states=mask(rules) if strict else None,
        )
        decodes += more
    before = f"{begun.summary}; " if begun.summary else ""
    summary = f"{before}gone on to {bars} bars with {decodes:,} decodes, {ended(made, constraints.attributes)}"
    violated = [
        tuple(dict.fromkeys(name for window in sixteens(each[None]) for name in bounds.violated(window[0])))
        for each in made
    ]
    return Generated(made, begun.draws, begun.ways, violated, summary)

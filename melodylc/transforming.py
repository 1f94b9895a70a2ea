"""What the commands transform and interpolate do, for programmers: given melodies, changed to keep constraints."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.base.extras import installed, need
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints.playing_actor import AnyActor
from melodylc.constraints.repairs import notes_put_back, part_of, repaired
from melodylc.constraints.sampling import (
    Constraints,
    Drawn,
    Way,
    describe,
    draw,
    draw_kept,
    mask,
    mask_where_possible,
    score,
    ways,
)
from melodylc.constraints.transformation import check_amount, check_method, descend, transform_towards
from melodylc.generated import Generated, report
from melodylc.generation import prepared
from melodylc.latent.budget import Budget
from melodylc.melody import HOLD
from melodylc.plausibility import Bounds
from melodylc.rules import Rule
from melodylc.runtime.interface import MelodyModel


def transform(
    model: MelodyModel,
    melody: np.ndarray,
    attributes: Attributes | None = None,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: AnyActor | Sequence[AnyActor] = (),
    how: str | None = None,
    amount: float = 1.0,
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """Change one melody (256,) as little as attributes and rules ask for (section 5).

    Notes that a key or range does not allow move to the likeliest of the nearest pitches that it does; nothing else
    changes. Where that is not enough, the gradient of the decoder (without torch the conditional actor) says where to
    go from the melody's encoding for attributes, actors or their critics for rules; of the decodes on the way there,
    the first that is kept is taken. Bars that decode as they would have anyway stay as they were played, and bars, then
    notes, that need not have changed are put back. Where the answer is not kept, the encoding is decoded the other
    `ways`. What is plausible is widened by what the melody itself does: its own oddities are nothing to mend. A melody
    that satisfies every rule comes back as it was.

    Args:
        how: "actor": actors lead the way for attributes too, which is faster and goes further; "gradient": descent on
            the critics of actors for rules, with the distance penalty; None: single notes first, then the gradient for
            attributes, actors for rules.
        amount: 0 is the melody as it was, 1 the whole change, and between them the melodies on the way.
        seed, temperature, strict, budget, keep: see `generate`; by default the decode takes the likeliest.

    Raises:
        ValueError: if it is no melody.
        UserError: for nothing to change, an amount outside [0, 1], and descent without critics or torch.
    """
    constraints = Constraints.of(attributes, rules, actors)
    if not constraints.all_rules:
        raise UserError("transform: expected what to change; give a key, a number of notes, a range or a rule")
    if how is not None:
        check_method(how)
        if how == "gradient":
            need("transform: how='gradient'", "torch")
    check_amount(amount)
    checked_seed(seed)
    checked_temperature(temperature)
    if strict:
        mask(constraints.all_rules)  # says what is wrong even where nothing has to change
    bounds = plausibility.bounds(model).including(melody)
    if constraints.together.satisfied(melody[None])[0]:
        return Generated(melody[None], [1], ["your melody"], [()], "taken from your melody, which keeps it already")
    if how is None and (found := _single_notes(model, melody, constraints, bounds, seed or 0)) is not None:
        made = Drawn(part_of(found, melody, amount)[None], np.ones(1), [1], ["single notes"])
        return report(made, bounds, f"made for {constraints.together.name}")
    constraints = constraints.with_actors(model, budget, keep)
    known = ways(model, constraints, strict=strict, start="encoding", near=how != "actor")
    summary = describe(constraints) + _without_gradient(constraints, how)
    if how == "gradient" and constraints.actors:
        name = known[0].name.replace("actor", "gradient")
        known[0], summary = replace(known[0], name=name, move=descend(*constraints.actors)), "gradient"

    def reward(states: np.ndarray) -> np.ndarray:
        return _pitches_first(states, constraints, bounds)

    def make(way: Way, number: int, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def decoded(z: Vectors) -> np.ndarray:
            return model.decode(z, temperature=temperature, seed=seed, allowed_states=way.allowed_states)

        changed = transform_towards(model, melody[None], way.move, decoded, reward, amount)
        if amount < 1:
            return changed.melodies, changed.reached
        whole = notes_put_back(changed.melodies[0], melody, reward)[None]
        return whole, reward(whole)

    return report(draw(known, 1, 1, make), bounds, summary)


def _without_gradient(constraints: Constraints, how: str | None = None) -> str:
    """Return words that say so where the gradient of the decoder would have come first, and there is no torch."""
    if how == "actor" or installed("torch") or not constraints.attributes.rules() or constraints.learned_together:
        return ""
    return "; by the actor, since the decoder's gradient, which keeps more, needs torch: pip install 'melodylc[train]'"


def _single_notes(
    model: MelodyModel, melody: np.ndarray, constraints: Constraints, bounds: Bounds, seed: int
) -> np.ndarray | None:
    """Return a melody (256,) that is kept, only notes moved that a key or range does not allow, or None."""
    allowed = mask_where_possible(constraints.all_rules)
    if allowed is None:
        return None
    variants = repaired(model, melody, allowed[:HOLD], np.random.default_rng([seed, 13]))
    kept = np.flatnonzero(score(variants, constraints.all_rules, bounds) == 1)
    return variants[kept[0]] if len(kept) else None


def _pitches_first(melodies: np.ndarray, constraints: Constraints, bounds: Bounds) -> np.ndarray:
    """Score melodies, those that break what a mask can promise lowest: no bar is put back to mend something else."""
    on_pitches = [rule(melodies) == 1 for rule in constraints.all_rules if rule.allowed_pitches is not None]
    penalty = ~np.all(on_pitches, axis=0) if on_pitches else 0
    return score(melodies, constraints.all_rules, bounds) - penalty


def interpolate(
    model: MelodyModel,
    first: np.ndarray,
    last: np.ndarray,
    count: int = 5,
    attributes: Attributes | None = None,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: AnyActor | Sequence[AnyActor] = (),
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """Return `count` melodies on the way from one melody (256,) to another, each moved to keep attributes and rules.

    Args:
        count: both ends among them.
        seed, temperature, strict, budget, keep: see `generate`; by default decodes take the likeliest.

    Raises:
        UserError: for fewer than 2, and numbers out of bounds.
    """
    integer("count", count, 2)
    checked_seed(seed)
    checked_temperature(temperature)
    bounds = plausibility.bounds(model).including(np.stack([first, last]))
    constraints = prepared(model, Constraints.of(attributes, rules, actors), strict, budget, keep)
    between = model.between(first, last, count)
    drawn = draw_kept(
        model,
        ways(model, constraints, strict=strict, start="encoding", near=True),
        lambda way, own_seed, left: way.move(between[left]),
        count,
        constraints.all_rules,
        bounds,
        tries=1,
        seed=secrets.randbits(31) if seed is None else seed,
        temperature=temperature,
    )
    return report(drawn, bounds, describe(constraints) + _without_gradient(constraints))

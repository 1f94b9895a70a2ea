"""The jobs of the command line in Python: melodies for a wish or a rule, from nothing or from one's own.

Each knows several ways to a melody and takes, of each melody, the first that is *kept*: satisfied and plausible. The
actor of the knobs comes first; some of its melodies are one repeated note, and then the mask has to do its work.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_

import numpy as np
import torch
from torch import Tensor

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints import conditional
from melodylc.constraints.composition import ComposedActor, compose
from melodylc.constraints.conditional import ConditionalActor
from melodylc.constraints.rule_actor import RuleActor, learn
from melodylc.constraints.transformation import Move, check_amount, descend, transform_towards
from melodylc.latent.rewards import Budget
from melodylc.model import Model
from melodylc.plausibility import FEATURES, Bounds
from melodylc.rules import Rule
from melodylc.rules.rule import as_rule
from melodylc.vae.decoding import strictly

MORE = 1.07  # a knob hits a number of notes on average; asked for so much more, "at least" holds
MORE_MASKED = 1.25  # the mask swallows notes: of 120 notes of E blues two in three hold at 1.07 and all at 1.25
PART = 0.4  # of the way to few notes: all of it ends in long rests; here 40 are plausible as often as the prior is


@dataclass(frozen=True, eq=False)
class Way:
    """One way to a melody: what moves a vector, and which states (130,) its decode may have (None: all)."""

    name: str
    move: Move
    allowed_states: np.ndarray | None


@dataclass(frozen=True)
class Generated:
    """Melodies, and how they came about."""

    melodies: np.ndarray  # (count, 256)
    draws: list[int]  # which draw of its start each melody is, from 1
    ways: list[str]  # the name of the way that each came
    broken: list[tuple[str, ...]]  # the features in which each is not plausible
    how: str = ""

    @property
    def taken(self) -> str:
        """How many melodies came which way, in words."""
        return "taken from " + ", ".join(f"{name} {count}" for name, count in Counter(self.ways).most_common())


def generate(
    model: Model,
    attributes: Attributes,
    count: int,
    *,
    rules: Sequence[Rule] = (),
    actors: Sequence[RuleActor] = (),
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    tries: int = 1,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """`count` melodies for a wish and rules.

    A wish alone is a turn of the knobs, without learning. Rules need controls that were learned for them; without, all
    that is asked for is learned together first, within the budget, and saved to `keep` (.safetensors), if given. Each
    melody that breaks a rule or is not plausible is made the next way (see `ways`), then drawn again, `tries` times in
    all; the best is kept, `draws` and `ways` say which it was.
    """
    integer("count", count, 0)
    integer("tries", tries, 1)
    checked_temperature(temperature)
    checked_seed(seed)
    if seed is None:
        seed = secrets.randbits(31)
    asked = [*attributes.rules(), *(as_rule(rule) for rule in rules)]
    bounds = plausibility.bounds(model)  # before anything is learned: the file may be damaged
    known, how = ways(model, attributes, rules, actors, strict=strict, budget=budget, keep=keep)
    made = draw(
        model,
        known,
        lambda way, number, left: way.move(model.prior(count, number)[left]),
        count,
        asked,
        bounds,
        tries=tries,
        seed=seed,
        temperature=temperature,
    )
    how += f"; best of up to {tries} draws each" if tries > 1 else "; one draw each"
    if strict:
        how += "; strict: the decoder was masked to the pitches allowed"
    return replace(made, how=f"{how}; seed {seed}; {made.taken}")


def draw(
    model: Model,
    known: Sequence[Way],
    vectors: Callable[[Way, int, np.ndarray], Tensor],
    count: int,
    asked: Sequence[Rule],
    bounds: Bounds,
    *,
    tries: int,
    seed: int,
    temperature: float | None = None,
) -> Generated:
    """`count` melodies, of each the first that is kept, or the best: all ways of a try, then the next try.

    Args:
        vectors: given a way, the number of the draw and the melodies that are left (L,), their moved vectors (L, Z).
    """
    melodies = np.empty((count, 256), np.uint8)
    scores = np.full(count, -np.inf)
    draws, names = [0] * count, [""] * count
    for tried in range(1, tries + 1):
        number = int(np.random.SeedSequence([seed, tried]).generate_state(1)[0])
        for way in known:
            left = np.flatnonzero(scores < 1)
            if not len(left):
                break
            z = vectors(way, number, left)
            made = model.decode(z, temperature=temperature, seed=number, allowed_states=way.allowed_states)
            better = score(made, asked, bounds)
            for at in np.flatnonzero(better > scores[left]):
                index = left[at]
                melodies[index], scores[index], draws[index], names[index] = made[at], better[at], tried, way.name
    return Generated(melodies, draws, names, [bounds.violated(melody) for melody in melodies])


def score(melodies: np.ndarray, asked: Sequence[Rule], bounds: Bounds) -> np.ndarray:
    """(B,) of melodies (B, 256): 1 where they are kept; else their mean reward, less the squared share of features in
    which they are not plausible.

    One feature a little outside costs less than one wrong note in a hundred; one repeated note, which breaks half a
    dozen, costs more than it wins by keeping every rule.
    """
    rewards = np.array([rule(melodies) for rule in asked]).reshape(len(asked), len(melodies))
    outside = bounds.violations(melodies).sum(axis=1)
    value = (rewards.mean(axis=0) if asked else 1.0) - (outside / len(FEATURES)) ** 2
    return np.where((rewards == 1).all(axis=0) & (outside == 0), 1.0, np.minimum(value, 1 - 1e-9))


def ways(
    model: Model,
    attributes: Attributes,
    rules: Sequence[Rule],
    actors: Sequence[RuleActor],
    *,
    strict: bool = False,
    start: str = "prior",
    turned: ConditionalActor | None = None,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> tuple[list[Way], str]:
    """The ways to a melody that keeps wish and rules, in the order they are gone, and what moves the first of them.

    First the actor for the whole wish. Then, with the decoder masked to the pitches that are asked for (where pitches
    are), the vector as it was drawn. Draws of the prior have about 80 notes: where a number is asked, they are moved
    there by the actor for that number alone, then a part of the way. Controls move what each of them gives.

    Args:
        strict: mask the first way as well.
        start: what vectors are before they are moved.
        turned: the model's knobs, where they are loaded already.
        budget, keep: of what has to be learned first, and where its actor is saved.

    Raises:
        UserError: for a strict mode without a rule on pitches, or knobs that are missing or damaged.
    """
    asked = [*attributes.rules(), *(as_rule(rule) for rule in rules)]
    allowed_states = mask(asked) if strict else open_mask(asked)
    if rules and not actors:
        together = reduce(and_, asked)
        learned = _learned(model, together, budget, keep)
        turns: list[tuple[str, Move]] = [("actor", learned.move)]
        how = f"an actor learned for {together.name} ({learned.outcome})"
    else:
        turns, names = [(start, _stay)], []
        if attributes.rules():
            turned = turned or conditional.load_conditional_actor(model.path.with_name("knobs.safetensors"), model)
            if attributes.notes is not None:
                noted = _turn(turned, Attributes(notes=attributes.notes), MORE_MASKED)
                turns = [("notes actor in part", _part(noted))]
                if allowed_states is not None:  # unmasked, it does what the whole actor does for a number of notes
                    turns.insert(0, ("notes actor", noted))
            turns.insert(0, ("actor", _turn(turned, attributes, MORE)))
            names.append("knobs")
        if actors:
            acting: RuleActor | ComposedActor = actors[0] if len(actors) == 1 else compose(*actors)
            turns = [(name if name != start else "actor of rules", _then(move, acting.move)) for name, move in turns]
            names.append(" composed with ".join(f"actor of {actor.card['rule']}" for actor in actors))
        how = ", then ".join(names) or "the prior, no constraints"
    (name, move), *others = turns
    if not others and allowed_states is not None and not strict:
        others = turns
    return [
        _way(name, move, allowed_states if strict else None),
        *(_way(*other, allowed_states) for other in others),
    ], how


def _learned(model: Model, rule: Rule, budget: Budget, keep: str | os.PathLike[str] | None) -> RuleActor:
    """An actor learned for what is asked, saved where it is to be kept."""
    if keep is not None:
        storage.weights_path(keep)  # before the minutes it takes
    learned = learn(model, rule, budget=budget)
    if keep is not None:
        learned.save(keep)
    return learned


def _way(name: str, move: Move, allowed_states: np.ndarray | None) -> Way:
    return Way(name if allowed_states is None else f"masked {name}", move, allowed_states)


def _stay(z: Tensor) -> Tensor:
    return z


def _turn(turned: ConditionalActor, attributes: Attributes, more: float) -> Move:
    at = aimed(attributes, more)
    return lambda z: turned.move(z, at)


def _part(move: Move) -> Move:
    return lambda z: torch.lerp(z, move(z), PART)


def _then(first: Move, second: Move) -> Move:
    return lambda z: second(first(z))


def aimed(attributes: Attributes, more: float = MORE) -> Attributes:
    """What the knobs are turned to, so that at least the number of notes asked for comes out."""
    return (
        attributes if attributes.notes is None else replace(attributes, notes=min(round(more * attributes.notes), 256))
    )


def mask(asked: Sequence[Rule]) -> np.ndarray:
    """(130,) bool: the states the strict mode lets through.

    Raises:
        UserError: where no rule is on pitches, or no pitch is left.
    """
    if not asked:
        return strictly(None, "no rule")
    whole = reduce(and_, asked)
    return strictly(whole.allowed_pitches, whole.name)


def open_mask(asked: Sequence[Rule]) -> np.ndarray | None:
    """As `mask`; None where there is nothing to mask."""
    pitches = [rule.allowed_pitches for rule in asked if rule.allowed_pitches is not None]
    return mask(asked) if pitches and np.logical_and.reduce(pitches).any() else None


def transform(
    model: Model,
    melody: np.ndarray,
    attributes: Attributes,
    *,
    rules: Sequence[Rule] = (),
    actors: Sequence[RuleActor] = (),
    how: str = "actor",
    amount: float = 1.0,
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """One's own melody (256,) changed as little as wish and rules ask for; `melodylc.transform` says how.

    Where the actor's (or gradient's) answer is not kept, the encoding is decoded the other `ways`. What held-out
    melodies do is widened by what the melody itself does: its own oddities are nothing to mend.

    Raises:
        UserError: for nothing to change, an amount outside [0, 1], or descent without the critics of a control.
    """
    asked = [*attributes.rules(), *(as_rule(rule) for rule in rules)]
    if not asked:
        raise UserError("transform: expected what to change; give --key, --notes, --range or --rule")
    check_amount(amount)
    checked_seed(seed)
    checked_temperature(temperature)
    if strict:
        mask(asked)  # says what is wrong even where nothing has to change
    bounds = plausibility.bounds(model).including(melody)
    if reduce(and_, asked).satisfied(melody[None])[0]:
        return Generated(melody[None], [1], ["your melody"], [()], "taken from your melody, which keeps it already")
    if how == "gradient" and not actors:
        actors = [_learned(model, reduce(and_, asked), budget, keep)]
    known, moved = ways(model, attributes, rules, actors, strict=strict, start="encoding", budget=budget, keep=keep)
    if how == "gradient":
        known[0] = replace(known[0], name=known[0].name.replace("actor", "gradient"), move=descend(*actors))
        moved = "gradient"

    def scored(melodies: np.ndarray) -> np.ndarray:
        # what a mask can promise comes first: no bar that breaks it is put back to mend something else
        kept = [rule(melodies) == 1 for rule in asked if rule.allowed_pitches is not None]
        return score(melodies, asked, bounds) - (~np.all(kept, axis=0) if kept else 0)

    best, highest, name = melody, -np.inf, ""
    for way in known:

        def decoded(z: Tensor, allowed_states: np.ndarray | None = way.allowed_states) -> np.ndarray:
            return model.decode(z, temperature=temperature, seed=seed, allowed_states=allowed_states)

        changed = transform_towards(model, melody[None], way.move, decoded, scored, amount)
        if changed.reached[0] > highest:
            best, highest, name = changed.melodies[0], changed.reached[0], way.name
        if highest == 1:
            break
    made = Generated(best[None], [1], [name], [bounds.violated(best)])
    return replace(made, how=f"{moved}; {made.taken}")


def interpolate(
    model: Model,
    first: np.ndarray,
    last: np.ndarray,
    count: int,
    attributes: Attributes = Attributes(),
    *,
    rules: Sequence[Rule] = (),
    actors: Sequence[RuleActor] = (),
    seed: int | None = None,
    temperature: float | None = 0.0,
    strict: bool = False,
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """`count` melodies from one melody to another, each moved to grant wish and rules; see `ways` and `transform`.

    Raises:
        UserError: for fewer than 2, and numbers out of bounds.
    """
    integer("count", count, 2)
    checked_seed(seed)
    checked_temperature(temperature)
    known, moved = ways(model, attributes, rules, actors, strict=strict, start="encoding", budget=budget, keep=keep)
    between = model.between(first, last, count)
    made = draw(
        model,
        known,
        lambda way, number, left: way.move(between[left]),
        count,
        [*attributes.rules(), *rules],
        plausibility.bounds(model).including(np.stack([first, last])),
        tries=1,
        seed=secrets.randbits(31) if seed is None else seed,
        temperature=temperature,
    )
    return replace(made, how=f"{moved}; {made.taken}")

"""The one way in which melodies are drawn until they keep what is asked, for generation, live sessions and evaluation.

A melody is *kept* when it satisfies every rule and is plausible. There are several ways to a melody: an actor moves a
vector, then the decoder may be masked to the pitches asked for. Of each melody the first that is kept is taken. Draws
as they are come first, since they are the most like real melodies; what they do not reach, the mask does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from operator import and_
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base import storage
from melodylc.base.errors import UserError
from melodylc.base.extras import installed, need
from melodylc.constraints.conditional import ConditionalActor, find_conditional_actor
from melodylc.latent.budget import Budget
from melodylc.loading import with_torch
from melodylc.plausibility import FEATURES, Bounds
from melodylc.rules import Rule
from melodylc.rules.rule import as_rule, described
from melodylc.runtime.choosing import strictly
from melodylc.runtime.interface import MelodyModel

if TYPE_CHECKING:  # which need torch
    from melodylc.constraints.composition import ComposedActor
    from melodylc.constraints.playing_actor import AnyActor
    from melodylc.constraints.rule_actor import RuleActor

Move = Callable[[Any], Any]  # vectors (B, Z), arrays or tensors, to others


@dataclass(frozen=True)
class Constraints:
    """What is asked of melodies, and the actors that were learned for it."""

    attributes: Attributes = field(default_factory=Attributes)
    rules: tuple[Rule, ...] = ()
    actors: tuple[AnyActor, ...] = ()
    learned_together: bool = False  # the one actor was learned for the attributes too: it needs no conditional actor

    @classmethod
    def of(
        cls,
        attributes: Attributes | None,
        rules: Rule | Sequence[Rule] = (),
        actors: AnyActor | Sequence[AnyActor] = (),
    ) -> Constraints:
        """Return constraints from what users give: one or several rules and actors, and no attributes for none.

        Raises:
            UserError: for attributes or a rule that are none.
        """
        if not isinstance(attributes, Attributes | None):
            raise UserError(
                f"attributes: expected Attributes(key=...), got {described(attributes)}; rules go to rules="
            )
        several = rules if isinstance(rules, list | tuple) else (rules,)
        known: Any = (actors,) if hasattr(actors, "move") else tuple(actors)
        return cls(attributes or Attributes(), tuple(as_rule(rule) for rule in several), known)

    @property
    def all_rules(self) -> list[Rule]:
        """Return the rules of the attributes, then the others."""
        return [*self.attributes.rules(), *self.rules]

    @property
    def together(self) -> Rule:
        """Return all rules as one. There must be one at least."""
        return reduce(and_, self.all_rules)

    def with_actors(
        self, model: MelodyModel, budget: Budget = Budget(), keep: str | os.PathLike[str] | None = None
    ) -> Constraints:
        """Return constraints whose rules have an actor: where they have none, one is learned for all that is asked.

        Args:
            budget: for learning.
            keep: where what is learned is saved (.safetensors).
        """
        return self.learned(model, budget, keep) if self.rules and not self.actors else self

    def learned(
        self, model: MelodyModel, budget: Budget = Budget(), keep: str | os.PathLike[str] | None = None
    ) -> Constraints:
        """Return constraints with one actor, learned now for all that is asked; see `with_actors`."""
        if keep is not None:
            storage.weights_path(keep)  # before the minutes it takes
        learning = with_torch(model, "learning an actor")  # says so where it cannot
        from melodylc.constraints.rule_actor import learn

        actor = learn(learning, self.together, attributes=self.attributes, budget=budget)
        if keep is not None:
            actor.save(keep)
        return replace(self, actors=(actor,), learned_together=True)


@dataclass(frozen=True, eq=False)
class Way:
    """One way to a melody: what moves a vector, and which states (130,) its decode may have (None: all)."""

    name: str
    move: Move
    allowed_states: np.ndarray | None
    drawn_for: Attributes = field(default_factory=Attributes)  # what the prior is asked for where z is drawn from it


def ways(
    model: MelodyModel,
    constraints: Constraints,
    *,
    strict: bool = False,
    start: str = "prior",
    near: bool = False,
    conditional_actor: ConditionalActor | None = None,
) -> list[Way]:
    """Return the ways to a melody that keeps the constraints, in the order in which they are tried.

    The vector as it is, then the same with the decoder masked to the pitches asked for, if any are; actors of rules
    come before either. A vector that was not drawn for the attributes, as an encoding, is moved by the conditional
    actor first. Draws need it less than it costs them: bars that return no longer would.

    Args:
        strict: only the masked ways.
        start: the name of vectors before they are moved.
        near: whether attributes are first reached by the gradient of the decoder, which stays nearer to the start than
            the actor, and takes a second or two; it needs torch, without which the actor comes first.
        conditional_actor: the model's, where it is loaded already.

    Raises:
        UserError: for a strict mode without a rule on pitches, or a conditional actor that is damaged, or missing where
            the prior of the model knows no attributes.
    """
    rules, attributes = constraints.all_rules, constraints.attributes
    allowed = mask(rules) if strict else mask_where_possible(rules)
    drawn = model.realistic is not None and start == "prior"
    moves: list[tuple[str, Move]] = [(start, _stay)]
    if attributes.rules() and not constraints.learned_together and not drawn:
        actor = conditional_actor or find_conditional_actor(model)
        if actor is not None:
            moves.insert(0, ("actor", partial(actor.move, attributes=attributes)))
        if near and installed("torch"):
            moves.insert(0, ("decoder gradient", _decoder_gradient(model, attributes)))
    if constraints.actors:
        last = _together(constraints.actors)
        moves = [(name if name != start else "actor of rules", _then(move, last.move)) for name, move in moves]
    if constraints.learned_together:
        moves = [("actor", move) for _, move in moves]
    known: list[Way] = []
    for name, move in moves:
        worth_it = move is not _stay or len(moves) == 1  # an encoding as it is keeps what it kept before
        if worth_it and not strict:
            known.append(Way(name, move, None, attributes))
        if allowed is not None:
            known.append(_masked(name, move, allowed, attributes))
    return known


def describe(constraints: Constraints) -> str:
    """Return in words what moves the first of the `ways`."""
    names = [actor.card["rule"] for actor in constraints.actors]
    if constraints.learned_together:
        actor = cast("RuleActor", constraints.actors[0])
        return f"an actor learned for {names[0]} ({actor.outcome})"
    parts = [f"made for {constraints.attributes}"] if constraints.attributes.rules() else []
    if names:
        parts.append(" composed with ".join(f"actor of {name}" for name in names))
    return ", then ".join(parts) or "the prior, no constraints"


def _decoder_gradient(model: MelodyModel, attributes: Attributes) -> Move:
    from melodylc.constraints.decoder_descent import descend_on_decoder

    return partial(descend_on_decoder, with_torch(model, "the decoder's gradient"), attributes=attributes)


def _together(actors: tuple[AnyActor, ...]) -> AnyActor | ComposedActor:
    if len(actors) == 1:
        return actors[0]
    need("several actors", "torch")
    from melodylc.constraints.composition import compose

    return compose(*cast("tuple[RuleActor, ...]", actors))  # as they are loaded with torch


def _masked(name: str, move: Move, allowed_states: np.ndarray, attributes: Attributes) -> Way:
    if move is _stay and attributes.key is not None:
        attributes = replace(attributes, key=None)  # the mask sees to it; draws for rare keys are less like melodies
    return Way(f"masked {name}", move, allowed_states, attributes)


def _stay(z: Any) -> Any:
    return z


def _then(first: Move, second: Move) -> Move:
    return lambda z: second(first(z))


def mask(rules: Sequence[Rule]) -> np.ndarray:
    """Return the states that the strict mode lets through, (130,) bool.

    Raises:
        UserError: where no rule is on pitches, or no pitch is left.
    """
    if not rules:
        return strictly(None, "no rule")
    together = reduce(and_, rules)
    return strictly(together.allowed_pitches, together.name)


def mask_where_possible(rules: Sequence[Rule]) -> np.ndarray | None:
    """Return the same as `mask`, or None where there is nothing to mask."""
    pitches = [rule.allowed_pitches for rule in rules if rule.allowed_pitches is not None]
    return mask(rules) if pitches and np.logical_and.reduce(pitches).any() else None


@dataclass(frozen=True)
class Drawn:
    """Melodies that were drawn, and where each came from."""

    melodies: np.ndarray  # (count, 256)
    scores: np.ndarray  # (count,)
    draws: list[int]  # the try that gave each, from 1
    ways: list[str]  # and the name of its way

    def or_better(self, others: Drawn) -> Drawn:
        """Return of each melody the other where that scores no less."""
        better = others.scores >= self.scores
        return Drawn(
            np.where(better[:, None], others.melodies, self.melodies),
            np.maximum(others.scores, self.scores),
            [(b if take else a) for take, a, b in zip(better, self.draws, others.draws, strict=True)],
            [(b if take else a) for take, a, b in zip(better, self.ways, others.ways, strict=True)],
        )


def draw(
    known: Sequence[Way],
    count: int,
    tries: int,
    make: Callable[[Way, int, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> Drawn:
    """Draw `count` melodies, of each the first of score 1, or the best: all ways of a try, then the next try.

    Args:
        make: given a way, the number of the try (from 1) and the melodies that are left (L,), returns melodies
            (L, 256) and their scores (L,), of which 1 is the highest.
    """
    melodies, scores = np.empty((count, 256), np.uint8), np.full(count, -np.inf)
    draws, names = [0] * count, [""] * count
    for number in range(1, tries + 1):
        for way in known:
            left = np.flatnonzero(scores < 1)
            if not len(left):
                break
            made, found = make(way, number, left)
            for at in np.flatnonzero(found > scores[left]):
                index = left[at]
                melodies[index], scores[index], draws[index], names[index] = made[at], found[at], number, way.name
    return Drawn(melodies, scores, draws, names)


def draw_kept(
    model: MelodyModel,
    known: Sequence[Way],
    vectors: Callable[[Way, int, np.ndarray], Any],
    count: int,
    rules: Sequence[Rule],
    bounds: Bounds,
    *,
    tries: int,
    seed: int,
    temperature: float | None = None,
    rather: Rule | None = None,
) -> Drawn:
    """Draw `count` melodies, of each the first that is kept, or the best; see `draw` and `score`.

    Args:
        vectors: given a way, the seed of the draw and the melodies that are left (L,), their moved vectors (L, Z).
        rather: what a melody need not satisfy, but had better: two are drawn at a time, and of two that are kept the
            one with the higher reward is taken.
    """

    def once(way: Way, own_seed: int, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = vectors(way, own_seed, left)
        made = model.decode(z, temperature=temperature, seed=own_seed, allowed_states=way.allowed_states)
        return made, score(made, rules, bounds)

    def make(way: Way, number: int, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = (int(each) for each in np.random.SeedSequence([seed, number]).generate_state(2))
        made, scores = once(way, first, left)
        if rather is None:
            return made, scores
        other, other_scores = once(way, second, left)
        better = (other_scores > scores) | ((other_scores == scores) & (rather(other) > rather(made)))
        return np.where(better[:, None], other, made), np.where(better, other_scores, scores)

    return draw(known, count, tries, make)


def score(melodies: np.ndarray, rules: Sequence[Rule], bounds: Bounds) -> np.ndarray:
    """Score melodies (B, 256): 1 where they are kept.

    Else their mean reward, less the squared share of features in which they are not plausible: one feature a little
    off costs less than one wrong note in a hundred; one repeated note, which is implausible in half a dozen, costs more
    than it wins by satisfying every rule.
    """
    rewards = np.array([rule(melodies) for rule in rules]).reshape(len(rules), len(melodies))
    violations = bounds.violations(melodies).sum(axis=1)
    value = (rewards.mean(axis=0) if rules else 1.0) - (violations / len(FEATURES)) ** 2
    return np.where((rewards == 1).all(axis=0) & (violations == 0), 1.0, np.minimum(value, 1 - 1e-9))

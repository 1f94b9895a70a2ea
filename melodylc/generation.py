"""What the commands generate, transform and interpolate do, for programmers: melodies under constraints."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from melodylc import chords as chord_progressions
from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints.draws import PriorDraws
from melodylc.constraints.formed import FormedDraws
from melodylc.constraints.repairs import notes_put_back, part_of, repaired
from melodylc.constraints.rule_actor import RuleActor
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
from melodylc.constraints.search import SearchBudget, Searched, search
from melodylc.constraints.transformation import check_amount, check_method, descend, transform_towards
from melodylc.latent.rewards import Budget
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.plausibility import Bounds
from melodylc.prior.known import FEW, share_known
from melodylc.rules import Rule
from melodylc.rules import form as rules_form
from melodylc.rules.form import Form

HOW = ("auto", "search", "learn")  # what finds melodies for rules without an actor


@dataclass(frozen=True)
class Generated:
    """Melodies, and how they came about."""

    melodies: np.ndarray  # (count, 256)
    draws: list[int]  # which draw each melody is, from 1
    ways: list[str]  # the name of the way by which each came
    implausible: list[tuple[str, ...]]  # the features in which each is not plausible
    summary: str = ""  # how they were made, in a sentence

    @property
    def counts(self) -> str:
        """Return how many melodies came which way, in words."""
        return "taken from " + ", ".join(f"{name} {count}" for name, count in Counter(self.ways).most_common())


def generate(
    model: Model,
    attributes: Attributes | None = None,
    count: int = 4,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: RuleActor | Sequence[RuleActor] = (),
    seed: int | None = None,
    temperature: float | None = None,
    strict: bool = False,
    tries: int = 8,
    chords: str | None = None,
    form: str | Form | None = None,
    how: str = "auto",
    searching: SearchBudget = SearchBudget(),
    budget: Budget = Budget(),
    keep: str | os.PathLike[str] | None = None,
) -> Generated:
    """Generate `count` new melodies that keep attributes and rules.

    Attributes are what draws of the prior are made for. Melodies that keep rules without an actor are searched for; for
    those that are not found an actor is learned. Each melody that breaks a rule or is not plausible is made the next
    way (see `constraints.sampling.ways`), then drawn again, `tries` times in all; the best is kept, and `draws` and
    `ways` say which it was.

    Args:
        seed: the same seed gives the same melodies; default: by chance.
        temperature: of sampling, 0 takes the likeliest; default: the model's.
        strict: guarantee key and range by masking the decoder.
        chords: a progression such as "Am F C G", one a bar, or "C | Am F | G7", cycled over the 16 bars: its tones come
            on most strong beats, and those of its scale between them, unless attributes have a key.
        form: which phrases are equal, such as "AABA" or "AA'BA"; see `melodylc.rules.form`. They are by construction.
        how: what finds melodies for rules without an actor: "search", "learn", or "auto", a search, then learning where
            it fails; with `keep`, learning at once.
        searching: how long is searched.
        budget: of learning.
        keep: where an actor that is learned is saved (.safetensors).

    Raises:
        UserError: for numbers out of bounds, and a strict mode without a rule on pitches.
    """
    integer("count", count, 0)
    integer("tries", tries, 1)
    checked_temperature(temperature)
    seed = secrets.randbits(31) if checked_seed(seed) is None else seed
    assert seed is not None
    bounds = plausibility.bounds(model)  # before anything is learned: the file may be damaged
    if chords is not None:
        attributes = chord_progressions.fitting(chords, attributes)
        rules = [*(rules if isinstance(rules, list | tuple) else [rules]), chord_progressions.rule(chords)]
    constraints = Constraints.of(attributes, rules, actors)
    if form is not None:
        return _in_form(model, constraints, form, count, bounds, how, keep, searching, seed, temperature, strict)
    how = _check_how(how, constraints, keep)
    found = None
    if how != "learn":
        found = _searched(model, constraints, count, bounds, searching, seed, temperature, strict)
        if how == "search" or (found.scores == 1).all():
            return report(found.as_drawn(), bounds, f"{_made_for(constraints)}{found}; seed {seed}")
    constraints = _prepared(model, constraints, strict, budget, keep)
    drawn = draw_kept(
        model,
        ways(model, constraints, strict=strict),
        lambda way, own_seed, left: way.move(model.prior(count, own_seed, way.drawn_for)[left]),
        count,
        constraints.all_rules,
        bounds,
        tries=tries,
        seed=seed,
        temperature=temperature,
    )
    if found is not None:
        drawn = drawn.or_better(found.as_drawn())
    summary = "" if found is None else f"{found}, which kept {(found.scores == 1).sum()}; "
    summary += describe(constraints) + (f"; best of up to {tries} draws each" if tries > 1 else "; one draw each")
    if strict:
        summary += "; strict: the decoder was masked to the pitches allowed"
    if share_known(model.bank.states, constraints.attributes) < FEW:
        summary += "; few melodies like this are known"
    return report(drawn, bounds, f"{summary}; seed {seed}")


def _check_how(how: str, constraints: Constraints, keep: object) -> str:
    """Return how melodies are found, which is "learn" where there is an actor, or nothing to search for.

    Raises:
        UserError: if it is none, or a search that learns or has an actor.
    """
    if how not in HOW:
        raise UserError(f"how: expected one of {', '.join(HOW)}, got {how!r}")
    if how == "search" and (constraints.actors or keep is not None or not constraints.rules):
        raise UserError("how: a search expects a rule, and neither actors nor where to keep one; how='auto' takes all")
    return "learn" if constraints.actors or keep is not None or not constraints.rules else how


def _in_form(
    model: Model,
    constraints: Constraints,
    form: str | Form,
    count: int,
    bounds: Bounds,
    how: str,
    keep: object,
    budget: SearchBudget,
    seed: int,
    temperature: float | None,
    strict: bool,
) -> Generated:
    """Search for melodies in a form.

    Raises:
        UserError: for what is no form, or where an actor is to be learned or used.
    """
    if constraints.actors or keep is not None or how == "learn":
        raise UserError("form: melodies in a form are searched for; leave actors, keep and how='learn' out")
    wanted = form if isinstance(form, Form) else Form.parse(form)
    allowed_states = mask(constraints.all_rules) if strict else None
    draws = FormedDraws(model, wanted, constraints.attributes, temperature, allowed_states)
    rules = [*constraints.all_rules, rules_form(str(wanted))]
    found = search(draws, rules, count, bounds, budget=budget, seed=seed)
    return report(found.as_drawn(), bounds, f"{_made_for(constraints)}in form {wanted}, {found}; seed {seed}")


def _searched(
    model: Model,
    constraints: Constraints,
    count: int,
    bounds: Bounds,
    budget: SearchBudget,
    seed: int,
    temperature: float | None,
    strict: bool,
) -> Searched:
    allowed_states = mask(constraints.all_rules) if strict else None
    draws = PriorDraws(model, constraints.attributes, temperature, allowed_states)
    return search(draws, constraints.all_rules, count, bounds, budget=budget, seed=seed)


def _made_for(constraints: Constraints) -> str:
    return f"made for {constraints.attributes}, " if constraints.attributes.rules() else ""


def _prepared(
    model: Model, constraints: Constraints, strict: bool, budget: Budget, keep: str | os.PathLike[str] | None
) -> Constraints:
    """Return constraints that have actors; what a strict mode cannot mask is said before anything is learned."""
    if strict:
        mask(constraints.all_rules)
    return constraints.with_actors(model, budget, keep)


def report(drawn: Drawn, bounds: Bounds, summary: str) -> Generated:
    """Return melodies that were drawn, in which features they are not plausible, and how they came about."""
    made = Generated(
        drawn.melodies, drawn.draws, drawn.ways, [bounds.violated(melody) for melody in drawn.melodies], summary
    )
    return replace(made, summary=f"{summary}; {made.counts}")


def transform(
    model: Model,
    melody: np.ndarray,
    attributes: Attributes | None = None,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: RuleActor | Sequence[RuleActor] = (),
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
    changes. Where that is not enough, the gradient of the decoder says where to go from the melody's encoding for
    attributes, actors or their critics for rules; of the decodes on the way there, the first that is kept is taken.
    Bars that decode as they would have anyway stay as they were played, and bars, then notes, that need not have
    changed are put back. Where the answer is not kept, the encoding is decoded the other `ways`. What is plausible is
    widened by what the melody itself does: its own oddities are nothing to mend. A melody that satisfies every rule
    comes back as it was.

    Args:
        how: "actor": actors lead the way for attributes too, which is faster and goes further; "gradient": descent on
            the critics of actors for rules, with the distance penalty; None: single notes first, then the gradient for
            attributes, actors for rules.
        amount: 0 is the melody as it was, 1 the whole change, and between them the melodies on the way.
        seed, temperature, strict, budget, keep: see `generate`; by default the decode takes the likeliest.

    Raises:
        ValueError: if it is no melody.
        UserError: for nothing to change, an amount outside [0, 1], and descent without critics.
    """
    constraints = Constraints.of(attributes, rules, actors)
    if not constraints.all_rules:
        raise UserError("transform: expected what to change; give a key, a number of notes, a range or a rule")
    if how is not None:
        check_method(how)
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
    summary = describe(constraints)
    if how == "gradient" and constraints.actors:
        name = known[0].name.replace("actor", "gradient")
        known[0], summary = replace(known[0], name=name, move=descend(*constraints.actors)), "gradient"

    def reward(states: np.ndarray) -> np.ndarray:
        return _pitches_first(states, constraints, bounds)

    def make(way: Way, number: int, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def decoded(z: Tensor) -> np.ndarray:
            return model.decode(z, temperature=temperature, seed=seed, allowed_states=way.allowed_states)

        changed = transform_towards(model, melody[None], way.move, decoded, reward, amount)
        if amount < 1:
            return changed.melodies, changed.reached
        whole = notes_put_back(changed.melodies[0], melody, reward)[None]
        return whole, reward(whole)

    return report(draw(known, 1, 1, make), bounds, summary)


def _single_notes(
    model: Model, melody: np.ndarray, constraints: Constraints, bounds: Bounds, seed: int
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
    model: Model,
    first: np.ndarray,
    last: np.ndarray,
    count: int = 5,
    attributes: Attributes | None = None,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: RuleActor | Sequence[RuleActor] = (),
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
    constraints = _prepared(model, Constraints.of(attributes, rules, actors), strict, budget, keep)
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
    return report(drawn, bounds, describe(constraints))

"""What the command generate does, for programmers: new melodies under constraints."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from melodylc import chords as chord_progressions
from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints.draws import PriorDraws
from melodylc.constraints.formed import FormedDraws
from melodylc.constraints.lengths import check_bars, check_model, ending
from melodylc.constraints.rule_actor import RuleActor
from melodylc.constraints.sampling import (
    Constraints,
    describe,
    draw_kept,
    mask,
    ways,
)
from melodylc.constraints.search import SearchBudget, Searched, search
from melodylc.continuing import gone_on
from melodylc.generated import Generated, report
from melodylc.latent.rewards import Budget
from melodylc.melody import BARS, STEPS_PER_BAR
from melodylc.model import Model
from melodylc.plausibility import Bounds
from melodylc.prior.known import FEW, share_known
from melodylc.rules import Rule
from melodylc.rules import form as rules_form
from melodylc.rules.form import Form

HOW = ("auto", "search", "learn")  # what finds melodies for rules without an actor


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
    bars: int = BARS,
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
        bars: how many a melody has. More than 16 follow from those before them, and rules hold for every 16 bars;
            fewer keep rules when they are played again until 16 bars are full. The last note is long, and the tonic.
        how: what finds melodies for rules without an actor: "search", "learn", or "auto", a search, then learning where
            it fails; with `keep`, learning at once.
        searching: how long is searched; bars after the sixteenth have searches of their own.
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
    check_bars(bars, chords)
    if bars != BARS:
        check_model(model)
    if how not in HOW:
        raise UserError(f"how: expected one of {', '.join(HOW)}, got {how!r}")
    bounds = plausibility.bounds(model)  # before anything is learned: the file may be damaged
    if chords is not None:
        attributes = chord_progressions.fitting(chords, attributes)
        rules = [*(rules if isinstance(rules, list | tuple) else [rules]), chord_progressions.rule(chords)]
    constraints = Constraints.of(attributes, rules, actors)
    if bars > BARS and constraints.actors and not constraints.rules:
        raise UserError("bars: actors know 16 bars; for more, give their rules too")
    if bars != BARS and form is not None:
        raise UserError("form: melodies in a form have 16 bars; leave one of form and bars out")
    if form is not None or bars < BARS:
        if constraints.actors or keep is not None or how == "learn":
            what = f"bars: melodies of fewer than {BARS} bars" if form is None else "form: melodies in a form"
            raise UserError(f"{what} are searched for; leave actors, keep and how='learn' out")
        if form is None:
            source, phrase, further = np.arange(BARS) % bars, bars, ending(constraints.attributes, bars)
            named = f"{bars} bars"
        else:
            wanted = form if isinstance(form, Form) else Form.parse(form)
            source, phrase, further = wanted.source(), wanted.bars, rules_form(str(wanted))
            named = f"in form {wanted}"
        allowed_states = mask(constraints.all_rules) if strict else None
        draws = FormedDraws(model, source, phrase, constraints.attributes, temperature, allowed_states)
        found = search(draws, [*constraints.all_rules, further], count, bounds, budget=searching, seed=seed)
        made = report(found.as_drawn(), bounds, f"{_made_for(constraints)}{named}, {found}; seed {seed}")
        return replace(made, melodies=made.melodies[:, : bars * STEPS_PER_BAR])
    made = _of_sixteen_bars(
        model, constraints, count, bounds, how, searching, budget, keep, tries, seed, temperature, strict
    )
    return made if bars == BARS else gone_on(made, model, bars, constraints, bounds, seed, temperature, strict)


def _of_sixteen_bars(
    model: Model,
    constraints: Constraints,
    count: int,
    bounds: Bounds,
    how: str,
    searching: SearchBudget,
    budget: Budget,
    keep: str | os.PathLike[str] | None,
    tries: int,
    seed: int,
    temperature: float | None,
    strict: bool,
) -> Generated:
    """Return melodies that a search finds, or that draws and actors make."""
    how = _check_how(how, constraints, keep)
    found = None
    if how != "learn":
        found = _searched(model, constraints, count, bounds, searching, seed, temperature, strict)
        if how == "search" or (found.scores == 1).all():
            return report(found.as_drawn(), bounds, f"{_made_for(constraints)}{found}; seed {seed}")
    constraints = prepared(model, constraints, strict, budget, keep)
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
        UserError: for a search that learns or has an actor.
    """
    if how == "search" and (constraints.actors or keep is not None or not constraints.rules):
        raise UserError("how: a search expects a rule, and neither actors nor where to keep one; how='auto' takes all")
    return "learn" if constraints.actors or keep is not None or not constraints.rules else how


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


def prepared(
    model: Model, constraints: Constraints, strict: bool, budget: Budget, keep: str | os.PathLike[str] | None
) -> Constraints:
    """Return constraints that have actors; what a strict mode cannot mask is said before anything is learned."""
    if strict:
        mask(constraints.all_rules)
    return constraints.with_actors(model, budget, keep)

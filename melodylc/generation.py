"""What the command generate does, for programmers: new melodies under constraints."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from melodylc import chords as chord_progressions
from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.extras import installed
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.base.numbers import temperature as checked_temperature
from melodylc.constraints.draws import PriorDraws
from melodylc.constraints.formed import FormedDraws
from melodylc.constraints.lengths import check_bars, check_model, ended, ending, shorter
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
from melodylc.latent.budget import Budget
from melodylc.melody import BARS, STEPS_PER_BAR
from melodylc.plausibility import Bounds
from melodylc.prior.known import FEW, share_known
from melodylc.rules import Rule
from melodylc.rules import form as rules_form
from melodylc.rules.form import Form
from melodylc.runtime.interface import MelodyModel

if TYPE_CHECKING:
    from melodylc.constraints.playing_actor import AnyActor

HOW = ("auto", "search", "learn")  # what finds melodies for rules without an actor


def generate(
    model: MelodyModel,
    attributes: Attributes | None = None,
    count: int = 4,
    *,
    rules: Rule | Sequence[Rule] = (),
    actors: AnyActor | Sequence[AnyActor] = (),
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
    `ways` say which it was. For a key with a tonic two are drawn at a time, and of two that are kept the one that ends
    on it, and longer, is taken. What is searched for is not drawn again.

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
            it fails and torch is installed; with `keep`, learning at once.
        searching: how long is searched; bars after the sixteenth have searches of their own, each of as many seconds at
            most.
        budget: of learning.
        keep: where an actor that is learned is saved (.safetensors).

    Raises:
        UserError: for numbers out of bounds, a strict mode without a rule on pitches, chords or a form that are none,
            another length together with a form or with what is learned, and other lengths and forms of a model without
            a realistic prior.
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
    if (form is not None or bars < BARS) and (constraints.actors or keep is not None or how == "learn"):
        what = f"bars: melodies of fewer than {BARS} bars" if form is None else "form: melodies in a form"
        raise UserError(f"{what} are searched for; leave actors, keep and how='learn' out")
    asked = _Asked(model, constraints, count, bounds, seed, temperature, strict)
    if form is not None:
        return _in_form(asked, form if isinstance(form, Form) else Form.parse(form), searching)
    if bars < BARS:
        return _of_fewer_bars(asked, bars, searching)
    made = _of_sixteen_bars(asked, how, searching, budget, keep, tries)
    if bars == BARS:
        return made
    return gone_on(made, model, bars, constraints, bounds, seed, temperature, strict, searching.seconds)


@dataclass(frozen=True)
class _Asked:
    """What melodies are to be, and how they are drawn."""

    model: MelodyModel
    constraints: Constraints
    count: int
    bounds: Bounds
    seed: int
    temperature: float | None
    strict: bool

    @property
    def allowed_states(self) -> np.ndarray | None:
        """Return the states (130,) that the decoder is limited to, or None for all."""
        return mask(self.constraints.all_rules) if self.strict else None

    @property
    def with_tonic(self) -> bool:
        """Return whether the key that was asked for has a tonic, on which melodies had better end."""
        key = self.constraints.attributes.key
        return key is not None and key.tonic is not None

    @property
    def rare(self) -> str:
        """Return words that say so where few melodies with the attributes are known."""
        few = share_known(self.model.bank.states, self.constraints.attributes) < FEW
        return "; few melodies like this are known" if few else ""

    def found(self, searched: Searched, bounds: Bounds, named: str = "") -> Generated:
        """Return what a search found, and say so."""
        attributes = self.constraints.attributes
        asked_for = f"made for {attributes}, " if attributes.rules() else ""
        return report(searched.as_drawn(), bounds, f"{asked_for}{named}{searched}{self.rare}; seed {self.seed}")


def _in_form(asked: _Asked, form: Form, budget: SearchBudget) -> Generated:
    """Return melodies in a form, which are searched for."""
    attributes, source = asked.constraints.attributes, form.source()
    bounds = asked.bounds.with_returning(int((source != np.arange(BARS)).sum()))
    draws = FormedDraws(asked.model, source, form.bars, attributes, asked.temperature, asked.allowed_states)
    rules = [*asked.constraints.all_rules, rules_form(str(form))]
    found = search(draws, rules, asked.count, bounds, budget=budget, seed=asked.seed)
    return asked.found(found, bounds, f"in form {form}, ")


def _of_fewer_bars(asked: _Asked, bars: int, budget: SearchBudget) -> Generated:
    """Return melodies of fewer than 16 bars, which are searched for."""
    bounds = asked.bounds.with_returning(BARS - bars)
    found = shorter(
        asked.model,
        bars,
        asked.count,
        asked.constraints.all_rules,
        asked.constraints.attributes,
        bounds,
        budget=budget,
        seed=asked.seed,
        temperature=asked.temperature,
        allowed_states=asked.allowed_states,
    )
    melodies = found.melodies[:, : bars * STEPS_PER_BAR]
    ends = ended(melodies, asked.constraints.attributes)
    made = asked.found(found, bounds, f"{bars} bar{'s' if bars > 1 else ''}, {ends}, ")
    return replace(made, melodies=melodies)


def _of_sixteen_bars(
    asked: _Asked,
    how: str,
    searching: SearchBudget,
    budget: Budget,
    keep: str | os.PathLike[str] | None,
    tries: int,
) -> Generated:
    """Return melodies that a search finds, or that draws and actors make."""
    model, constraints, count, bounds = asked.model, asked.constraints, asked.count, asked.bounds
    how = _check_how(how, constraints, keep)
    found = None
    if how != "learn":
        draws = PriorDraws(model, constraints.attributes, asked.temperature, asked.allowed_states)
        found = search(draws, constraints.all_rules, count, bounds, budget=searching, seed=asked.seed)
        if how == "search" or (found.scores == 1).all():
            return asked.found(found, bounds)
        if not installed("torch"):
            return asked.found(found, bounds, "no actor is learned without torch (pip install 'melodylc[train]'), ")
    constraints = prepared(model, constraints, asked.strict, budget, keep)
    drawn = draw_kept(
        model,
        ways(model, constraints, strict=asked.strict),
        lambda way, own_seed, left: way.move(model.prior(count, own_seed, way.drawn_for)[left]),
        count,
        constraints.all_rules,
        bounds,
        tries=tries,
        seed=asked.seed,
        temperature=asked.temperature,
        rather=ending(constraints.attributes) if asked.with_tonic else None,
    )
    if found is not None:
        drawn = drawn.or_better(found.as_drawn())
    summary = "" if found is None else f"{found}, which kept {(found.scores == 1).sum()}; "
    summary += describe(constraints) + (f"; best of up to {tries} draws each" if tries > 1 else "; one draw each")
    if asked.strict:
        summary += "; strict: the decoder was masked to the pitches allowed"
    return report(drawn, bounds, f"{summary}{asked.rare}; seed {asked.seed}")


def _check_how(how: str, constraints: Constraints, keep: object) -> str:
    """Return how melodies are found, which is "learn" where there is an actor, or nothing to search for.

    Raises:
        UserError: for a search that learns or has an actor.
    """
    if how == "search" and (constraints.actors or keep is not None or not constraints.rules):
        raise UserError("how: a search expects a rule, and neither actors nor where to keep one; how='auto' takes all")
    return "learn" if constraints.actors or keep is not None or not constraints.rules else how


def prepared(
    model: MelodyModel, constraints: Constraints, strict: bool, budget: Budget, keep: str | os.PathLike[str] | None
) -> Constraints:
    """Return constraints that have actors; what a strict mode cannot mask is said before anything is learned."""
    if strict:
        mask(constraints.all_rules)
    return constraints.with_actors(model, budget, keep)

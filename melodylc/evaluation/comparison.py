"""All methods for C major, and for C major with 192 notes, learned at equal numbers of decodes, in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from melodylc.attributes import Attributes
from melodylc.base.numbers import integer
from melodylc.constraints.composition import compose
from melodylc.constraints.conditional import conditioned
from melodylc.constraints.rule_actor import RuleActor, learn
from melodylc.constraints.transformation import descend
from melodylc.evaluation.histograms import reference_histograms
from melodylc.evaluation.methods import CommonDraws, MethodRow, Move
from melodylc.evaluation.paper import KEY, NOTES, density_rule, pitch_rule
from melodylc.latent.budget import PAPER_BUDGET, Budget
from melodylc.model import Model
from melodylc.rules import Key
from melodylc.runtime.choosing import states_for

TRIES = 8  # of the rows "best of 8"
OTHER_TEMPERATURES = (1.0, 0.0)  # measured beside the model's own
DESCENT_BATCH = 256  # vectors descended together, which bounds the memory for gradients
BOTH = f"{KEY}, {NOTES} notes"


@dataclass(frozen=True)
class ComparedActors:
    """The actors that the table compares."""

    key: RuleActor
    count: RuleActor
    pair: RuleActor
    half_key: RuleActor  # learned with half of the decodes each, to be composed
    half_count: RuleActor
    paper_key: RuleActor
    paper_pair: RuleActor


def train_actors(model: Model, rounds: int, seed: int) -> ComparedActors:
    """Learn all of them, by our loop and by the paper's, each on the same number of decoded melodies."""
    pitch, density = pitch_rule(), density_rule()
    # patience as long as the rounds: nothing ends early, so decodes are equal
    ours, paper = (replace(budget, rounds=rounds, patience=rounds) for budget in (Budget(), PAPER_BUDGET))
    half = replace(ours, rounds=max(1, rounds // 2))
    return ComparedActors(
        key=learn(model, pitch, budget=ours, seed=seed),
        count=learn(model, density, budget=ours, seed=seed),
        pair=learn(model, pitch & density, budget=ours, seed=seed),
        half_key=learn(model, pitch, budget=half, seed=seed),
        half_count=learn(model, density, budget=half, seed=seed),
        paper_key=learn(model, pitch, budget=paper, seed=seed),
        paper_pair=learn(model, pitch & density, budget=paper, seed=seed),
    )


def compare_methods(draws: CommonDraws, actors: ComparedActors) -> list[MethodRow]:
    """Measure every method on the common draws, at their temperature."""
    model, measure = draws.model, draws.measure_method
    noise, key = model.noise(len(draws.z), draws.seed), Key.parse(KEY)
    both = Attributes(key, notes=NOTES)
    in_key = states_for(key.pitches())
    return [
        measure("prior"),
        measure("prior", allowed_states=in_key),
        measure(KEY, actors.key.move),
        measure(KEY, actors.key.move, tries=TRIES),
        measure(KEY, actors.key.move, allowed_states=in_key),
        measure(f"{KEY}, by gradient", _in_batches(descend(actors.key))),
        measure(f"{KEY}, the paper's loop", actors.paper_key.move),
        measure(f"{KEY}, conditioned", lambda _: conditioned(model, noise, Attributes(key))),
        measure(f"{NOTES} notes", actors.count.move),
        measure(BOTH, actors.pair.move),
        measure(BOTH, actors.pair.move, tries=TRIES),
        measure(BOTH, actors.pair.move, allowed_states=in_key),
        measure(f"{BOTH}, by gradient", _in_batches(descend(actors.pair))),
        measure(f"{BOTH}, composed", compose(actors.half_key, actors.half_count).move),
        measure(f"{BOTH}, the paper's loop", actors.paper_pair.move),
        measure(f"{BOTH}, conditioned", lambda _: conditioned(model, noise, both)),
    ]


def compare_temperatures(draws: CommonDraws, key: RuleActor, pair: RuleActor) -> list[MethodRow]:
    """Measure the prior and the two learned actors again, at temperatures 1 and 0."""
    rows = []
    for temperature in OTHER_TEMPERATURES:
        other = CommonDraws.of(draws.model, draws.held_out, len(draws.z), draws.seed, temperature)
        rows += _three_rows(other, key, pair)
    return rows


def table2(model: Model, *, draws: int, rounds: int, seed: int) -> list[MethodRow]:
    """Measure the paper's three rows only: the prior and two actors learned now, at the model's temperature, 1 and 0.

    Raises:
        UserError: for numbers out of bounds.
    """
    integer("draws", draws, 2)
    integer("rounds", rounds, 1)
    pitch, density = pitch_rule(), density_rule()
    budget = replace(Budget(), rounds=rounds, patience=rounds)
    key, pair = (learn(model, rule, budget=budget, seed=seed) for rule in (pitch, pitch & density))
    common = CommonDraws.of(model, reference_histograms(model)[0], draws, seed, model.temperature)
    return _three_rows(common, key, pair) + compare_temperatures(common, key, pair)


def _three_rows(draws: CommonDraws, key: RuleActor, pair: RuleActor) -> list[MethodRow]:
    measure = draws.measure_method
    return [measure("prior"), measure(KEY, key.move), measure(BOTH, pair.move)]


def _in_batches(move: Move) -> Move:
    """Return the same move, made of a few vectors at a time."""

    def moved(z: Tensor) -> Tensor:
        return torch.cat([move(part) for part in z.split(DESCENT_BATCH)])

    return moved

"""Every way to C major, and to C major with 192 notes, learned at equal numbers of decodes, in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from melodylc.attributes import Attributes
from melodylc.base.numbers import integer
from melodylc.constraints import conditional
from melodylc.constraints.composition import compose
from melodylc.constraints.rule_actor import RuleActor, learn
from melodylc.constraints.sampling import with_notes_margin
from melodylc.constraints.transformation import descend
from melodylc.evaluation.histograms import reference
from melodylc.evaluation.table2 import DENSITY, KEY, Bench, Move, Row
from melodylc.latent.rewards import PAPER_BUDGET, Budget
from melodylc.model import Model
from melodylc.rules import Key, notes, pitch_classes
from melodylc.vae.decoding import states_for

TRIES = 8
TEMPERATURES = (1.0, 0.0)  # beside the model's own
ROWS = 256  # vectors descended together
PAIR = f"{KEY}, {DENSITY} notes"


@dataclass(frozen=True)
class ComparedActors:
    """The controls that the table compares."""

    key: RuleActor
    count: RuleActor
    pair: RuleActor
    half_key: RuleActor  # learned with half of the decodes each, to be composed
    half_count: RuleActor
    paper_key: RuleActor
    paper_pair: RuleActor


def train_actors(model: Model, rounds: int, seed: int) -> ComparedActors:
    """Learn them all: our loop and the paper's, each on the same number of decoded melodies."""
    in_key, dense = pitch_classes(KEY), notes(at_least=DENSITY)
    # no early end: decodes are to be equal
    ours, paper = (replace(budget, rounds=rounds, patience=rounds) for budget in (Budget(), PAPER_BUDGET))
    half = replace(ours, rounds=max(1, rounds // 2))
    return ComparedActors(
        key=learn(model, in_key, budget=ours, seed=seed),
        count=learn(model, dense, budget=ours, seed=seed),
        pair=learn(model, in_key & dense, budget=ours, seed=seed),
        half_key=learn(model, in_key, budget=half, seed=seed),
        half_count=learn(model, dense, budget=half, seed=seed),
        paper_key=learn(model, in_key, budget=paper, seed=seed),
        paper_pair=learn(model, in_key & dense, budget=paper, seed=seed),
    )


def rows(bench: Bench, learned: ComparedActors) -> list[Row]:
    """The table at the bench's temperature."""
    turned = conditional.load_conditional_actor(bench.model.path.with_name("knobs.safetensors"), bench.model)
    key = Key.parse(KEY)
    strict = states_for(key.pitches())
    return [
        bench.row("prior"),
        bench.row("prior", allowed_states=strict),
        bench.row(KEY, learned.key.move),
        bench.row(KEY, learned.key.move, tries=TRIES),
        bench.row(KEY, learned.key.move, allowed_states=strict),
        bench.row(f"{KEY}, by gradient", _in_parts(descend(learned.key))),
        bench.row(f"{KEY}, the paper's loop", learned.paper_key.move),
        bench.row(f"{KEY}, knobs", lambda z: turned.move(z, Attributes(key))),
        bench.row(f"{DENSITY} notes", learned.count.move),
        bench.row(PAIR, learned.pair.move),
        bench.row(PAIR, learned.pair.move, tries=TRIES),
        bench.row(PAIR, learned.pair.move, allowed_states=strict),
        bench.row(f"{PAIR}, by gradient", _in_parts(descend(learned.pair))),
        bench.row(f"{PAIR}, composed", compose(learned.half_key, learned.half_count).move),
        bench.row(f"{PAIR}, the paper's loop", learned.paper_pair.move),
        bench.row(f"{PAIR}, knobs", lambda z: turned.move(z, with_notes_margin(Attributes(key, notes=DENSITY)))),
    ]


def at_other_temperatures(bench: Bench, key: RuleActor, pair: RuleActor) -> list[Row]:
    """The prior and the two learned actors again."""
    table = []
    for temperature in TEMPERATURES:
        other = Bench.of(bench.model, bench.held_out, len(bench.z), bench.seed, temperature)
        table += [other.row("prior"), other.row(KEY, key.move), other.row(PAIR, pair.move)]
    return table


def table2(model: Model, *, draws: int, rounds: int, seed: int) -> list[Row]:
    """The paper's three rows only: the prior and two actors learned now, at the model's temperature, at 1 and 0."""
    integer("draws", draws, 2)
    integer("rounds", rounds, 1)
    in_key, dense = pitch_classes(KEY), notes(at_least=DENSITY)
    budget = replace(Budget(), rounds=rounds, patience=rounds)
    key, pair = (learn(model, rule, budget=budget, seed=seed) for rule in (in_key, in_key & dense))
    bench = Bench.of(model, reference(model)[0], draws, seed, model.temperature)
    first = [bench.row("prior"), bench.row(KEY, key.move), bench.row(PAIR, pair.move)]
    return first + at_other_temperatures(bench, key, pair)


def _in_parts(move: Move) -> Move:
    def moved(z: Tensor) -> Tensor:
        return torch.cat([move(part) for part in z.split(ROWS)])

    return moved

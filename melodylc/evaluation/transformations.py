"""Transformations of given melodies: the share that satisfies the rule against how much of each melody remains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.constraints.decoder_descent import descend_on_decoder
from melodylc.constraints.rule_actor import RuleActor
from melodylc.constraints.transformation import onsets_kept, pitches_kept, transform_batch, transform_towards
from melodylc.model import Model
from melodylc.rules import Rule

METHODS = (
    ("actor", False),
    ("gradient", False),
    ("actor", True),
    ("gradient", True),
)  # how to move, and whether strict
AMOUNTS = (0.25, 0.5, 0.75, 1.0)  # of the change


@dataclass(frozen=True)
class TransformationRow:
    """One line of the table: means over the melodies that do not satisfy the rule; shares in [0, 1]."""

    method: str
    amount: float
    kept: float  # satisfied and plausible; what is plausible is widened by what the melody itself did
    satisfied: float
    reward: float
    onsets_kept: float
    pitches_kept: float

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in evaluation.json."""
        return asdict(self)


def measure_transformations(
    model: Model, melodies: np.ndarray, rule: Rule, actor: RuleActor, attributes: Attributes
) -> list[TransformationRow]:
    """Measure the melodies (N, 256) that do not satisfy the rule: unchanged, reconstructed and transformed.

    Args:
        actor: learned for the rule; it and its critics lead the way in "actor" and "gradient".
        attributes: which say the same as the rule; they lead the way in "decoder gradient".
    """
    unsatisfied = melodies[rule(melodies) < 1]
    of_model = plausibility.bounds(model)
    bounds = [of_model.including(melody) for melody in unsatisfied]

    def row(method: str, amount: float, changed: np.ndarray) -> TransformationRow:
        rewards = rule(changed)
        satisfied = rewards == 1
        plausible = np.array([own.plausible(melody)[0] for own, melody in zip(bounds, changed, strict=True)], bool)
        return TransformationRow(
            method,
            amount,
            float((satisfied & plausible).mean()),
            float(satisfied.mean()),
            float(rewards.mean()),
            float(onsets_kept(unsatisfied, changed).mean()),
            float(pitches_kept(unsatisfied, changed).mean()),
        )

    table = [
        row("unchanged", 0.0, unsatisfied),
        row("reconstruction", 0.0, model.decode(model.encode(unsatisfied), temperature=0)),
    ]
    goal = descend_on_decoder(model, model.encode(unsatisfied).mean, attributes)
    for amount in AMOUNTS:
        reached = transform_towards(
            model, unsatisfied, lambda _: goal, lambda z: model.decode(z, temperature=0.0), rule, amount
        )
        table.append(row("decoder gradient", amount, reached.melodies))
    for method, strict in METHODS:
        if strict and rule.allowed_pitches is None:
            continue
        for amount in AMOUNTS if not strict else (1.0,):
            changed = transform_batch(model, unsatisfied, rule, actor, how=method, strict=strict, amount=amount)
            table.append(row(method + (" [strict]" if strict else ""), amount, changed))
    return table


def transformations_text(table: list[TransformationRow]) -> str:
    """Return the table for a terminal."""
    lines = [f"{'':<20}{'amount':>7}{'kept':>8}{'satisfied':>11}{'reward':>8}{'onsets kept':>13}{'notes kept':>12}"]
    for row in table:
        lines.append(
            f"{row.method:<20}{row.amount:>7.2f}{row.kept:>7.1%} {row.satisfied:>10.1%} {row.reward:>8.3f}"
            f"{row.onsets_kept:>12.1%} {row.pitches_kept:>11.1%}"
        )
    return "\n".join(lines)

"""Transformations of given melodies: the share that satisfies the rule against what is kept of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from melodylc.constraints.rule_actor import RuleActor
from melodylc.constraints.transformation import onsets_kept, pitches_kept, transform_batch
from melodylc.model import Model
from melodylc.rules import Rule

WAYS = (("actor", False), ("gradient", False), ("actor", True), ("gradient", True))
AMOUNTS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class TransformationRow:
    """One line of the table: means over melodies that break the rule; shares in [0, 1]."""

    way: str
    amount: float
    satisfied: float
    reward: float
    onsets_kept: float
    pitches_kept: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_transformations(
    model: Model, melodies: np.ndarray, rule: Rule, actor: RuleActor
) -> list[TransformationRow]:
    """The melodies (N, 256) that break the rule: as they are, as the model reconstructs them, and transformed."""
    broken = melodies[rule(melodies) < 1]

    def row(way: str, amount: float, changed: np.ndarray) -> TransformationRow:
        rewards = rule(changed)
        return TransformationRow(
            way,
            amount,
            float((rewards == 1).mean()),
            float(rewards.mean()),
            float(onsets_kept(broken, changed).mean()),
            float(pitches_kept(broken, changed).mean()),
        )

    table = [
        row("as it was", 0.0, broken),
        row("reconstruction", 0.0, model.decode(model.encode(broken), temperature=0)),
    ]
    for how, strict in WAYS:
        if strict and rule.allowed_pitches is None:
            continue
        for amount in AMOUNTS if not strict else (1.0,):
            changed = transform_batch(model, broken, rule, actor, how=how, strict=strict, amount=amount)
            table.append(row(how + (" [strict]" if strict else ""), amount, changed))
    return table


def text(table: list[TransformationRow]) -> str:
    """The table for a terminal."""
    lines = [f"{'':<20}{'amount':>7}{'satisfied':>11}{'reward':>8}{'onsets kept':>13}{'notes kept':>12}"]
    for change in table:
        lines.append(
            f"{change.way:<20}{change.amount:>7.2f}{change.satisfied:>10.1%} {change.reward:>8.3f}"
            f"{change.onsets_kept:>12.1%} {change.pitches_kept:>11.1%}"
        )
    return "\n".join(lines)

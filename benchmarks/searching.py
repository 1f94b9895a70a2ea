"""Search for melodies that keep forty rules: four melodies each, in ten seconds at most.

python benchmarks/searching.py [--seeds 3] [--seconds 10]

prior      share of 4,096 draws of the prior that satisfy the rule
one, four  share of the seeds for which one at least of four melodies is kept, and all four
decodes    that a search made, and the seconds it took, means over the seeds
"""

from __future__ import annotations

import argparse

import numpy as np
from forty_rules import KINDS

import melodylc
from melodylc import plausibility
from melodylc.constraints.draws import PriorDraws
from melodylc.constraints.search import SearchBudget, search

MELODIES = 4
DECODES = 10_000  # more than there is time for
REACHABLE = 0.001  # satisfied by so many draws of the prior


def main() -> None:
    """Print a row for each rule, then the shares of those that draws of the prior satisfy now and then."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    model = melodylc.load()
    draws, bounds, drawn = PriorDraws(model), plausibility.bounds(model), model.sample(4096, seed=99)
    found: list[tuple[float, float, float]] = []
    print(f"{'rule':<64}{'prior':>7}{'one':>6}{'four':>6}{'decodes':>9}{'seconds':>9}")
    for kind, rules in KINDS.items():
        for rule in rules:
            made = [
                search(draws, [rule], MELODIES, bounds, budget=SearchBudget(DECODES, options.seconds), seed=seed)
                for seed in range(options.seeds)
            ]
            kept = np.array([each.scores == 1 for each in made])
            row = float(rule.satisfied(drawn).mean()), kept.any(axis=1).mean(), kept.all(axis=1).mean()
            found.append(row)
            cost = np.mean([(each.decodes, each.seconds) for each in made], axis=0)
            shares = f"{row[0]:>7.2%}{row[1]:>6.0%}{row[2]:>6.0%}"
            print(f"{kind + ': ' + rule.name:<64.63}{shares}{cost[0]:>9,.0f}{cost[1]:>9.1f}", flush=True)
    table = np.array(found)
    for name, rows in (("all", table), ("prior above 0.1 %", table[table[:, 0] > REACHABLE])):
        print(f"{name}: {len(rows)} rules, one of four {rows[:, 1].mean():.1%}, all four {rows[:, 2].mean():.1%}")


if __name__ == "__main__":
    main()

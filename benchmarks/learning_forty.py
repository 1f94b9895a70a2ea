"""How many single draws of a learned actor keep each of forty rules, over several seeds.

python benchmarks/learning_forty.py [--rounds 16] [--seeds 3] [--least 0.05] [--rule NAME ...]

prior      share of draws of the prior that satisfy the rule; rules below --least are left out, unless they are named
satisfied  share of 512 draws that learning has not seen: one decode each, nothing masked or selected; mean and spread
kept       share that is plausible too
best round highest share satisfied in any round: what is returned is to be no worse
seconds    that learning took
"""

import argparse
import time

import numpy as np
from forty_rules import KINDS

import melodylc
from melodylc import plausibility
from melodylc.latent.rewards import Budget

DRAWS = 512


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--least", type=float, default=0.05)
    parser.add_argument("--rule", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    model = melodylc.load()
    bounds, prior = plausibility.bounds(model), model.bank.drawn
    print(f"{'rule':<42}{'prior':>8}{'satisfied':>16}{'kept':>16}{'best round':>12}{'seconds':>9}", flush=True)
    for rule in (rule for rules in KINDS.values() for rule in rules):
        before = rule.satisfied(prior).mean()
        if rule.name not in options.rule if options.rule else before < options.least:
            continue
        satisfied, kept, best, seconds = [], [], [], []
        for seed in range(options.seeds):
            began = time.monotonic()
            actor = melodylc.learn(model, rule, budget=Budget(rounds=options.rounds), seed=seed, progress=False)
            seconds.append(time.monotonic() - began)
            states = actor.sample(DRAWS, seed=99 + seed)
            satisfied.append(rule.satisfied(states).mean())
            kept.append((rule.satisfied(states) & bounds.plausible(states)).mean())
            best.append(max(row["satisfied"] for row in actor.card["curve"]))
        cells = [f"{np.mean(shares):.2f} +- {np.std(shares):.2f}" for shares in (satisfied, kept)]
        print(
            f"{rule.name[:40]:<42}{before:>8.3f}{cells[0]:>16}{cells[1]:>16}{np.mean(best):>12.2f}"
            f"{np.mean(seconds):>9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

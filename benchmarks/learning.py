"""Time from a cold start of Python until draws of an actor are kept, each rule in its own process.

python benchmarks/learning.py [--rounds 12] [--seeds 0 1 2] [--rule NAME ...]

prior      share of draws of the prior that are kept
80 % at    seconds until so many of the draws of a round are; likewise 90 %. Of the seeds that came to it, and how many
           did where not all
all rounds seconds until the end
kept       share that is kept afterwards, of 512 draws that learning has not seen: one decode each, at the model's
           temperature, nothing masked or selected
satisfied  share of these that satisfies the rule, plausible or not
shift      mean squared shift of z

Times are wall time. Means over the seeds, of what is kept the standard deviation too.
"""

import argparse
import json
import subprocess
import sys
import time
from statistics import mean, stdev
from typing import Any

CASES = [
    ("C major", "pitch_classes('C major')"),
    ("C major and 192 notes", "pitch_classes('C major') & notes(192)"),
    ("syncopation", "syncopation(0.3)"),
    ("arch", "contour('arch', 0.8)"),
    ("phrases end on C, E or G", "phrase_endings('0,4,7')"),
    ("own: last note below first", "own"),
    ("own: every bar starts with a note", "bars"),
]

RUN = """
import json, sys, time
began = float(sys.argv[1])
import numpy as np
import melodylc
from melodylc import plausibility, rules
from melodylc.latent.rewards import Budget
from dataclasses import replace

@rules.rule
def own(states):
    onset = states < 128
    rows = np.arange(len(states))
    first, last = states[rows, onset.argmax(axis=1)], states[rows, 255 - onset[:, ::-1].argmax(axis=1)]
    return (onset.any(axis=1) & (last < first)).astype(float)

@rules.rule
def bars(states):
    return (states[:, ::16] < 128).mean(axis=1)

space = {name: getattr(rules, name) for name in rules.__all__} | {"own": own, "bars": bars}
space["notes"] = lambda n: rules.notes(at_least=n)
rule = eval(sys.argv[2], space)
model = melodylc.load()
ends = []
rounds, seed = int(sys.argv[3]), int(sys.argv[4])
def on_round(row):
    ends.append((time.time() - began, row.kept))
actor = melodylc.learn(model, rule, budget=replace(Budget(), rounds=rounds, patience=rounds), seed=seed,
                       progress=False, on_round=on_round)
total = time.time() - began
states = actor.sample(512, seed=99)
satisfied = rule.satisfied(states)
kept = float((satisfied & plausibility.bounds(model).plausible(states)).mean())
print(json.dumps({"ends": ends, "total": total, "kept": kept, "satisfied": float(satisfied.mean()),
                  "prior": actor.card["prior_kept"], "shift": actor.card["best"]["shift"]}))
"""


def learned(rule: str, rounds: int, seed: int) -> dict[str, Any]:
    """Return what a process of its own found that learned a rule."""
    arguments = [str(time.time()), rule, str(rounds), str(seed)]
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def first_at(share: float, seeds: list[dict[str, Any]]) -> str:
    """Return the mean time at which a share of a round was kept, in words."""
    times = [next((seconds for seconds, kept in found["ends"] if kept >= share), None) for found in seeds]
    reached = [seconds for seconds in times if seconds is not None]
    if not reached:
        return "-"
    of = "" if len(reached) == len(seeds) else f" ({len(reached)} of {len(seeds)})"
    return f"{mean(reached):.0f} s{of}"


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rule", action="append", choices=[name for name, _ in CASES])
    options = parser.parse_args()
    heads = "rule", "prior", "80 % at", "90 % at", "all rounds", "kept", "satisfied", "shift"
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|", flush=True)
    for name, rule in CASES:
        if options.rule and name not in options.rule:
            continue
        seeds = [learned(rule, options.rounds, seed) for seed in options.seeds]
        kept, total = [found["kept"] for found in seeds], mean(found["total"] for found in seeds)
        cells = [
            f"{mean(found['prior'] for found in seeds):.1%}",
            first_at(0.8, seeds),
            first_at(0.9, seeds),
            f"{total:.0f} s",
            f"{mean(kept):.3f} ± {stdev(kept) if len(kept) > 1 else 0:.3f}",
            f"{mean(found['satisfied'] for found in seeds):.3f}",
            f"{mean(found['shift'] for found in seeds):.2f}",
        ]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

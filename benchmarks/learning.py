"""Time from a cold start of Python until draws of an actor are kept, each rule in its own process.

python benchmarks/learning.py [--rounds 12] [--seed 0]

prior      share of draws of the prior that are kept
80 % at    seconds until so many of the draws of a round are; likewise 90 %
all rounds seconds until the end
kept       share that is kept afterwards, of 512 draws that learning has not seen: one decode each, at the model's
           temperature, nothing masked or selected
satisfied  share of these that satisfies the rule, plausible or not
shift      mean squared shift of z
"""

import argparse
import json
import subprocess
import sys
import time

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


def main() -> None:
    """Print a row for each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shares = f"{'kept':>8}{'satisfied':>11}"
    head = f"{'rule':<36}{'prior':>8}{'80 % at':>10}{'90 % at':>10}{'all rounds':>12}{shares}{'shift':>8}"
    print(head, flush=True)
    for name, rule in CASES:
        arguments = [str(time.time()), rule, str(options.rounds), str(options.seed)]
        done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)

        def first_at(share: float, ends: list = found["ends"]) -> str:
            return next((f"{seconds:.0f} s" for seconds, kept in ends if kept >= share), "-")

        print(
            f"{name:<36}{found['prior']:>8.1%}{first_at(0.8):>10}{first_at(0.9):>10}{found['total']:>10.0f} s"
            f"{found['kept']:>8.1%}{found['satisfied']:>11.1%}{found['shift']:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

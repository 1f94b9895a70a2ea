"""Measure the speed of the rules: melodies a minute on one core, on decoded draws of the prior.

python benchmarks/rules.py

The columns are the rule, millions of melodies a minute (the best of three runs), and the share that satisfies the rule.
"""

import time

import melodylc
from melodylc import rules

MELODIES = 4096


def main() -> None:
    """Print a row for each built-in rule."""
    states = melodylc.load().bank.drawn[:MELODIES]
    measured = [
        rules.pitch_classes("C major"),
        rules.notes(at_least=192),
        rules.pitch_range(48, 72),
        rules.tessitura(60, 72),
        rules.syncopation(),
        rules.longest_rest(8),
        rules.note_lengths(1, 4),
        rules.swing(),
        rules.on_the_beat(),
        rules.leaps(7),
        rules.stepwise(),
        rules.contour("arch"),
        rules.repetition(),
        rules.motif(),
        rules.motif(of="intervals"),
        rules.call_and_response(),
        rules.phrase_endings([0, 4, 7]),
        rules.chord_tones("C | Am | F | G7"),
        rules.pitch_classes("C major") & rules.notes(at_least=192),
    ]
    print(f"{'rule':<34}{'million a minute':>18}{'satisfied':>11}")
    for rule in measured:
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            satisfied = rule.satisfied(states)
            best = min(best, time.perf_counter() - began)
        print(f"{rule.name:<34}{len(states) / best * 60 / 1e6:>18.1f}{satisfied.mean():>11.1%}")


if __name__ == "__main__":
    main()

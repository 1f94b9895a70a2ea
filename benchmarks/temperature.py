"""Measure the effects of the sampling temperature, from which the default was chosen.

    python benchmarks/temperature.py [--model FILE] [--draws N]

A row for each temperature:

satisfied    share of melodies in C major, of the conditional actor: one decode of each draw
notes        mean number of notes of draws of the prior
in scale     their share of notes in the best-fitting major scale
unique       their share of different melodies
onsets back  share of the notes of the bank's melodies that their reconstructions have

The last line holds the figures of the bank's melodies themselves.
"""

from __future__ import annotations

import argparse

import numpy as np

from melodylc.attributes import Attributes
from melodylc.constraints import conditional
from melodylc.melody import HOLD
from melodylc.model import load
from melodylc.rules import Key, pitch_classes
from melodylc.vae.metrics import best_scale_share

TEMPERATURES = (0.0, 0.2, 0.35, 0.5, 0.75, 1.0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--draws", type=int, default=512)
    options = parser.parse_args()
    model = load(options.model)
    actor = conditional.load_conditional_actor(model.path.with_name("knobs.safetensors"), model)
    z = model.prior(options.draws, seed=0)
    bank = model.bank.states[: options.draws]
    mean = model.encode(bank).mean
    key = Key.parse("C major")
    rule = pitch_classes(key)
    print(f"{'temperature':<12}{'satisfied':>10}{'notes':>8}{'in scale':>10}{'unique':>8}{'onsets back':>13}")
    for temperature in TEMPERATURES:
        moved = model.decode(actor.move(z, Attributes(key)), temperature=temperature, seed=1)
        prior = model.decode(z, temperature=temperature, seed=1)
        reconstructed = model.decode(mean, temperature=temperature, seed=1)
        onsets = bank < HOLD
        print(
            f"{temperature:<12}{rule.satisfied(moved).mean():>10.1%}{(prior < HOLD).sum(axis=1).mean():>8.1f}"
            f"{best_scale_share(prior):>10.3f}{len(np.unique(prior, axis=0)) / len(prior):>8.1%}"
            f"{((bank == reconstructed) & onsets).sum() / onsets.sum():>13.3f}"
        )
    print(f"{'bank':<12}{'':>10}{(bank < HOLD).sum(axis=1).mean():>8.1f}{best_scale_share(bank):>10.3f}")


if __name__ == "__main__":
    main()

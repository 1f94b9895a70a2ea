"""Measure the effects of the sampling temperature, from which the default was chosen.

    python benchmarks/temperature.py [--model FILE] [--draws N]

A row for each temperature:

kept         share of draws for C major that are kept, of one decode each
satisfied    share of them in C major
notes        mean number of notes of draws of the prior
in scale     their share of notes in the best-fitting major scale
unique       their share of different melodies
onsets back  share of the notes of the bank's melodies that their reconstructions have

The last line holds the figures of the bank's melodies themselves.
"""

from __future__ import annotations

import argparse

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.constraints.conditional import conditioned
from melodylc.melody import HOLD
from melodylc.model import load
from melodylc.rules import pitch_classes
from melodylc.vae.metrics import best_scale_share

TEMPERATURES = (0.0, 0.2, 0.35, 0.5, 0.75, 1.0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--draws", type=int, default=512)
    options = parser.parse_args()
    model = load(options.model)
    noise = model.noise(options.draws, seed=0)
    z, in_key = model.from_noise(noise), conditioned(model, noise, Attributes("C major"))
    bank = model.bank.states[: options.draws]
    mean = model.encode(bank).mean
    rule, bounds = pitch_classes("C major"), plausibility.bounds(model)
    columns = ("temperature", "kept", "satisfied", "notes", "in scale", "unique", "onsets back")
    print("".join(f"{name:>13}" for name in columns))
    for temperature in TEMPERATURES:
        asked = model.decode(in_key, temperature=temperature, seed=1)
        kept = (rule.satisfied(asked) & bounds.plausible(asked)).mean()
        prior = model.decode(z, temperature=temperature, seed=1)
        reconstructed = model.decode(mean, temperature=temperature, seed=1)
        onsets = bank < HOLD
        different = len(np.unique(prior, axis=0)) / len(prior)
        back = ((bank == reconstructed) & onsets).sum() / onsets.sum()
        shares = f"{kept:>13.1%}{rule.satisfied(asked).mean():>13.1%}"
        print(f"{temperature:>13}{shares}{_notes_and_scale(prior)}{different:>13.1%}{back:>13.3f}", flush=True)
    print(f"{'bank':>13}{'':>26}{_notes_and_scale(bank)}")


def _notes_and_scale(melodies: np.ndarray) -> str:
    return f"{(melodies < HOLD).sum(axis=1).mean():>13.1f}{best_scale_share(melodies):>13.3f}"


if __name__ == "__main__":
    main()

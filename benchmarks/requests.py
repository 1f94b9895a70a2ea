"""Measures how often single draws keep what is asked for: forty requests, one draw each.

    python benchmarks/requests.py [--model FILE] [--draws 256] [--seeds 3] [--json FILE]

Kept is the share of draws that have every attribute asked for and are plausible, satisfied the first alone. Draws of
the prior are made for the attributes; the conditional actor then moves those of "actor"; of "masked" ones, made for
numbers of notes and range only, the decoder is limited to the pitches. The last columns are the mean number of pitches,
the mean share of the commonest one, and the share of draws that play every note of the scale asked for (within the
range): without its own notes a scale is another one. They are of the draws of the prior and of the masked ones.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from melodylc import Attributes, plausibility
from melodylc.base import numbers
from melodylc.constraints.conditional import find_conditional_actor
from melodylc.constraints.sampling import mask_where_possible
from melodylc.melody import HOLD
from melodylc.model import Model, generator, load

KEYS = (
    *("C major", "D dorian", "E phrygian", "F lydian", "G mixolydian", "A minor", "B locrian", "Bb harmonic minor"),
    *("F# melodic minor", "E blues", "Ab major pentatonic", "C# minor pentatonic", "C whole tone", "0,2,3,5,7,8,10,11"),
)
REQUESTS = (
    *(Attributes(key) for key in KEYS),
    *(Attributes(notes=count) for count in (48, 96, 144, 192)),
    *(Attributes(at_most=count) for count in (32, 56, 80)),
    *(Attributes(low=low, high=high) for low, high in (("C4", "C5"), ("C3", "C5"), ("G4", "G6"), ("E2", "B3"))),
    Attributes(low="C5"),
    Attributes(high="C4"),
    Attributes(low="A4", high="E5"),
    Attributes("C major", 192),
    Attributes("C major", 100, "C4", "C6"),
    Attributes("E blues", 120, "C4", "C6"),
    Attributes("G minor", at_most=40),
    Attributes("F# dorian", 64, "E3", "E5"),
    Attributes("D harmonic minor", 96),
    Attributes("A minor pentatonic", 80, "A3", "A5"),
    Attributes("Eb major", 150, "Eb4", "Eb6"),
    Attributes("B mixolydian", 60, at_most=90),
    Attributes("C lydian", low="G3", high="G4"),
    Attributes("F major", low="C2", high="C4", at_most=70),
    Attributes("D blues", low="C4", high="C6"),
)


def shown(attributes: Attributes) -> str:
    """Return what is asked for, in a few words."""
    parts = [attributes.key.name] if attributes.key else []
    parts += [f">= {attributes.notes}"] if attributes.notes else []
    parts += [f"<= {attributes.at_most}"] if attributes.at_most else []
    if attributes.low is not None or attributes.high is not None:
        parts.append(f"{attributes.low or ''}..{attributes.high or ''}")
    return " ".join(parts)


def moved(model: Model, attributes: Attributes, draws: int, seed: int) -> dict[str, Tensor]:
    """Return z (draws, Z) by each of the ways."""
    z: dict[str, Any] = {"prior": model.prior(draws, seed, attributes)}
    if (actor := find_conditional_actor(model)) is not None:
        z["actor"] = actor.move(z["prior"], attributes)
    return z


def measured(melodies: np.ndarray, attributes: Attributes, bounds: plausibility.Bounds) -> dict[str, float]:
    """Return figures of melodies (B, 256)."""
    satisfied = np.all([rule.satisfied(melodies) for rule in attributes.rules()], axis=0)
    features = dict(zip(plausibility.FEATURES, plausibility.features(melodies).T, strict=True))
    return {
        "kept": float((satisfied & bounds.plausible(melodies)).mean()),
        "satisfied": float(satisfied.mean()),
        "pitches": float(features["pitches"].mean()),
        "commonest": float(features["commonest pitch"].mean()),
        "whole": float(whole(melodies, attributes).mean()),
    }


def whole(melodies: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Return which of melodies (B, 256) play every pitch class of a key that lies in its range, (B,); NaN without."""
    if attributes.key is None:
        return np.full(len(melodies), np.nan)
    wanted = np.unique(np.flatnonzero(attributes.pitches()) % 12)
    played = [((melodies % 12 == c) & (melodies < HOLD)).any(axis=1) for c in wanted]
    return np.all(played, axis=0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--draws", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    numbers.integer("draws", options.draws, 1)
    model = load(options.model)
    bounds = plausibility.bounds(model)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for attributes in REQUESTS:
        rows: dict[str, list[dict[str, float]]] = {}
        for seed in range(options.seeds):
            states = {
                way: model.decode_quickly(z, generator=generator(seed, 7))
                for way, z in moved(model, attributes, options.draws, seed).items()
            }
            if (allowed := mask_where_possible(attributes.rules())) is not None:
                z = model.prior(options.draws, seed, replace(attributes, key=None))
                states["masked"] = model.decode_quickly(z, generator=generator(seed, 7), allowed_states=allowed)
            for way, melodies in states.items():
                rows.setdefault(way, []).append(measured(melodies, attributes, bounds))
        found[shown(attributes)] = rows
        cells = [f"{shown(attributes):<34}"]
        for way in ("prior", "actor", "masked"):
            kept, satisfied = ([row[name] for row in rows.get(way, [])] for name in ("kept", "satisfied"))
            cells.append(f"{np.mean(kept):6.2f} ±{np.std(kept):.2f} ({np.mean(satisfied):.2f})" if kept else " " * 19)
        for way in ("prior", "masked"):
            if way in rows:
                last = [float(np.mean([row[name] for row in rows[way]])) for name in ("pitches", "commonest", "whole")]
                cells.append("{:5.1f} {:.2f} {:.2f}".format(*last))
        print("  ".join(cells), flush=True)
    for way in ("prior", "actor", "masked"):
        means = [np.mean([row["kept"] for row in rows[way]]) for rows in found.values() if way in rows]
        if means:
            print(f"{way}: kept in the mean {np.mean(means):.3f}, least {min(means):.3f}, of {len(means)} requests")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()

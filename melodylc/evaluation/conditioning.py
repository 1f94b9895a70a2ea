"""What the knobs grant: seven modes in twelve keys, numbers of notes from 48 to 192, one decode of one draw each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc.attributes import Attributes
from melodylc.constraints import attribute_critic, conditional
from melodylc.model import Model, generator
from melodylc.rules import Key, pitch_classes
from melodylc.rules.key import NAMES

SCALES = ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian")
COUNTS = (48, 72, 96, 120, 144, 168, 192)
DRAWS = 8  # for each mode, key and number


@dataclass(frozen=True)
class ConditioningTable:
    """Shares granted, by mode, key and number of notes."""

    in_key: np.ndarray  # (7, 12, 7) share of draws within the key
    near: np.ndarray  # (7, 12, 7) share of draws with the number of notes within 10 % of what was asked
    counts: np.ndarray  # (7, 12, 7) mean number of notes

    def as_json(self) -> dict[str, Any]:
        return {
            "modes": SCALES,
            "keys": NAMES,
            "notes asked": COUNTS,
            "in key": self.in_key.round(4).tolist(),
            "notes within 10 %": self.near.round(4).tolist(),
            "notes, mean": self.counts.round(1).tolist(),
            "in key, by key, least": float(self.in_key.mean(axis=(0, 2)).min()),
            "in key, by mode and key, least": float(self.in_key.mean(axis=2).min()),
            "notes within 10 %, overall": float(self.near.mean()),
        }


def measure_conditioning(model: Model, *, draws: int = DRAWS, seed: int = 0) -> ConditioningTable:
    """Turn the knobs of a model through all of it, at its temperature; the draws are the same for every wish."""
    turned = conditional.load_conditional_actor(model.path.with_name("knobs.safetensors"), model)
    z = model.prior(draws, seed)
    shape = (len(SCALES), len(NAMES), len(COUNTS))
    in_key, near, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for m, scale in enumerate(SCALES):
        for k, tonic in enumerate(NAMES):
            key = Key.parse(f"{tonic} {scale}")
            moved = [turned.move(z, Attributes(key, notes=count)) for count in COUNTS]
            for c, (count, vectors) in enumerate(zip(COUNTS, moved, strict=True)):
                source = generator(seed, 1000 * (m + 1) + 10 * k + c)
                melodies = model.decode_quickly(vectors, generator=source)
                found = (melodies < 128).sum(axis=1)
                in_key[m, k, c] = pitch_classes(key).satisfied(melodies).mean()
                near[m, k, c] = (np.abs(found - count) <= attribute_critic.TOLERANCE * count).mean()
                counts[m, k, c] = found.mean()
    return ConditioningTable(in_key, near, counts)


def text(turned: ConditioningTable) -> str:
    """Two tables for a terminal: within the key by mode and key, and the number of notes by what was asked."""
    lines = [f"{'within the key':<14}" + "".join(f"{name:>7}" for name in NAMES)]
    for scale, row in zip(SCALES, turned.in_key.mean(axis=2), strict=True):
        lines.append(f"{scale:<14}" + "".join(f"{100 * x:>6.0f}%" for x in row))
    lines.append(f"{'notes asked':<14}" + "".join(f"{count:>7}" for count in COUNTS))
    for name, shares in (("within 10 %", turned.near), ("within the key", turned.in_key)):
        lines.append(f"{name:<14}" + "".join(f"{100 * x:>6.0f}%" for x in shares.mean(axis=(0, 1))))
    lines.append(f"{'notes, mean':<14}" + "".join(f"{x:>7.1f}" for x in turned.counts.mean(axis=(0, 1))))
    return "\n".join(lines)

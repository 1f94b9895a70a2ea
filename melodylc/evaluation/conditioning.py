"""The conditional actor, measured: seven scales in twelve keys, 48 to 192 notes, one decode of each draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.constraints import attribute_critic, conditional
from melodylc.melody import HOLD
from melodylc.model import Model, generator
from melodylc.rules import Key, pitch_classes
from melodylc.rules.key import NAMES

SCALES = ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian")
COUNTS = (48, 72, 96, 120, 144, 168, 192)  # notes: from three a bar to twelve, the paper's 192
DRAWS = 8  # for each scale, key and number of notes


@dataclass(frozen=True)
class ConditioningTable:
    """Shares of draws that have the attributes they were conditioned on, by scale, key and number of notes."""

    kept: np.ndarray  # (7, 12, 7) share of draws that have both attributes, as below, and are plausible
    in_key: np.ndarray  # (7, 12, 7) share of draws within the key
    count_within_tolerance: np.ndarray  # (7, 12, 7) share of draws whose number of notes is within 10 % of the target
    counts: np.ndarray  # (7, 12, 7) mean number of notes

    def as_json(self) -> dict[str, Any]:
        """Return the table and its summaries as they stand in evaluation.json."""
        return {
            "scales": SCALES,
            "keys": NAMES,
            "target notes": COUNTS,
            "kept": self.kept.round(4).tolist(),
            "in key": self.in_key.round(4).tolist(),
            "notes within 10 %": self.count_within_tolerance.round(4).tolist(),
            "notes, mean": self.counts.round(1).tolist(),
            "kept, overall": float(self.kept.mean()),
            "kept, by scale and key, least": float(self.kept.mean(axis=2).min()),
            "in key, by key, least": float(self.in_key.mean(axis=(0, 2)).min()),
            "in key, by scale and key, least": float(self.in_key.mean(axis=2).min()),
            "notes within 10 %, overall": float(self.count_within_tolerance.mean()),
        }


def measure_conditioning(model: Model, *, draws: int = DRAWS, seed: int = 0) -> ConditioningTable:
    """Condition the same draws on every combination of attributes and decode at the model's temperature."""
    bounds = plausibility.bounds(model)
    actor = conditional.load_conditional_actor(model.path.with_name("knobs.safetensors"), model)
    z = model.prior(draws, seed)
    shape = (len(SCALES), len(NAMES), len(COUNTS))
    kept, in_key, within, counts = (np.zeros(shape) for _ in range(4))
    for s, scale in enumerate(SCALES):
        for k, tonic in enumerate(NAMES):
            key = Key.parse(f"{tonic} {scale}")
            for c, count in enumerate(COUNTS):
                source = generator(seed, 1000 * (s + 1) + 10 * k + c)  # a random stream for each cell
                melodies = model.decode_quickly(actor.move(z, Attributes(key, notes=count)), generator=source)
                notes = (melodies < HOLD).sum(axis=1)
                inside = pitch_classes(key).satisfied(melodies)
                near = np.abs(notes - count) <= attribute_critic.TOLERANCE * count
                kept[s, k, c] = (inside & near & bounds.plausible(melodies)).mean()
                in_key[s, k, c] = inside.mean()
                within[s, k, c] = near.mean()
                counts[s, k, c] = notes.mean()
    return ConditioningTable(kept, in_key, within, counts)


def conditioning_text(table: ConditioningTable) -> str:
    """Return tables for a terminal: kept and within the key, by scale and key; and both by the target number."""
    lines = []
    for title, shares in (("kept", table.kept), ("within the key", table.in_key)):
        lines.append(f"{title:<14}" + "".join(f"{name:>7}" for name in NAMES))
        for scale, row in zip(SCALES, shares.mean(axis=2), strict=True):
            lines.append(f"{scale:<14}" + "".join(f"{100 * share:>6.0f}%" for share in row))
    lines.append(f"{'target notes':<14}" + "".join(f"{count:>7}" for count in COUNTS))
    by_count = (("kept", table.kept), ("within 10 %", table.count_within_tolerance), ("within the key", table.in_key))
    for name, shares in by_count:
        lines.append(f"{name:<14}" + "".join(f"{100 * share:>6.0f}%" for share in shares.mean(axis=(0, 1))))
    lines.append(f"{'notes, mean':<14}" + "".join(f"{count:>7.1f}" for count in table.counts.mean(axis=(0, 1))))
    return "\n".join(lines)

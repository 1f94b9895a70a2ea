"""Draws for attributes, measured: seven scales in twelve keys, at least 48 to 192 notes, one decode of each draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.constraints.conditional import conditioned
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
    enough_notes: np.ndarray  # (7, 12, 7) share of draws of as many notes as asked for, or more
    counts: np.ndarray  # (7, 12, 7) mean number of notes

    def as_json(self) -> dict[str, Any]:
        """Return the table and its summaries as they stand in evaluation.json."""
        return {
            "scales": SCALES,
            "keys": NAMES,
            "notes, at least": COUNTS,
            "kept": self.kept.round(4).tolist(),
            "in key": self.in_key.round(4).tolist(),
            "enough notes": self.enough_notes.round(4).tolist(),
            "notes, mean": self.counts.round(1).tolist(),
            "kept, overall": float(self.kept.mean()),
            "kept, by scale and key, least": float(self.kept.mean(axis=2).min()),
            "in key, by key, least": float(self.in_key.mean(axis=(0, 2)).min()),
            "in key, by scale and key, least": float(self.in_key.mean(axis=2).min()),
            "enough notes, overall": float(self.enough_notes.mean()),
        }


def measure_conditioning(model: Model, *, draws: int = DRAWS, seed: int = 0) -> ConditioningTable:
    """Condition the same draws on every combination of attributes and decode at the model's temperature."""
    bounds = plausibility.bounds(model)
    noise = model.noise(draws, seed)
    shape = (len(SCALES), len(NAMES), len(COUNTS))
    kept, in_key, enough_notes, counts = (np.zeros(shape) for _ in range(4))
    for s, scale in enumerate(SCALES):
        for k, tonic in enumerate(NAMES):
            key = Key.parse(f"{tonic} {scale}")
            for c, count in enumerate(COUNTS):
                source = generator(seed, 1000 * (s + 1) + 10 * k + c)  # a random stream for each cell
                z = conditioned(model, noise, Attributes(key, notes=count))
                melodies = model.decode_quickly(z, generator=source)
                notes = (melodies < HOLD).sum(axis=1)
                inside = pitch_classes(key).satisfied(melodies)
                enough = notes >= count
                kept[s, k, c] = (inside & enough & bounds.plausible(melodies)).mean()
                in_key[s, k, c] = inside.mean()
                enough_notes[s, k, c] = enough.mean()
                counts[s, k, c] = notes.mean()
    return ConditioningTable(kept, in_key, enough_notes, counts)


def conditioning_text(table: ConditioningTable) -> str:
    """Return tables for a terminal: kept and within the key, by scale and key; and both by the target number."""
    lines = []
    for title, shares in (("kept", table.kept), ("within the key", table.in_key)):
        lines.append(f"{title:<14}" + "".join(f"{name:>7}" for name in NAMES))
        for scale, row in zip(SCALES, shares.mean(axis=2), strict=True):
            lines.append(f"{scale:<14}" + "".join(f"{100 * share:>6.0f}%" for share in row))
    lines.append(f"{'notes asked':<14}" + "".join(f"{count:>7}" for count in COUNTS))
    by_count = (("kept", table.kept), ("enough notes", table.enough_notes), ("within the key", table.in_key))
    for name, shares in by_count:
        lines.append(f"{name:<14}" + "".join(f"{100 * share:>6.0f}%" for share in shares.mean(axis=(0, 1))))
    lines.append(f"{'notes, mean':<14}" + "".join(f"{count:>7.1f}" for count in table.counts.mean(axis=(0, 1))))
    return "\n".join(lines)

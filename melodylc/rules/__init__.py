"""Rules: functions from melodies to rewards in [0, 1], and how they combine."""

from melodylc.rules.key import Key, pitch_classes
from melodylc.rules.notes import notes, pitch_range
from melodylc.rules.rule import Rule, per_melody, rule

__all__ = ["Key", "Rule", "notes", "per_melody", "pitch_classes", "pitch_range", "rule"]

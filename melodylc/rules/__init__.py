"""Rules: functions from melodies to rewards in [0, 1], and their combinations."""

from melodylc.rules.contour import contour, leaps, stepwise
from melodylc.rules.find import find
from melodylc.rules.form import form
from melodylc.rules.harmony import cadence, chord_tones, phrase_endings
from melodylc.rules.key import Key, pitch_classes
from melodylc.rules.notes import notes, pitch_range, tessitura
from melodylc.rules.repetition import call_and_response, motif, repetition
from melodylc.rules.rhythm import longest_rest, note_lengths, on_the_beat, swing, syncopation
from melodylc.rules.rule import Rule, per_melody, rule, weighted

__all__ = [
    "Key",
    "Rule",
    "cadence",
    "call_and_response",
    "chord_tones",
    "contour",
    "find",
    "form",
    "leaps",
    "longest_rest",
    "motif",
    "note_lengths",
    "notes",
    "on_the_beat",
    "per_melody",
    "phrase_endings",
    "pitch_classes",
    "pitch_range",
    "repetition",
    "rule",
    "stepwise",
    "swing",
    "syncopation",
    "tessitura",
    "weighted",
]

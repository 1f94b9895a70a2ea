"""Rules on harmony: the last notes of phrases, and the tones of a chord progression."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.melody import BARS, HOLD, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT
from melodylc.rules.key import ACCIDENTALS, NAMES, NATURALS, Key, as_key
from melodylc.rules.note_arrays import Onsets, lengths, onsets, up_to
from melodylc.rules.rule import OneOf, Rule, check_share

PHRASES = OneOf((1, 2, 4, 8, 16))  # their lengths, in bars

# Semitones above the root.
CHORDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
}


def phrase_endings(classes: str | Key | Iterable[int], every: Annotated[int, PHRASES] = 4, shortest: int = 1) -> Rule:
    """Reward the share of phrases of `every` bars that end on one of the pitch classes.

    The last note that starts in a phrase ends it, and has to last `shortest` steps or more. A phrase without notes does
    not count as one that ends so.

    Args:
        classes: pitch classes from 0 (C) to 11, such as "0,4,7" or [0, 4, 7], or a key.

    Raises:
        UserError: unless every is 1, 2, 4, 8 or 16, and shortest at least 1.
    """
    key = as_key(classes)
    steps, phrases = _phrases("phrase_endings", every)
    integer("phrase_endings: shortest", shortest, 1, STEPS, " steps")
    member = np.array([c in key.classes for c in range(12)])

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        fits = member[notes.pitch % 12] & (lengths(states, notes) >= shortest)
        return np.bincount(notes.row, fits & _last_of_phrases(notes, steps, phrases), len(states)) / phrases

    return Rule(f"phrases ending on {key.name}", reward, phrase_endings.__doc__ or "")


def cadence(key: str | Key | Iterable[int], every: Annotated[int, PHRASES] = 16, shortest: int = 4) -> Rule:
    """Reward phrases of `every` bars that come to rest: their last note is the tonic, and lasts `shortest` steps.

    Half of a phrase's reward is for the tonic, half for the length up to `shortest`; the mean over all phrases.

    Args:
        key: whose tonic is meant, such as "D dorian".

    Raises:
        UserError: for a key without a tonic; unless every is 1, 2, 4, 8 or 16, and shortest 1 to 16.
    """
    wanted = as_key(key)
    tonic = wanted.tonic
    if tonic is None:
        raise UserError(f"cadence: expected a key with a tonic, such as D dorian, got {wanted.name}")
    steps, phrases = _phrases("cadence", every)
    integer("cadence: shortest", shortest, 1, STEPS_PER_BAR, " steps")

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        last = _last_of_phrases(notes, steps, phrases)
        home = notes.pitch % 12 == tonic
        rest = np.minimum(lengths(states, notes) / shortest, 1)
        return np.bincount(notes.row, (home + rest) / 2 * last, len(states)) / phrases

    return Rule(f"cadence on {NAMES[tonic]}", reward, cadence.__doc__ or "")


def _phrases(name: str, every: int) -> tuple[int, int]:
    """Return the steps of a phrase of so many bars, and how many there are.

    Raises:
        UserError: unless every is 1, 2, 4, 8 or 16.
    """
    if every not in PHRASES:
        raise UserError(f"{name}: expected every {PHRASES} bars, got {every}")
    return every * STEPS_PER_BAR, BARS // every


def _last_of_phrases(notes: Onsets, steps: int, phrases: int) -> np.ndarray:
    """Return (N,) bool: which notes are the last that start in their phrase."""
    phrase = notes.row * phrases + notes.step // steps
    return np.append(phrase[1:] != phrase[:-1], True)[: len(phrase)]


def chord_tones(progression: str, at_least: float = 1.0, strong: bool = True) -> Rule:
    """Reward min(1, s / at_least), s being the share of notes on beats that belong to the chord of that beat.

    The reward is 0 without such notes.

    Args:
        progression: bars between "|", their chords, equally long, between spaces: "C | Am F | G7"; repeated over the
            16 bars. Chords: a root with nothing (major) or m, dim, aug, 5, sus2, sus4, 6, m6, 7, maj7, m7, mmaj7,
            m7b5, dim7, 9, maj9, m9.
        strong: count only the notes that start on a beat; otherwise all.

    Raises:
        UserError: for a chord that is not understood, or a bar without 1, 2 or 4 chords.
    """
    check_share("chord_tones", at_least)
    member = chords(progression)

    def reward(states: np.ndarray) -> np.ndarray:
        notes = onsets(states)
        among = notes.step % STEPS_PER_BEAT == 0 if strong else np.ones(len(notes.step), bool)
        return up_to(notes.share(member[notes.step, notes.pitch % 12], among), at_least)

    name = f"chord tones of {progression}"

    def later(bar: int) -> Rule:
        return replace(chord_tones(beginning(progression, bar), at_least, strong), name=name)

    def outside(melody: np.ndarray) -> np.ndarray:
        steps = np.arange(len(melody))
        tone = chords(progression, len(melody) // STEPS_PER_BAR)[steps, melody % 12]
        among = steps % STEPS_PER_BEAT == 0 if strong else np.ones(len(steps), bool)
        return (melody < HOLD) & ~tone & among

    return Rule(name, reward, chord_tones.__doc__ or "", later=later, outside=outside)


def beginning(progression: str, bar: int) -> str:
    """Return a progression as it goes on from a bar (from 0), then repeats."""
    all_bars = bars_of(progression)
    return " | ".join(np.roll(np.array(all_bars, object), -bar % len(all_bars)))


def bars_of(progression: str) -> list[str]:
    """Return the bars of a progression, between "|"."""
    return [bar.strip() for bar in progression.strip().strip("|").split("|")]


def chords(progression: str, bars: int = BARS) -> np.ndarray:
    """Return (16 bars, 12) bool: the pitch classes of the chord at each step. See `chord_tones`.

    Raises:
        UserError: for a chord that is not understood, or a bar without 1, 2 or 4 chords.
    """
    member = np.zeros((bars * STEPS_PER_BAR, 12), bool)
    for start, end, symbol in spelt_out(progression, bars):
        member[start:end, list(chord(symbol))] = True
    return member


def roots(progression: str) -> np.ndarray:
    """Return (256,) the pitch class of the lowest note at each step: the root, or the bass note after "/".

    Raises:
        UserError: for a chord that is not understood, or a bar without 1, 2 or 4 chords.
    """
    return np.concatenate([np.full(end - start, bass_of(symbol)) for start, end, symbol in spelt_out(progression)])


def spelt_out(progression: str, bars: int = BARS) -> list[tuple[int, int, str]]:
    """Return the first step, the end and the symbol of each chord of so many bars.

    Raises:
        UserError: for a bar without 1, 2 or 4 chords.
    """
    if not isinstance(progression, str):
        raise UserError(f"chords: expected a text such as 'C | Am F | G7', got {progression!r}")
    progression_bars = [bar.split() for bar in bars_of(progression)]
    if any(len(bar) not in (1, 2, 4) for bar in progression_bars):
        raise UserError(f"chords: expected 1, 2 or 4 chords between bar lines |, got {progression!r}")
    found = []
    for bar in range(bars):
        symbols = progression_bars[bar % len(progression_bars)]
        length = STEPS_PER_BAR // len(symbols)
        starts = [bar * STEPS_PER_BAR + index * length for index in range(len(symbols))]
        found += [(start, start + length, symbol) for start, symbol in zip(starts, symbols, strict=True)]
    return found


def chord(symbol: str) -> frozenset[int]:
    """Return the pitch classes of a chord symbol, such as "Am7" or "F#dim"; a bass note after "/" is one of them.

    Raises:
        UserError: if the symbol is not understood.
    """
    root, kind, bass = parts_of(symbol)
    tones = {(root + step) % 12 for step in CHORDS[kind]}
    return frozenset(tones if bass is None else tones | {bass})


def bass_of(symbol: str) -> int:
    """Return the pitch class of the lowest note of a chord: its root, or the bass note after "/".

    Raises:
        UserError: if the symbol is not understood.
    """
    root, _, bass = parts_of(symbol)
    return root if bass is None else bass


def parts_of(symbol: str) -> tuple[int, str, int | None]:
    """Return the root, the kind of `CHORDS` and the bass note, if there is one, of a chord symbol.

    Raises:
        UserError: if the symbol is not understood.
    """
    match = re.fullmatch(r"([A-G])([#b♯♭]?)([^/]*)(?:/([A-G])([#b♯♭]?))?", symbol)
    kind = match and match[3].replace("min", "m").replace("M7", "maj7").replace("-", "m").replace("°", "dim")
    if match is None or kind not in CHORDS:
        known = ", ".join(name or "(major)" for name in CHORDS)
        raise UserError(f"chords: expected a root and one of {known}, such as Am7; got {symbol!r}")
    bass = (NATURALS[match[4]] + ACCIDENTALS[match[5]]) % 12 if match[4] else None
    return (NATURALS[match[1]] + ACCIDENTALS[match[2]]) % 12, kind, bass

"""Melodies as staff notation: ABC, which is text to paste, and MusicXML, which notation programs read.

Both are written from the same pieces: a note is cut at bar lines, where chords change and where it would hide the
beats, and its pieces are tied.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from melodylc.base.numbers import number
from melodylc.chords import key_of, named
from melodylc.melody import HOLD, REST, STEPS_PER_BAR, STEPS_PER_BEAT, canonical
from melodylc.rules.harmony import parts_of
from melodylc.rules.key import Key, as_key
from melodylc.spelling import Signature, Spelt, signature

BARS_A_LINE = 4
HALF_BAR = STEPS_PER_BAR // 2
TEMPI = 1, 1000  # quarter notes a minute
MIDDLE_C = 60  # a melody most of whose notes lie below has a bass clef
DOTTED = (3, 6, 12)  # steps
ABC_MODES = {
    "major": "",
    "minor": "m",
    "dorian": "Dor",
    "phrygian": "Phr",
    "lydian": "Lyd",
    "mixolydian": "Mix",
}
ABC_ACCIDENTALS = {-1: "_", 0: "=", 1: "^"}
ABC_OCTAVE = 4  # of capitals without a mark
XML_KINDS = {  # of chords, as music21 calls them
    "": "major",
    "m": "minor",
    "dim": "diminished",
    "aug": "augmented",
    "5": "power",
    "sus2": "suspended-second",
    "sus4": "suspended-fourth",
    "6": "major-sixth",
    "m6": "minor-sixth",
    "7": "dominant-seventh",
    "maj7": "major-seventh",
    "m7": "minor-seventh",
    "mmaj7": "minor-major-seventh",
    "m7b5": "half-diminished-seventh",
    "dim7": "diminished-seventh",
    "9": "dominant-ninth",
    "maj9": "major-ninth",
    "m9": "minor-ninth",
}


class Piece(NamedTuple):
    """A note or a rest, or a part of one that is tied to the next, within a bar."""

    start: int  # in steps of the melody
    length: int
    pitch: int | None  # None: a rest
    tied: bool  # to the next piece
    chord: str | None  # that begins with it


class Score(NamedTuple):
    """What is written down of a melody."""

    bars: list[list[Piece]]
    signature: Signature
    bass_clef: bool


def to_abc(
    states: np.ndarray,
    *,
    tempo: float = 120.0,
    key: Key | str | None = None,
    chords: str | None = None,
    title: str = "",
) -> str:
    """Return one melody (S,), of any number of bars, as a tune in ABC notation (version 2.1).

    Accidentals are repeated where readers differ on how far they hold: in other octaves, and after a tie.

    Args:
        tempo: in quarter notes a minute.
        key: for which it is written; default: that of the chords, or the signature that fits most notes.
        chords: a progression, whose chords stand above the notes; see `melodylc.chords`.

    Raises:
        ValueError: if it is no melody.
        UserError: for a tempo outside 1 to 1000, a key or a chord that is not understood.
    """
    score = _score(states, key, chords)
    written = score.signature
    head = [
        "%abc-2.1",
        "X:1",
        f"T:{' '.join(title.split()).translate({ord('%'): chr(92) + '%', 92: chr(92) * 2})}",
        "M:4/4",
        f"L:1/{STEPS_PER_BAR}",
        f"Q:1/4={number('tempo', tempo, *TEMPI):g}",
        f"K:{_abc_key(written)}{' clef=bass' if score.bass_clef else ''}",
    ]
    tied = [False, *(bar[-1].tied for bar in score.bars)]
    bars = [_abc_bar(bar, written, before) for bar, before in zip(score.bars, tied, strict=False)]
    lines = [" | ".join(bars[at : at + BARS_A_LINE]) for at in range(0, len(bars), BARS_A_LINE)]
    return "\n".join([*head, *(f"{line} |" for line in lines[:-1]), f"{lines[-1]} |]"]) + "\n"


def to_musicxml(
    states: np.ndarray,
    *,
    tempo: float = 120.0,
    key: Key | str | None = None,
    chords: str | None = None,
    title: str = "",
) -> str:
    """Return one melody (S,), of any number of bars, as MusicXML; needs the extra `musicxml`.

    Args:
        tempo, key, chords: as of `to_abc`.

    Raises:
        ImportError: without music21.
        ValueError: if it is no melody.
        UserError: for a tempo outside 1 to 1000, a key or a chord that is not understood.
    """
    music21 = _music21()
    score = _score(states, key, chords)
    part = music21.stream.Part()
    instrument = music21.instrument.Instrument("melody")
    instrument.partId, instrument.instrumentId = "P1", "I1"  # random otherwise: equal melodies are equal files
    part.insert(0, instrument)
    for count, bar in enumerate(score.bars):
        measure = music21.stream.Measure(number=count + 1)
        if count == 0:
            measure.clef = music21.clef.BassClef() if score.bass_clef else music21.clef.TrebleClef()
            measure.keySignature = _xml_key(music21, score.signature)
            measure.timeSignature = music21.meter.TimeSignature("4/4")
            measure.insert(0, music21.tempo.MetronomeMark(number=number("tempo", tempo, *TEMPI)))
        before = score.bars[count - 1][-1].tied if count else False
        for piece in bar:
            at = piece.start % STEPS_PER_BAR / STEPS_PER_BEAT
            if piece.chord is not None:
                measure.insert(at, _xml_chord(music21, piece.chord))
            measure.insert(at, _xml_note(music21, piece, score.signature, before))
            before = piece.tied
        part.append(measure)
    part.measure(len(score.bars)).rightBarline = music21.bar.Barline("final")
    whole = music21.stream.Score()
    whole.metadata = music21.metadata.Metadata(title=title or "Melody", composer="melodylc")
    whole.insert(0, part)
    return str(music21.musicxml.m21ToXml.GeneralObjectExporter(whole).parse().decode("utf-8"))


def _score(states: np.ndarray, key: Key | str | None, chords: str | None) -> Score:
    """Return what is written down of a melody (S,).

    Raises:
        ValueError: if it is no melody.
        UserError: for a key or a chord that is not understood.
    """
    melody = canonical(states)
    if melody.ndim != 1:
        raise ValueError(f"melody: expected one, got {melody.shape}")
    known = as_key(key) if key is not None else None if chords is None else key_of(chords)
    changes = {} if chords is None else {each.start: each.name for each in named(chords, len(melody) // STEPS_PER_BAR)}
    pieces = list(_pieces(melody, changes))
    pitches = melody[melody < HOLD]
    bars = [list(bar) for _, bar in groupby(pieces, key=lambda piece: piece.start // STEPS_PER_BAR)]
    return Score(bars, signature(known, pitches), bool(len(pitches)) and float(np.median(pitches)) < MIDDLE_C)


def _pieces(melody: np.ndarray, chords: dict[int, str]) -> Iterator[Piece]:
    """Return the notes and rests of a melody (S,) as they are written, one after the other.

    Args:
        chords: by the step on which each begins.
    """
    rest_begins = (melody == REST) & np.append(True, melody[:-1] != REST)
    begins = np.flatnonzero((melody < HOLD) | rest_begins).tolist()
    for begin, end in zip(begins, [*begins[1:], len(melody)], strict=True):
        pitch = int(melody[begin]) if melody[begin] < HOLD else None
        cuts = [at for at in range(begin + 1, end) if at % STEPS_PER_BAR == 0 or at in chords]
        for start, stop in zip([begin, *cuts], [*cuts, end], strict=True):
            for first, last in _readable(start, stop, pitch is None):
                yield Piece(first, last - first, pitch, pitch is not None and last < end, chords.get(first))


def _readable(start: int, end: int, rest: bool) -> list[tuple[int, int]]:
    """Return a stretch within a bar as one that reads well, or cut at the strongest step in it, and so on."""
    if _reads_well(start % STEPS_PER_BAR, start % STEPS_PER_BAR + end - start, rest):
        return [(start, end)]
    cut = max(range(start + 1, end), key=lambda step: math.gcd(step, STEPS_PER_BAR))
    return _readable(start, cut, rest) + _readable(cut, end, rest)


def _reads_well(start: int, end: int, rest: bool) -> bool:
    """Return whether a stretch of a bar has one sign, and the beats are seen in spite of it."""
    length = end - start
    if length & (length - 1) == 0 and start % length == 0:
        return True
    if rest or (length & (length - 1) and length not in DOTTED):
        return False
    of_one_beat = start // STEPS_PER_BEAT == (end - 1) // STEPS_PER_BEAT
    of_beats = start % STEPS_PER_BEAT == end % STEPS_PER_BEAT == 0
    of_eighths = start // HALF_BAR == (end - 1) // HALF_BAR and start % 2 == end % 2 == 0
    return of_one_beat or of_beats or of_eighths


def _abc_key(written: Signature) -> str:
    """Return a key in ABC; the major key of its signature for locrian, which music21 for one does not know."""
    return written.tonic + ABC_MODES[written.mode] if written.mode in ABC_MODES else written.major


def _abc_bar(bar: list[Piece], written: Signature, tied_before: bool) -> str:
    """Return a bar in ABC: a beat is beamed, spaces stand between beats."""
    in_force: dict[str, int | None] = {}  # accidentals, of letters and of letters with an octave; None: readers differ
    beats: dict[int, str] = {}
    for piece in bar:
        beat, known = piece.start // STEPS_PER_BEAT, dict(in_force)
        beats[beat] = beats.get(beat, "") + _abc_piece(piece, written, in_force)
        if tied_before:  # an accidental of what a tie leads to is none to some
            in_force = {place: sign if known.get(place) == sign else None for place, sign in in_force.items()}
        tied_before = piece.tied
    return " ".join(beats.values())


def _abc_piece(piece: Piece, written: Signature, in_force: dict[str, int | None]) -> str:
    chord = "" if piece.chord is None else f'"{_plain(piece.chord)}"'
    length = "" if piece.length == 1 else str(piece.length)
    if piece.pitch is None:
        return f"{chord}z{length}"
    spelt = written.spelt(piece.pitch)
    return f"{chord}{_abc_pitch(spelt, written, in_force)}{length}{'-' if piece.tied else ''}"


def _abc_pitch(spelt: Spelt, written: Signature, in_force: dict[str, int | None]) -> str:
    """Return a pitch in ABC, with an accidental unless it has it by the signature and all before it in the bar."""
    signed = written.accidental(spelt.letter)
    places = (spelt.letter, f"{spelt.letter}{spelt.octave}")
    needed = any(in_force.get(place, signed) != spelt.accidental for place in places)
    if needed:
        in_force |= dict.fromkeys(places, spelt.accidental)
    above = spelt.octave - ABC_OCTAVE
    letter = spelt.letter.lower() + "'" * (above - 1) if above > 0 else spelt.letter + "," * -above
    return (ABC_ACCIDENTALS[spelt.accidental] if needed else "") + letter


def _plain(symbol: str) -> str:
    """Return a chord symbol in the one spelling that all programs read, such as F#m7/C#."""
    root, *bass = re.findall(r"(?:^|/)([A-G][#b]?)", symbol.translate({ord("♯"): "#", ord("♭"): "b"}))
    return "/".join([root + parts_of(symbol)[1], *bass])


def _music21() -> Any:
    """music21, loaded on first use: it takes a second."""
    try:
        import music21
        import music21.musicxml.m21ToXml
    except ImportError as error:
        raise ImportError(
            "MusicXML needs the package music21; install it with: pip install 'melodylc[musicxml]'"
        ) from error
    return music21


def _xml_key(music21: Any, written: Signature) -> Any:
    tonic = written.tonic.replace("b", "-")
    return music21.key.Key(tonic, written.mode)


def _xml_note(music21: Any, piece: Piece, written: Signature, tied_before: bool) -> Any:
    """Return a note or a rest as music21 has it."""
    quarters = piece.length / STEPS_PER_BEAT
    if piece.pitch is None:
        return music21.note.Rest(quarterLength=quarters)
    spelt = written.spelt(piece.pitch)
    pitch = music21.pitch.Pitch(step=spelt.letter, octave=spelt.octave, accidental=spelt.accidental or None)
    note = music21.note.Note(pitch, quarterLength=quarters)
    if piece.tied or tied_before:
        note.tie = music21.tie.Tie("start" if not tied_before else "continue" if piece.tied else "stop")
    return note


def _xml_chord(music21: Any, symbol: str) -> Any:
    root, *bass = (name.replace("b", "-") for name in re.findall(r"(?:^|/)([A-G][#b]?)", _plain(symbol)))
    kind = XML_KINDS[parts_of(symbol)[1]]
    return music21.harmony.ChordSymbol(root=root, kind=kind, **({"bass": bass[0]} if bass else {}))

"""Melodies in the forms that other programs take: MIDI files, pretty_midi objects and NoteSequences."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from melodylc.chords import block_chords
from melodylc.melody import BEATS, STEPS_PER_BAR, STEPS_PER_BEAT, from_notes, to_notes
from midi_io import files
from midi_io.files import Note

if TYPE_CHECKING:
    import note_seq
    import pretty_midi


def write_midi(
    path: str | os.PathLike[str], states: np.ndarray, tempo: float = 120.0, chords: str | None = None
) -> None:
    """Write one melody, of any number of bars, as a MIDI file of as many, whole or not at all.

    Args:
        tempo: in quarter notes a minute.
        chords: a progression, written as block chords on a track of its own; see `melodylc.chords`.

    Raises:
        ValueError: if it is no melody, or for a tempo that a MIDI file cannot hold.
        UserError: for a chord that is not understood.
    """
    further = None if chords is None else {"chords": block_chords(chords, len(states) // STEPS_PER_BAR)}
    files.write(path, to_notes(states), beats=len(states) // STEPS_PER_BEAT, tempo=tempo, further=further)


def to_pretty_midi(states: np.ndarray, tempo: float = 120.0, program: int = 0) -> pretty_midi.PrettyMIDI:
    """Return one melody (256,) as a PrettyMIDI object of one instrument, in seconds at `tempo` quarters a minute."""
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=tempo, resolution=480)
    midi.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0.0))
    seconds = 60.0 / tempo
    instrument = pretty_midi.Instrument(program, name="melody")
    for note in to_notes(states):
        instrument.notes.append(pretty_midi.Note(note.velocity, note.pitch, note.start * seconds, note.end * seconds))
    midi.instruments.append(instrument)
    return midi


def from_pretty_midi(midi: pretty_midi.PrettyMIDI, instrument: int = 0) -> np.ndarray:
    """Return the first 16 bars of one instrument of a PrettyMIDI object; its tempo map turns seconds into beats.

    Raises:
        ValueError: if there is no such instrument.
    """
    if not 0 <= instrument < len(midi.instruments):
        raise ValueError(f"instrument: expected 0 to {len(midi.instruments) - 1}, got {instrument}")
    quarter = midi.resolution
    return from_notes(
        Note(note.pitch, midi.time_to_tick(note.start) / quarter, midi.time_to_tick(note.end) / quarter, note.velocity)
        for note in midi.instruments[instrument].notes
    )


def to_note_sequence(states: np.ndarray, tempo: float = 120.0, program: int = 0) -> note_seq.NoteSequence:
    """Return one melody (256,) as an unquantised NoteSequence at `tempo` quarters a minute.

    Needs the extra `noteseq`.
    """
    note_seq = _note_seq()
    sequence = note_seq.NoteSequence(ticks_per_quarter=480)
    sequence.tempos.add(qpm=tempo)
    sequence.time_signatures.add(numerator=4, denominator=4)
    seconds = 60.0 / tempo
    for note in to_notes(states):
        sequence.notes.add(
            pitch=note.pitch,
            velocity=note.velocity,
            start_time=note.start * seconds,
            end_time=note.end * seconds,
            program=program,
        )
    sequence.total_time = BEATS * seconds
    return sequence


def from_note_sequence(sequence: note_seq.NoteSequence) -> np.ndarray:
    """Return the first 16 bars of a NoteSequence of one tempo, all its pitched notes as one line.

    Needs the extra `noteseq`.

    Raises:
        ValueError: if the sequence is quantised, or changes its tempo.
    """
    _note_seq()
    if sequence.HasField("quantization_info"):
        raise ValueError("NoteSequence: expected an unquantised one, got one with quantization_info")
    tempos = sorted({(tempo.time, tempo.qpm) for tempo in sequence.tempos})
    if len({qpm for _, qpm in tempos}) > 1:
        raise ValueError(f"NoteSequence: expected one tempo, got {len(tempos)}; split it at the tempo changes first")
    beats = (tempos[0][1] if tempos else 120.0) / 60.0
    return from_notes(
        Note(note.pitch, note.start_time * beats, note.end_time * beats, max(note.velocity, 1))
        for note in sequence.notes
        if not note.is_drum
    )


def _note_seq() -> Any:
    """note-seq, loaded on first use; importing it lifts pretty_midi's guard against absurd ticks, so put that back."""
    import pretty_midi

    try:
        import note_seq
    except ImportError as error:
        raise ImportError(
            "NoteSequence needs the package note-seq; install it with: pip install 'melodylc[noteseq]'"
        ) from error
    pretty_midi.pretty_midi.MAX_TICK = 1e7
    return note_seq

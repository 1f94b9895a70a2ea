"""The representation every part exchanges: a melody is 256 sixteenth-note steps, each in one of 130 states.

States 0..127: a note of that MIDI pitch starts. HOLD: the sounding note goes on. REST: nothing sounds.
A melody is a `uint8` array (256,), a batch is (B, 256). Canonical melodies have no HOLD with nothing sounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from midi_io.files import Note

if TYPE_CHECKING:
    import note_seq
    import pretty_midi

BARS = 16
STEPS_PER_BAR = 16
STEPS = BARS * STEPS_PER_BAR
STEPS_PER_BEAT = 4
BEATS = STEPS // STEPS_PER_BEAT
HOLD = 128
REST = 129
STATES = 130


@dataclass(frozen=True)
class Melody:
    """One melody with its notes spelt out, for code that thinks in notes rather than in states.

    `notes` are midi_io notes: pitch, start and end in quarter-note beats (a bar has four), velocity.
    """

    states: np.ndarray  # (256,) uint8, canonical
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, states: np.ndarray) -> Melody:
        """From states, canonical or not."""
        states = canonical(states)
        return cls(states, tuple(to_notes(states)))


def check(states: np.ndarray) -> np.ndarray:
    """The same melody or batch as uint8.

    Raises:
        ValueError: unless its shape is (256,) or (B, 256) and every state lies in 0..129.
    """
    states = np.asarray(states)
    if states.ndim not in (1, 2) or states.shape[-1] != STEPS:
        raise ValueError(f"melody: expected shape (256,) or (B, 256), got {states.shape}")
    if states.dtype != np.uint8 or (states.size and states.max() > REST):
        whole = np.issubdtype(states.dtype, np.integer)
        if not whole or (states.size and (states.min() < 0 or states.max() > REST)):
            raise ValueError(f"melody: expected integers 0 to 129, got {states.dtype} {states.reshape(-1)[:8]}")
    return states.astype(np.uint8, copy=False)


def canonical(states: np.ndarray) -> np.ndarray:
    """A melody or batch with every HOLD that holds nothing turned into a REST."""
    states = check(states)
    steps = np.arange(STEPS)
    # the last step that was no HOLD decides: if it is a REST, or there is none, the HOLD is empty
    last = np.maximum.accumulate(np.where(states == HOLD, -1, steps), axis=-1)
    before = np.take_along_axis(states, np.maximum(last, 0), axis=-1)
    empty = (states == HOLD) & ((last < 0) | (before == REST))
    return np.where(empty, np.uint8(REST), states)


def repeated_bars(states: np.ndarray) -> np.ndarray:
    """How many of the 16 bars of each melody (B, 256) repeat an earlier one exactly, (B,); a bar without a note start
    repeats nothing."""
    bars = states.reshape(-1, BARS, STEPS_PER_BAR)
    same = (bars[:, :, None] == bars[:, None]).all(axis=3) & np.tri(BARS, k=-1, dtype=bool)  # (B, T, T)
    return (same.any(axis=2) & (bars < HOLD).any(axis=2)).sum(axis=1)


def to_notes(states: np.ndarray, velocity: int = 90) -> list[Note]:
    """The notes of one melody (256,), in beats, in order."""
    states = canonical(states)
    onsets = np.flatnonzero(states < HOLD)
    # a note ends at the next step that is no HOLD
    changes = np.append(np.flatnonzero(states != HOLD), STEPS)
    ends = changes[np.searchsorted(changes, onsets, side="right")]
    return [
        Note(int(states[onset]), onset / STEPS_PER_BEAT, end / STEPS_PER_BEAT, velocity)
        for onset, end in zip(onsets.tolist(), ends.tolist(), strict=True)
    ]


def from_notes(notes: Iterable[Note]) -> np.ndarray:
    """One melody (256,) from timed notes in beats.

    Times are rounded to the nearest sixteenth (halves up), a note lasts at least one step, several onsets in one step
    leave the highest, a later onset cuts a sounding note unless that one is higher: the skyline of the extraction.
    What lies outside the 64 beats is left out.
    """
    rounded = []
    for note in notes:
        onset = int(np.floor(note.start * STEPS_PER_BEAT + 0.5))
        offset = max(int(np.floor(note.end * STEPS_PER_BEAT + 0.5)), onset + 1)
        if 0 <= onset < STEPS:
            rounded.append((onset, -note.pitch, -min(offset, STEPS)))
    states = np.full(STEPS, REST, np.uint8)
    pitch, end = -1, 0
    taken = -1
    for onset, minus_pitch, minus_end in sorted(rounded):
        if onset == taken or (end > onset and pitch > -minus_pitch):
            continue
        taken, pitch = onset, -minus_pitch
        states[onset:end] = REST  # the note that sounded is cut and does not come back
        end = -minus_end
        states[onset] = pitch
        states[onset + 1 : end] = HOLD
    return states


def to_pretty_midi(states: np.ndarray, tempo: float = 120.0, program: int = 0) -> pretty_midi.PrettyMIDI:
    """One melody (256,) as a PrettyMIDI object of one instrument; times in seconds at `tempo` quarters a minute."""
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
    """The first 16 bars of one instrument of a PrettyMIDI object; its tempo map turns seconds into beats.

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
    """One melody (256,) as an unquantised NoteSequence at `tempo` quarters a minute. Needs the extra `noteseq`."""
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
    """The first 16 bars of a NoteSequence of one tempo, all its pitched notes as one line. Needs the extra `noteseq`.

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

"""Phrases that a musician plays into the port, for the session to answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melodylc.melody import BARS, STEPS_PER_BAR, from_notes
from midi_io import messages
from midi_io.files import Note
from midi_io.transport import BEATS_PER_BAR

PAUSE = 2.0  # beats of silence that end a phrase
SHORTEST = 1 / 16  # beats


@dataclass(frozen=True)
class Phrase:
    """One to sixteen bars that were played."""

    states: np.ndarray  # (256,): repeated until the sixteen bars are full
    bars: int


class PhraseRecorder:
    """A recorder of notes; positions are in beats, bar lines at multiples of four."""

    def __init__(self) -> None:
        self._notes: list[Note] = []
        self._sounding: dict[int, tuple[float, int]] = {}  # pitch: start, velocity
        self._last = 0.0

    @property
    def begun(self) -> bool:
        """Return whether a phrase has begun."""
        return bool(self._notes or self._sounding)

    def take(self, beat: float, message: bytes) -> None:
        """Take a note message that came at a position."""
        pitch = message[1]
        if messages.is_note_on(message):
            self._end(pitch, beat)
            self._sounding[pitch] = (beat, message[2])
        elif messages.is_note_off(message):
            self._end(pitch, beat)
        self._last = beat

    def _end(self, pitch: int, beat: float) -> None:
        if pitch in self._sounding:
            start, velocity = self._sounding.pop(pitch)
            self._notes.append(Note(pitch, start, max(beat, start + SHORTEST), velocity))

    def phrase(self, beat: float) -> Phrase | None:
        """Return the phrase if it is over at this position, after a pause or sixteen bars; then the next one begins."""
        if not self.begun:
            return None
        starts = [note.start for note in self._notes] + [start for start, _ in self._sounding.values()]
        first = min(starts) // BEATS_PER_BAR * BEATS_PER_BAR
        full = beat - first >= BARS * BEATS_PER_BAR
        if not full and (self._sounding or beat - self._last < PAUSE):
            return None
        for pitch in list(self._sounding):
            self._end(pitch, beat)
        notes, self._notes = self._notes, []
        end = max(note.end for note in notes) - 1e-6
        bars = int(min(max((end - first) // BEATS_PER_BAR + 1, 1), BARS))
        played = from_notes(note._replace(start=note.start - first, end=note.end - first) for note in notes)
        steps = bars * STEPS_PER_BAR
        return Phrase(np.resize(played[:steps], BARS * STEPS_PER_BAR), bars)

    def forget(self) -> None:
        """Begin anew: the transport jumped."""
        self._notes.clear()
        self._sounding.clear()

"""Phrases that a musician plays into the port, for the session to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from melodylc.live.feel import EVEN, Feel
from melodylc.live.feel_finder import feel_of
from melodylc.live.tempo_finder import TempoFinder
from melodylc.melody import BARS, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, from_notes
from midi_io import messages
from midi_io.files import Note
from midi_io.swing import Swing
from midi_io.transport import BEATS_PER_BAR

PAUSE = 2.0  # beats of silence that end a phrase
SHORTEST = 1 / 16  # beats


@dataclass(frozen=True)
class Phrase:
    """One to sixteen bars that were played."""

    states: np.ndarray  # (256,): repeated until the sixteen bars are full
    bars: int
    feel: Feel = EVEN


class PhraseRecorder:
    """A recorder of notes; positions are in beats, bar lines at multiples of `beats_per_bar`.

    Bars of the phrase are of four beats: what was played in a bar of three is in the first three of them, and what was
    played in the fifth beat of a bar of five is left out.

    A note lasts as long as its key, and the sustain pedal of its channel lengthens it until the next note: the melody
    is one voice, in which a high note that went on would hide lower ones.

    Args:
        swing: that phrases are played with; None recognises the swing, and the triplets, of each.
    """

    def __init__(self, swing: Swing | None = None) -> None:
        self.beats_per_bar: float = BEATS_PER_BAR  # quarter notes, as they are played
        self._swing = swing
        self._notes: list[Note] = []
        self._sounding: dict[tuple[int, int], tuple[float, int]] = {}  # channel, pitch: start, velocity
        self._sustained: set[tuple[int, int]] = set()  # those of them that only the pedal holds
        self._pedals: set[int] = set()  # channels whose pedal is down; a pedal outlasts a phrase
        self._last = 0.0

    @property
    def begun(self) -> bool:
        """Return whether a phrase has begun."""
        return bool(self._notes or self._sounding)

    def take(self, beat: float, message: bytes) -> None:
        """Take a message that came at a position: of notes, the pedal, or one that ends notes; others are none."""
        channel = message[0] & 0x0F
        if messages.is_note_on(message):
            self._end(self._sustained | {(channel, message[1])}, beat)
            self._sounding[channel, message[1]] = (beat, message[2])
            self._last = beat
        elif messages.is_note_off(message):
            self._release({(channel, message[1])}, beat)
            self._last = beat
        elif message[0] & 0xF0 == messages.CONTROL:
            self._control(beat, channel, message[1], message[2])

    def _control(self, beat: float, channel: int, number: int, value: int) -> None:
        of_channel = {each for each in self._sounding if each[0] == channel}
        if number == messages.SUSTAIN and value >= messages.PEDAL_DOWN:
            self._pedals.add(channel)
        elif number in (messages.SUSTAIN, messages.RESET_CONTROLLERS):
            self._pedals.discard(channel)
            self._end(of_channel & self._sustained, beat)
        elif number == messages.ALL_SOUND_OFF:
            self._end(of_channel, beat)
        elif number >= messages.ALL_NOTES_OFF:  # the four above it, of modes, end all notes as well
            self._release(of_channel, beat)

    def _release(self, keys: set[tuple[int, int]], beat: float) -> None:
        """End notes whose keys are released, but for those that the pedal holds."""
        held = {key for key in keys & self._sounding.keys() if key[0] in self._pedals}
        self._sustained |= held
        self._end(keys - held, beat)

    def _end(self, keys: set[tuple[int, int]], beat: float) -> None:
        for key in sorted(keys & self._sounding.keys()):
            start, velocity = self._sounding.pop(key)
            self._notes.append(Note(key[1], start, max(beat, start + SHORTEST), velocity))
            self._last = beat
        self._sustained -= keys

    def phrase(self, beat: float, tempo: float = 120.0) -> Phrase | None:
        """Return the phrase if it is over at this position, after a pause or sixteen bars; then the next one begins.

        Bars are counted on the grid that the notes are rounded to: what is played a little before a bar line is after
        it.

        Args:
            tempo: in bpm, by which it is known how exactly notes are played.
        """
        if not self.begun:
            return None
        starts = [note.start for note in self._notes] + [start for start, _ in self._sounding.values()]
        length = max(_step(self.beats_per_bar), 1)  # steps of a bar
        first = min(map(_step, starts)) // length
        full = beat * STEPS_PER_BEAT >= (first + BARS) * length
        if not full and (self._sounding or beat - self._last < PAUSE):
            return None
        self._end(set(self._sounding), beat)
        notes, self._notes = [note for note in self._notes if _step(note.start) % length < STEPS_PER_BAR], []
        if not notes:
            return None
        first = min(_step(note.start) for note in notes) // length
        return phrase_of([_in_fours(note, first, length) for note in notes], tempo, self._swing)

    def forget(self) -> None:
        """Begin anew: the transport jumped."""
        self._notes.clear()
        self._sounding.clear()
        self._sustained.clear()


class FreePhraseRecorder(PhraseRecorder):
    """A recorder of a phrase that has a tempo of its own: its positions are moments, in seconds. It records one.

    The first note is the first beat of a bar.
    """

    def __init__(self, swing: Swing | None = None) -> None:
        super().__init__(swing)
        self.tempo_finder = TempoFinder()

    def take(self, beat: float, message: bytes) -> None:
        if messages.is_note_on(message):
            self.tempo_finder.take(beat)
        super().take(beat, message)

    def phrase(self, beat: float, tempo: float | None = None) -> Phrase | None:
        """Return the phrase if it is over at this moment, after a pause or sixteen bars of its tempo."""
        if not self.begun:
            return None
        found = self.tempo_finder
        full = found.position(beat) * STEPS_PER_BEAT >= STEPS
        if not full and (self._sounding or beat - self._last < PAUSE * 60 / found.tempo):
            return None
        self._end(set(self._sounding), beat)
        starts = found.positions([note.start for note in self._notes])
        lasts = [(note.end - note.start) * found.tempo / 60 for note in self._notes]
        placed = zip(self._notes, starts.tolist(), lasts, strict=True)
        return phrase_of(
            [note._replace(start=start, end=start + length) for note, start, length in placed],
            found.tempo,
            self._swing,
        )


def phrase_of(notes: Sequence[Note], tempo: float, swing: Swing | None) -> Phrase:
    """Return the phrase of notes, in beats from its first bar line.

    Args:
        tempo: in bpm.
        swing: that they are played with; None recognises it, and triplets.
    """
    feel = feel_of(np.array([note.start for note in notes]), 60 / tempo) if swing is None else Feel(swing)
    rounded = []
    for note in notes:
        start = max(feel.step(note.start), 0)
        rounded.append((note, start, max(feel.step(note.end), start + 1)))
    bars = min(-(-max(end for _, _, end in rounded) // STEPS_PER_BAR), BARS)
    played = from_notes(
        note._replace(start=start / STEPS_PER_BEAT, end=end / STEPS_PER_BEAT) for note, start, end in rounded
    )
    return Phrase(np.resize(played[: bars * STEPS_PER_BAR], STEPS), bars, feel.over(bars * BEATS_PER_BAR))


def _step(beat: float) -> int:
    """Return the nearest step of the grid, as melodies are rounded to it."""
    return floor(beat * STEPS_PER_BEAT + 0.5)


def _in_fours(note: Note, first: int, length: int) -> Note:
    """Return a note of bars of so many steps, in bars of four beats: the bar of the number `first` is the first one.

    It ends in the bar in which it has ended, as `midi_io.player.fitted` plays it.
    """
    start, end = _step(note.start), _step(note.end)
    bar, last = start // length, max(end - 1, start) // length
    longer = BEATS_PER_BAR - length / STEPS_PER_BEAT
    line = first * length / STEPS_PER_BEAT
    moved = note.start - line + (bar - first) * longer
    ended = min(note.end - line + (last - first) * longer, (last - first + 1) * BEATS_PER_BAR)
    return note._replace(start=moved, end=max(ended, moved + SHORTEST))

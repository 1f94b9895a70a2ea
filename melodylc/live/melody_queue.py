"""The melodies of a session: which one plays, which come next, and what is asked of the inference process for them."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass

import numpy as np

from melodylc.live.control_values import ControlValues
from melodylc.live.feel import EVEN, Feel
from melodylc.live.phrases import Phrase
from melodylc.live.protocol import Answer, Failure, Request
from melodylc.live.settings import AMOUNTS, SessionSettings
from melodylc.melody import ADDED_BARS, BARS, to_notes
from midi_io.files import Note
from midi_io.player import Bar
from midi_io.transport import BEATS_PER_BAR

READY = 2  # melodies that are made before they are needed
RECENT = 16  # melodies played of which the share kept is told: enough to mean something, few enough to follow a change
SEEDS = 1 << 31


@dataclass(frozen=True)
class QueuedMelody:
    """A melody that plays, or is to play."""

    number: int  # counted from 1; a melody that is made again for other control values keeps it
    values: ControlValues
    seed: int
    bars: tuple[tuple[Note, ...], ...]  # sixteen, notes in beats from their bar's beginning
    z: bytes  # where it came from, before the rules moved it
    rewards: dict[str, float]
    way: str  # how it was made, as `ways` of the sampling calls it
    plausible: bool
    states: bytes  # (256,), of the sixteen bars
    length: int = BARS  # bars of it that are to be played
    before: bytes | None = None  # (256,), the melody that it continues: it plays from its ninth bar on
    feel: Feel = EVEN  # of the phrase that it answers

    @property
    def satisfied(self) -> float:
        """Return the lowest of its rewards; 1 without rules."""
        return min(self.rewards.values(), default=1.0)

    @property
    def kept(self) -> bool:
        """Return whether it satisfies every rule and is plausible."""
        return self.satisfied == 1 and self.plausible


@dataclass(frozen=True)
class _Pending:
    """A request that has no answer yet, and what the melody of its answer is to be."""

    request: Request
    number: int
    length: int
    feel: Feel = EVEN

    def melody(self, answer: Answer) -> QueuedMelody:
        """Return the melody of the answer."""
        bars, before = bars_of(answer.states, self.feel), self.request.before
        return QueuedMelody(
            self.number,
            self.request.values,
            self.request.seed,
            bars if before is None else bars[ADDED_BARS:] + bars[:ADDED_BARS],
            answer.z,
            answer.rewards,
            answer.way,
            answer.plausible,
            answer.states,
            self.length,
            before,
            self.feel,
        )


class MelodyQueue:
    """The melodies of a session, in the order in which they play. Knows neither ports nor time: it is asked for bars.

    Args:
        settings: of the session: its mode, `every`, `loop` and `seed`.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._seeds = np.random.default_rng(settings.seed)
        self._toward, self._noise = self._seed(), self._seed()
        self._gone = 0.0  # share of the way to `_toward` that is gone, varying
        self.playing: QueuedMelody | None = None
        self._made_again: QueuedMelody | None = None  # the one that plays, for the values there are now
        self._ready: deque[QueuedMelody] = deque()
        self._another_now = False
        self._pending: _Pending | None = None
        self._unwanted: int | None = None  # the request that continues what is no longer to be continued
        self._phrase: Phrase | None = None
        self._numbers = self._requests = 0
        self._begun_at = 0  # the bar at which the melody that plays began
        self._bars_played = 0  # of it, wherever the transport has jumped to meanwhile
        self.recent: deque[bool] = deque(maxlen=RECENT)  # whether each of the melodies played last is kept

    # --- what is there ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Return how many melodies are ready."""
        return len(self._ready)

    @property
    def upcoming(self) -> QueuedMelody | None:
        """Return the melody that is ready to play next."""
        return self._ready[0] if self._ready else None

    @property
    def waiting(self) -> bool:
        """Return whether an answer is waited for, or is to be asked for."""
        return self._pending is not None or self._phrase is not None

    @property
    def end(self) -> int:
        """Return the bar at which the melody that plays has been played once; 0 before the first."""
        return 0 if self.playing is None else self._begun_at + self.playing.length

    @property
    def _last(self) -> QueuedMelody | None:
        """Return the melody that plays, as it was made last."""
        return self._made_again or self.playing

    @property
    def _all_played(self) -> bool:
        """Return whether the melody that plays is at its end, once or more."""
        return self.playing is not None and self._bars_played > 0 and self._bars_played % self.playing.length == 0

    # --- what happens -----------------------------------------------------------------------------------------------

    def play_another(self) -> None:
        """Play another melody from the next bar on, or as soon as there is one; those that are ready are dropped."""
        self._another_now = True
        self._ready.clear()
        pending, last = self._pending, self._last
        if pending is None or pending.request.before is None:
            return
        if last is None or last.number != pending.number:  # what plays is made again: it plays until there is another
            self._unwanted = pending.request.id

    def answer_phrase(self, phrase: Phrase) -> None:
        """Have a phrase answered; one that still waits is forgotten."""
        self._phrase = phrase

    def next_request(self, values: ControlValues) -> Request | None:
        """Return what to ask of the inference process now, None for nothing.

        First the melody that plays, made again if control values have changed its sound, then what comes next. A
        request without an answer is returned again: its process may have ended.
        """
        if self._pending is not None:
            return self._pending.request
        answers = self._settings.mode == "answer"
        if any(melody.values.sound != values.sound for melody in self._ready) and not answers:
            self._ready.clear()
        last = self._last
        if last is not None and last.values.sound != values.sound:
            z = None if self._settings.mode == "continue" else last.z
            return self._request(
                values, last.number, last.seed, z=z, before=last.before, length=last.length, feel=last.feel
            )
        if answers:
            phrase, self._phrase = self._phrase, None
            return None if phrase is None else self._next(values, phrase=phrase)
        stays = self._settings.loop and self.playing is not None and not self._another_now
        if len(self._ready) >= READY or stays:
            return None
        before = self._ready[-1] if self._ready else last
        if self._settings.mode == "continue":
            if before is None or (self._another_now and not self._ready):
                return self._next(values)
            return self._next(values, before=before.states, length=ADDED_BARS)
        return self._next(values, z=None if before is None else before.z)

    def take(self, answer: Answer | Failure) -> bool:
        """Take an answer to the request that waits; return whether it is a melody."""
        pending, self._pending = self._pending, None
        if isinstance(answer, Failure) or pending is None or answer.id != pending.request.id:
            return False
        if answer.id == self._unwanted:
            return False
        melody = pending.melody(answer)
        last = self._last
        if last is not None and last.number == melody.number:
            self._made_again = melody
        else:
            self._ready.append(melody)
        return True

    def bar(self, number: int, values: ControlValues) -> Bar:
        """Return what to play in a bar of the session; called once for each, as its line is reached."""
        changed = self._advance(number, values)
        melody, settings = self.playing, self._settings
        played, self._bars_played = self._bars_played, self._bars_played + 1
        if values.mute:
            return Bar(cut=True)
        if melody is None:
            return Bar(cut=changed)
        if settings.mode == "continue":
            return Bar(melody.bars[played % melody.length], changed)
        if settings.mode == "answer":
            place = number - self._begun_at
            if place >= melody.length and not settings.loop:
                return Bar(cut=True)
            return Bar(melody.bars[place % melody.length], changed)
        span = BARS if settings.mode == "vary" else settings.bars_per_melody
        return Bar(melody.bars[number % span % BARS], changed or number % span % BARS == 0)

    # --- within -----------------------------------------------------------------------------------------------------

    def _advance(self, number: int, values: ControlValues) -> bool:
        """Take up another melody where it is time for one; return whether what plays is another one."""
        before, settings = self.playing, self._settings
        if self._made_again is not None:
            self.playing, self._made_again = self._made_again, None
        due = self.playing is None or self._another_now
        if settings.mode == "answer":
            due = due or bool(self._ready)
        elif settings.mode == "continue":
            due = due or (self._all_played and not (values.hold or settings.loop))
        elif not due and number % settings.bars_per_melody == 0:
            due = not (values.hold or settings.loop)
        if due and self._ready:
            self.playing, self._another_now = self._ready.popleft(), False
            self._begun_at, self._bars_played = number, 0
        if self.playing is not None and self.playing is not before:
            self.recent.append(self.playing.kept)
        return self.playing is not before

    def _seed(self) -> int:
        return int(self._seeds.integers(SEEDS)) if self._settings.seed is not None else secrets.randbelow(SEEDS)

    def _next(
        self,
        values: ControlValues,
        *,
        z: bytes | None = None,
        phrase: Phrase | None = None,
        before: bytes | None = None,
        length: int = BARS,
    ) -> Request:
        """Return the request for the next melody, from one before it, a phrase or none."""
        varies = self._settings.mode == "vary"
        self._numbers += 1
        if z is None and phrase is None:
            amount = 0.0  # there is nothing that it is to go away from
        else:
            amount = AMOUNTS[self._settings.mode] if values.amount is None else values.amount
            if varies:
                # a share of the way that is left, so that steps are even; at the end of the way the next one begins
                share = min(amount / max(1 - self._gone, amount), 1.0) if amount > 0 else 0.0
                self._gone += amount
                amount = share
        # the same noise while varying: what changes is the place
        seed = self._noise if varies else self._seed()
        request = self._request(
            values,
            self._numbers,
            seed,
            z=z,
            phrase=None if phrase is None else phrase.states.tobytes(),
            before=before,
            amount=amount,
            length=length if phrase is None else phrase.bars,
            feel=EVEN if phrase is None else phrase.feel,
        )
        if not varies or self._gone >= 1:
            self._toward, self._gone = self._seed(), 0.0
        return request

    def _request(
        self,
        values: ControlValues,
        number: int,
        seed: int,
        *,
        z: bytes | None,
        phrase: bytes | None = None,
        before: bytes | None = None,
        amount: float = 0.0,
        length: int = BARS,
        feel: Feel = EVEN,
    ) -> Request:
        self._requests += 1
        request = Request(self._requests, values, seed, self._toward, amount, phrase, z, before)
        self._pending = _Pending(request, number, length, feel)
        return request


def bars_of(states: bytes, feel: Feel = EVEN) -> tuple[tuple[Note, ...], ...]:
    """Return the notes of a melody by bars, in beats from the beginning of their bar, where they are played."""
    bars: list[list[Note]] = [[] for _ in range(BARS)]
    for note in feel.played(to_notes(np.frombuffer(states, np.uint8))):
        bar = int(note.start // BEATS_PER_BAR)
        line = bar * BEATS_PER_BAR
        bars[bar].append(note._replace(start=note.start - line, end=note.end - line))
    return tuple(map(tuple, bars))

"""The melodies of a session: which one plays, which come next, and what is asked of the inference process for them.

What plays is a function of the position: a stretch of bars that was heard is heard again as it was, until another
melody is asked for. A stretch lasts from one melody to the next: eight bars where melodies continue, for ever where one
loops.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from melodylc.live.control_values import ControlValues
from melodylc.live.feel import EVEN, Feel
from melodylc.live.melody_history import MelodyHistory, Place, Score
from melodylc.live.phrases import Phrase
from melodylc.live.protocol import Answer, Failure, Request
from melodylc.live.queued_melody import QueuedMelody, bars_of
from melodylc.live.settings import AMOUNTS, SessionSettings
from melodylc.melody import ADDED_BARS, BARS
from midi_io.player import Bar

READY = 2  # melodies that are made before they are needed
RECENT = 16  # melodies played of which the share kept is told: enough to mean something, few enough to follow a change
MADE_AGAIN = 8  # melodies heard last that are made again for other control values before they come up again
SEEDS = 1 << 31


@dataclass(frozen=True)
class _Pending:
    """A request that has no answer yet, and what the melody of its answer is to be."""

    request: Request
    number: int
    length: int
    feel: Feel = EVEN

    def melody(self, answer: Answer) -> QueuedMelody:
        """Return the melody of the answer."""
        return QueuedMelody(
            self.number,
            self.request.values,
            self.request.seed,
            answer.z,
            answer.rewards,
            answer.way,
            answer.plausible,
            answer.states,
            self.length,
            self.request.before,
            self.feel,
        )


class MelodyQueue:
    """The melodies of a session, in the order in which they play. Knows neither ports nor time: it is asked for bars.

    Args:
        settings: of the session: its mode, `every`, `loop`, `sync` and `seed`.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._answers, self._continues = settings.mode == "answer", settings.mode == "continue"
        self._stretch_bars = ADDED_BARS if self._continues else settings.bars_per_melody
        self._seeds = np.random.default_rng(settings.seed)
        self._toward, self._noise = self._seed(), self._seed()
        self._gone = 0.0  # share of the way to `_toward` that is gone, varying
        self._ready: deque[QueuedMelody] = deque()
        self._pending: _Pending | None = None
        self._phrase: Phrase | None = None
        self._answered: Phrase | None = None  # the last one
        self._failed: Phrase | None = None  # one that was asked about in vain
        self._numbers = self._requests = 0
        self._history, self._score = MelodyHistory(), Score()
        self._wanted: set[int] = set()  # stretches for which another melody is wanted
        self.playing: QueuedMelody | None = None
        self._now: Place | None = None  # what is to play
        self._last = 0  # the number of the last melody that continues it, one after the other
        self._stretch: int | None = None  # that plays
        self._bar = -1  # that plays
        self.melody_bar = -1  # which bar of its melody that is, -1 for none
        self._begun_at: int | None = None  # the bar at which the answer that plays began
        self._answer_again = False
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
        """Return whether an answer is waited for."""
        return self._pending is not None or self._phrase is not None or self._answer_again

    @property
    def end(self) -> int:
        """Return the bar at which the answer that plays has been played once; 0 for none."""
        return 0 if self._begun_at is None or self.playing is None else self._begun_at + self.playing.length

    # --- what happens -----------------------------------------------------------------------------------------------

    def play_another(self) -> None:
        """Play another melody in this stretch, from the next bar on or as soon as there is one.

        Those that are ready are dropped. In mode answer the last phrase is answered once more.
        """
        if self._answers:
            self._phrase = self._phrase or self._answered
            return
        self._ready.clear()
        if self._stretch is not None:
            self._wanted.add(self._stretch)

    def play_again(self) -> None:
        """Play this melody once more when it has been played; an answer from the next bar on."""
        if self._answers:
            self._answer_again = self._now is not None
        elif self._stretch is not None and self._now is not None and not self._settings.loop:
            number, part = self._now
            for rest in range(part + 1, self._parts(number)):
                self._put(self._stretch + rest - part, Place(number, rest))
            self._put(self._stretch + self._parts(number) - part, Place(number))

    def play_before(self) -> bool:
        """Play the melody that was heard before this one, from the next bar on; return False if there is none.

        Another one that was asked for and has not come is given up instead: this one stays.
        """
        if self._wanted:
            self._wanted.clear()
            return True
        earlier = None if self._now is None else self._history.before(self._now.melody)
        if earlier is None:
            return False
        self._set_now(Place(earlier))
        if self._answers:
            self._answer_again = True
        elif self._stretch is not None:
            self._put(self._stretch, Place(earlier))
        return True

    def answer_phrase(self, phrase: Phrase) -> None:
        """Have a phrase answered; one that still waits is forgotten."""
        self._phrase = self._answered = phrase

    def next_request(self, values: ControlValues) -> Request | None:
        """Return what to ask of the inference process now, None for nothing.

        First what plays and what comes up next, made again if control values have changed their sound; then new
        melodies; then others that were heard lately, made again likewise. A request without an answer is returned
        again: its process may have ended.
        """
        if self._pending is not None:
            return self._pending.request
        if not self._answers and any(melody.values.sound != values.sound for melody in self._ready):
            self._ready.clear()
        if self._continues and self._ready and self._ready[0].before != self._to_continue():
            self._ready.clear()
        return (
            self._remake(values, self._coming_up())
            or (self._answer(values) if self._answers else self._another(values))
            or self._remake(values, self._history.heard_last(MADE_AGAIN))
        )

    def take(self, answer: Answer | Failure) -> bool:
        """Take an answer to the request that waits; return whether it is a melody that is wanted."""
        pending, self._pending = self._pending, None
        if isinstance(answer, Failure) and self._answers and self._answered is not self._failed:
            self._failed = self._answered  # which is asked about once more
            self._phrase = self._phrase or self._answered
        if isinstance(answer, Failure) or pending is None or answer.id != pending.request.id:
            return False
        melody = pending.melody(answer)
        bars_of(melody.states, melody.feel)  # kept, so that the bar line at which it begins need not wait
        if melody.number in self._history:
            self._history.make_again(melody)
            return True
        if self._continues:
            continued = self._ready[-1].states if self._ready else self._to_continue()
            if melody.before != continued:
                return False
        self._ready.append(melody)
        return True

    def bar(self, number: int, values: ControlValues) -> Bar:
        """Return what to play in a bar of the session; called once for each, as its line is reached."""
        before, bar_before = self.playing, self.melody_bar
        if self._answers:
            self._find_answer(number)
        else:
            self._find_stretch(number, values)
        self._bar = number
        if self._now is None:
            return Bar(cut=True)
        melody = self.playing = self._history[self._now.melody]
        if melody is not before:
            self.recent.append(melody.kept)
            self._history.hear(melody.number)
        if values.mute or self.melody_bar < 0:
            return Bar(cut=True)
        return Bar(melody.bars[self.melody_bar], cut=melody is not before or self.melody_bar != bar_before + 1)

    # --- where it is ------------------------------------------------------------------------------------------------

    def _find_stretch(self, number: int, values: ControlValues) -> None:
        """Find what plays in a bar: what was heard there, or what comes next."""
        loop = self._settings.loop
        stretch = 0 if loop else number // self._stretch_bars
        if self._wanted:
            if self._known(stretch) is None:
                self._wanted.add(stretch)  # it was asked for just before this line
            self._take_wanted(held=values.hold)
        place = self._known(stretch)
        if values.hold and self._now is not None:
            part = 0 if loop else self._now.part + (stretch != self._stretch)
            self._now = Place(self._now.melody, part % self._parts(self._now.melody))
        else:
            self._set_now(place or self._next_place())
        if place is None and self._now is not None:
            self._score.put(stretch, self._now)
        self._stretch = stretch
        if self._now is None:
            return
        if self._continues:
            within = number % (self._history[self._now.melody].length if loop else ADDED_BARS)
            self.melody_bar = self._now.part * ADDED_BARS + within
        else:
            # steps of a variation go on in the bar in which the one before ended
            span = BARS if self._settings.mode == "vary" else self._stretch_bars
            self.melody_bar = number % span % BARS

    def _find_answer(self, number: int) -> None:
        """Find which bar of an answer plays in a bar of the session: of the one that came, or that was heard there."""
        jumped, begins = number != self._bar + 1, bool(self._ready) or self._answer_again
        if self._ready:
            self._set_now(Place(self._take_next()))
        if begins or (jumped and not self._settings.loop):
            self._begun_at, self._answer_again = (number if begins else None), False
        place = None
        if self._now is not None and self._begun_at is not None:
            length, bar = self._history[self._now.melody].length, number - self._begun_at
            if self._settings.loop:
                bar %= length
            if bar < length:
                place = Place(self._now.melody, bar)
                self._score.put(number, place)
            else:
                self._begun_at = None
        if self._begun_at is None and self._settings.sync != "internal":  # which begins anew with each phrase
            place = self._known(number)
        self._set_now(place or self._now)
        self.melody_bar = -1 if place is None else place.part

    def _known(self, stretch: int) -> Place | None:
        """Return what was heard in a stretch, None for nothing that is still known."""
        place = self._score.at(stretch)
        return place if place is not None and place.melody in self._history else None

    def _put(self, stretch: int, place: Place) -> None:
        """Put another melody into a stretch; where melodies continue, those that followed do not any more."""
        self._score.put(stretch, place)
        if self._continues:
            self._score.forget_after(stretch)

    def _set_now(self, place: Place | None) -> None:
        if place is not None and (self._now is None or place.melody != self._now.melody):
            self._last = self._history.last_of(place.melody)
        self._now = place

    def _parts(self, number: int) -> int:
        """Return how many stretches a melody fills before the next one."""
        return self._history[number].length // ADDED_BARS if self._continues else 1

    def _next_place(self) -> Place | None:
        """Return what comes next where nothing was heard yet: what plays, if there is nothing else."""
        now = self._now
        if now is None or not self._continues:
            return Place(self._take_next()) if self._ready else now
        number, part = now
        if part + 1 < self._parts(number):
            return Place(number, part + 1)
        follower = self._history.follower(number)
        if follower is None and self._ready and self._ready[0].before == self._history[number].states:
            follower = self._take_next()
            self._history.follow(number, follower)
        return Place(number if follower is None else follower)

    def _take_next(self, before: Place | None = None) -> int:
        """Take the melody that is ready, which is heard after what plays, or after another; return its number."""
        melody, before = self._ready.popleft(), before or self._now
        self._history.add(melody, None if before is None else before.melody)
        return melody.number

    def _take_wanted(self, *, held: bool) -> None:
        """Take another melody up for the stretches for which one is wanted, if it is ready."""
        if not self._ready or self._ready[0].before is not None:
            return
        taken = Place(self._take_next(before=self._known(min(self._wanted))))
        for stretch in sorted(self._wanted):
            self._put(stretch, taken)
        self._wanted.clear()
        if held:
            self._set_now(taken)

    # --- what is asked for ------------------------------------------------------------------------------------------

    def _coming_up(self) -> list[int]:
        """Return the melodies that play now and next, where that is known."""
        if self._now is None:
            return []
        number, following = self._now.melody, None
        if self._stretch is not None and not self._settings.loop:
            place = self._known(self._stretch + 1)
            following = self._history.follower(number) if place is None else place.melody
        return [number] if following is None else [number, following]

    def _to_continue(self) -> bytes | None:
        """Return the melody that the next one is to continue; None: it begins anew."""
        return None if self._wanted or self._now is None else self._history[self._last].states

    def _remake(self, values: ControlValues, numbers: Iterable[int]) -> Request | None:
        """Return the request for the first of some melodies that has to be made again for values, from its draw."""
        for number in numbers:
            if not self._history.take_up(number, values.sound):
                drawn = self._history.drawn(number)
                z = None if self._continues else drawn.z
                return self._request(
                    values, number, drawn.seed, z=z, before=drawn.before, length=drawn.length, feel=drawn.feel
                )
        return None

    def _answer(self, values: ControlValues) -> Request | None:
        phrase, self._phrase = self._phrase, None
        return None if phrase is None else self._next(values, phrase=phrase)

    def _another(self, values: ControlValues) -> Request | None:
        stays = self._settings.loop and self._now is not None and not self._wanted
        if len(self._ready) >= READY or stays:
            return None
        if self._continues:
            before = self._ready[-1].states if self._ready else self._to_continue()
            return self._next(values, before=before, length=BARS if before is None else ADDED_BARS)
        if self._ready:
            return self._next(values, z=self._ready[-1].z)
        return self._next(values, z=None if self._now is None else self._history[self._now.melody].z)

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

"""The player: bars of notes go to the ports in the time of a transport.

Every deadline is absolute: a moment of the ports' clock, which the transport gives for a position in beats. Nothing
here sleeps or reads a clock of its own; `step` is given the moment, and returns when it wants to be called again.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from midi_io import messages
from midi_io.files import Note
from midi_io.messages import CLOCKS_PER_SIXTEENTH, PPQN
from midi_io.ports.interface import Ports
from midi_io.swing import STRAIGHT, Swing
from midi_io.transport import BEATS_PER_BAR, Transport

STALE = 0.5  # seconds after its end from which a note that was missed is not caught up with
LOOP_END = 2 / PPQN  # beats around the end of a loop in which notes wait whether it comes again
PATIENCE = 0.004  # seconds they wait: what clocks jitter by
IDLE = 0.05  # seconds between two steps while nothing is due
WAITING = 0.001  # seconds between two steps while the position waits for a clock; the ports tell when it comes
ROUNDING = 1e-6  # beats


@dataclass(frozen=True)
class Bar:
    """A bar to play: the notes that start in it, in beats from its beginning; their ends may lie beyond it."""

    notes: Sequence[Note] = ()
    cut: bool = False  # whether notes that sound across the bar line end there


@dataclass(frozen=True)
class PlaybackSettings:
    """Settings of how notes are played."""

    channel: int = 0  # 0 to 15
    velocity: int | None = None  # 1 to 127; None takes each note's own
    swing: Swing = STRAIGHT
    transpose: int = 0  # semitones; a note that would leave 0 to 127 goes by octaves less far
    ahead: float = 0.0  # seconds that everything is sent early, to make up for a delay on the way; negative: late
    lead: bool = False  # whether start, clocks and stop are sent as well


class Handed(NamedTuple):
    """A message that was handed over, to be recorded once it has left; one without bytes ends whatever sounds."""

    beat: float
    epoch: int  # of the transport
    tempo: float
    message: bytes = b""


class Player:
    """A player: it fetches bars as they come up, and hands their notes over to the ports in time.

    Args:
        source: called once a bar, shortly before it begins, with its number from 0; it must not wait.
        record: called with the position in beats, the epoch of the transport, the tempo and the bytes of each message
            that has left.
    """

    def __init__(
        self,
        ports: Ports,
        transport: Transport,
        source: Callable[[int], Bar],
        playback: PlaybackSettings = PlaybackSettings(),
        record: Callable[[float, int, float, bytes], None] = lambda beat, epoch, tempo, message: None,
    ) -> None:
        self.ports, self.transport, self.source, self.playback, self.record = ports, transport, source, playback, record
        ports.interruptions.statuses = transport.interrupted_by
        self.skipped = 0  # notes that had ended before they could be played
        self._epoch: int | None = None
        self._cursor = 0.0  # everything before this position has been handed over
        self._bar = 0  # the next bar to fetch
        self._clock = 0  # the next clock to send, if leading
        self._onsets: list[tuple[float, int, Note]] = []  # of the bars fetched, a heap by start
        self._ends: list[tuple[float, bytes]] = []  # of the notes handed over, a heap
        self._waiting: deque[tuple[float, Note]] = deque()  # for a loop to end again, with the moments until which
        self._order = 0
        # channel and pitch of the notes whose end is not recorded yet, and the positions at which they start
        self._recorded: dict[tuple[int, int], float] = {}
        self._pedals: dict[int, bytes] = {}  # those that are down of what is passed on, by channel
        self._inputs_lost = ports.inputs_lost
        self._reached = 0.0  # position of the last step
        self._loop_end: float | None = None  # where the transport jumped back from last, until it plays on there

    def step(self, now: float) -> float:
        """Hand over what is due, and return the moment of the next step."""
        self.record_departed()
        self.transport.advance(now)
        if self.transport.epoch != self._epoch:
            self._restart(now)
        self._reached = self.transport.position(now)
        if not self.transport.running:
            return now + IDLE
        upto = self.transport.position(now + self.ports.lookahead + self.playback.ahead)
        if upto >= self._cursor:
            self._fetch_bars(upto)
            self._hand_over(upto, now)
            while self._waiting and self._waiting[0][0] <= now + self.ports.lookahead:
                moment, note = self._waiting.popleft()
                self._start(note, moment)
            # a position reached exactly is included, so the next step starts beyond it
            self._cursor = math.nextafter(upto, math.inf)
            if self._loop_end is not None and self._reached > self._loop_end + LOOP_END:
                self._loop_end = None
        following = self._next_position()
        due = self.transport.moment_of(following) - self.ports.lookahead - self.playback.ahead
        if self._waiting:
            due = min(due, self._waiting[0][0] - self.ports.lookahead)
        if due <= now and following - upto > ROUNDING:
            # a clock is awaited: to look again at once would take the time of the threads that it comes by
            due = now + WAITING
        return min(max(due, now), now + IDLE)

    def halt(self) -> None:
        """End everything that sounds; the next step begins anew."""
        leading = self.playback.lead and self._epoch is not None and self.transport.running
        self._end_all()
        if leading:
            self.ports.send(bytes((messages.STOP,)), self.ports.now())
        self._epoch = None

    def send(self, message: bytes, moment: float, beat: float) -> None:
        """Hand over a message that belongs to a position, to be recorded there if it leaves."""
        self.ports.send(message, moment, Handed(beat, self.transport.epoch, self.transport.tempo, message))

    def pass_on(self, message: bytes, moment: float, beat: float | None) -> None:
        """Hand over a message that came in; one that has no position is not recorded.

        A pedal that is down then is pressed again after a start, a stop or a jump, which lift it at what hears it.
        """
        self._forget_pedals_of_lost_inputs()
        if messages.is_pedal_down(message):
            self._pedals[message[0] & 0x0F] = message
        elif messages.is_pedal_up(message):
            self._pedals.pop(message[0] & 0x0F, None)
        if beat is None:
            self.ports.send(message, moment)
        else:
            self.send(message, moment, beat)

    def _forget_pedals_of_lost_inputs(self) -> None:
        """Forget the pedals where an input is gone, whose release may never come: they would be pressed for ever."""
        if self.ports.inputs_lost != self._inputs_lost:
            self._inputs_lost = self.ports.inputs_lost
            self._pedals.clear()

    def record_departed(self) -> None:
        """Record what has left: what was handed ahead may have been taken back."""
        for beat, epoch, tempo, message in self.ports.departed():
            if not message:
                for note, start in self._recorded.items():
                    self.record(max(beat, start), epoch, tempo, messages.note_off(*note))
                self._recorded.clear()
                continue
            self.record(beat, epoch, tempo, message)
            if messages.is_note_on(message):
                self._recorded[message[0] & 0x0F, message[1]] = beat
            elif messages.is_note_off(message):
                self._recorded.pop((message[0] & 0x0F, message[1]), None)

    def _end_all(self) -> None:
        self.ports.release(Handed(self._reached, self._epoch or 0, self.transport.tempo))
        self._onsets.clear()
        self._ends.clear()
        self._waiting.clear()

    def _restart(self, now: float) -> None:
        """Begin anew: the transport started, stopped or jumped."""
        leading = self.playback.lead
        if self._epoch is not None:
            self._end_all()
            self._forget_pedals_of_lost_inputs()
            for pedal in self._pedals.values():
                self.ports.send(pedal, now)
            if leading:
                self.ports.send(bytes((messages.STOP,)), now)
        self._epoch = self.transport.epoch
        self._cursor = self.transport.origin
        if self.transport.loops and self._cursor < self._reached:
            self._loop_end = self._reached
        self._bar = math.floor(self._cursor / self.transport.beats_per_bar)
        self._clock = max(math.ceil(self._cursor * PPQN - 1e-6), 0)  # before the beginning is a count-in
        if leading and self.transport.running and self._cursor >= 0:
            sixteenths = -(-self._clock // CLOCKS_PER_SIXTEENTH)  # where the first clock is
            self._clock = sixteenths * CLOCKS_PER_SIXTEENTH
            if sixteenths:
                self.ports.send(messages.song_position(min(sixteenths, 0x3FFF)), now)
            self.ports.send(bytes((messages.CONTINUE if sixteenths else messages.START,)), now)

    def _fetch_bars(self, upto: float) -> None:
        length = self.transport.beats_per_bar
        while self._bar * length <= upto:
            line = float(self._bar * length)
            bar = self.source(self._bar)
            if bar.cut:
                self._ends = [(min(end, line), message) for end, message in self._ends]
                heapq.heapify(self._ends)
            for note in fitted(bar.notes, length):
                start = self.playback.swing.swung(line + note.start)
                if start >= self._cursor:
                    self._order += 1
                    end = max(self.playback.swing.swung(line + note.end), start + 1 / 64)
                    heapq.heappush(self._onsets, (start, self._order, note._replace(start=start, end=end)))
            self._bar += 1

    def _hand_over(self, upto: float, now: float) -> None:
        while True:
            candidates = []
            if self._ends:
                candidates.append((self._ends[0][0], 0))
            if self.playback.lead:
                candidates.append((self._clock / PPQN, 1))
            if self._onsets:
                candidates.append((self._onsets[0][0], 2))
            if not candidates or min(candidates)[0] > upto:
                return
            beat, kind = min(candidates)  # at one position ends come first, and a clock before the note that is on it
            moment = self.transport.moment_of(beat) - self.playback.ahead
            if kind == 0:
                _, message = heapq.heappop(self._ends)
                self.send(message, moment, beat)
            elif kind == 1:
                if self._clock == 0 and self.transport.origin < 0:
                    self.ports.send(bytes((messages.START,)), moment)
                self._clock += 1
                self.ports.send(bytes((messages.CLOCK,)), moment)
            else:
                note = heapq.heappop(self._onsets)[2]
                if self.transport.moment_of(note.end) < now - STALE:
                    self.skipped += 1
                else:
                    waits = max(self.playback.ahead + PATIENCE, 0.0) if self._ends_loop(beat) else 0.0
                    if waits:  # its end is not to leave before it
                        end = max(note.end, beat + waits * self.transport.tempo / 60 + 1 / 64)
                        self._waiting.append((moment + waits, note._replace(end=end)))
                    else:
                        self._start(note, moment)

    def _ends_loop(self, beat: float) -> bool:
        return self._loop_end is not None and abs(beat - self._loop_end) < LOOP_END

    def _start(self, note: Note, moment: float) -> None:
        pitch, channel = self._transposed(note.pitch), self.playback.channel
        on = messages.note_on(channel, pitch, self.playback.velocity or note.velocity)
        self.send(on, moment, note.start)
        heapq.heappush(self._ends, (note.end, messages.note_off(channel, pitch)))

    def _next_position(self) -> float:
        """Return the position of whatever comes next."""
        beats = [float(self._bar * self.transport.beats_per_bar)]
        if self._ends:
            beats.append(self._ends[0][0])
        if self._onsets:
            beats.append(self._onsets[0][0])
        if self.playback.lead:
            beats.append(self._clock / PPQN)
        return min(beats)

    def _transposed(self, pitch: int) -> int:
        moved = pitch + self.playback.transpose
        while moved < 0:
            moved += 12
        while moved > 127:
            moved -= 12
        return moved


def fitted(notes: Sequence[Note], length: float) -> list[Note]:
    """Return the notes of a bar of four quarters for a bar of so many.

    A shorter one has what starts in it, a longer one rests at its end; what sounds across the bar line does so in both.
    """
    fitted = [note._replace(end=_fitted(note.end, length)) for note in notes if note.start < length]
    return [note for note in fitted if note.end > note.start]


def _fitted(end: float, length: float) -> float:
    return min(end, length) if end <= BEATS_PER_BAR else end + (length - BEATS_PER_BAR)

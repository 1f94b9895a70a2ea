"""A live session: melodies from the inference process, bar by bar, into the ports."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from melodylc.base.errors import UserError
from melodylc.live.click import BEATS
from melodylc.live.complaints import Complaints
from melodylc.live.controls import CONTROLS, current_name, set_control
from melodylc.live.feel import EVEN
from melodylc.live.melody_queue import MelodyQueue
from melodylc.live.opening import (
    click_playback_of,
    open_click_ports,
    open_recording,
    open_session_ports,
    playback_of,
    setup_of,
    transport_of,
)
from melodylc.live.phrases import FreePhraseRecorder, Phrase, PhraseRecorder
from melodylc.live.protocol import Answer, Failure, Heard, Request, Setup
from melodylc.live.queued_melody import QueuedMelody
from melodylc.live.settings import AUTO, SessionSettings
from melodylc.live.shown_melody import NoSource, ShownMelody
from melodylc.live.status import Status
from melodylc.live.worker import Worker
from midi_io import messages
from midi_io.link_transport import LOOK, LinkTransport
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import Ports
from midi_io.priority import raise_priority
from midi_io.rehearsal import rehearse
from midi_io.transport import BEATS_PER_BAR, InternalTransport, Transport

CHANNEL_MESSAGES = 0xF0  # statuses below it
AFTER_FAILURE = 1.0  # seconds until the inference process is asked again after a request that failed
CLOSING = 5.0  # seconds that its threads may take to end
STARTING = 0.1  # seconds between two looks at an inference process that starts


class MelodySource(Protocol):
    """A source of melodies for requests: a `Worker`, or its twin in a test."""

    @property
    def ready(self) -> bool:
        """Return whether melodies can be made."""

    @property
    def free(self) -> bool:
        """Return whether it can be asked."""

    @property
    def fatal(self) -> str | None:
        """Return why it can never work, if so."""

    @property
    def trouble(self) -> str | None:
        """Return what went wrong last."""

    def ask(self, request: Request) -> None:
        """Send a request."""

    def poll(self) -> Sequence[Heard]:
        """Return the answers that came; never waits."""

    def close(self) -> None:
        """End."""


class Session:
    """A live session, which plays until it is closed. Use it in a `with`, or call `open` and `close`.

    Args:
        say: called with a line for whatever happens: ports that go and come, a request that fails.
        ports, click_ports: other ports than the settings name, such as the twin in memory.
        source: makes what answers requests, from the set-up and a function to call when something has come.
        shown: plays this melody, in the place of those that an inference process makes.

    Raises:
        UserError: (by `open`) if something that was asked for is missing or wrong; the text says what to do.
    """

    def __init__(
        self,
        settings: SessionSettings | None = None,
        *,
        say: Callable[[str], None] = lambda text: None,
        ports: Ports | None = None,
        click_ports: Ports | None = None,
        source: Callable[[Setup, Callable[[], None]], MelodySource] = Worker,
        shown: ShownMelody | None = None,
    ) -> None:
        self.settings = settings = settings or SessionSettings()
        self._say, self._given_ports, self._click_ports = say, ports, click_ports
        self._complaints = Complaints(say)  # about values of controls, which may come in floods
        self._make_source = source if shown is None else lambda setup, wake: NoSource()
        self._values = settings.initial
        self._changes: deque[tuple[str, Any]] = deque()  # of controls, from any thread
        self._tempo: float | None = None  # to be taken at once, likewise
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._queue: MelodyQueue | ShownMelody = MelodyQueue(settings) if shown is None else shown
        self._ask_again_at = float("-inf")  # after a failure
        self._phrases = PhraseRecorder(settings.fixed_swing)
        self._phrases_epoch = 0  # of the transport, that the phrase belongs to
        self._free_phrase: FreePhraseRecorder | None = None  # of a phrase whose tempo is to be taken
        self._unplaced: list[tuple[float, bytes]] = []  # what was sent since it began, to be recorded in that tempo
        # in the time of a session that answers musicians play from their first note on, or from the count-in
        waits = settings.mode == "answer" and settings.count_in == 0
        self._starting = settings.sync == "link" or (settings.sync == "internal" and not waits)
        self._marked: tuple[int, QueuedMelody] | None = None  # what the last mark of the recording is of
        self._marks: deque[tuple[float, int, float, int]] = deque()  # that nothing was recorded after yet
        self._thread = threading.Thread(target=self._run, name="melodylc player", daemon=True)
        self._opening = threading.RLock()  # held while it is opened
        self._stack = contextlib.ExitStack()  # of what is open, once all of it is
        self._prepared = False

    # --- from the outside -------------------------------------------------------------------------------------------

    def open(self) -> Session:
        """Open the ports, start the inference process and the player; returns when melodies can be made.

        `close`, from another thread, ends that early: then the session has ended when this returns.
        """
        with self._opening:
            self.prepare()
            if self._prepared:
                self._thread.start()
        return self

    def prepare(self) -> None:
        """Open everything without playing: whoever does not call `open` calls `step` in a loop of their own."""
        settings, own_ports = self.settings, self._given_ports is None
        with self._opening, contextlib.ExitStack() as stack:
            if self._ended.is_set():
                return
            self._recording = None if settings.record is None else open_recording(settings.record)
            if self._recording:
                stack.callback(self._recording.close)
            self.ports: Ports = self._given_ports or open_session_ports(settings, stack, self._say)
            stack.callback(self._close_ports)
            self.transport: Transport = transport_of(settings, self.ports, self._say)
            if isinstance(self.transport, LinkTransport):
                stack.callback(self.transport.close)
            self.player = Player(self.ports, self.transport, self._bar, playback_of(settings), self._record)
            self.ports.on_receive(self._woken.set)
            self.click = self._opened_click(stack)
            self._source = self._make_source(setup_of(settings, own_ports), self._woken.set)
            stack.callback(self._source.close)
            if settings.osc is not None:
                from melodylc.live.osc import OscServer

                self._osc = OscServer(settings.osc, self.set_control)
                stack.callback(self._osc.close)
            rehearse()  # while the inference process starts
            while not self._source.ready:
                self._source.poll()
                if self._source.fatal:
                    raise UserError(self._source.fatal)
                if self._ended.is_set():
                    return
                self._woken.wait(STARTING)
                self._woken.clear()
            if self._ended.is_set():
                return
            # for a program that ends without closing it; registered last, it comes before the ends of its ports
            atexit.register(self.close)
            stack.callback(atexit.unregister, self.close)
            self._stack, self._prepared = stack.pop_all(), True

    def _opened_click(self, stack: contextlib.ExitStack) -> Player | None:
        """Return the player of clicks, on an output of its own, which is not recorded."""
        if not self.settings.clicks:
            return None
        ports = self._click_ports or open_click_ports(self.settings, stack, self._say)
        stack.callback(ports.close)
        return Player(ports, self.transport, self._clicks, click_playback_of(self.settings))

    def close(self) -> None:
        """End it: every sounding note is ended, the recording is written. One that is being opened is not any more."""
        self._ended.set()
        self._woken.set()
        if self._opening.acquire(timeout=CLOSING):
            self._opening.release()
        if self._thread.ident is not None:
            self._thread.join(timeout=CLOSING)
        elif self._prepared:
            self._halt()
        self._complaints.close()
        self._stack.close()
        if self._failure is not None:
            raise self._failure

    def _close_ports(self) -> None:
        """End what sounds, and record what left last."""
        self.ports.close()
        if hasattr(self, "player"):  # which a session that cannot be opened may not have
            self.player.record_departed()

    def __enter__(self) -> Session:
        return self.open()

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the session has ended by itself, or for some seconds; return whether it has ended."""
        return self._ended.wait(seconds)

    def set_control(self, control: str, value: Any = 1) -> None:
        """Set a control (see `CONTROLS`), from any thread. It takes effect at the next bar line.

        A value it cannot take changes nothing; `say` is called with what is wrong, for each control at most every ten
        seconds, with how many there were.
        """
        self._changes.append((control, value))
        self._woken.set()

    def set_tempo(self, tempo: float) -> None:
        """Take another tempo at once, from any thread, where the session keeps its own; all peers of Link take it."""
        self._tempo = tempo
        self._woken.set()

    @property
    def status(self) -> Status:
        """Return the status now."""
        now, melody = self.ports.now(), self._queue.playing
        return Status(
            tempo=self.transport.tempo,
            running=self.transport.running,
            beat=max(self.transport.position(now), min(self.transport.origin, 0.0)),
            beats_per_bar=self.transport.beats_per_bar,
            values=self._values,
            rules=self.settings.rules,
            melody=0 if melody is None else melody.number,
            kept=None if melody is None else melody.kept,
            recent=tuple(self._queue.recent),
            satisfied=None if melody is None else melody.satisfied,
            rewards={} if melody is None else melody.rewards,
            way=None if melody is None else melody.way,
            plausible=None if melody is None else melody.plausible,
            queue=len(self._queue),
            late=self.ports.late,
            skipped=self.player.skipped,
            sent=self.ports.sent,
            links=len(self.ports.links()),
            trouble="the MIDI ports are gone" if not self.ports.alive() else self._source.trouble,
        )

    # --- the player's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        raise_priority()
        try:
            while not self._ended.is_set():
                next_step = self.step()
                self._woken.wait(max(next_step - self.ports.now(), 0.0))
                self._woken.clear()
        except BaseException as error:  # whatever it is, notes end first, then it is raised by `close`
            self._failure = error
        finally:
            self._ended.set()
            self._halt()

    def _halt(self) -> None:
        if self._free_phrase is not None and isinstance(self.transport, InternalTransport):
            self._place(self._free_phrase, self.transport, self._free_phrase.tempo_finder.position(self.ports.now()))
        self.player.halt()
        if self.click is not None:
            self.click.halt()

    def step(self) -> float:
        """Do all that is due now, and return the moment of the next step; a message that comes in is due at once."""
        for moment, message in self.ports.receive():
            self._receive(moment, message)
        self._apply_changes()
        self._exchange_melodies()
        self._listen()
        due = self._play()
        return min(due, self.ports.now() + LOOK) if isinstance(self.transport, LinkTransport) else due

    def _play(self) -> float:
        """Hand over what is due, and return the moment of the next step."""
        due = self.player.step(self.ports.now())
        return due if self.click is None else min(due, self.click.step(self.ports.now()))

    def _receive(self, moment: float, message: bytes) -> None:
        if isinstance(self.transport, MidiClockTransport) and self.transport.receive(moment, message):
            return
        if message[0] >= CHANNEL_MESSAGES:
            return
        if (change := self.settings.controls.control_of(message)) is not None:
            self._changes.append(change)
            return
        if self.transport.epoch != self._phrases_epoch and not isinstance(self.transport, InternalTransport):
            self._forget_phrase()
            self._play()  # takes up the jump now, likewise
        if self.settings.mode == "answer" and not self._starting:
            if isinstance(self.transport, InternalTransport) and not self._engaged() and messages.is_note_on(message):
                self._begin_phrase(self.transport, moment)
                self._play()  # takes up the start now: it would drop what `thru` sends below
            if self._free_phrase is not None:
                self._free_phrase.take(moment, message)
            else:
                self._phrases.take(self.transport.position(moment), message)
        if self.settings.thru:
            if self._free_phrase is not None:
                self.player.pass_on(message, moment, None)
                self._unplaced.append((moment, message))
            else:
                self.player.pass_on(message, moment, self.transport.position(moment))

    def _engaged(self) -> bool:
        """Return whether a phrase or its answer is under way, or clicks say what the time is."""
        if not self.transport.running:
            return self._free_phrase is not None
        replying = self.transport.position(self.ports.now()) < self._queue.end * BEATS_PER_BAR
        return self.settings.clicks or self._phrases.begun or replying or self._queue.waiting or len(self._queue) > 0

    def _begin_phrase(self, transport: InternalTransport, moment: float) -> None:
        """Have the musician's first note be the first beat, of the tempo there is or of one that it begins."""
        if self.settings.tempo == AUTO:
            transport.stop(moment)
            self._free_phrase = FreePhraseRecorder(self.settings.fixed_swing)
        else:
            transport.start(moment)

    def _apply_changes(self) -> None:
        tempo, self._tempo = self._tempo, None
        if tempo is not None and isinstance(self.transport, InternalTransport | LinkTransport):
            self.transport.set_tempo(tempo, self.ports.now())
        while self._changes:
            control, value = self._changes.popleft()
            try:
                self._values = set_control(self._values, control, value)
            except UserError as error:
                named = current_name(control)
                self._complaints.make(named if named in CONTROLS else "", str(error), self.ports.now())
                continue
            if value:
                self._act(current_name(control))
        self._complaints.count(self.ports.now())

    def _act(self, control: str) -> None:
        """Do what a control asks for that has no value to keep."""
        if control == "new":
            self._queue.play_another()
        elif control == "again":
            self._queue.play_again()
        elif control == "back" and not self._queue.play_before():
            self._complaints.make("back", "back: no melody was heard before this one", self.ports.now())

    def _exchange_melodies(self) -> None:
        """Take the answers that came, and ask for what is needed next."""
        for answer in self._source.poll():
            if isinstance(answer, Failure):
                self._say(f"no melody: {answer.error}")
                self._ask_again_at = self.ports.now() + AFTER_FAILURE
            elif not isinstance(answer, Answer):
                continue  # of a task, which a session does not ask for
            self._queue.take(answer)
        ready = len(self._queue) > 0 or self.settings.mode == "answer"  # which needs none to listen
        if self._starting and ready and isinstance(self.transport, InternalTransport | LinkTransport):
            self._starting = False
            soon = self.ports.now() + 2 * self.ports.lookahead
            if isinstance(self.transport, LinkTransport):
                self.transport.start(soon)
            else:
                self.transport.start(soon, float(-self.settings.count_in * BEATS_PER_BAR))
        if self._source.free and self.ports.now() >= self._ask_again_at:
            request = self._queue.next_request(self._values)
            if request is not None:
                self._source.ask(request)

    def _listen(self) -> None:
        """Have a phrase answered that is over; one is forgotten when the transport jumps."""
        if self.transport.epoch != self._phrases_epoch and not isinstance(self.transport, InternalTransport):
            self._forget_phrase()
        if self._free_phrase is not None and isinstance(self.transport, InternalTransport):
            self._listen_freely(self._free_phrase, self.transport)
        elif self.settings.mode == "answer" and self._phrases.begun:
            self._phrases.beats_per_bar = self.transport.beats_per_bar
            phrase = self._phrases.phrase(self.transport.position(self.ports.now()), self.transport.tempo)
            if phrase is not None:
                self._answer(phrase)

    def _forget_phrase(self) -> None:
        self._phrases_epoch = self.transport.epoch
        self._phrases.forget()

    def _listen_freely(self, recorder: FreePhraseRecorder, transport: InternalTransport) -> None:
        """Take the tempo of a phrase that is over, and go on in it."""
        now = self.ports.now()
        phrase = recorder.phrase(now)
        if phrase is None:
            return
        transport.set_tempo(recorder.tempo_finder.tempo, now)
        transport.start(now, recorder.tempo_finder.position(now))
        self._free_phrase = None
        self._place(recorder, transport, recorder.tempo_finder.position(now))
        self._answer(phrase, f"{transport.tempo:.1f} bpm")

    def _place(self, recorder: FreePhraseRecorder, transport: InternalTransport, end: float) -> None:
        """Record what was sent since a phrase began, in its tempo; what still sounds ends with it."""
        sounding: set[tuple[int, int]] = set()
        tempo = recorder.tempo_finder.tempo
        for beat, (_, message) in zip(
            recorder.tempo_finder.positions([moment for moment, _ in self._unplaced]), self._unplaced, strict=True
        ):
            self._record(float(beat), transport.epoch, tempo, message)
            if messages.is_note_on(message):
                sounding.add((message[0] & 0x0F, message[1]))
            elif messages.is_note_off(message):
                sounding.discard((message[0] & 0x0F, message[1]))
        for note in sorted(sounding):
            self._record(end, transport.epoch, tempo, messages.note_off(*note))
        self._unplaced.clear()

    def _answer(self, phrase: Phrase, *recognised: str) -> None:
        """Have a phrase answered, and say what was recognised in it."""
        if self.settings.fixed_swing is None and phrase.feel != EVEN:
            recognised += (str(phrase.feel),)
        if recognised:
            self._say(f"a phrase of {phrase.bars} {'bars' if phrase.bars > 1 else 'bar'}: {', '.join(recognised)}")
        self._queue.answer_phrase(phrase)

    def _bar(self, number: int) -> Bar:
        if number < 0:
            return Bar()  # of the count-in
        bar = self._queue.bar(number, self._values)
        melody, epoch, place = self._queue.playing, self.transport.epoch, self._queue.melody_bar
        if self._recording is not None:
            self._recording.count_bars(epoch, self.transport.beats_per_bar, self.transport.beat_type)
        if self._recording is not None and melody is not None and place >= 0 and not self._values.mute:
            if place == 0 or (epoch, melody) != self._marked:
                line = number * self.transport.beats_per_bar
                self._marks.append((line, epoch, self.transport.tempo, melody.number))
            self._marked = epoch, melody
        return bar

    def _clicks(self, number: int) -> Bar:
        return BEATS if self.settings.click or number < 0 else Bar()

    def _record(self, beat: float, epoch: int, tempo: float, message: bytes) -> None:
        if self._recording is None:
            return
        # once what ended before a jump is recorded it is known where the jump is
        while self._marks and (self._marks[0][1], self._marks[0][0]) <= (epoch, beat + 1e-6):
            mark = self._marks.popleft()
            if mark[1] == epoch:
                self._recording.mark(*mark)
        self._recording.add(beat, epoch, tempo, message)

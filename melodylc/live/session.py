"""A live session: melodies from the inference process, bar by bar, into the ports."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from melodylc.base.errors import UserError
from melodylc.live.complaints import Complaints
from melodylc.live.controls import CONTROLS, current_name, set_control
from melodylc.live.melody_queue import MelodyQueue
from melodylc.live.opening import open_recording, open_session_ports, playback_of, setup_of, transport_of
from melodylc.live.phrases import PhraseRecorder
from melodylc.live.protocol import Answer, Failure, Heard, Request, Setup
from melodylc.live.settings import SessionSettings
from melodylc.live.shown_melody import NoSource, ShownMelody
from melodylc.live.status import Status
from melodylc.live.worker import Worker
from midi_io import messages
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import Ports
from midi_io.priority import raise_priority
from midi_io.rehearsal import rehearse
from midi_io.transport import BEATS_PER_BAR, InternalTransport, Transport

CHANNEL_MESSAGES = 0xF0  # statuses below it
AFTER_FAILURE = 1.0  # seconds until the inference process is asked again after a request that failed
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
        ports: other ports than the settings name, such as the twin in memory.
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
        source: Callable[[Setup, Callable[[], None]], MelodySource] = Worker,
        shown: ShownMelody | None = None,
    ) -> None:
        self.settings = settings = settings or SessionSettings()
        self._say, self._given_ports = say, ports
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
        self._phrases = PhraseRecorder()
        self._phrases_epoch = 0  # of the transport, that the phrase belongs to
        self._starting = settings.sync == "internal" and settings.mode != "answer"
        self._thread = threading.Thread(target=self._run, name="melodylc player", daemon=True)

    # --- from the outside -------------------------------------------------------------------------------------------

    def open(self) -> Session:
        """Open the ports, start the inference process and the player; returns when melodies can be made."""
        self.prepare()
        self._thread.start()
        return self

    def prepare(self) -> None:
        """Open everything without playing: whoever does not call `open` calls `step` in a loop of their own."""
        settings, own_ports = self.settings, self._given_ports is None
        with contextlib.ExitStack() as stack:
            self._recording = None if settings.record is None else open_recording(settings.record)
            if self._recording:
                stack.callback(self._recording.close)
            self.ports: Ports = self._given_ports or open_session_ports(settings, stack, self._say)
            stack.callback(self._close_ports)
            self.transport: Transport = transport_of(settings, self.ports, self._say)
            self.player = Player(self.ports, self.transport, self._bar, playback_of(settings), self._record)
            self.ports.on_receive(self._woken.set)
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
                self._woken.wait(STARTING)
                self._woken.clear()
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End it: every sounding note is ended, the recording is written."""
        self._ended.set()
        self._woken.set()
        if self._thread.ident is None:
            self.player.halt()
        else:
            self._thread.join(timeout=5.0)
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
        """Take another tempo at once, from any thread, where the session keeps its own."""
        self._tempo = tempo
        self._woken.set()

    @property
    def status(self) -> Status:
        """Return the status now."""
        now, melody = self.ports.now(), self._queue.playing
        return Status(
            tempo=self.transport.tempo,
            running=self.transport.running,
            beat=max(self.transport.position(now), 0.0),
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
            self.player.halt()

    def step(self) -> float:
        """Do all that is due now, and return the moment of the next step; a message that comes in is due at once."""
        for moment, message in self.ports.receive():
            self._receive(moment, message)
        self._apply_changes()
        self._exchange_melodies()
        self._listen()
        return self.player.step(self.ports.now())

    def _receive(self, moment: float, message: bytes) -> None:
        if isinstance(self.transport, MidiClockTransport) and self.transport.receive(moment, message):
            return
        if message[0] >= CHANNEL_MESSAGES:
            return
        if (change := self.settings.controls.control_of(message)) is not None:
            self._changes.append(change)
            return
        if self.settings.mode == "answer":
            if isinstance(self.transport, InternalTransport) and not self._engaged() and messages.is_note_on(message):
                self.transport.start(moment)  # the musician's first note is the first beat
                self.player.step(self.ports.now())  # takes up the start now: it would drop what `thru` sends below
            self._phrases.take(self.transport.position(moment), message)
        if self.settings.thru:
            self.player.send(message, moment, self.transport.position(moment))

    def _engaged(self) -> bool:
        """Return whether a phrase or its answer is under way."""
        replying = self.transport.position(self.ports.now()) < self._queue.end * BEATS_PER_BAR
        return self.transport.running and (self._phrases.begun or replying or self._queue.waiting)

    def _apply_changes(self) -> None:
        tempo, self._tempo = self._tempo, None
        if tempo is not None and isinstance(self.transport, InternalTransport):
            self.transport.set_tempo(tempo, self.ports.now())
        while self._changes:
            control, value = self._changes.popleft()
            try:
                self._values = set_control(self._values, control, value)
            except UserError as error:
                named = current_name(control)
                self._complaints.make(named if named in CONTROLS else "", str(error), self.ports.now())
                continue
            if current_name(control) == "new" and value:
                self._queue.play_another()
        self._complaints.count(self.ports.now())

    def _exchange_melodies(self) -> None:
        """Take the answers that came, and ask for what is needed next."""
        for answer in self._source.poll():
            if isinstance(answer, Failure):
                self._say(f"no melody: {answer.error}")
                self._ask_again_at = self.ports.now() + AFTER_FAILURE
            elif not isinstance(answer, Answer):
                continue  # of a task, which a session does not ask for
            self._queue.take(answer)
        if self._starting and len(self._queue) and isinstance(self.transport, InternalTransport):
            self._starting = False
            self.transport.start(self.ports.now() + 2 * self.ports.lookahead)
        if self._source.free and self.ports.now() >= self._ask_again_at:
            request = self._queue.next_request(self._values)
            if request is not None:
                self._source.ask(request)

    def _listen(self) -> None:
        """Have a phrase answered that is over; one is forgotten when the transport jumps."""
        if self.transport.epoch != self._phrases_epoch and not isinstance(self.transport, InternalTransport):
            self._phrases_epoch = self.transport.epoch
            self._phrases.forget()
        if self.settings.mode == "answer" and self._phrases.begun:
            phrase = self._phrases.phrase(self.transport.position(self.ports.now()))
            if phrase is not None:
                self._queue.answer_phrase(phrase)

    def _bar(self, number: int) -> Bar:
        return self._queue.bar(number, self._values)

    def _record(self, beat: float, epoch: int, tempo: float, message: bytes) -> None:
        if self._recording is not None:
            self._recording.add(beat, epoch, tempo, message)

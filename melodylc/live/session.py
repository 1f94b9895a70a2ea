"""A live session: melodies from the inference process, bar by bar, into the ports."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.live import paths
from melodylc.live.controls import ControlValues, turn
from melodylc.live.phrases import Phrase, PhraseRecorder
from melodylc.live.settings import AMOUNTS, SessionSettings
from melodylc.live.worker import Worker
from melodylc.melody import BARS, to_notes
from midi_io import messages, recording
from midi_io.clock import Follower, Internal, Transport
from midi_io.files import Note
from midi_io.player import BEATS_PER_BAR, Bar, PlaybackSettings, Player
from midi_io.ports import NoPortsError, Ports, ReconnectingPorts, open_ports
from midi_io.sounding_notes import InUseError, SoundingNotes

AHEAD = 2  # melodies that are ready before they are needed
CHANNEL_MESSAGES = 0xF0  # statuses below it


@dataclass(frozen=True)
class Piece:
    """A melody that plays, or is to play."""

    number: int  # of the melody, counted from 1; one made again for another wish keeps it
    asked: ControlValues
    bars: tuple[tuple[Note, ...], ...]  # sixteen, notes in beats from their bar's beginning
    z: str  # where it came from, before the rules moved it; the worker's spelling
    seed: int
    rewards: dict[str, float]
    way: str  # how it was made, as `melodylc.constraints.sampling.ways` calls it
    plausible: bool
    length: int = BARS  # bars of it that are to be played

    @property
    def satisfied(self) -> float:
        """The lowest of its rewards; 1 without rules."""
        return min(self.rewards.values(), default=1.0)


@dataclass(frozen=True)
class Status:
    """How a session stands."""

    tempo: float
    running: bool
    beat: float  # quarter notes from the beginning
    asked: ControlValues
    rules: tuple[str, ...]  # that were asked for beside
    melody: int  # number of the melody that plays, 0 before the first
    satisfied: float | None  # the lowest reward of that melody
    rewards: dict[str, float]
    way: str | None  # how that melody was made: by the actor, from the masked prior, ...
    plausible: bool | None
    queue: int  # melodies ready
    late: int
    skipped: int
    sent: int
    links: int  # connections of the ports
    trouble: str | None  # what is wrong just now

    def __str__(self) -> str:
        bar, beat = divmod(self.beat, BEATS_PER_BAR)
        place = f"bar {int(bar) + 1}.{int(beat) + 1}" if self.running else "stopped"
        kept = "no melody yet"
        if self.satisfied is not None:
            odd = "" if self.plausible else ", not plausible"
            kept = f"melody {self.melody}, satisfied {self.satisfied:.0%}, from {self.way}{odd}"
        rules = ", ".join([str(self.asked), *self.rules])
        said = [f"{self.tempo:.1f} bpm", place, rules, kept, f"queue {self.queue}", f"late {self.late}"]
        if not self.links:
            said.append("not connected")
        return "  ".join(said + ([f"({self.trouble})"] if self.trouble else []))


class Session:
    """Plays until it is closed. Use it in a `with`, or call `open` and `close`.

    Args:
        say: told, in a line, what happens: ports that go and come, a worker that is replaced.
        ports: other ports than the settings name, such as the twin in memory.

    Raises:
        UserError: (by `open`) if something that was asked for is missing or wrong; the text says what to do.
    """

    def __init__(
        self,
        settings: SessionSettings | None = None,
        *,
        say: Callable[[str], None] = lambda text: None,
        ports: Ports | None = None,
    ) -> None:
        self.settings = settings = settings or SessionSettings()
        self._say, self._given = say, ports
        self._asked = settings.asked
        self._turns: deque[tuple[str, Any]] = deque()
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._piece: Piece | None = None
        self._again: Piece | None = None  # the same melody, made again for what is asked now
        self._queue: deque[Piece] = deque()
        self._renew = False
        self._waiting: dict[str, Any] | None = None  # what the worker was asked, as a Piece's fields
        self._request: dict[str, Any] = {}  # and as it was asked
        self._pause = 0.0  # when to ask again after an answer that was an error
        self._numbers = 0
        self._count = 0  # requests
        self._seeds = np.random.default_rng(settings.seed)
        self._toward, self._noise = self._seed(), self._seed()
        self._way = 0.0  # share of the way to `_toward` that was gone: varying
        self._listener = PhraseRecorder()
        self._heard_in = 0  # epoch of the transport
        self._phrase: Phrase | None = None
        self._reply = 0  # the bar at which the reply began
        self._starting = settings.sync == "internal" and settings.mode != "answer"
        self._thread = threading.Thread(target=self._run, name="melodylc player", daemon=True)

    # --- from the outside -------------------------------------------------------------------------------------------

    def open(self) -> Session:
        """Open the ports, start the inference process and the player; returns when melodies can be made."""
        with contextlib.ExitStack() as stack:
            self.ports: Ports = self._given or self._open_ports(stack)
            stack.callback(self.ports.close)
            self.transport: Transport = self._make_transport()
            self._recording = None if self.settings.record is None else self._record(self.settings.record)
            if self._recording:
                stack.callback(self._recording.close)
            self.ports.wake_by(self._woken.set)
            self.player = Player(self.ports, self.transport, self._bar, self._manner(), self._keep)
            self._worker = Worker(self._setup(), self._woken.set)
            stack.callback(self._worker.close)
            if self.settings.osc is not None:
                from melodylc.live.osc import OscServer

                self._osc = OscServer(self.settings.osc, self.turn)
                stack.callback(self._osc.close)
            while not self._worker.ready:
                self._worker.poll()
                if self._worker.fatal:
                    raise UserError(self._worker.fatal)
                self._woken.wait(0.1)
                self._woken.clear()
            self._stack = stack.pop_all()
        self._thread.start()
        return self

    def close(self) -> None:
        """End it: every sounding note is ended, the recording is written."""
        self._ended.set()
        self._woken.set()
        self._thread.join(timeout=5.0)
        self._stack.close()
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Session:
        return self.open()

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the session has ended by itself, or for some seconds; True if it has ended."""
        return self._ended.wait(seconds)

    def turn(self, control: str, value: Any = 1) -> None:
        """Turn a control (see `CONTROLS`), from any thread. It takes effect at the next bar line.

        A value it cannot take is told to `say`, and changes nothing.
        """
        self._turns.append((control, value))
        self._woken.set()

    @property
    def status(self) -> Status:
        """How it stands now."""
        now, piece = self.ports.now(), self._piece
        return Status(
            tempo=self.transport.tempo,
            running=self.transport.running,
            beat=max(self.transport.position(now), 0.0),
            asked=self._asked,
            rules=self.settings.rules,
            melody=0 if piece is None else piece.number,
            satisfied=None if piece is None else piece.satisfied,
            rewards={} if piece is None else piece.rewards,
            way=None if piece is None else piece.way,
            plausible=None if piece is None else piece.plausible,
            queue=len(self._queue),
            late=self.ports.late,
            skipped=self.player.skipped,
            sent=self.ports.sent,
            links=len(self.ports.links()),
            trouble="the MIDI ports are gone" if not self.ports.alive() else self._worker.trouble,
        )

    # --- opening ----------------------------------------------------------------------------------------------------

    def _open_ports(self, stack: contextlib.ExitStack) -> ReconnectingPorts:
        s = self.settings
        self._books_path = paths.state() / f"{re.sub('[^A-Za-z0-9_-]', '_', s.name)}.books"
        try:
            books = SoundingNotes(self._books_path)
        except InUseError as error:
            raise UserError(f"live: a session named {s.name!r} runs already; end it, or give --name another") from error
        stack.callback(books.close)
        try:
            backend = "jack" if s.sync == "jack" else s.backend
            return open_ports(s.name, backend=backend, port=s.port, books=books, say=self._say)
        except NoPortsError as error:
            raise UserError(f"live: {error}") from error

    def _make_transport(self) -> Transport:
        s = self.settings
        if s.sync == "midi-clock":
            return Follower({"auto": None, "clocks": True, "sixteenths": False}[s.song_position])
        if s.sync == "jack":
            from midi_io.jack_transport import JackTransport

            assert isinstance(self.ports, ReconnectingPorts)
            return JackTransport(self.ports.rolling, s.tempo)
        return Internal(s.tempo)

    def _manner(self) -> PlaybackSettings:
        s = self.settings
        return PlaybackSettings(s.channel - 1, s.velocity, s.swing / 100, s.transpose, s.ahead / 1000, s.lead)

    def _record(self, path: Path) -> recording.Recording:
        recovered = recording.finish(path) if recording.journal_of(path).exists() and not path.exists() else False
        try:
            return recording.Recording(path)
        except FileExistsError as error:
            why = "was just recovered from a session that was killed" if recovered else "exists already"
            raise UserError(f"record: {path} {why}; give another name") from error

    def _setup(self) -> dict[str, Any]:
        s = self.settings
        return {
            "model": s.model,
            "device": s.device,
            "rules": s.rules,
            "actors": s.actors,
            "learning": {"seconds": s.seconds} | ({} if s.rounds is None else {"rounds": s.rounds}),
            "keep": None if s.keep is None else str(s.keep.absolute()),
            "strict": s.strict,
            "tries": s.tries,
            "asked": asdict(s.asked),
            "books": str(self._books_path) if self._given is None else None,
            "record": None if s.record is None else str(Path(s.record).absolute()),
        }

    # --- the player's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                for moment, message in self.ports.receive():
                    self._hear(moment, message)
                self._turn_all()
                for answer in self._worker.poll():
                    self._take(answer)
                self._ask()
                self._listen()
                deadline = self.player.step(self.ports.now())
                self._woken.wait(max(deadline - self.ports.now(), 0.0))
                self._woken.clear()
        except BaseException as error:  # whatever it is, notes end first, then it is told
            self._failure = error
        finally:
            self._ended.set()
            self.player.halt()

    def _hear(self, moment: float, message: bytes) -> None:
        if isinstance(self.transport, Follower) and self.transport.receive(moment, message):
            return
        if message[0] >= CHANNEL_MESSAGES:
            return
        if (turned := self.settings.controls.heard(message)) is not None:
            self._turns.append(turned)
            return
        if self.settings.mode == "answer" and message[0] & 0xE0 == messages.NOTE_OFF:  # on or off
            if isinstance(self.transport, Internal) and not self._engaged() and messages.is_note_on(message):
                self.transport.start(moment)  # the musician's first note is the first beat
            self._listener.take(self.transport.position(moment), message)
        if self.settings.thru:
            self.ports.send(message, moment)
            self._keep(self.transport.position(moment), message)

    def _engaged(self) -> bool:
        """Whether a phrase or its reply is under way."""
        position = self.transport.position(self.ports.now())
        replying = self._piece is not None and position < (self._reply + self._piece.length) * BEATS_PER_BAR
        return self.transport.running and (self._listener.hears or replying or self._waiting is not None)

    def _turn_all(self) -> None:
        while self._turns:
            control, value = self._turns.popleft()
            try:
                self._asked = turn(self._asked, control, value)
            except UserError as error:
                self._say(str(error))
                continue
            if control == "new" and value:
                self._renew = True
                self._queue.clear()

    # --- melodies ---------------------------------------------------------------------------------------------------

    def _seed(self) -> int:
        return int(self._seeds.integers(1 << 31)) if self.settings.seed is not None else secrets.randbits(31)

    def _ask(self) -> None:
        """Ask the worker for what is needed first: what plays, made again; then what comes next."""
        if not self._worker.free or time.monotonic() < self._pause:
            return
        if self._waiting is not None:  # its process ended with the question
            self._worker.ask(self._request)
            return
        sound = self._asked.sound()
        if any(piece.asked.sound() != sound for piece in self._queue) and self.settings.mode != "answer":
            self._queue.clear()
        last = self._again or self._piece
        if last is not None and last.asked.sound() != sound:
            self._send(last.number, last.seed, z=last.z, length=last.length)
        elif self.settings.mode == "answer":
            if self._phrase is not None:
                phrase, self._phrase = self._phrase, None
                self._next(states=phrase.states.tobytes().hex(), length=phrase.bars)
        elif len(self._queue) < AHEAD and not (self.settings.loop and self._piece is not None and not self._renew):
            before = self._queue[-1] if self._queue else last
            self._next(z=None if before is None else before.z)

    def _next(self, z: str | None = None, states: str | None = None, length: int = BARS) -> None:
        self._numbers += 1
        amount = self._asked.amount
        if amount is None:
            amount = AMOUNTS[self.settings.mode]
        if z is None and states is None:
            amount = 0.0  # the first one is as far from everything as any
        elif self.settings.mode == "vary":
            # a share of the way that is left, so that steps are even; at the end of the way the next one begins
            share = min(amount / max(1 - self._way, amount), 1.0) if amount > 0 else 0.0
            self._way += amount
            amount = share
        # the same noise while varying: what changes is the place
        seed = self._noise if self.settings.mode == "vary" else self._seed()
        self._send(self._numbers, seed, z=z, states=states, amount=amount, length=length)
        if self.settings.mode != "vary" or self._way >= 1:
            self._toward, self._way = self._seed(), 0.0

    def _send(
        self,
        number: int,
        seed: int,
        *,
        z: str | None,
        states: str | None = None,
        amount: float = 0.0,
        length: int = BARS,
    ) -> None:
        self._count += 1
        self._waiting = {"number": number, "seed": seed, "asked": self._asked, "length": length}
        self._request = {
            "id": self._count,
            "states": states,
            "z": z,
            "seed": seed,
            "toward": self._toward,
            "amount": amount,
            "asked": asdict(self._asked),
        }
        self._worker.ask(self._request)

    def _take(self, answer: dict[str, Any]) -> None:
        waiting, self._waiting = self._waiting, None
        if "error" in answer:
            self._say(f"no melody: {answer['error']}")
            self._pause = time.monotonic() + 1.0
            return
        if waiting is None or answer["id"] != self._count:
            return
        notes = to_notes(np.frombuffer(bytes.fromhex(answer["states"]), np.uint8))
        bars: list[list[Note]] = [[] for _ in range(BARS)]
        for note in notes:
            bar = int(note.start // BEATS_PER_BAR)
            line = bar * BEATS_PER_BAR
            bars[bar].append(note._replace(start=note.start - line, end=note.end - line))
        piece = Piece(
            bars=tuple(map(tuple, bars)),
            z=answer["z"],
            rewards=answer["rewards"],
            way=answer["way"],
            plausible=answer["plausible"],
            **waiting,
        )
        playing = self._again or self._piece
        if playing is not None and playing.number == piece.number:
            self._again = piece
        else:
            self._queue.append(piece)
        if self._starting and isinstance(self.transport, Internal):
            self._starting = False
            self.transport.start(self.ports.now() + 2 * self.ports.lookahead)

    def _bar(self, number: int) -> Bar:
        """What to play in a bar: called as its line is reached."""
        cut = self._change(number)
        if self._asked.mute:
            return Bar(cut=True)
        if self._piece is None:
            return Bar(cut=cut)
        if self.settings.mode == "answer":
            place = number - self._reply
            if place >= self._piece.length and not self.settings.loop:
                return Bar(cut=True)
            return Bar(self._piece.bars[place % self._piece.length], cut)
        span = BARS if self.settings.mode == "vary" else self.settings.bars_per_melody
        return Bar(self._piece.bars[number % span % BARS], cut or number % span % BARS == 0)

    def _change(self, number: int) -> bool:
        """Take up another melody where it is time for one; True if it did."""
        before = self._piece
        if self._again is not None:
            self._piece, self._again = self._again, None
        due = self._piece is None or self._renew
        if self.settings.mode == "answer":
            due = due or bool(self._queue)
        elif not due and number % self.settings.bars_per_melody == 0:
            due = not (self._asked.hold or self.settings.loop)
        if due and self._queue:
            self._piece, self._renew = self._queue.popleft(), False
            self._reply = number
        return self._piece is not before

    def _listen(self) -> None:
        if self.transport.epoch != self._heard_in and not isinstance(self.transport, Internal):
            self._heard_in = self.transport.epoch
            self._listener.forget()
        if self.settings.mode == "answer" and self._listener.hears:
            phrase = self._listener.phrase(self.transport.position(self.ports.now()))
            if phrase is not None:
                self._phrase = phrase

    def _keep(self, beat: float, message: bytes) -> None:
        if self._recording is not None:
            self._recording.add(beat, self.transport.epoch, self.transport.tempo, message)

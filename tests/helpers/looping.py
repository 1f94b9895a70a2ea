"""A DAW that loops on a real JACK server, a player that it leads, and what starts where nothing should."""

import threading

from jackd import Dump, eventually
from live_session import CONTINUE, STOP

from midi_io import messages
from midi_io.files import Note
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import open_ports
from midi_io.priority import raise_priority

BARS, BEHIND = 4, 100  # of the loop; the pitch of what lies behind it
LOOP_END = BARS * 16  # sixteenths
WRAPS = 12  # in a round
DAWS = frozenset((*messages.INTERRUPTING, messages.CONTINUE, messages.CLOCK))  # statuses of what comes from the DAW


def dense(number):
    """Thirty-second notes: so that one is about to start whenever something happens."""
    pitch = 40 + number if number < BARS else BEHIND
    return Bar([Note(pitch, step / 8, step / 8 + 0.1) for step in range(32)])


class Playing:
    """A player in a thread of its own, as a session has it, and a dump of what it sends."""

    def __init__(self, server, backend, transport):
        self.ports = open_ports("melodylc", backend=backend)
        self.transport = transport(self.ports)
        self.kept = []
        self.player = Player(self.ports, self.transport, dense, record=lambda *each: self.kept.append(each))
        self._woken, self._ended = threading.Event(), threading.Event()
        self.ports.on_receive(self._woken.set)
        self.dump = Dump(server, "melodylc:out")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        raise_priority()
        while not self._ended.is_set():
            for moment, message in self.ports.receive():
                if isinstance(self.transport, MidiClockTransport):
                    self.transport.receive(moment, message)
            next_step = self.player.step(self.ports.now())
            self._woken.wait(max(next_step - self.ports.now(), 0))
            self._woken.clear()
        self.player.halt()

    def end(self):
        """Return what was heard, the onsets of it, and what was recorded of these."""
        self.stop()
        self.player.record_departed()
        assert eventually(lambda: not self.dump.hanging)
        kept = [each[3] for each in self.kept if messages.is_note_on(each[3])]
        return self.dump.heard, self.dump.onsets, kept

    def stop(self):
        if not self._ended.is_set():
            self._ended.set()
            self._woken.set()
            self._thread.join()
            self.ports.close()


def play_loop(daw, rng):
    """Play to the end of the loop and jump back a beat, again and again, then stop."""
    tempo = rng.uniform(180, 300)
    daw.moment = daw.ports.now() + 0.3
    daw.now(messages.song_position(LOOP_END - 32))
    daw.now(CONTINUE)
    daw.clocks(8, tempo)
    for last in [False] * (WRAPS - 1) + [True]:
        way, wrap = rng.integers(4), daw.moment
        if way == 1:
            daw.now(STOP)
            wrap = daw.moment = wrap + rng.uniform(0, 0.05)
        elif way > 1:  # shortly before the clock that they are for
            daw.moment = wrap - rng.uniform(0, 0.004)
        daw.now(messages.song_position(LOOP_END - 4))
        daw.moment = rng.uniform(daw.moment, wrap) if way == 3 else daw.moment
        daw.now(CONTINUE)
        daw.moment = wrap
        daw.clocks(rng.uniform(0.1, 0.9) if last else 1, tempo)
    daw.now(STOP)
    daw.wait()


def stray(heard):
    """Return by how many frames onsets lie behind a stop or a jump, before the clock that it goes on with."""
    found, at, armed = [], None, False
    for each in sorted(heard, key=lambda each: (each.frame, each.message[0] not in DAWS)):
        status = each.message[0]
        if status in messages.INTERRUPTING:
            at, armed = each.frame, status == messages.START or (armed and status != messages.STOP)
        elif status == messages.CONTINUE:
            armed = True
        elif status == messages.CLOCK and armed:
            at, armed = None, False
        elif messages.is_note_on(each.message) and at is not None:
            found.append(each.frame - at)
    return found

"""Stops, loop ends and jumps on a real JACK server: nothing starts at or after one, and nothing else is recorded."""

import itertools
import threading
import time

import numpy as np
import pytest
from jackd import PERIOD, RATE, Dump, connect, eventually
from live_session import CONTINUE, START, STOP

from midi_io import messages
from midi_io.files import Note
from midi_io.jack_transport import JackTransport
from midi_io.midi_clock import MidiClockTransport
from midi_io.player import Bar, Player
from midi_io.ports import open_ports

BARS, BEHIND = 4, 100  # of the loop; the pitch of what lies behind it
LOOP_END = BARS * 16  # sixteenths
TEMPOS, WRAPS = 3, 10  # and how often the loop ends at each
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
        while not self._ended.is_set():
            for moment, message in self.ports.receive():
                if isinstance(self.transport, MidiClockTransport):
                    self.transport.receive(moment, message)
            next_step = self.player.step(self.ports.now())
            self._woken.wait(max(next_step - self.ports.now(), 0))
            self._woken.clear()
        self.player.halt()

    def close(self):
        """Return what was heard, and the notes of it, which are those that were recorded."""
        self._ended.set()
        self._woken.set()
        self._thread.join()
        self.ports.close()
        self.player.record_departed()
        assert eventually(lambda: not self.dump.hanging)
        heard, onsets = self.dump.heard, self.dump.onsets
        assert [each.message for each in onsets] == [each[3] for each in self.kept if messages.is_note_on(each[3])]
        self.dump.close()
        return heard, onsets


def play_loops(daw, rng):
    """Play to the end of the loop and jump back a beat, again and again, at some tempos, with a stop now and then."""
    daw.moment = daw.ports.now() + 0.3
    daw.now(START)
    for _ in range(TEMPOS):
        tempo = rng.uniform(180, 300)
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
        daw.moment += 0.1
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


@pytest.mark.parametrize("backend", ["jack", "rtmidi-jack"])
def test_nothing_starts_at_or_after_a_stop_or_the_end_of_a_loop(server, daw, backend):
    playing = Playing(server, backend, lambda ports: MidiClockTransport())
    connect(server, daw.source, "melodylc:in" if backend == "jack" else "melodylc-in:in")
    playing.dump.connect(daw.source)
    play_loops(daw, np.random.default_rng(0))
    heard, onsets = playing.close()
    assert sum(each.message[0] == messages.SONG_POSITION for each in heard) == TEMPOS * (WRAPS + 1)
    assert len(onsets) > TEMPOS * WRAPS * 4
    if backend == "jack":
        assert stray(heard) == []
        behind = sum(each.message[1] == BEHIND for each in onsets)
        assert behind <= TEMPOS  # each may begin with a loop whose end nobody knows yet
    else:
        assert max(stray(heard), default=0) <= PERIOD  # what RtMidi had before leaves with the next period


def test_nothing_starts_after_jacks_transport_has_stopped_or_jumped(server, daw):
    import jack

    playing = Playing(server, "jack", lambda ports: JackTransport(ports.transport_state, 240))
    zero = playing.dump.zero(daw.ports, daw.source)
    client, seen = jack.Client("observer", no_start_server=True), []

    @client.set_process_callback
    def observe(frames):
        state, place = client.transport_query()
        seen.append((client.last_frame_time - zero, state == jack.ROLLING, place["frame"]))

    rng = np.random.default_rng(1)
    with client:
        client.transport_locate(0)
        for _ in range(TEMPOS * WRAPS // 2):
            client.transport_start()
            time.sleep(rng.uniform(0.2, 0.5))
            client.transport_locate(int(rng.integers(0, 8 * RATE)))
            time.sleep(rng.uniform(0.1, 0.3))
            client.transport_stop()
            time.sleep(0.05)
    _, onsets = playing.close()
    assert len(onsets) > TEMPOS * WRAPS * 4
    rolls = [frame for frame, rolling, _ in seen if rolling]
    assert {each.frame // PERIOD for each in onsets} <= {frame // PERIOD for frame in rolls}
    for (_, rolled, place), (frame, rolling, next_place) in itertools.pairwise(seen):
        if rolled and not (rolling and next_place == place + PERIOD):  # the player knows of it 30 ms later, at the most
            behind = [each.message[1] for each in onsets if frame <= each.frame < frame + PERIOD]
            assert behind == []

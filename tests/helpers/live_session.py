"""A live session in a process of its own on a JACK server, a host that leads it, and what both can be asked."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import mido
import numpy as np
from jackd import PATIENCE, RATE, Dump, eventually

from midi_io import messages
from midi_io.ports import open_ports
from midi_io.ports.interface import LATE

C_MAJOR = {0, 2, 4, 5, 7, 9, 11}
LAST = messages.control(0, messages.ALL_NOTES_OFF, 0)  # of a session that has played, on one channel or another
CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"


class Live:
    """`melodylc live` in a process, recording what it plays, and a dump of what it sends."""

    def __init__(self, server, folder, *arguments, listen=True):
        self.server = server
        self._output = folder / f"live-{time.monotonic_ns()}.txt"
        self.take = self._output.with_suffix(".mid")
        self._file = self._output.open("wb")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self._osc = free.getsockname()[1]
        options = ["--seed", "1", "--record", str(self.take), "--osc", str(self._osc)]
        self.process = server.live(*options, *arguments, output=self._file)
        self.dump = Dump(server, None) if listen else None

    def connect(self):
        if self.dump:
            self.dump.connect("melodylc:out")

    @property
    def said(self):
        return self._output.read_text()

    @property
    def worker(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")  # whichever thread started it
        children = [int(child) for task in tasks for child in task.read_text().split()]
        alive = [child for child in children if Path(f"/proc/{child}/exe").exists()]
        return alive[0] if alive else None

    def set_control(self, control, value):
        from pythonosc.udp_client import SimpleUDPClient

        client = SimpleUDPClient("127.0.0.1", self._osc)
        client.send_message(f"/melodylc/{control}", value)
        client._sock.close()

    def is_prepared(self):
        """Whether melodies are ready. A status that is no terminal's is written when control values change."""

        def look():
            for value in (1, 0):
                self.set_control("hold", value)
                time.sleep(0.3)
            return "queue 2" in self.said

        return eventually(look)

    @property
    def late(self):
        """How many messages left late, of a session that has ended."""
        counted = re.search(r"stopped after \d+ messages \((\d+) late", self.said)
        return int(counted[1]) if counted else 0

    @property
    def recorded(self):
        """The positions in beats and the pitches of the notes it has handed over, once it has ended."""
        beat, notes = 0.0, []
        file = mido.MidiFile(self.take)
        for message in file.tracks[1]:
            beat += message.time / file.ticks_per_beat
            if message.type == "note_on" and message.velocity:
                notes.append((beat, message.note))
        return np.array([beat for beat, _ in notes]), [pitch for _, pitch in notes]

    @property
    def tempos(self):
        """The tempos there were, in order, once it has ended."""
        return [mido.tempo2bpm(each.tempo) for each in mido.MidiFile(self.take).tracks[0] if each.type == "set_tempo"]

    def plays(self, beyond=0):
        return eventually(lambda: len(self.dump.onsets) > beyond)

    def goes_on(self):
        """Whether more notes come."""
        return self.plays(len(self.dump.onsets) + 1)

    def is_quiet(self, seconds=1.5):
        """Whether no note comes for a while, and none sounds."""
        before = len(self.dump.onsets)
        time.sleep(seconds)
        return len(self.dump.onsets) == before and not self.dump.hanging

    def between_notes(self, seconds=1.0):
        """Wait until a note has just begun, so that the dump has time to read it before the session ends."""
        before, until = len(self.dump.onsets), time.monotonic() + seconds
        while len(self.dump.onsets) == before and time.monotonic() < until:
            time.sleep(0.002)

    def end(self, number=signal.SIGINT):
        if self.dump and number != signal.SIGKILL:  # which leaves the recording to the worker, or to nobody
            self.between_notes()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        if self.dump and code == 0:  # the dump is another process: the last of what is sent is to be read by it
            eventually(lambda: not self.dump.reads or self.dump.heard[-1].message[1:] == LAST[1:])
        return code

    def close(self):
        worker = None
        if self.process.poll() is None:
            worker = self.worker
            self.process.kill()
            self.process.wait()
        if worker:
            eventually(lambda: not Path(f"/proc/{worker}/exe").exists())
        if self.dump:
            self.dump.close()
        self._file.close()


class Daw:
    """A host that leads: its clock comes at exact frames."""

    def __init__(self, name="daw"):
        self.ports = open_ports(name, backend="jack")
        self.source = f"{name}:out"
        self.moment = self.ports.now() + 0.3

    def now(self, message):
        self.ports.send(message, self.moment)

    def clocks(self, beats, tempo=120.0, jitter=0.0, seed=0):
        """Returns the moments of its beats."""
        rng = np.random.default_rng(seed)
        began = self.moment
        for tick in range(round(beats * 24)):
            self.ports.send(CLOCK, began + tick * 60 / tempo / 24 + rng.uniform(0, jitter))
        self.moment = began + beats * 60 / tempo
        return [began + beat * 60 / tempo for beat in range(int(beats))]

    def wait(self, beyond=0.3):
        while self.ports.now() < self.moment + beyond:  # by the server's clock, which a busy machine holds up
            time.sleep(0.01)

    def close(self):
        self.ports.close()


def frames_of(session):
    """The frames of the notes, which are those that were recorded, and the positions they were recorded at."""
    beats, pitches = session.recorded
    onsets = session.dump.onsets
    assert [each.message[1] for each in onsets] == pitches[-len(onsets) :]  # what came before the dump was connected
    return np.array([each.frame for each in onsets]), beats[-len(onsets) :]


def check_moments(session, tempo):
    """Every note is at its frame, but for those that were counted as late. For a tempo that is steady."""
    frames, beats = frames_of(session)
    off = frames - beats * RATE * 60 / tempo
    off -= off.min()
    assert (off > LATE * RATE).sum() <= session.late
    if not session.late:
        assert np.median(off) <= 1  # a frame: what rounding leaves


def command(server, *arguments, **environment):
    process = server.run(
        [sys.executable, "-m", "melodylc", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err

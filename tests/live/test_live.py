"""The live session on a real JACK server: what it plays, what it follows, and what nothing may make it do: hang a note.

A busy machine may delay a Python thread beyond what the ports look ahead: then notes leave late, and the session counts
them. So moments are judged in the server's frames, by what no load can cause: a note that is early, that leaves late
without being counted, that is missing or another one. How late is late in fact is measured by benchmarks/live.py.

Where the server's programs are missing these tests are skipped, and say what to install; with MELODYLC_NEEDS_JACK set,
as in CI, they fail instead.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jackd
import mido
import numpy as np
import pytest
from jackd import PATIENCE, RATE, Dump, Server, connect, eventually

from melodylc.rules import pitch_classes
from midi_io import messages
from midi_io.files import read
from midi_io.ports import open_ports
from midi_io.ports.interface import LATE

C_MAJOR = {0, 2, 4, 5, 7, 9, 11}
LAST = messages.control(0, messages.ALL_NOTES_OFF, 0)  # of a session that has played, on one channel or another
READING = 5.0  # seconds that the dump may take for it; sessions that have not played do not send it
CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"


@pytest.fixture(scope="module", autouse=True)
def installed():
    missing = jackd.missing()
    if missing and os.environ.get("MELODYLC_NEEDS_JACK"):
        pytest.fail(f"needs a JACK server, missing {missing}")
    if missing:
        pytest.skip(f"needs a JACK server, missing {missing}")


@pytest.fixture(scope="module")
def server(installed):
    server = Server(f"melodylc-test-{os.getpid()}")
    yield server
    server.close()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, server):
    """Give each test its own files of notes and controls; JACK clients of this process find the server."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        server.environment[name] = os.environ[name]


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
        """Wait until a note has just begun: a note that is handed ahead when the session ends is recorded, unheard."""
        before, until = len(self.dump.onsets), time.monotonic() + seconds
        while len(self.dump.onsets) == before and time.monotonic() < until:
            time.sleep(0.002)

    def end(self, number=signal.SIGINT):
        if self.dump and number != signal.SIGKILL:  # which leaves the recording to the worker, or to nobody
            self.between_notes()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        if self.dump and code == 0:  # the dump is another process: the last of what is sent is to be read by it
            eventually(lambda: self.dump.heard and self.dump.heard[-1].message[1:] == LAST[1:], READING)
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


@pytest.fixture
def live(server, tmp_path):
    made = []

    def start(*arguments, **options):
        made.append(Live(server, tmp_path, *arguments, **options))
        made[-1].connect()
        return made[-1]

    yield start
    for each in made:
        each.close()


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
        time.sleep(max(self.moment - self.ports.now() + beyond, 0))

    def close(self):
        self.ports.close()


@pytest.fixture
def daw(server):
    daw = Daw()
    yield daw
    daw.close()


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


# --- what it plays ----------------------------------------------------------------------------------------------------


def test_it_plays_in_key_on_the_frame_and_records_what_it_played(live):
    session = live("--key", "C major", "--notes", "128", "--tempo", "240")
    assert session.plays(beyond=60)
    assert session.end() == 0
    assert {each.message[1] % 12 for each in session.dump.onsets} <= C_MAJOR
    assert session.dump.hanging == set()
    check_moments(session, 240)
    (notes,) = read(session.take).values()
    starts = np.array([note.start for note in notes])
    assert np.allclose(starts * 4, np.round(starts * 4))
    assert "stopped after" in session.said


def test_rtmidi_plays_what_it_records(live):
    session = live("--key", "C major", "--tempo", "240", "--backend", "rtmidi-jack")
    assert session.plays(beyond=30)
    assert session.end() == 0
    frames, beats = frames_of(session)
    assert (np.diff(frames) >= 0).all()
    assert (np.diff(beats) > 0).all()
    assert {each.message[1] % 12 for each in session.dump.onsets} <= C_MAJOR
    assert session.dump.hanging == set()


def test_controls_over_midi_and_osc_are_heard(live, daw):
    session = live("--key", "C major", "--tempo", "240")
    connect(session.server, daw.source, "melodylc:in")
    assert session.plays(beyond=8)

    def keeps(key):
        """Whether the last notes do: the control is heard from a bar line on."""
        return (
            len(session.dump.onsets) > before + 8 and {each.message[1] % 12 for each in session.dump.onsets[-8:]} <= key
        )

    f_sharp = {6, 8, 10, 11, 1, 3, 5}
    before = len(session.dump.onsets)
    daw.moment = daw.ports.now() + 0.05
    daw.now(messages.control(0, 20, 65))  # F# of twelve keys, in the scale there is
    assert eventually(lambda: keeps(f_sharp))
    session.set_control("mode", "minor")  # as controllers made for earlier versions call the scale
    before = len(session.dump.onsets)
    assert eventually(lambda: keeps({6, 8, 9, 11, 1, 2, 4}))
    session.set_control("mute", 1)
    assert eventually(lambda: "F# minor, mute" in session.said)
    assert eventually(session.is_quiet)
    session.set_control("mute", 0)
    session.set_control("key", "nonsense")
    assert session.goes_on()
    assert session.end() == 0
    assert "key: expected a tonic" in session.said


def test_it_answers_what_is_played_to_it(live, daw):
    session = live("--mode", "answer", "--key", "C major", "--tempo", "240", "--thru")
    connect(session.server, daw.source, "melodylc:in")
    assert eventually(lambda: "play a phrase" in session.said)
    time.sleep(0.3)
    daw.moment = daw.ports.now() + 0.1
    phrase = [60 + (0, 2, 4, 7)[index % 4] for index in range(16)]  # two bars of eighths
    for index, pitch in enumerate(phrase):
        daw.ports.send(messages.note_on(0, pitch, 70), daw.moment + index / 8)
        daw.ports.send(messages.note_off(0, pitch), daw.moment + index / 8 + 0.1)
    assert session.plays(beyond=16)  # the sixteen come through, then the reply begins
    assert eventually(session.is_quiet)
    assert session.end() == 0
    beats, pitches = session.recorded
    assert [each.message[1] for each in session.dump.onsets] == pitches
    assert pitches[:16] == phrase
    assert beats[:16] == pytest.approx(np.arange(16) / 2, abs=0.02)
    assert {pitch % 12 for pitch in pitches[16:]} <= C_MAJOR
    reply = beats[16:]
    assert len(reply) >= 4
    line = reply[0] // 4 * 4
    assert line >= 12  # two beats of silence end the phrase: the bar that they end in is the third
    assert reply.max() < line + 8
    assert session.dump.hanging == set()


def test_a_control_is_bound_to_the_knob_that_is_moved(server, daw, tmp_path):
    path = tmp_path / "mine.toml"
    command = ["live", "--bind", "notes", "mute", "--controls", str(path)]
    process = server.run([sys.executable, "-m", "melodylc", *command], stdout=subprocess.PIPE, text=True)
    connect(server, daw.source, "melodylc:in")
    for number in (74, 75):
        assert "move the knob" in process.stdout.readline()
        for value in range(0, 100, 10):
            daw.ports.send(messages.control(2, number, value), daw.ports.now() + 0.02 + value / 1000)
        assert f"cc {number} @ 3" in process.stdout.readline()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()
    assert 'notes = "cc 74 @ 3"' in path.read_text()


# --- what it follows --------------------------------------------------------------------------------------------------


EARLY, EARLY_AT_FIRST = 0.03, 2 / 24  # beats; a tempo that is not known yet may carry notes two clocks too far


def test_it_follows_a_clock_through_stops_jumps_and_tempos(live, daw):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert session.is_prepared()
    zero = session.dump.zero(daw.ports, daw.source)
    parts = []  # position, tempo, the moment it began, and which notes are of it
    for first, tempo in ((0, 120.0), (12, 90.0), (5, 174.0)):
        before = len(session.dump.onsets)
        daw.moment = began = daw.ports.now() + 0.3
        if first:
            daw.now(messages.song_position(first * 4))
            daw.now(CONTINUE)
        else:
            daw.now(START)
        daw.clocks(12, tempo)
        daw.now(STOP)
        daw.wait()
        assert eventually(session.is_quiet)
        parts.append((first, tempo, began, slice(before, len(session.dump.onsets))))
    assert session.end() == 0
    all_frames, all_beats = frames_of(session)
    for first, tempo, began, part in parts:
        frames, beats = all_frames[part], all_beats[part]
        assert len(beats) > 8
        heard_at = first + ((frames + zero) / RATE - began) * tempo / 60
        beats = beats + 4 * np.round(np.median(heard_at - beats) / 4)  # a recording counts its bars from its beginning
        assert beats.min() >= first
        assert beats.max() <= first + 12 + EARLY_AT_FIRST
        behind = heard_at - beats
        assert behind[:4].min() > -EARLY_AT_FIRST
        assert behind[4:].min() > -EARLY
        assert np.percentile(behind, 10) < EARLY  # however busy the machine is, some notes are in time
        assert any(abs(known / tempo - 1) < 0.005 for known in session.tempos)


def test_it_follows_jack_transport(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "jack", "--tempo", "180")
    assert session.is_prepared()
    script = (
        "import jack, sys, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
        "client.transport_locate(48000 * 8)\nclient.transport_start()\ntime.sleep(3)\nclient.transport_stop()\n"
        "time.sleep(.5)"
    )
    server.run([sys.executable, "-c", script]).wait(PATIENCE)
    assert eventually(session.is_quiet)
    assert session.end() == 0
    assert len(session.dump.onsets) > 5
    check_moments(session, 180)


def test_jack_midi_clock_of_an_independent_program_is_followed(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    clock = server.run(["jack_midi_clock", "-b", "140"])
    try:
        connect(server, "jack_midi_clock:mclk_out", "melodylc:in")
        assert session.is_prepared()
        script = (
            "import jack, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
            "client.transport_locate(0)\ntime.sleep(.2)\nclient.transport_start()\ntime.sleep(4)\n"
            "client.transport_stop()\ntime.sleep(.7)"
        )
        server.run([sys.executable, "-c", script]).wait(PATIENCE)
        assert eventually(session.is_quiet)
    finally:
        clock.kill()
        clock.wait()
    assert session.end() == 0
    frames, beats = frames_of(session)
    assert len(frames) > 8
    behind = frames / RATE * 140 / 60 - beats
    behind -= np.percentile(behind, 10)  # the note that was in time: nobody says when the clock began
    assert behind[4:].min() > -EARLY
    assert session.tempos[-1] == pytest.approx(140, rel=0.005)


def test_a_session_that_leads_is_followed_by_another(live, server, tmp_path):
    leader = live("--key", "C major", "--lead", "--tempo", "150")
    follower = Live(server, tmp_path, "--key", "C major", "--sync", "midi-clock", "--name", "second", listen=False)
    try:
        connect(server, "melodylc:out", "second:in")
        assert leader.plays()
        assert eventually(lambda: re.search(r"(149\.[5-9]|150\.[0-5]) bpm", follower.said))
    finally:
        follower.close()


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_every_note(live, number):
    session = live("--key", "C major", "--notes", "60")
    assert session.plays(beyond=2)
    assert session.end(number) == 0
    assert session.dump.hanging == set()
    assert session.dump.heard[-1].message == messages.control(0, messages.ALL_NOTES_OFF, 0)
    assert "stopped after" in session.said


def test_a_player_that_is_killed_leaves_no_note(live):
    session = live("--key", "C major", "--notes", "40", "--tempo", "60")
    assert session.plays(beyond=2)
    assert eventually(lambda: session.dump.hanging)
    assert session.end(signal.SIGKILL) == -9
    assert eventually(lambda: not session.dump.hanging)
    assert eventually(session.take.exists)
    assert len(mido.MidiFile(session.take).tracks[1]) > 3


def test_after_both_are_killed_the_next_start_ends_the_notes(live, server):
    for _ in range(5):  # killed within a rest, it leaves none
        session = live("--key", "C major", "--notes", "40", "--tempo", "60")
        assert session.plays(beyond=2)
        assert eventually(lambda session=session: session.dump.hanging)
        os.kill(session.worker, signal.SIGKILL)
        session.end(signal.SIGKILL)
        time.sleep(0.5)
        if session.dump.hanging:
            break
        session.close()  # the next one's dump takes its name
    assert session.dump.hanging
    again = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: not session.dump.hanging)
    assert again.end() == 0


def test_inference_that_is_killed_or_stalls_is_replaced_and_nothing_stops(live):
    session = live("--key", "C major", "--tempo", "480", "--every", "1", "--notes", "100")
    assert session.plays(beyond=5)
    first = session.worker
    os.kill(first, signal.SIGKILL)
    assert session.goes_on()
    assert eventually(lambda: session.worker not in (None, first))
    assert eventually(lambda: "starting another" in session.said.splitlines()[-1])
    assert eventually(lambda: "starting another" not in session.said.splitlines()[-1])  # melodies are made again
    second = session.worker
    os.kill(second, signal.SIGSTOP)
    for _ in range(4):
        assert session.goes_on()
        time.sleep(1)
    assert eventually(lambda: session.worker not in (None, second))
    assert session.goes_on()
    assert session.end() == 0
    assert session.dump.hanging == set()
    assert not Path(f"/proc/{second}/exe").exists()


def test_a_rule_that_raises_is_told_and_the_last_melody_goes_on(live, server, tmp_path):
    flag = tmp_path / "flag"
    rules = tmp_path / "rules.py"
    rules.write_text(
        "import os, numpy as np\nfrom melodylc import rules\n\n@rules.rule\ndef fragile(states):\n"
        f'    """Raises once there is a flag."""\n    if os.path.exists({str(flag)!r}):\n'
        "        raise RuntimeError('out of luck')\n    return (states[:, 0] < 200).astype(float)\n"
    )
    actor, rule = tmp_path / "fragile.safetensors", f"{rules}:fragile"
    assert command(server, "learn", "--rule", rule, "--rounds", "1", "--out", str(actor))[0] == 0
    session = live("--rule", rule, "--actor", str(actor), "--tempo", "480", "--every", "1")
    assert session.plays(beyond=5)
    flag.touch()
    assert eventually(lambda: "out of luck" in session.said)
    assert session.goes_on()
    flag.unlink()
    said = len(session.said)
    assert eventually(lambda: "melody" in session.said[said:].replace("no melody", ""))
    assert session.end() == 0
    assert session.dump.hanging == set()


def test_the_other_side_goes_and_comes_back(live, server):
    session = live("--key", "C major", "--notes", "100")
    assert session.plays(beyond=3)
    for pause in (1.5, 0.0):  # seconds it is away; the session looks four times a second
        session.dump.close()
        time.sleep(pause)
        session.dump = Dump(server, None)  # of the same name: it is connected again by the session
        assert session.plays()
    assert session.end() == 0
    assert session.dump.hanging == set()


@pytest.mark.parametrize("backend", ["jack", "rtmidi-jack"])
def test_a_server_that_dies_and_returns(tmp_path, backend, monkeypatch):
    server = Server(f"melodylc-mortal-{os.getpid()}-{backend}")
    server.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    session = Live(server, tmp_path, "--key", "C major", "--notes", "100", "--backend", backend)
    try:
        session.connect()
        assert session.plays(beyond=3)
        server.kill()
        assert eventually(lambda: "ports are gone" in session.said)
        session.dump.close()
        time.sleep(0.5)
        server.start()
        assert eventually(lambda: "ports are back" in session.said)
        session.dump = Dump(server, None)
        assert session.plays()
        assert session.end() == 0
        assert session.dump.hanging == set()
    finally:
        session.close()
        server.close()


def test_clocks_that_stop_jump_double_and_jitter(live, daw):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert session.is_prepared()
    daw.moment = daw.ports.now() + 0.3
    daw.now(START)
    daw.clocks(4.3, 120.0, jitter=0.010)  # and then no more, in the midst of a bar
    daw.wait(1.0)
    assert session.plays(beyond=2)
    assert eventually(session.is_quiet)
    before = len(session.dump.onsets)
    daw.moment = daw.ports.now() + 0.2
    daw.clocks(4, 120.0)
    daw.clocks(4, 240.0)
    daw.moment += 0.3  # a jump in time
    daw.clocks(4, 120.0, jitter=0.010, seed=1)
    for value in (5, 16000, 0, 96):  # jumps in place, while it plays
        daw.now(messages.song_position(value))
        daw.clocks(1.5, 120.0)
    daw.now(STOP)
    daw.wait(0.5)
    assert session.plays(beyond=before + 8)
    assert eventually(session.is_quiet)
    assert session.end() == 0


def test_a_flood_comes_through_and_junk_does_not(live, server, daw):
    session = live("--sync", "midi-clock", "--thru")
    connect(server, daw.source, "melodylc:in")
    assert session.is_prepared()
    daw.moment = daw.ports.now() + 0.2
    for index in range(3000):  # in a second: more at once, and jack_midi_dump itself loses some
        make = messages.note_off if index % 100 >= 50 else lambda *at: messages.note_on(*at, 100)
        number = index % 50
        daw.ports.send(make(number % 16, number), daw.moment + index / 3000)
    assert eventually(lambda: len(session.dump.heard) >= 3000), len(session.dump.heard)
    assert len(session.dump.onsets) == 1500
    assert session.dump.hanging == set()
    junk = (
        "import jack, os, random, time\nclient = jack.Client('junk', no_start_server=True)\n"
        "out = client.midi_outports.register('out')\nrandom.seed(0)\n"
        "def process(frames):\n    out.clear_buffer()\n"
        "    for offset in range(0, frames, 16):\n"
        "        out.write_midi_event(offset, random.randbytes(random.randint(1, 5)))\n"
        "client.set_process_callback(process)\nclient.activate()\n"
        "client.connect('junk:out', 'melodylc:in')\ntime.sleep(2)"
    )
    assert server.run([sys.executable, "-c", junk]).wait(PATIENCE) == 0
    assert eventually(lambda: session.process.poll() is None and "queue" in session.said)
    assert session.end() == 0
    assert all(messages.well_formed(each.message) for each in session.dump.heard)
    assert session.dump.hanging == set()


# --- what a user gets wrong -------------------------------------------------------------------------------------------


def command(server, *arguments, **environment):
    process = server.run(
        [sys.executable, "-m", "melodylc", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_mistakes_end_in_a_line(live, server, tmp_path):
    def fails(*arguments):
        code, _, err = command(server, "live", *arguments)
        assert code == 2
        assert len(err.strip().splitlines()) == 1, err
        return err

    assert "key: expected a tonic" in fails("--key", "H dur")
    assert "no file" in fails("--controls", str(tmp_path / "none.toml"))
    assert "expected auto or one of jack" in fails("--backend", "oss")
    assert "no pitch of C major" in fails("--key", "C major", "--range", "61-61")
    (tmp_path / "there.mid").write_bytes(b"")
    assert "exists already; give another name" in fails("--record", str(tmp_path / "there.mid"))
    assert "none.json" in fails("--actor", "none.safetensors")
    first = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: "waiting for the start" in first.said)
    assert "a session named 'melodylc' runs already" in fails()
    assert first.end() == 0


def test_ports_and_doctor(live, server, tmp_path):
    session = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: "waiting for the start" in session.said)
    code, out, _ = command(server, "ports")
    assert code == 0
    assert "in  melodylc:out" in out
    code, out, _ = command(server, "doctor")
    assert code == 0
    assert "ok  jack" in out
    assert "ready through jack" in out
    assert session.end() == 0
    lonely = Server.__new__(Server)
    lonely.environment = {**server.environment, "JACK_DEFAULT_SERVER": "nobody"}
    code, out, err = command(lonely, "doctor")
    assert "mend: start it: jackd -d" in out  # jackd is installed: the tests run it
    if code == 2:  # no other MIDI system either
        code, _, err = command(lonely, "live")
        assert code == 2
        assert "melodylc doctor says what mends it" in err
    code, _, err = command(lonely, "live", "--backend", "jack")
    assert code == 2
    assert "no JACK server 'nobody' runs" in err


def test_the_rule_of_the_tests_is_the_rule_of_the_package():
    assert set(pitch_classes("C major").allowed_pitches.nonzero()[0] % 12) == C_MAJOR

"""The live session on a real JACK server: what it plays, what it follows, and what nothing may make it do: hang a note.

Where the server's programs are missing these tests are skipped, and say what to install; with MELODYLC_NEEDS_JACK set,
as in CI, they fail instead.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jackd
import mido
import numpy as np
import pytest
from jackd import PERIOD, RATE, Dump, Server, connect, eventually

from melodylc.rules import pitch_classes
from midi_io import messages
from midi_io.files import read
from midi_io.ports import open_ports

C_MAJOR = {0, 2, 4, 5, 7, 9, 11}
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
    """Books and maps in a place of their own; JACK clients of this process find the server."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        server.environment[name] = os.environ[name]


class Live:
    """`melodylc live` in a process, and a dump of what it sends."""

    def __init__(self, server, folder, *arguments, listen=True):
        self.server = server
        self._output = folder / f"live-{time.monotonic_ns()}.txt"
        self._file = self._output.open("wb")
        self.process = server.live("--seed", "1", *arguments, output=self._file)
        self.dump = None
        if listen:
            self.dump = Dump(server, "melodylc:out")

    @property
    def said(self):
        return self._output.read_text()

    @property
    def worker(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")  # whichever thread started it
        children = [int(child) for task in tasks for child in task.read_text().split()]
        alive = [child for child in children if Path(f"/proc/{child}/exe").exists()]
        return alive[0] if alive else None

    def plays(self, seconds=25.0, beyond=0):
        return eventually(lambda: len(self.dump.onsets) > beyond, seconds)

    def goes_on(self, seconds=10.0):
        """Whether more notes come."""
        return self.plays(seconds, len(self.dump.onsets) + 1)

    def end(self, number=signal.SIGINT, seconds=15.0):
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        time.sleep(0.1)
        return code

    def close(self):
        worker = None
        if self.process.poll() is None:
            worker = self.worker
            self.process.kill()
            self.process.wait()
        if worker:
            eventually(lambda: not Path(f"/proc/{worker}/exe").exists(), 10)
        if self.dump:
            self.dump.close()
        self._file.close()


@pytest.fixture
def live(server, tmp_path):
    made = []

    def start(*arguments, **options):
        made.append(Live(server, tmp_path, *arguments, **options))
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


def steps(dump, zero, began, tempo):
    """Onsets in sixteenths from a moment on."""
    frames = np.array([each.frame for each in dump.onsets]) + zero - began * RATE
    return frames / (RATE * 60 / tempo / 4)


# --- what it plays ----------------------------------------------------------------------------------------------------


def test_it_plays_in_key_on_the_frame_and_records_what_it_played(live, tmp_path):
    take = tmp_path / "take.mid"
    session = live("--key", "C major", "--notes", "128", "--tempo", "240", "--record", str(take))
    assert session.plays(beyond=60)
    assert session.end() == 0
    onsets = session.dump.onsets
    assert {each.message[1] % 12 for each in onsets} <= C_MAJOR
    assert session.dump.hanging == set()
    grid = RATE * 60 / 240 / 4
    off = np.array([each.frame - onsets[0].frame for each in onsets]) / grid
    assert np.abs(off - off.round()).max() * grid <= 1  # a frame: what rounding leaves
    (notes,) = read(take).values()
    assert [note.pitch for note in notes][-len(onsets) :] == [each.message[1] for each in onsets]
    starts = np.array([note.start for note in notes])
    assert np.allclose(starts * 4, np.round(starts * 4))
    assert "stopped after" in session.said
    assert "late" not in session.said.splitlines()[-1]


def test_rtmidi_plays_on_the_period(live):
    session = live("--key", "C major", "--tempo", "240", "--backend", "rtmidi-jack")
    assert session.plays(beyond=30)
    assert session.end() == 0
    onsets = session.dump.onsets
    grid = RATE * 60 / 240 / 4
    off = np.array([each.frame - onsets[0].frame for each in onsets]) / grid
    off = (off - off.round()) * grid
    assert np.percentile(np.abs(off - np.median(off)), 90) <= 2 * PERIOD  # a busy machine is allowed a little
    assert session.dump.hanging == set()


def test_controls_over_midi_and_osc_are_heard_at_the_next_bar(live, daw):
    from pythonosc.udp_client import SimpleUDPClient

    session = live("--key", "C major", "--tempo", "240", "--osc", "9917")
    connect(session.server, daw.source, "melodylc:in")
    assert session.plays(beyond=8)
    daw.moment = daw.ports.now() + 0.05
    daw.now(messages.control(0, 20, 65))  # F# of twelve keys, in the mode there is
    time.sleep(1.5)  # a bar lasts one second
    before = len(session.dump.onsets)
    time.sleep(1.0)
    f_sharp = {each.message[1] % 12 for each in session.dump.onsets[before:]}
    assert f_sharp
    assert f_sharp <= {6, 8, 10, 11, 1, 3, 5}
    client = SimpleUDPClient("127.0.0.1", 9917)
    client.send_message("/melodylc/mute", 1)
    time.sleep(1.3)
    before = len(session.dump.onsets)
    time.sleep(1.2)
    assert len(session.dump.onsets) == before
    assert session.dump.hanging == set()
    client.send_message("/melodylc/mute", 0)
    client.send_message("/melodylc/key", "nonsense")
    assert session.goes_on()
    client._sock.close()
    assert session.end() == 0
    assert "key: expected a tonic" in session.said


def test_it_answers_what_is_played_to_it(live, daw):
    session = live("--mode", "answer", "--key", "C major", "--tempo", "240", "--thru")
    connect(session.server, daw.source, "melodylc:in")
    assert eventually(lambda: "play a phrase" in session.said, 30)
    time.sleep(0.3)
    daw.moment = daw.ports.now() + 0.1
    for index in range(16):  # two bars of eighths
        pitch = 60 + (0, 2, 4, 7)[index % 4]
        daw.ports.send(messages.note_on(0, pitch, 70), daw.moment + index / 8)
        daw.ports.send(messages.note_off(0, pitch), daw.moment + index / 8 + 0.1)
    assert session.plays(beyond=16)  # the sixteen come through, then the reply begins
    time.sleep(4)
    reply = session.dump.onsets[16:]
    assert reply
    assert {each.message[1] % 12 for each in reply} <= C_MAJOR
    assert reply[-1].frame - reply[0].frame < 2.1 * RATE  # two bars of a second each
    assert session.dump.hanging == set()
    assert session.end() == 0


def test_a_knob_is_learned_by_moving_it(server, daw, tmp_path):
    path = tmp_path / "mine.toml"
    command = ["live", "--bind", "notes", "mute", "--controls", str(path)]
    process = server.run([sys.executable, "-m", "melodylc", *command], stdout=subprocess.PIPE, text=True)
    connect(server, daw.source, "melodylc:in")
    for number in (74, 75):
        assert "move the knob" in process.stdout.readline()
        for value in range(0, 100, 10):
            daw.ports.send(messages.control(2, number, value), daw.ports.now() + 0.02 + value / 1000)
        assert f"cc {number} @ 3" in process.stdout.readline()
    assert process.wait(10) == 0
    process.stdout.close()
    assert 'notes = "cc 74 @ 3"' in path.read_text()


# --- what it follows --------------------------------------------------------------------------------------------------


def test_it_follows_a_clock_through_stops_jumps_and_tempos(live, daw):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert eventually(lambda: "queue 2" in session.said, 40)
    zero = session.dump.zero(daw.ports, daw.source)
    for first, tempo in ((0, 120.0), (12, 90.0), (5, 174.0)):
        before = len(session.dump.onsets)
        daw.moment = daw.ports.now() + 0.3
        began = daw.moment
        if first:
            daw.now(messages.song_position(first * 4))
            daw.now(CONTINUE)
        else:
            daw.now(START)
        daw.clocks(12, tempo)
        daw.now(STOP)
        daw.wait()
        onsets = steps(session.dump, zero, began, tempo)[before:]
        assert len(onsets) > 8
        assert onsets.min() > -0.1
        assert onsets.max() < 48.2
        late = onsets[4:] - np.round(onsets[4:])  # the first ones come while the new tempo is found
        assert np.abs(late).max() < 0.12
        assert np.median(np.abs(late)) < 0.03
        assert session.dump.hanging == set()
    assert session.end() == 0


def test_it_follows_jack_transport(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "jack", "--tempo", "180")
    assert eventually(lambda: "queue 2" in session.said, 40)
    script = (
        "import jack, sys, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
        "client.transport_locate(48000 * 8)\nclient.transport_start()\ntime.sleep(3)\nclient.transport_stop()\n"
        "time.sleep(.5)"
    )
    server.run([sys.executable, "-c", script]).wait(20)
    onsets = np.array([each.frame for each in session.dump.onsets])
    assert len(onsets) > 5
    off = (onsets - onsets[0]) / (RATE * 60 / 180 / 4)
    assert np.abs(off - off.round()).max() < 0.02
    assert session.dump.hanging == set()
    assert session.end() == 0


def test_jack_midi_clock_of_an_independent_program_is_followed(live, server):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    clock = server.run(["jack_midi_clock", "-b", "140"])
    try:
        connect(server, "jack_midi_clock:mclk_out", "melodylc:in")
        assert eventually(lambda: "queue 2" in session.said, 40)
        script = (
            "import jack, time\nclient = jack.Client('master', no_start_server=True)\nclient.activate()\n"
            "client.transport_locate(0)\ntime.sleep(.2)\nclient.transport_start()\ntime.sleep(4)\n"
            "client.transport_stop()\ntime.sleep(.7)"
        )
        server.run([sys.executable, "-c", script]).wait(20)
    finally:
        clock.kill()
        clock.wait()
    onsets = np.array([each.frame for each in session.dump.onsets])
    assert len(onsets) > 8
    off = (onsets - onsets[-1]) / (RATE * 60 / 140 / 4)
    assert np.percentile(np.abs(off - off.round()), 80) < 0.05
    assert session.dump.hanging == set()


def test_a_session_that_leads_is_followed_by_another(live, server, tmp_path):
    leader = live("--key", "C major", "--lead", "--tempo", "150")
    follower = Live(server, tmp_path, "--key", "C major", "--sync", "midi-clock", "--name", "second", listen=False)
    try:
        connect(server, "melodylc:out", "second:in")
        assert leader.plays()
        assert eventually(lambda: "150.0 bpm" in follower.said or "149.9 bpm" in follower.said, 40)
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


def test_a_player_that_is_killed_leaves_no_note(live, tmp_path):
    take = tmp_path / "take.mid"
    session = live("--key", "C major", "--notes", "40", "--tempo", "60", "--record", str(take))
    assert session.plays(beyond=2)
    assert eventually(lambda: session.dump.hanging, 10)
    assert session.end(signal.SIGKILL) == -9
    assert eventually(lambda: not session.dump.hanging, 10)
    assert eventually(take.exists, 10)
    assert len(mido.MidiFile(take).tracks[1]) > 3


def test_after_both_are_killed_the_next_start_ends_the_notes(live, server):
    session = live("--key", "C major", "--notes", "40", "--tempo", "60")
    assert session.plays(beyond=2)
    assert eventually(lambda: session.dump.hanging, 10)
    worker = session.worker
    os.kill(worker, signal.SIGKILL)
    session.end(signal.SIGKILL)
    time.sleep(0.5)
    hanging = session.dump.hanging
    assert hanging
    again = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: not session.dump.hanging, 20)
    assert again.end() == 0


def test_inference_that_is_killed_or_stalls_is_replaced_and_nothing_stops(live):
    session = live("--key", "C major", "--tempo", "480", "--every", "1", "--notes", "100")
    assert session.plays(beyond=5)
    first = session.worker
    os.kill(first, signal.SIGKILL)
    assert session.goes_on()
    assert eventually(lambda: session.worker not in (None, first), 20)
    assert eventually(lambda: "starting another" in session.said.splitlines()[-1], 10)
    assert eventually(lambda: "starting another" not in session.said.splitlines()[-1], 30)  # melodies are made again
    second = session.worker
    os.kill(second, signal.SIGSTOP)
    for _ in range(4):
        assert session.goes_on()
        time.sleep(1)
    assert eventually(lambda: session.worker not in (None, second), 30)
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
    assert eventually(lambda: "out of luck" in session.said, 20)
    assert session.goes_on()
    flag.unlink()
    said = len(session.said)
    assert eventually(lambda: "melody" in session.said[said:].replace("no melody", ""), 20)
    assert session.end() == 0
    assert session.dump.hanging == set()


def test_the_other_side_goes_and_comes_back(live, server):
    session = live("--key", "C major", "--notes", "100")
    assert session.plays(beyond=3)
    for pause in (1.5, 0.0):  # seconds it is away; the session looks four times a second
        session.dump.close()
        time.sleep(pause)
        session.dump = Dump(server, None)  # of the same name: it is connected again by the session
        assert session.plays(10)
    assert session.end() == 0
    assert session.dump.hanging == set()


@pytest.mark.parametrize("backend", ["jack", "rtmidi-jack"])
def test_a_server_that_dies_and_returns(tmp_path, backend, monkeypatch):
    server = Server(f"melodylc-mortal-{os.getpid()}-{backend}")
    server.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    session = Live(server, tmp_path, "--key", "C major", "--notes", "100", "--backend", backend)
    try:
        assert session.plays(beyond=3)
        server.kill()
        assert eventually(lambda: "ports are gone" in session.said, 1.5)
        session.dump.close()
        time.sleep(0.5)
        server.start()
        assert eventually(lambda: "ports are back" in session.said, 5)
        session.dump = Dump(server, None)
        assert session.plays(10)
        assert session.end() == 0
        assert session.dump.hanging == set()
    finally:
        session.close()
        server.close()


def test_clocks_that_stop_jump_double_and_jitter(live, daw):
    session = live("--key", "C major", "--notes", "128", "--sync", "midi-clock")
    connect(session.server, daw.source, "melodylc:in")
    assert eventually(lambda: "queue 2" in session.said, 40)
    daw.moment = daw.ports.now() + 0.3
    daw.now(START)
    daw.clocks(4.3, 120.0, jitter=0.010)  # and then no more, in the midst of a bar
    daw.wait(1.0)
    assert len(session.dump.onsets) > 2
    assert session.dump.hanging == set()
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
    assert len(session.dump.onsets) > before + 8
    assert session.dump.hanging == set()
    assert session.end() == 0


def test_a_flood_comes_through_and_junk_does_not(live, server, daw):
    session = live("--sync", "midi-clock", "--thru")
    connect(server, daw.source, "melodylc:in")
    assert eventually(lambda: "queue 2" in session.said, 40)
    daw.moment = daw.ports.now() + 0.2
    for index in range(3000):  # in a fifth of a second: more at once, and jack_midi_dump itself loses some
        make = messages.note_off if index % 100 >= 50 else lambda *at: messages.note_on(*at, 100)
        number = index % 50
        daw.ports.send(make(number % 16, number), daw.moment + index / 15000)
    assert eventually(lambda: len(session.dump.heard) >= 3000, 10), len(session.dump.heard)
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
    assert server.run([sys.executable, "-c", junk]).wait(20) == 0
    assert eventually(lambda: session.process.poll() is None and "queue" in session.said, 5)
    assert session.end() == 0
    assert all(messages.well_formed(each.message) for each in session.dump.heard)
    assert session.dump.hanging == set()


# --- what a user gets wrong -------------------------------------------------------------------------------------------


def command(server, *arguments, **environment):
    process = server.run(
        [sys.executable, "-m", "melodylc", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate(timeout=60)
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
    assert eventually(lambda: "waiting for the start" in first.said, 30)
    assert "a session named 'melodylc' runs already" in fails()
    assert first.end() == 0


def test_ports_and_doctor(live, server, tmp_path):
    session = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: "waiting for the start" in session.said, 30)
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

"""What nothing may make a live session do, whatever fails: hang a note."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import mido
import pytest
from jackd import PATIENCE, RATE, Dump, Server, connect, eventually
from live_session import (
    START,
    STOP,
    Live,
)

import melodylc
from melodylc import Budget
from melodylc.rules import find
from midi_io import messages
from midi_io.ports import listed
from midi_io.ports.jack import JackPorts

LEAST = Budget(rounds=1, fresh=8, tried=4, bank_steps=0, critic_steps=1, actor_steps=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_every_note(live, number):
    session = live("--key", "C major", "--notes", "60")
    assert session.plays(beyond=2)
    assert session.end(number) == 0
    assert session.dump.hanging == set()
    assert session.dump.heard[-1].message == messages.control(0, messages.ALL_NOTES_OFF, 0)
    assert "stopped after" in session.said


def test_a_signal_while_it_opens_ends_it_too(live):
    early = 0
    for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP] * 3:
        session = live("--key", "C major", "--click", listen=False)
        assert eventually(lambda: "melodylc:out" in listed("jack").sources)  # long before a melody can be made
        assert session.end(number) == 0
        assert session.said.splitlines()[-1].startswith("stopped")
        early += "Ctrl-C ends it" not in session.said
    assert early  # unless the machine was busy, all


def test_a_program_that_ends_without_closing_leaves_no_note(server):
    script = """
        import sys
        from melodylc.live import Session, SessionSettings
        session = Session(SessionSettings.of(key="C major", notes=60, tempo=60)).open()
        sys.stdin.read()
        raise SystemExit(5)
    """
    process = server.run([sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE)
    dump = Dump(server)
    try:
        assert eventually(lambda: dump.hanging)
        process.stdin.close()
        assert process.wait(PATIENCE) == 5
        assert eventually(lambda: dump.heard[-1].message == messages.control(0, messages.ALL_NOTES_OFF, 0))
        assert not dump.hanging
    finally:
        process.kill()
        process.wait()
        dump.close()


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


def test_a_rule_that_raises_is_told_and_the_last_melody_goes_on(live, tmp_path):
    flag = tmp_path / "flag"
    rules = tmp_path / "rules.py"
    rules.write_text(
        "import os, numpy as np\nfrom melodylc import rules\n\n@rules.rule\ndef fragile(states):\n"
        f'    """Raises once there is a flag."""\n    if os.path.exists({str(flag)!r}):\n'
        "        raise RuntimeError('out of luck')\n    return (states[:, 0] < 200).astype(float)\n"
    )
    actor, rule = tmp_path / "fragile.safetensors", f"{rules}:fragile"
    melodylc.learn(melodylc.load(), find(rule), budget=LEAST, progress=False).save(actor)
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
def test_a_listener_that_begins_again_before_it_has_ended(live, server, backend):
    session = live("--key", "C major", "--notes", "100", "--backend", backend)
    assert session.plays(beyond=3)
    for port in ("dump-01:input", "dump:input"):  # the name is taken, then it is free again
        before = session.dump
        session.dump = Dump(server, None)
        session.dump.port = port
        assert eventually(lambda port=port: port in listed("jack").sinks)
        before.close()
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


def test_the_present_moment_lies_in_the_present_period_when_some_were_lost(server):
    ports = JackPorts("moments")
    for _ in range(3):
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGCONT)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            earliest = ports.client.last_frame_time
            frame = ports.now() * RATE
            assert earliest - 1e-3 <= frame <= ports.client.last_frame_time + ports.client.blocksize + 1e-3
    ports.close()


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

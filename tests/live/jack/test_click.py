"""The click of a session on a real JACK server: a port of its own, from which nothing hangs."""

import os
import signal

import numpy as np
import pytest
from jackd import RATE, Dump, connect, eventually
from live_session import command

from melodylc.live.click import CHANNEL, HIGH, LOW
from midi_io import messages
from midi_io.ports import listed

SOURCE = "melodylc click:out"


@pytest.fixture
def clicks(server):
    made = []

    def start():
        made.append(Dump(server, None, f"clicks-{len(made)}"))
        made[-1].connect(SOURCE)
        return made[-1]

    yield start
    for each in made:
        each.close()


def sounds(dump):
    """What was started: (frame, channel, pitch)."""
    return [(each.frame, each.message[0] & 0x0F, each.message[1]) for each in dump.onsets]


@pytest.mark.parametrize("backend", ["jack", "rtmidi-jack"])
def test_it_has_a_port_of_its_own_and_is_in_time(live, clicks, backend):
    session = live("--key", "C major", "--tempo", "240", "--click", "--backend", backend, "--channel", "3")
    dump = clicks()
    assert session.plays(beyond=10)
    assert eventually(lambda: len(dump.onsets) > 16)
    assert "clicks from the port melodylc click" in session.said
    assert session.end() == 0
    assert {each.message[0] & 0x0F for each in session.dump.onsets} == {2}
    clicked = sounds(dump)
    assert {channel for _, channel, _ in clicked} == {CHANNEL}
    assert {pitch for _, _, pitch in clicked} == {HIGH, LOW}
    high = [index for index, (_, _, pitch) in enumerate(clicked) if pitch == HIGH]
    assert set(np.diff(high)) == {4}
    if backend == "jack":  # it tells how late a busy machine may have made some
        beats = np.diff([frame for frame, _, _ in clicked]) / (RATE / 4)
        assert np.median(beats) == pytest.approx(1, abs=1e-3)
    assert session.dump.hanging == dump.hanging == set()
    assert dump.heard[-1].message == messages.control(CHANNEL, messages.ALL_NOTES_OFF, 0)
    beats, _ = session.recorded
    assert len(beats) == len(session.dump.onsets)  # no click among them


def test_it_counts_in_before_the_melody(live, clicks):
    session = live("--key", "C major", "--notes", "200", "--tempo", "240", "--count-in", "8")
    dump = clicks()
    assert eventually(lambda: len(dump.onsets) > 20)
    assert not session.dump.onsets
    assert session.plays(beyond=8)
    clicked = len(dump.onsets)
    assert session.goes_on()
    assert len(dump.onsets) == clicked <= 32
    assert session.end() == 0


def test_a_player_that_is_killed_leaves_no_click(live, clicks):
    session = live("--key", "C major", "--notes", "40", "--tempo", "20", "--click")  # a click lasts 0.4 seconds
    dump = clicks()
    assert eventually(lambda: len(dump.onsets) > 1 and dump.hanging)  # its connections are noted by then
    assert session.end(signal.SIGKILL) == -9
    assert eventually(lambda: not dump.hanging)
    assert eventually(lambda: not session.dump.hanging)


def test_after_both_are_killed_the_next_start_ends_the_click(live, clicks):
    session = live("--key", "C major", "--tempo", "20", "--click")
    dump = clicks()
    assert eventually(lambda: len(dump.onsets) > 1 and dump.hanging)  # its connections are noted by then
    os.kill(session.worker, signal.SIGKILL)
    assert session.end(signal.SIGKILL) == -9
    assert dump.hanging
    again = live("--sync", "midi-clock", listen=False)  # which does not click
    assert eventually(lambda: not dump.hanging)
    assert again.end() == 0


def test_it_goes_to_a_port_that_is_named(live, server):
    dump = Dump(server, None, "metronome")
    try:
        assert eventually(lambda: "metronome:input" in listed("jack").sinks)
        session = live("--key", "C major", "--tempo", "240", "--click", "--port-click", "metronome")
        assert eventually(lambda: len(dump.onsets) > 20)
        assert {each.message[0] & 0x0F for each in dump.onsets} == {CHANNEL}
        assert session.end() == 0
        assert dump.hanging == set()
    finally:
        dump.close()


def test_a_port_that_is_not_there_is_said(server):
    code, _, said = command(server, "live", "--click", "--port-click", "nowhere")
    assert code == 2
    assert "live: click: no MIDI port to play to matches 'nowhere'; there are:" in said


def test_there_is_no_input_that_nothing_hears(live):
    session = live("--key", "C major", "--click")
    assert session.plays()
    ports = listed("jack")
    assert SOURCE in ports.sources
    assert not [name for name in ports.sinks if "click" in name]
    assert session.end() == 0


def test_a_musician_is_answered_in_the_tempo_of_the_phrase(live, daw):
    session = live("--mode", "answer", "--key", "C major", "--tempo", "auto")
    connect(session.server, daw.source, "melodylc:in")
    assert eventually(lambda: "play a phrase" in session.said)
    began, rng = daw.ports.now() + 0.3, np.random.default_rng(1)
    for index in range(16):  # two bars of eighths at 160 bpm
        moment = began + index * 30 / 160 + rng.normal(0, 0.008)
        daw.ports.send(messages.note_on(0, 60 + (0, 2, 4, 7)[index % 4], 70), moment)
        daw.ports.send(messages.note_off(0, 60 + (0, 2, 4, 7)[index % 4]), moment + 0.15)
    assert session.plays()
    assert eventually(session.is_quiet)
    assert session.end() == 0
    assert "a phrase of 2 bars: " in session.said
    tempo = session.tempos[-1]
    assert min(abs(tempo / known - 1) for known in (80, 160)) < 0.02
    frames = np.array([each.frame for each in session.dump.onsets])
    steps = (frames - frames[0]) / RATE * tempo / 60 * 4
    assert np.median(np.abs(steps - np.round(steps))) < 0.02
    assert session.dump.hanging == set()

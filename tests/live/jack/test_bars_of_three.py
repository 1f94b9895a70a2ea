"""Sessions in 3/4, as JACK's timebase master counts it: bars, what is played in them, recordings, answers."""

import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
from jackd import PATIENCE, RATE, connect, eventually
from live_session import frames_of

from midi_io import messages

MASTER = Path(__file__).parents[2] / "helpers" / "timebase_master.py"
TEMPO, BEATS, BAR = 150.0, 3, 4  # quarter notes a minute and in a bar; the bar, from 1, in which the DAW begins


class Master:
    """A DAW that is JACK's timebase master, in bars of three, stopped at a bar."""

    def __init__(self, server):
        command = [sys.executable, str(MASTER), str(BEATS), str(TEMPO), str(BAR)]
        self._process = server.run(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def _say(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def start(self):
        """Roll; the server's frame in which bar 1 begins is known from then on."""
        self._say()
        self._first = int(self._process.stdout.readline())

    def stop(self):
        self._say()
        self._process.wait(PATIENCE)

    def beat(self, frames):
        """The position of the server's frames, in quarter notes from bar 1."""
        return (frames - self._first) / RATE * TEMPO / 60

    def moment(self, beat):
        return self._first / RATE + beat * 60 / TEMPO

    def close(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def master(server):
    master = Master(server)
    yield master
    master.close()


def signatures_of(take):
    track = mido.MidiFile(take).tracks[0]
    return {(each.numerator, each.denominator) for each in track if each.type == "time_signature"}


def test_bars_are_the_daws_and_recordings_have_its_signature(live, daw, master):
    session = live("--key", "C major", "--notes", "160", "--sync", "jack")
    assert session.is_prepared()
    zero = session.dump.zero(daw.ports, daw.source)
    master.start()
    bars = 6
    assert eventually(lambda: master.beat(daw.ports.now() * RATE) > (BAR - 1 + bars) * BEATS)
    master.stop()
    assert eventually(session.is_quiet)
    assert session.end() == 0
    assert signatures_of(session.take) == {(BEATS, 4)}
    assert session.tempos[-1] == pytest.approx(TEMPO, rel=1e-3)
    frames, beats = frames_of(session)
    assert len(beats) > bars
    assert beats.max() < (bars + 1) * BEATS
    before = np.round(master.beat(frames + zero) - beats).astype(int)
    assert (before == (BAR - 1) * BEATS).mean() > 0.8  # the recording begins where the DAW did; some may be late
    late = master.beat(frames + zero) - beats - (BAR - 1) * BEATS
    assert np.abs(np.percentile(late, 10)) < 0.02


def test_a_phrase_in_bars_of_three_is_answered_in_bars_of_three(live, daw, master):
    session = live("--key", "C major", "--sync", "jack", "--mode", "answer")
    connect(session.server, daw.source, "melodylc:in")
    zero = session.dump.zero(daw.ports, daw.source)
    master.start()
    first = BEATS * (int(master.beat(daw.ports.now() * RATE)) // BEATS + 2)  # a bar line that comes
    pitches = (60, 64, 67, 65, 62, 60)
    for number, pitch in enumerate(pitches):  # two bars
        daw.ports.send(messages.note_on(0, pitch, 80), master.moment(first + number))
        daw.ports.send(messages.note_off(0, pitch), master.moment(first + number + 0.9))
    bars = 2
    over = first + bars * BEATS + 2 * BEATS  # the bar of the pause, and the answer's first
    assert eventually(lambda: master.beat(daw.ports.now() * RATE) > over + bars * BEATS)
    assert session.plays()
    master.stop()
    assert eventually(session.is_quiet)
    assert session.end() == 0
    assert signatures_of(session.take) == {(BEATS, 4)}
    heard = master.beat(np.array([each.frame for each in session.dump.onsets]) + zero)[len(pitches) :]  # thru
    assert heard.min() > first + bars * BEATS
    line = (heard.min() + 0.01) // BEATS * BEATS
    assert heard.min() < line + 0.6 * BEATS  # no bar that is empty before it, as of one of four beats
    assert heard.max() < line + bars * BEATS  # as long as the phrase

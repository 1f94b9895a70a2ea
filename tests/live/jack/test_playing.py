"""What a live session plays, records and answers, on a real JACK server."""

import subprocess
import sys
import time

import numpy as np
import pytest
from jackd import PATIENCE, connect, eventually
from live_session import C_MAJOR, check_moments, frames_of

from midi_io import messages
from midi_io.files import read


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

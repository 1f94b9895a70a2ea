"""The melody in the roll, played into a DAW: with ports in memory, whose clock the test holds."""

import time

import numpy as np
import pytest
from panel_twin import TwinSource, melody

from melodylc.base.errors import UserError
from melodylc.live import SessionSettings
from melodylc.live.session import Session
from melodylc.live.shown_melody import ShownMelody
from melodylc.melody import HOLD, REST
from melodylc.panel.actions import act
from melodylc.panel.into_daw import IntoDaw
from melodylc.panel.state import Panel
from midi_io import messages
from midi_io.ports.memory import MemoryPorts


def shown(states, **settings):
    """Return a session that plays a melody, and its ports, whose time the test moves on."""
    time = [0.0]
    ports = MemoryPorts(lambda: time[0])
    ports.time = time
    session = Session(SessionSettings(**settings), ports=ports, shown=ShownMelody(states))
    session.prepare()
    return session, ports


def played(session, ports, seconds):
    """Return the (moment, pitch) of the notes that start while a session is stepped, in order."""
    before, end = len(ports.left), ports.now() + seconds
    while ports.now() < end:
        session.step()
        ports.time[0] += 0.005
    return [(moment, message[1]) for moment, message in ports.left[before:] if messages.is_note_on(message)]


def test_the_melody_is_played_over_and_over_in_time():
    states = np.array(melody(60, bars=2), np.uint8)
    session, ports = shown(lambda: states, tempo=120)
    notes = played(session, ports, 10.0)
    pitches = [pitch for _, pitch in notes]
    assert pitches[:16] == [*range(60, 68)] * 2
    gaps = np.diff([moment for moment, _ in notes])
    assert np.allclose(gaps, 0.5, atol=0.011)
    session.close()


def test_another_melody_is_heard_from_the_next_bar_line_on():
    now = {"states": np.array(melody(60, bars=16), np.uint8)}
    session, ports = shown(lambda: now["states"], tempo=120)
    played(session, ports, 1.0)
    now["states"] = np.array(melody(72, bars=16), np.uint8)
    pitches = [pitch for _, pitch in played(session, ports, 4.0)]
    assert min(pitches) < 72
    assert all(pitch >= 72 for pitch in pitches[3:])
    session.close()


def test_nothing_hangs_when_the_melody_goes_away():
    held = np.full(256, HOLD, np.uint8)
    held[0] = 60
    now = {"states": held}
    session, ports = shown(lambda: now["states"], tempo=240)
    played(session, ports, 1.5)
    now["states"] = np.full(256, REST, np.uint8)
    played(session, ports, 3.0)
    sounding = set()
    for _, message in ports.left:
        if messages.is_note_on(message):
            sounding.add(message[1])
        elif message[0] & 0xF0 == messages.NOTE_OFF:
            sounding.discard(message[1])
    assert not sounding
    session.close()


def test_it_is_turned_on_and_off_from_the_page(tmp_path):
    said = []
    panel = Panel(tmp_path, TwinSource(), say=lambda kind, text: said.append((kind, text)))
    panel.into_daw._ports = MemoryPorts
    act(panel, {"do": "live", "on": True})
    with pytest.raises(UserError, match="on already"):
        act(panel, {"do": "live", "on": True})
    until = time.monotonic() + 60
    while panel.into_daw.status["state"] != "on":
        assert time.monotonic() < until, said
        time.sleep(0.01)
    act(panel, {"do": "set", "settings": {"tempo": 90}})
    act(panel, {"do": "live", "on": False})
    assert panel.into_daw.status["state"] == "off"
    for wrong in ({"sync": "telepathy"}, {"port": 7}, {"record": "yes"}):
        with pytest.raises(UserError):
            act(panel, {"do": "live", "on": True, **wrong})
    panel.close()


@pytest.mark.parametrize("after", [0, 200])  # steps: as soon as it is open, or while it plays
def test_a_session_that_fails_is_told_once_and_gone(tmp_path, monkeypatch, after):
    step, steps, said, made = Session.step, [], [], []

    def fail(session):
        steps.append(1)
        if len(steps) > after:
            raise OSError(28, "No space left on device")
        return step(session)

    def ports():
        made.append(MemoryPorts())
        return made[-1]

    def eventually(condition):
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    states = np.array(melody(60, bars=2), np.uint8)
    daw = IntoDaw(lambda: states, lambda kind, text: said.append(text), ports=ports)
    monkeypatch.setattr(Session, "step", fail)
    daw.start(tmp_path, 120, "internal", None, False)
    eventually(lambda: len(steps) > after and daw.status["state"] != "starting")
    try:
        daw.stop()
    except OSError as error:
        said.append(str(error))
    assert len(said) == 1
    assert "No space" in said[0]
    assert daw.status["state"] == "off"
    assert not made[0].open
    monkeypatch.undo()
    daw.start(tmp_path, 120, "internal", None, False)
    eventually(lambda: daw.status["state"] == "on")
    daw.stop()

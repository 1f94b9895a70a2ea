"""A session in the time of Ableton Link, on ports in memory and a Link that the test holds."""

import sys

import numpy as np
import pytest
from link_twin import LinkTwin
from playing import Hand, pairs

from melodylc import UserError
from melodylc.cli import main
from melodylc.live import Session, SessionSettings, opening
from melodylc.live.shown_melody import ShownMelody
from melodylc.melody import HOLD
from midi_io import messages
from midi_io.ports import MemoryPorts

QUARTERS = np.full(256, HOLD, np.uint8)
QUARTERS[::4] = np.resize([60, 62, 64, 65], 64)


class Stage:
    """A session that plays quarter notes, one of four pitches on each beat of a bar."""

    def __init__(self, monkeypatch, tempo, beat, **settings):
        self.hand, self.said = Hand(), []
        self.link = LinkTwin(self.hand, tempo, drift=1e-4, beat=beat)
        monkeypatch.setattr(opening, "join", lambda tempo: self.link)
        self.ports = MemoryPorts(self.hand, lookahead=0.02)
        settings = SessionSettings.of(sync="link", **settings)
        shown = ShownMelody(lambda: QUARTERS)
        self.session = Session(settings, ports=self.ports, say=self.said.append, shown=shown)
        self.session.prepare()
        self.next_step = 0.0

    def play(self, seconds):
        """Let time go on, a millisecond at a time: the ports send what is due, the session is called when it asked."""
        end = self.hand.now + seconds
        while self.hand.now < end:
            if self.hand.now >= self.next_step:
                self.next_step = self.session.step()
            self.ports.flush()
            self.hand.now = min(self.hand.now + 1e-3, end)

    def onsets(self):
        """Link's beats and the pitches of the notes since the last call."""
        left, self.ports.left = self.ports.left, []
        at = [(moment, message[1]) for moment, message in left if messages.is_note_on(message)]
        now, micros = self.hand.now, self.link.micros()
        beats = [self.link.beatAtTime(micros + (moment - now) * 1e6 * (1 + self.link.drift), 4) for moment, _ in at]
        return beats, [pitch for _, pitch in at]


@pytest.fixture
def stage(monkeypatch):
    return lambda tempo=120, beat=0.0, **settings: Stage(monkeypatch, tempo, beat, **settings)


def test_it_plays_from_the_next_bar_line_on_in_the_tempo_of_link(stage):
    live = stage(tempo=133, beat=5.2)
    live.play(6.0)
    beats, pitches = live.onsets()
    assert beats == pytest.approx(np.arange(8, 8 + len(beats)), abs=1e-3)
    assert len(beats) >= 10
    assert pitches == [QUARTERS[index * 4] for index in range(len(beats))]
    assert live.session.status.tempo == 133
    live.session.set_tempo(90)
    live.play(0.2)
    assert live.link.tempo() == 90
    assert live.session.status.tempo == 90
    live.session.close()
    assert not live.link.enabled


def test_peers_start_and_stop_it(stage):
    live = stage(tempo=120, beat=0.5)
    live.play(3.0)
    live.link.play(False)
    live.play(0.1)
    assert not live.session.status.running
    assert pairs([each for each in live.ports.left if each[1][0] & 0xE0 == 0x80])  # every note has its end
    live.onsets()
    live.play(3.0)
    assert live.onsets() == ([], [])
    live.link.play(True)
    began = live.link.beat_now
    live.play(4.0)
    beats, pitches = live.onsets()
    assert beats[0] == pytest.approx(np.ceil(began / 4) * 4, abs=1e-3)
    assert pitches[:4] == [60, 62, 64, 65]
    live.session.close()


@pytest.mark.parametrize("before", np.linspace(0.0115, 0.06, 12))
def test_what_was_handed_ahead_of_a_stop_is_not_heard(stage, before):
    """Half a second a beat: a stop so many seconds before the note of beat 10."""
    live = stage(tempo=120, beat=3.9)
    live.play(3.05 - before)
    live.link.play(False)
    live.play(1.0)
    assert live.onsets()[0] == pytest.approx(np.arange(4, 10), abs=1e-3)
    live.session.close()


def test_answers_listen_from_the_beginning(stage):
    live = stage(mode="answer")
    live.play(0.1)
    assert live.session.status.running
    live.session.close()


def test_without_the_package_a_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "link", None)
    ports = MemoryPorts()
    with pytest.raises(UserError) as caught:
        Session(SessionSettings.of(sync="link"), ports=ports).prepare()
    assert str(caught.value) == (
        "sync: Ableton Link needs the package LinkPython-extern; install it with: pip install 'melodylc[link]' "
        "(its wheel holds Ableton's code, under the GPL)"
    )
    assert not ports.open


def test_a_sync_that_is_none_names_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["live", "--sync", "abelton"])
    assert "link" in capsys.readouterr().err

"""Faults that arose where parts of a session meet: each alone was right."""

import mido
import numpy as np
import pytest
from direct import Direct
from playing import Hand, pairs

from melodylc import UserError
from melodylc.live import Session, SessionSettings
from melodylc.live.protocol import Answer
from melodylc.melody import from_notes
from midi_io import messages
from midi_io.files import Note
from midi_io.midi_clock import MidiClockTransport
from midi_io.ports import MemoryPorts

CLOCK, START, CONTINUE = (bytes((status,)) for status in (messages.CLOCK, messages.START, messages.CONTINUE))


def on(pitch):
    return messages.note_on(0, pitch, 80)


def off(pitch):
    return messages.note_off(0, pitch)


class Same:
    """An inference process that makes the same melody whatever is asked: a whole note a bar."""

    STATES = from_notes([Note(60 + bar, 4 * bar, 4 * bar + 4) for bar in range(16)]).tobytes()

    def answer(self, request):
        return Answer(request.id, self.STATES, b"", {}, "prior", True, 1, 0.0)


class Live:
    """A session in the test's time."""

    def __init__(self, lookahead=0.02, **settings):
        self.hand = Hand()
        self.ports = MemoryPorts(self.hand, lookahead=lookahead)
        self.source = Direct(Same())
        self.session = Session(
            SessionSettings.of("C major", seed=1, **settings),
            ports=self.ports,
            click_ports=MemoryPorts(self.hand, lookahead=lookahead),
            source=lambda setup, wake: self.source,
        )
        self.session.prepare()

    def wait(self, seconds):
        until = self.hand.now + seconds
        while self.hand.now < until:
            self.hand.now = min(max(self.session.step(), self.hand.now + 1e-6), until)

    def put(self, *sent):
        for message in sent:
            self.ports.put(message)
        self.session.step()

    def clocks(self, count, tempo=120):
        for _ in range(count):
            self.put(CLOCK)
            self.wait(60 / tempo / 24)

    def play(self, count, seconds):
        """Play notes of so many seconds, one after the other."""
        for number in range(count):
            self.put(on(60 + number % 12))
            self.wait(0.9 * seconds)
            self.put(off(60 + number % 12))
            self.wait(0.1 * seconds)


def onsets(file):
    """The positions in quarter notes at which the notes of a recording begin."""
    track = mido.MidiFile(file).tracks[1]
    at = np.cumsum([message.time for message in track]) / 480
    return [float(beat) for beat, message in zip(at, track, strict=True) if message.type == "note_on"]


def test_passes_of_a_loop_follow_one_another_when_a_note_is_held_to_its_end(tmp_path):
    live = Live(sync="midi-clock", record=tmp_path / "take.mid")
    live.clocks(48)
    for number in range(3):
        live.put(*([messages.song_position(0), CONTINUE] if number else [START]), CLOCK)  # as hosts may, at once
        live.wait(0.5 / 24)
        live.clocks(95)
    live.put(bytes((messages.STOP,)))
    live.session.close()
    assert onsets(tmp_path / "take.mid") == pytest.approx([0, 4, 8], abs=0.1)


@pytest.mark.parametrize("lookahead", [0.0, 0.02])
def test_a_note_that_comes_with_the_start_is_after_it(lookahead):
    live = Live(lookahead, mode="answer", sync="midi-clock", thru=True)
    live.clocks(48)
    live.put(START, CLOCK, on(60))
    live.wait(0.5 / 24)
    live.clocks(22)
    live.put(off(60))
    ((pitch, begins, ends),) = pairs(live.ports.left)
    assert pitch == 60
    assert ends - begins > 0.4
    assert live.session._phrases.begun
    live.session.close()


def test_notes_from_before_the_count_in_are_no_phrase():
    live = Live(mode="answer", count_in=1)
    now = live.hand.now
    live.hand.now = now + 3.0  # the model took so long
    for beat, message in enumerate([on(60), off(60), on(62), off(62)]):
        live.ports.put(message, now + 0.4 * beat)
    live.wait(12)
    assert live.source.requests == []
    live.session.close()


def test_a_note_at_the_very_end_of_a_phrase_does_not_begin_the_time_anew():
    live = Live(mode="answer")
    live.play(4, 0.5)
    while live.session._queue._phrase is None:
        live.hand.now = max(live.session.step(), live.hand.now + 1e-6)
    epoch = live.session.transport.epoch
    live.put(on(70))
    assert live.session.transport.epoch == epoch
    live.wait(0.1)
    live.put(off(70))
    live.wait(4)
    assert live.source.requests
    live.session.close()


def test_a_phrase_whose_tempo_is_not_known_yet_is_recorded_when_it_ends_there(tmp_path):
    live = Live(mode="answer", tempo="auto", thru=True, record=tmp_path / "take.mid")
    live.play(4, 0.5)
    live.session.close()
    beats = onsets(tmp_path / "take.mid")
    assert beats[0] == 0
    assert np.diff(beats) == pytest.approx([np.diff(beats)[0]] * 3, abs=0.02)


def test_who_is_led_from_anywhere_is_where_it_leads():
    live = Live(mode="answer", tempo="auto", lead=True)
    live.play(16, 0.6)
    live.wait(6)
    follower = MidiClockTransport()
    for moment, message in sorted((each for each in live.ports.left if each[1][0] >= 0xF0), key=lambda each: each[0]):
        follower.receive(moment, message)
    now = live.hand.now
    assert follower.position(now) == pytest.approx(live.session.transport.position(now), abs=0.01)
    live.session.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"swing_of": "eighths"}, "swing_of: what is swung is given with a number for swing"),
        ({"song_position": "clocks"}, "song_position: comes with MIDI clock, not with sync internal"),
        ({"sync": "jack", "backend": "alsa"}, "backend: sync jack plays through jack, not alsa"),
        ({"mode": "answer", "every": 4}, "every: an answer is as long as its phrase"),
        ({"style_amount": 0.5}, "style_amount: there is no style"),
    ],
)
def test_what_would_have_no_effect_is_refused(settings, says):
    with pytest.raises(UserError, match=says):
        SessionSettings(**settings)


def test_files_may_be_given_as_text(tmp_path):
    settings = SessionSettings.of(
        record=str(tmp_path / "take.mid"), rules=("in_key",), keep=str(tmp_path / "a.safetensors")
    )
    assert (settings.record, settings.keep) == (tmp_path / "take.mid", tmp_path / "a.safetensors")

"""Answers in the time of the musician: click and count-in, the tempo of a phrase, its swing and its triplets."""

import mido
import numpy as np
import pytest
from direct import Direct, notes
from playing import Hand, pairs

from melodylc import UserError
from melodylc.cli import main
from melodylc.live import Session, SessionSettings
from melodylc.live.click import CHANNEL, HIGH, LOW
from melodylc.live.phrases import PhraseRecorder
from melodylc.melody import HOLD, from_notes
from midi_io import messages
from midi_io.files import Note
from midi_io.ports import MemoryPorts, NoVirtualPortsError

BEGAN = 100.0  # moment at which the clock of the tests begins


class Musician:
    """A session whose time is the test's, and somebody who plays into it."""

    def __init__(self, inference, **settings):
        self.hand, self.said = Hand(), []
        self.ports, self.clicks = MemoryPorts(self.hand), MemoryPorts(self.hand)
        self.source = Direct(inference)
        self.session = Session(
            SessionSettings.of("C major", **{"seed": 1, **settings}),
            ports=self.ports,
            click_ports=self.clicks,
            say=self.said.append,
            source=lambda setup, wake: self.source,
        )
        self.session.prepare()

    def wait(self, until):
        while self.hand.now < until:
            self.hand.now = min(max(self.session.step(), self.hand.now + 1e-6), until)

    def play(self, positions, tempo, at, jitter=0.0, seed=0):
        """Play notes at positions in beats from a moment on, each up to the next one, and wait a bar."""
        rng = np.random.default_rng(seed)
        starts = at + np.array(positions) * 60 / tempo + rng.normal(0, jitter, len(positions))
        starts[0] = at
        ends = np.append(starts[1:], starts[-1] + 30 / tempo) - 0.02
        moves = [(start, messages.note_on(0, 60 + number % 12, 80)) for number, start in enumerate(starts)]
        moves += [(end, messages.note_off(0, 60 + number % 12)) for number, end in enumerate(ends)]
        for moment, message in sorted(moves):
            self.wait(moment)
            self.ports.put(message)
            self.session.step()
        self.wait(self.hand.now + 240 / tempo)

    @property
    def onsets(self):
        return np.array([moment for moment, message in self.ports.left if messages.is_note_on(message)])

    @property
    def phrase(self):
        """The states of the first phrase that was to be answered."""
        return np.frombuffer(self.source.requests[0].phrase, np.uint8)

    def close(self):
        self.session.close()
        assert self.clicks.sounding_notes.sounding == []
        return notes(self.ports)


@pytest.fixture
def musician(inference):
    return lambda **settings: Musician(inference, **{"mode": "answer", **settings})


def clicks_of(ports):
    """(moment, high or low) of the clicks that were started; each of them is on the channel of clicks, and ended."""
    played = [each for each in ports.left if each[1][0] & 0xE0 == 0x80]
    assert {message[0] & 0x0F for _, message in played} <= {CHANNEL}
    assert len(pairs(played)) * 2 == len(played)
    return [(moment, message[1]) for moment, message in played if messages.is_note_on(message)]


# --- click and count-in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["generate", "continue", "vary"])
def test_it_counts_in_and_then_the_first_melody_begins(musician, mode, tmp_path):
    file = tmp_path / "take.mid"
    player = musician(mode=mode, tempo=120, count_in=2, record=file)
    player.wait(BEGAN + 3.9)  # two bars, but for the last moment
    assert not player.ports.left
    assert player.session.status.beat < 0
    assert "count-in 4" in str(player.session.status)
    player.wait(BEGAN + 12)
    clicked = clicks_of(player.clicks)
    began = clicked[0][0]
    assert began == pytest.approx(BEGAN, abs=0.1)  # there was a melody at the second look for one
    assert [moment for moment, _ in clicked] == pytest.approx([began + beat / 2 for beat in range(8)])
    assert [pitch for _, pitch in clicked] == [HIGH, LOW, LOW, LOW] * 2
    answer = player.source.answers[0]
    first = np.flatnonzero(np.frombuffer(answer.states, np.uint8) < HOLD)[0] / 4
    assert player.onsets[0] == pytest.approx(began + 4 + first / 2)
    assert len(player.close()) > 8
    recorded = [message for message in mido.MidiFile(file).tracks[1] if message.type == "note_on"]
    assert {message.channel for message in recorded} == {0}
    assert recorded[0].time == round(first * 480)


def test_the_click_goes_on_where_it_is_asked_for(musician):
    player = musician(mode="generate", tempo=150, click=True)
    player.wait(BEGAN + 8)
    clicked = clicks_of(player.clicks)
    assert [moment for moment, _ in clicked[:19]] == pytest.approx([clicked[0][0] + beat * 0.4 for beat in range(19)])
    assert [pitch for _, pitch in clicked[:8]] == [HIGH, LOW, LOW, LOW] * 2
    player.session.set_tempo(100)
    player.session.step()
    changed = player.hand.now
    player.wait(changed + 6)
    later = np.diff([moment for moment, _ in clicks_of(player.clicks) if moment > changed + 0.6])
    assert later == pytest.approx([0.6] * len(later), abs=1e-5)
    player.close()


def test_a_musician_plays_in_the_time_of_the_count_in(musician):
    """The first note is on the second beat after it, and is not taken for the first."""
    player = musician(tempo=120, count_in=1)
    player.play([0, 1, 2, 3], 120, at=BEGAN + 2 + 0.5)
    assert [moment for moment, _ in clicks_of(player.clicks)] == pytest.approx([BEGAN + beat / 2 for beat in range(4)])
    assert np.flatnonzero(player.phrase[:32] < HOLD).tolist() == [4, 8, 12, 16]
    line = BEGAN + 2 + 4  # the phrase ends in the second bar, which has two beats of silence
    player.wait(line + 4)
    assert player.onsets[0] >= line - 1e-6
    assert ((player.onsets - line) / 0.125) == pytest.approx(np.round((player.onsets - line) / 0.125), abs=1e-3)
    before = len(player.onsets)
    player.play([0, 1], 120, at=BEGAN + 32 + 0.5)  # later phrases are in its time as well
    assert player.source.requests[-1].id > 1
    states = np.frombuffer(player.source.requests[-1].phrase, np.uint8)
    assert np.flatnonzero(states[:16] < HOLD).tolist() == [4, 8]
    assert len(player.onsets) >= before
    player.close()


def test_without_a_count_in_the_click_begins_with_the_first_note(musician):
    player = musician(tempo=120, click=True)
    player.wait(BEGAN + 1.3)
    assert not player.clicks.left
    player.play([0, 1, 2, 3], 120, at=BEGAN + 1.3)
    player.play([0, 1, 2, 3], 120, at=BEGAN + 1.3 + 16.5)  # on the second beat of a bar, as clicks say
    assert np.flatnonzero(np.frombuffer(player.source.requests[-1].phrase, np.uint8)[:20] < HOLD).tolist() == [
        4,
        8,
        12,
        16,
    ]
    clicked = np.array([moment for moment, _ in clicks_of(player.clicks)])
    assert clicked == pytest.approx(BEGAN + 1.3 + np.arange(len(clicked)) / 2)
    player.close()


def test_whoever_follows_starts_after_the_count_in(musician):
    player = musician(mode="generate", tempo=120, count_in=1, lead=True)
    player.wait(BEGAN + 3)
    began = clicks_of(player.clicks)[0][0] + 2
    led = [(moment, message[0]) for moment, message in player.ports.left if message[0] >= 0xF0]
    (stop, _), (start, status), *clocks = led
    assert stop < began - 1
    assert (start, status) == (pytest.approx(began), messages.START)
    assert {status for _, status in clocks} == {messages.CLOCK}
    assert [moment for moment, _ in clocks] == pytest.approx(began + np.arange(len(clocks)) / 48)
    player.close()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"click": True, "sync": "midi-clock"}, "click: with sync midi-clock the DAW has a click of its own"),
        ({"count_in": 1, "sync": "jack"}, "count_in: with sync jack"),
        ({"count_in": 17}, "count_in: expected a whole number from 0 to 16 bars"),
        ({"count_in": 1, "mode": "answer", "tempo": "auto"}, "count_in: the tempo is not known before the phrase"),
        ({"port_click": "x"}, "port_click: nothing clicks"),
        ({"tempo": "auto"}, "tempo: auto is that of a phrase, of mode answer with sync internal"),
        ({"tempo": "auto", "mode": "answer", "sync": "midi-clock"}, "tempo: auto is that of a phrase"),
        ({"tempo": "fast"}, "tempo: expected a number from 20 to 999 bpm, or 'auto', got 'fast'"),
        ({"tempo": 5}, "tempo: expected a number from 20 to 999 bpm, got 5"),
        ({"swing": 80}, "swing: expected a number from 50 to 75 per cent, got 80"),
        ({"swing": "jazz"}, "swing: expected a number from 50 to 75 per cent, or 'auto', got 'jazz'"),
        ({"swing_of": "quarters"}, "swing_of: expected one of sixteenths, eighths"),
    ],
)
def test_what_cannot_be_is_refused(settings, says):
    with pytest.raises(UserError, match=says):
        SessionSettings(**settings)


def test_where_there_are_no_virtual_ports_the_click_needs_one_that_is_named(monkeypatch, tmp_path):
    def no_virtual_ports(name, **asked):
        assert (name, asked["hears"], asked["port_out"]) == ("melodylc click", False, None)
        raise NoVirtualPortsError("Windows has no virtual MIDI ports; name one")

    monkeypatch.setattr("melodylc.live.opening.open_ports", no_virtual_ports)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    ports = MemoryPorts()
    with pytest.raises(UserError, match="live: click: Windows has no virtual MIDI ports; name one: --port-click NAME"):
        Session(SessionSettings(click=True), ports=ports).prepare()
    assert not ports.open


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--tempo", "fast"], "argument --tempo: expected a number from 20 to 999, got 'fast'; or auto"),
        (["--tempo", "5"], "argument --tempo: expected a number from 20 to 999, got '5'; or auto"),
        (["--swing", "80"], "argument --swing: expected a number from 50 to 75, got '80'; or auto"),
        (["--count-in", "-1"], "argument --count-in: expected a whole number from 0 to 16"),
        (["--tempo", "auto"], "tempo: auto is that of a phrase, of mode answer with sync internal; give a number"),
        (
            ["--click", "--sync", "midi-clock"],
            "click: with sync midi-clock the DAW has a click of its own; leave it out",
        ),
    ],
)
def test_the_command_says_what_is_wrong_in_a_line(flags, says, capsys):
    try:
        code = main(["live", *flags])
    except SystemExit as ended:  # as argparse ends
        code = ended.code
    assert code == 2
    assert says in capsys.readouterr().err


def test_a_note_between_a_phrase_and_its_answer_begins_no_other_time(musician):
    player = musician(tempo=120)
    player.play([0, 1, 2, 3], 120, at=BEGAN)
    epoch, upcoming = player.session.transport.epoch, len(player.source.answers)
    assert upcoming == 1
    assert not len(player.onsets)  # the answer is there, and waits for its bar line
    player.play([0], 120, at=player.hand.now)
    assert player.session.transport.epoch == epoch
    player.wait(BEGAN + 12)
    assert (player.onsets - BEGAN) * 8 == pytest.approx(np.round((player.onsets - BEGAN) * 8), abs=1e-3)
    player.close()


# --- the tempo of a phrase --------------------------------------------------------------------------------------------

QUARTERS_AND_EIGHTHS = [beat + half for beat in range(16) for half in ((0, 0.5) if beat % 4 in (1, 2) else (0,))]


@pytest.mark.parametrize("tempo", [72, 104, 138])
def test_the_tempo_is_that_of_the_phrase(musician, tempo, tmp_path):
    file = tmp_path / "take.mid"
    player = musician(tempo="auto", thru=True, record=file)
    began = BEGAN + 1.0
    player.play(QUARTERS_AND_EIGHTHS, tempo, at=began, jitter=0.012)
    thrown = len(player.onsets)
    assert thrown == len(QUARTERS_AND_EIGHTHS)  # what is played goes through
    player.wait(player.hand.now + 1200 / tempo)
    assert player.said == [f"a phrase of 4 bars: {player.session.transport.tempo:.1f} bpm"]
    assert player.session.status.tempo == pytest.approx(tempo, rel=0.01)
    assert (np.flatnonzero(player.phrase[:64] < HOLD) / 4).tolist() == QUARTERS_AND_EIGHTHS
    answer = (player.onsets[thrown:] - began) * tempo / 60
    assert answer[0] >= 20 - 0.1  # the phrase, and the bar in which the pause is
    assert answer * 4 == pytest.approx(np.round(answer * 4), abs=0.8)
    assert np.abs(answer * 4 - np.round(answer * 4)).mean() < 0.3
    player.close()
    beats = np.cumsum([message.time for message in mido.MidiFile(file).tracks[1]]) / 480
    on = [message.type == "note_on" for message in mido.MidiFile(file).tracks[1]]
    assert beats[on][:thrown] == pytest.approx(QUARTERS_AND_EIGHTHS, abs=0.1)  # in the tempo that was found


def test_the_next_phrase_has_a_tempo_of_its_own(musician):
    player = musician(tempo="auto")
    for tempo, at in ((90, BEGAN), (126, BEGAN + 40)):
        player.play(QUARTERS_AND_EIGHTHS, tempo, at=at)
        assert player.session.status.tempo == pytest.approx(tempo, rel=0.01)
    assert len(player.said) == 2
    player.close()


def test_what_is_played_into_an_answer_is_in_its_tempo(musician):
    player = musician(tempo="auto")
    player.play(QUARTERS_AND_EIGHTHS, 90, at=BEGAN)
    assert player.session.transport.running
    epoch = player.session.transport.epoch
    player.play([0, 0.5, 1, 1.5], 120, at=player.hand.now)
    assert player.session.transport.epoch == epoch
    player.close()


def test_a_follower_is_led_from_where_the_tempo_is_known(musician):
    player = musician(tempo="auto", lead=True, click=True)
    player.play(QUARTERS_AND_EIGHTHS, 100, at=BEGAN)
    led = [(moment, message) for moment, message in player.ports.left if message[0] >= 0xF0]
    started = [moment for moment, message in led if message[0] == messages.CONTINUE]
    assert len(started) == 1
    assert all(moment >= started[0] for moment, message in led if message[0] == messages.CLOCK)
    position = next(message for _, message in led if message[0] == messages.SONG_POSITION)
    sixteenths = (started[0] - BEGAN) / 0.15
    assert position[1] | position[2] << 7 == pytest.approx(sixteenths, abs=0.51)
    assert all(moment >= started[0] for moment, _ in clicks_of(player.clicks))
    player.close()


def test_a_single_note_is_answered_in_the_usual_tempo(musician):
    player = musician(tempo="auto")
    player.play([0], 100, at=BEGAN)
    player.wait(BEGAN + 12)
    assert 100 < player.session.status.tempo < 120
    assert len(player.onsets)
    player.close()


# --- swing and triplets -----------------------------------------------------------------------------------------------


def straight_of(states, share_of_eighths):
    """The positions in beats at which the notes of the first four bars are to be played."""
    at = [0, share_of_eighths / 2, share_of_eighths, (1 + share_of_eighths) / 2]
    return [step // 4 + at[step % 4] for step in np.flatnonzero(states[:64] < HOLD)]


@pytest.mark.parametrize("seed", range(5))
def test_a_phrase_in_swing_is_answered_in_swing(musician, seed):
    """Swung to 62 per cent, by somebody who is off by 15 ms; heard from the answer alone."""
    player = musician(tempo=100, amount=0.3)
    swung = [beat + at for beat in range(16) for at in (0, 0.62)]
    player.play(swung, 100, at=BEGAN, jitter=0.015, seed=seed)
    player.wait(BEGAN + 24)
    assert (np.flatnonzero(player.phrase[:64] < HOLD) / 2).tolist() == list(range(32))
    beats = (player.onsets - BEGAN) * 100 / 60
    within = beats % 1
    late = within[(within > 0.5) & (within < 0.72)]
    assert len(late) >= 3
    assert 0.60 <= late.mean() <= 0.64
    assert np.ptp(late) < 1e-3
    answer = np.frombuffer(player.source.answers[0].states, np.uint8)
    first = beats.min() // 4 * 4
    assert beats - first == pytest.approx(straight_of(answer, late.mean()), abs=1e-3)
    player.close()


def test_triplets_are_answered_in_triplets(musician):
    player = musician(tempo=100)
    player.play([third / 3 for third in range(48)], 100, at=BEGAN, jitter=0.012)
    player.wait(BEGAN + 24)
    beats = (player.onsets - BEGAN) * 100 / 60 * 3
    assert beats == pytest.approx(np.round(beats), abs=1e-2)
    assert len({round(beat) % 3 for beat in beats}) == 3
    assert "triplets" in player.said[0]
    player.close()


def test_a_swing_that_is_given_is_kept(musician):
    player = musician(tempo=100, swing=66, swing_of="eighths")
    player.play([beat / 2 for beat in range(32)], 100, at=BEGAN)
    player.wait(BEGAN + 24)
    within = (player.onsets - BEGAN) * 100 / 60 % 1
    assert set(np.round(within[within < 0.99], 2)) <= {0.0, 0.33, 0.66, 0.83}
    assert player.said == []
    straight = from_notes(Note(60 + number % 12, number / 2, number / 2 + 0.5) for number in range(32))
    assert (player.phrase[:64] < HOLD).tolist() == (straight[:64] < HOLD).tolist()
    player.close()


@pytest.mark.parametrize(
    ("beats_per_bar", "bars"),
    [
        (4, [(0, 60), (4, 62), (6, 64), (8, 65), (12, 67), (16, 69)]),
        (3, [(0, 60), (4, 62), (6, 64), (8, 65), (16, 67), (20, 69)]),
        (5, [(0, 60), (4, 62), (6, 64), (8, 65), (12, 67)]),  # what was played in the fifth beat is left out
        (2, [(0, 60), (4, 62), (6, 64), (16, 65), (20, 67), (32, 69)]),
    ],
)
def test_a_phrase_in_bars_of_another_length_is_counted_in_these(beats_per_bar, bars):
    """Played from bar 5 on, its first note a little before the bar line: what begins a bar begins one of the answer."""
    recorder, line = PhraseRecorder(), 4 * beats_per_bar
    recorder.beats_per_bar = beats_per_bar
    for beat, pitch in ((-0.02, 60), (1, 62), (1.5, 64), (2, 65), (3, 67), (4, 69)):
        recorder.take(line + beat, messages.note_on(0, pitch, 80))
        recorder.take(line + beat + 0.25, messages.note_off(0, pitch))
    phrase = recorder.phrase(line + 8)
    states = phrase.states[: phrase.bars * 16]
    assert [(step, state) for step, state in enumerate(states) if state < HOLD] == bars
    assert phrase.bars == bars[-1][0] // 16 + 1


def test_a_note_across_a_bar_line_of_three_sounds_through_the_beat_that_is_not_there():
    recorder = PhraseRecorder()
    recorder.beats_per_bar = 3
    recorder.take(2.0, messages.note_on(0, 60, 80))
    recorder.take(4.0, messages.note_off(0, 60))
    states = recorder.phrase(9.0).states
    assert (states[8], states[9:20].tolist(), states[20]) == (60, [HOLD] * 11, 129)


@pytest.mark.parametrize(("beats_per_bar", "beats"), [(5, [4.2]), (6, [4, 4.5, 5])])
def test_a_phrase_of_beats_that_a_melody_lacks_is_none(beats_per_bar, beats):
    recorder = PhraseRecorder()
    recorder.beats_per_bar = beats_per_bar
    for beat in beats:
        recorder.take(beat, messages.note_on(0, 60, 80))
        recorder.take(beat + 0.25, messages.note_off(0, 60))
    assert recorder.phrase(12.0) is None
    assert not recorder.begun


@pytest.mark.parametrize("end", [4.3, 4.8, 5.0])
def test_a_note_held_into_the_fifth_beat_ends_with_its_bar(end):
    """After a pick-up in the beat before, which a bar of the melody lacks."""
    recorder = PhraseRecorder()
    recorder.beats_per_bar = 5
    for beat, until, pitch in ((-0.5, 0.0, 62), (3.0, end, 60)):
        recorder.take(5 + beat, messages.note_on(0, pitch, 80))
        recorder.take(5 + until, messages.note_off(0, pitch))
    phrase = recorder.phrase(15.0)
    assert phrase.bars == 1
    assert [(step, state) for step, state in enumerate(phrase.states[:16]) if state < HOLD] == [(12, 60)]

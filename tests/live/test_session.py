"""A session in Python on ports in memory and a clock the test holds; the inference process, started for real."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from direct import Direct, notes
from playing import Hand

import melodylc.live
from melodylc import UserError
from melodylc.extraction.selection import select_melody
from melodylc.live import ControlValues, Session, SessionSettings, worker
from melodylc.live.protocol import Request, Setup
from melodylc.live.queued_melody import bars_of
from melodylc.live.worker import Worker
from melodylc.melody import from_notes
from melodylc.rules import Key
from midi_io import files, markers, messages
from midi_io.files import Note
from midi_io.ports import MemoryPorts

PATIENCE = 120.0  # seconds for what takes a second: only a test that fails waits for so long
BEAT = 60 / 480  # seconds, at the tempo of most sessions here
BAR = 4 * BEAT


def until(condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


def in_key(played, key):
    return {pitch % 12 for pitch, _, _ in played} <= Key.parse(key).classes


class Periodic(MemoryPorts):
    """Ports whose messages leave with the next period, as those of JACK do, unless they are released before."""

    def __init__(self, now):
        super().__init__(now)
        self.held = []

    def send(self, message, moment, entry=None):
        self.held.append((message, moment, entry))

    def release(self, entry=None):
        self.held.clear()
        super().release(entry)

    def flush(self):
        held, self.held = self.held, []
        for message, moment, entry in held:
            super().send(message, moment, entry)
        super().flush()


class Stage:
    """A session whose time is the test's: `play` runs it for some seconds of the clock, to each moment it asks for."""

    def __init__(self, inference, settings, ports):
        self.hand, self.said = Hand(), []
        self.ports = ports(self.hand)
        self.source = Direct(inference)
        self.session = Session(settings, ports=self.ports, say=self.said.append, source=lambda setup, wake: self.source)
        self.session.prepare()

    def play(self, seconds):
        end = self.hand.now + seconds
        while self.hand.now < end:
            next_step = self.session.step()
            self.ports.flush()
            self.hand.now = min(max(next_step, self.hand.now + 1e-6), end)

    @property
    def status(self):
        return self.session.status

    def close(self):
        self.session.close()
        return notes(self.ports)


@pytest.fixture
def stage(inference):
    return lambda *arguments, ports=MemoryPorts, **settings: Stage(
        inference, SessionSettings.of(*arguments, **{"tempo": 480, "seed": 3, **settings}), ports
    )


def test_the_player_does_without_torch():
    script = "import sys, melodylc.live, melodylc.cli.binding; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


# --- what it plays, in the time of the test ---------------------------------------------------------------------------


def test_it_varies_from_bar_to_bar(stage):
    live = stage("C major", 100, mode="vary", every=1)
    live.play(4 * BAR)
    assert live.status.melody in (4, 5)
    assert live.status.satisfied == 1
    kept = "kept" if live.status.kept else "not kept"
    assert live.status.kept == live.status.plausible
    assert len(live.status.recent) == live.status.melody
    shares = f"{kept} ({sum(live.status.recent)} of the last {live.status.melody}), satisfied 100%"
    assert f"C major, 100 notes  melody {live.status.melody}, {shares}" in str(live.status)
    assert live.status.queue == 2
    played = live.close()
    assert len(played) > 15
    assert in_key(played, "C major")


def test_a_control_is_heard_from_the_next_bar_line_on(stage):
    live = stage("C major", 100)
    live.play(2.5 * BAR)
    began = live.ports.left[0][0]
    live.session.set_control("key", "F# major")
    live.session.set_control("volume", 11)
    live.play(6 * BAR)
    assert live.status.melody == 1  # the same, made again
    line = 100.0 + 3 * BAR
    assert began >= 100.0
    played = live.close()
    before, after = ([n for n in played if (n[1] >= line - 1e-3) == late] for late in (False, True))
    assert len(before) > 10
    assert in_key(before, "C major")
    assert len(after) > 20
    assert in_key(after, "F# major")
    assert live.said == [line for line in live.said if "control: expected one of key" in line] != []


def test_a_flood_of_values_that_are_none_is_a_line_a_kind(stage):
    live = stage("C major", 100)
    live.play(BAR)
    for number in range(1000):
        live.session.set_control("key", f"H{number}" + "x" * 5000)
        live.session.set_control(f"volume{number}", number)
        live.session.set_control("notes", 1000 + number)
    live.play(BAR)
    assert [line.partition(":")[0] for line in live.said] == ["key", "control", "notes"]
    assert "H0" in live.said[0]
    assert max(map(len, live.said)) <= 300
    live.play(11.0)  # seconds
    assert [line.partition(":")[0] for line in live.said[3:]] == ["key", "control", "notes"]
    assert all("(999 more of this kind)" in line for line in live.said[3:])
    live.play(11.0)
    live.session.set_control("notes", -5)
    live.session.set_control("notes", -6)
    live.play(BAR)
    live.close()
    assert len(live.said) == 8
    assert "got -5" in live.said[6]
    assert live.said[7].endswith("(1 more of this kind)")


def test_hold_and_new(stage):
    live = stage("C major", mode="vary", every=1)
    live.play(2.5 * BAR)
    live.session.set_control("hold", 1)
    live.play(0.1 * BAR)
    held = live.status.melody
    live.play(5 * BAR)
    assert live.status.melody == held
    live.session.set_control("new")
    live.play(BAR)
    assert live.status.melody > held
    live.close()


def test_a_seed_plays_the_same_again(stage):
    takes = []
    for _ in range(2):
        live = stage("A minor", every=2, seed=5)
        live.play(8 * BAR)
        assert live.status.melody >= 4
        takes.append(live.close())
    assert takes[0] == takes[1]
    assert takes[0]


def test_an_answer_comes_at_the_bar_line_after_the_phrase_and_keeps_the_key(stage):
    live = stage("C major", mode="answer", seed=1)
    live.play(1.0)
    assert not live.status.running
    start = live.hand.now  # the first note is the first beat
    pitches = (60, 63, 67, 72) * 2  # two bars, not all of C major
    for pitch in pitches:
        live.ports.put(messages.note_on(0, pitch, 80))
        live.play(0.9 * BEAT)
        live.ports.put(messages.note_off(0, pitch))
        live.play(0.1 * BEAT)
    assert not live.ports.left  # nothing sounds into the phrase
    live.play(8 * BAR)
    (request,) = live.source.requests
    phrase = from_notes(Note(pitch, beat, beat + 0.9) for beat, pitch in enumerate(pitches))
    assert request.phrase == np.resize(phrase[:32], 256).tobytes()
    assert live.status.melody == 1
    assert live.status.satisfied == 1
    # two beats of silence end the phrase in its third bar: the answer has the fourth and the fifth
    (answer,) = live.source.answers
    due = [
        (note.pitch, start + (4 * (3 + bar) + note.start) * BEAT)
        for bar, in_bar in enumerate(bars_of(answer.states)[:2])
        for note in in_bar
    ]
    played = live.close()
    assert [pitch for pitch, _, _ in played] == [pitch for pitch, _ in due]
    assert [on for _, on, _ in played] == pytest.approx([on for _, on in due], abs=1e-4)
    assert max(off for _, _, off in played) <= start + 5 * BAR + 1e-4
    assert len(played) >= 4
    assert in_key(played, "C major")


@pytest.mark.parametrize("ports", [MemoryPorts, Periodic])
def test_every_note_of_a_phrase_comes_through(stage, ports):
    live = stage("C major", mode="answer", thru=True, ports=ports)
    live.play(1.0)
    moments = []
    for _ in range(4):
        live.ports.put(messages.note_on(3, 61, 55))
        moments.append(live.hand.now)
        live.play(0.01)
        live.ports.put(messages.note_off(3, 61))
        live.play(0.1)
    assert [moment for moment, message in live.ports.left if message == bytes((0x93, 61, 55))] == moments
    live.close()


def test_the_next_phrase_has_a_beat_of_its_own(stage):
    live = stage("C major", mode="answer")
    for gap in (8.3 * BAR, 8.7 * BAR):
        start = live.hand.now
        live.ports.put(messages.note_on(0, 60, 80))
        live.play(0.5 * BEAT)
        live.ports.put(messages.note_off(0, 60))
        live.play(gap)
        onsets = [on for on in live.ports.left if on[0] > start and messages.is_note_on(on[1])]
        assert onsets
        assert all((moment - start) / BEAT * 4 % 1 == pytest.approx(0, abs=1e-2) for moment, _ in onsets)
    live.close()


def test_without_answers_the_last_melody_goes_on(stage):
    live = stage("C major", 100, every=1)
    live.play(2.5 * BAR)
    live.source.silent = True
    live.play(4 * BAR)
    last, before = live.status.melody, len(live.ports.left)
    live.play(8 * BAR)
    assert live.status.melody == last
    assert len(live.ports.left) > before + 20
    live.source.silent = False
    live.play(4 * BAR)
    assert live.status.melody > last
    live.close()


def test_a_request_that_fails_is_said_and_made_again_later(stage):
    live = stage("C major", every=1)
    live.play(BAR)
    live.source.error = "RuntimeError: out of luck"
    live.play(4 * BAR)
    assert {*live.said} == {"no melody: RuntimeError: out of luck"}
    assert 2 <= len(live.said) <= 3  # one a second
    live.source.error = None
    melody = live.status.melody
    live.play(6 * BAR)
    assert live.status.melody > melody
    live.close()


# --- rewinding --------------------------------------------------------------------------------------------------------


class Led(Stage):
    """A session that follows the MIDI clock of the test."""

    def clocks(self, bars):
        for _ in range(round(bars * 96)):
            self.ports.put(b"\xf8")
            self.play(BEAT / 24)

    def from_bar(self, number, bars):
        """Return what is played in bars from one on: pitches, and onsets in steps of the first bar's line."""
        self.ports.put(messages.song_position(16 * number))
        self.ports.put(b"\xfb")
        began, before = self.hand.now, len(self.ports.left)
        self.clocks(bars)
        self.ports.put(b"\xfc")
        self.play(0.2)
        ons = [each for each in self.ports.left[before:] if messages.is_note_on(each[1])]
        played = [(message[1], round((moment - began) / BEAT * 4)) for moment, message in ons]
        return [(pitch, step) for pitch, step in played if step < 16 * bars]


@pytest.fixture
def led(inference, tmp_path):
    def start(*arguments, **settings):
        given = {"seed": 3, "sync": "midi-clock", "song_position": "sixteenths", "record": tmp_path / "take.mid"}
        live = Led(inference, SessionSettings.of(*arguments, **given, **settings), MemoryPorts)
        live.clocks(4)  # a DAW that does not play yet: its tempo is known from here on
        return live

    return start


@pytest.mark.parametrize("mode", ["generate", "continue", "vary"])
def test_each_pass_of_a_rewound_daw_is_the_same(led, mode):
    live = led("C major", 100, mode=mode)
    first = live.from_bar(0, 24)
    assert live.from_bar(0, 24) == first
    middle = live.from_bar(6, 4)
    assert middle == [(pitch, step - 96) for pitch, step in first if 96 <= step < 160]
    assert len(middle) > 10
    live.session.set_control("key", "F# major")
    other = live.from_bar(6, 4)
    assert other != middle
    live.session.set_control("key", "C major")
    live.play(0.1)
    assert live.from_bar(6, 4) == middle
    live.close()


def test_new_back_and_again_by_control_changes(led):
    live = led("C major", 100, every=4)
    first = live.from_bar(0, 4)
    assert live.session.status.melody == 1
    live.ports.put(messages.control(5, 103, 127))
    live.play(0.1)
    assert live.said == ["back: no melody was heard before this one"]
    live.ports.put(messages.control(5, 27, 127))
    live.ports.put(messages.control(5, 27, 0))
    live.play(0.1)
    second = live.from_bar(0, 4)
    assert second != first
    assert live.from_bar(0, 4) == second
    live.session.set_control("back")
    assert live.from_bar(0, 4) == first
    live.ports.put(messages.control(5, 102, 127))
    assert live.from_bar(4, 4) == first
    assert live.from_bar(8, 4) not in (first, second)
    live.close()


def test_an_answer_is_played_again_from_the_next_bar_line_on(stage):
    live = stage("C major", mode="answer", seed=1)
    start = live.hand.now
    for pitch in (60, 64, 67, 72) * 2:
        live.ports.put(messages.note_on(0, pitch, 80))
        live.play(0.9 * BEAT)
        live.ports.put(messages.note_off(0, pitch))
        live.play(0.1 * BEAT)
    live.play(6.5 * BAR)
    once = [message for _, message in live.ports.left]
    before = len(once)
    live.session.set_control("again")
    live.play(4 * BAR)
    twice = live.ports.left[before:]
    assert [message for _, message in twice] == once
    assert len(once) > 4
    assert (twice[0][0] - start) / BAR >= 9 - 1e-3  # pressed in the ninth bar
    assert len(live.source.requests) == 1
    live.close()


def test_a_melody_is_found_in_a_recording_by_its_marker(led, tmp_path):
    live = led("C major", 100)
    live.from_bar(0, 32)
    live.from_bar(16, 16)
    made = [live.session._queue._history[number].states for number in (1, 2, 2)]
    live.close()
    marked = markers.read(tmp_path / "take.mid")
    assert [each.text for each in marked] == ["melody 1", "melody 2", "melody 2"]
    taken = [select_melody(tmp_path / "take.mid", bar=int(each.beat // 4)).states.tobytes() for each in marked]
    assert taken == made


def test_a_recording_says_where_each_melody_begins(led, tmp_path):
    live = led("C major", 100, every=4)
    passes = [live.from_bar(*each) for each in ((0, 8), (2, 4), (0, 4))]
    assert all(passes)
    live.close()
    marked = [(each.text, each.beat / 4) for each in markers.read(tmp_path / "take.mid")]
    one, two = "melody 1", "melody 2"
    assert marked == [(one, 0), (two, 4), (one, 8), (two, 10), (one, 12)]
    (track,) = files.read(tmp_path / "take.mid").values()
    steps = [(note.pitch, round(note.start * 4)) for note in track]
    assert steps == [
        (pitch, step + 16 * bar) for bar, played in zip((0, 8, 12), passes, strict=True) for pitch, step in played
    ]


# --- the inference process, for real ----------------------------------------------------------------------------------


def test_a_session_plays_what_the_process_makes():
    ports = MemoryPorts()
    with Session(SessionSettings.of("C major", tempo=480, every=1), ports=ports) as session:
        assert until(lambda: session.status.melody >= 3)
        session.set_control("key", "F# major")
        assert until(lambda: "F# major" in str(session.status))
        melody = session.status.melody
        assert until(lambda: session.status.melody >= melody + 3)
        assert not session.wait(0)
    assert notes(ports)


def test_a_process_that_stalls_is_replaced_when_its_time_is_over():
    hand = Hand()
    process = Worker(Setup(), now=hand)

    def answered(number):
        process.ask(Request(number, ControlValues(), 0))
        answers = []
        assert until(lambda: answers.extend(process.poll()) or answers)
        return [answer.id for answer in answers]

    def ready():
        process.poll()
        return process.ready

    try:
        assert until(ready)
        assert answered(1) == [1]
        first = process.pid
        os.kill(first, signal.SIGSTOP)
        process.ask(Request(2, ControlValues(), 0))
        hand.now += worker.STALLED - 0.1
        assert process.poll() == []
        assert process.pid == first
        hand.now += 0.2
        process.poll()
        assert process.pid not in (None, first)
        assert process.trouble == "the inference process stalled; starting another"
        assert not process.free
        assert until(ready)
        assert answered(3) == [3]
        assert process.trouble is None
    finally:
        process.close()
    assert not Path(f"/proc/{first}/exe").exists()


def test_a_process_that_has_lost_its_device_is_replaced(monkeypatch):
    """`lost_device` is the process, with a device that is lost at request 2 and stays so."""
    helpers = str(Path(__file__).parents[1] / "helpers")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")]))
    hand = Hand()
    process = Worker(Setup(), now=hand, module="lost_device")

    def ready():
        process.poll()
        return process.ready

    def asked(number):
        process.ask(Request(number, ControlValues(), 0))
        answers = []
        assert until(lambda: answers.extend(process.poll()) or answers)
        return answers[0]

    try:
        assert until(ready)
        first = process.pid
        assert asked(1).id == 1
        failure = asked(2)
        assert failure.error == "AcceleratorError: CUDA error: device-side assert triggered"
        assert until(lambda: process.poll() == [] and process.pid not in (None, first))
        assert process.trouble == "the inference process ended; starting another"
        assert until(ready)
        assert asked(3).id == 3
        assert process.trouble is None
    finally:
        process.close()


def test_a_device_that_is_lost_at_the_start_is_said(monkeypatch):
    helpers = str(Path(__file__).parents[1] / "helpers")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("LOST_AT", "0")
    process = Worker(Setup(), module="lost_device")
    try:
        assert until(lambda: process.poll() or process.fatal)
        assert process.fatal == "AcceleratorError: CUDA error: device-side assert triggered"
    finally:
        process.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"actors": ("none.safetensors",)}, "none.json"),
        ({"rules": ("no_such_rule",)}, "no_such_rule"),
        ({"model": "nowhere"}, "nowhere"),
        ({"device": "cuda:99"}, "device: expected cpu"),
    ],
)
def test_what_is_missing_is_said_before_anything_plays(wrong, says):
    ports = MemoryPorts()
    with pytest.raises(UserError, match=says):
        Session(SessionSettings(**wrong), ports=ports).open()
    assert not ports.open
    assert ports.left == []


def test_closing_a_session_while_it_opens_ends_it():
    class Never(Direct):
        ready, closed = False, False

        def close(self):
            self.closed = True

    source, ports = Never(None), MemoryPorts()
    session = Session(SessionSettings(), ports=ports, source=lambda setup, wake: source)
    opening = threading.Thread(target=session.open)
    opening.start()
    assert until(lambda: hasattr(session, "_source"))
    session.close()
    opening.join(PATIENCE)
    assert not opening.is_alive()
    assert session.wait(0)
    assert source.closed
    assert not ports.open
    assert ports.left == []


def test_what_opens_slower_than_closing_waits_is_closed_all_the_same(monkeypatch):
    monkeypatch.setattr("melodylc.live.session.CLOSING", 0.01)
    entered, go = threading.Event(), threading.Event()

    def slow(setup, wake):
        entered.set()
        go.wait(PATIENCE)
        return Direct(None)

    ports = MemoryPorts()
    session = Session(SessionSettings(), ports=ports, source=slow)
    opening = threading.Thread(target=session.open)
    opening.start()
    assert entered.wait(PATIENCE)
    session.close()
    go.set()
    opening.join(PATIENCE)
    assert not ports.open


def test_a_session_that_was_never_opened_closes():
    session = Session()
    session.close()
    session.close()
    assert session.open().wait(0)  # it is over


def test_the_examples_of_the_module_and_of_the_page_run(monkeypatch, tmp_path):
    """As a reader would run them, on ports in memory, and without waiting."""
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text()
    (from_page,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    from_module = "\n".join(line[4:] for line in melodylc.live.__doc__.splitlines() if line.startswith("    "))
    used = []

    def in_memory(settings, stack, say):
        used.append(MemoryPorts())
        return used[-1]

    monkeypatch.setattr("melodylc.live.session.open_session_ports", in_memory)
    monkeypatch.setattr("melodylc.live.opening.paths.sounding_notes", lambda name: str(tmp_path / "unused.books"))
    monkeypatch.setattr(
        Session, "wait", lambda session, seconds=None: until(lambda: session.status.melody > 0 and session.ports.left)
    )
    for example in (from_module, from_page):
        exec(compile(example, "example", "exec"), {})
        assert notes(used[-1])

"""A session in Python on ports in memory, with the real inference process."""

import subprocess
import sys
import time
from dataclasses import asdict
from typing import ClassVar

import numpy as np
import pytest
import torch
from test_player import pairs

from melodylc import UserError, load_actor
from melodylc.live import ControlValues, Session, SessionSettings, worker
from melodylc.live.inference import Inference
from melodylc.melody import HOLD, from_notes
from midi_io import messages
from midi_io.files import Note
from midi_io.ports import MemoryPorts


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


def notes(ports):
    return pairs([each for each in ports.left if each[1][0] & 0xE0 == 0x80])


def test_the_player_does_without_torch():
    script = "import sys, melodylc.live, melodylc.cli.binding; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_it_varies_and_is_turned_and_ends_every_note():
    ports, said = MemoryPorts(), []
    settings = SessionSettings(ControlValues("C major", notes=100), mode="vary", every=1, tempo=480, seed=3)
    with Session(settings, ports=ports, say=said.append) as session:
        assert until(lambda: session.status.melody >= 4)
        assert session.status.satisfied is not None
        assert session.status.way is not None
        assert "from " in str(session.status)
        assert session.status.queue <= 2
        session.turn("key", "F# major")
        session.turn("volume", 11)
        assert until(lambda: "F# major" in str(session.status))
        melody = session.status.melody
        assert until(lambda: session.status.melody >= melody + 3)
        time.sleep(1.0)
        began = ports.now()
        time.sleep(1.0)
        session.turn("hold", 1)
        time.sleep(0.6)
        held = session.status.melody
        time.sleep(1.5)
        assert session.status.melody == held
        session.turn("new")
        assert until(lambda: session.status.melody > held)
    played = notes(ports)
    late = {pitch % 12 for pitch, on, _ in played if on > began}
    assert late <= {6, 8, 10, 11, 1, 3, 5}
    assert any("control: expected one of" in line for line in said)
    assert ports.books.sounding == []


@pytest.fixture(scope="module")
def inference():
    setup = {"model": None, "device": None, "rules": [], "actors": [], "strict": False, "tries": 8, "asked": {}}
    return Inference(setup)


def test_what_a_session_learns_first_is_bounded_and_kept(inference, tmp_path):
    kept = tmp_path / "kept.safetensors"
    settings = SessionSettings(rules=("notes(at_least=1)",), rounds=2, seconds=0, keep=kept)
    learned = Inference(Session(settings, ports=MemoryPorts())._setup())
    assert len(learned.actors[0].card["curve"]) == 1
    assert load_actor(kept, inference.model).card["rule"] == "1 notes"


def request(asked, seed=0, states=None, amount=0.0):
    fields = {"id": 1, "z": None, "toward": 9, "amount": amount, "asked": asdict(asked), "seed": seed}
    return {**fields, "states": None if states is None else states.tobytes().hex()}


@pytest.mark.parametrize(
    ("asked", "way"),
    [
        (ControlValues("C major"), "actor"),
        (ControlValues("E blues", notes=120, low=60, high=84), "masked notes actor"),
        (ControlValues("Bb harmonic minor"), "masked prior"),
    ],
)
def test_an_answer_says_which_way_it_came_and_is_kept(inference, asked, way):
    answers = [inference.answer(request(asked, seed)) for seed in range(8)]
    kept = [answer["plausible"] and set(answer["rewards"].values()) == {1} for answer in answers]
    assert sum(kept) >= 7
    assert [answer["way"] for answer in answers].count(way) >= 6
    assert inference.answer(request(asked, 3))["states"] == answers[3]["states"]
    allowed_states = asked.attributes().pitches()
    for answer in answers:
        states = np.frombuffer(bytes.fromhex(answer["states"]), np.uint8)
        assert allowed_states[states[states < HOLD]].all() or min(answer["rewards"].values()) < 1


def test_a_melody_may_be_as_odd_as_the_phrase_it_answers(inference):
    phrase = from_notes(Note(pitch, i / 2, i / 2 + 0.5) for i, pitch in enumerate((60, 64, 67, 72) * 2))
    answer = inference.answer(request(ControlValues("C major"), states=phrase))
    assert answer["plausible"]
    assert not inference.bounds.plausible(phrase[None])[0]


def test_the_actor_of_a_rule_moves_every_way(inference, monkeypatch):
    """A control that takes every vector to one place: whatever the way, that is the melody it decodes to."""

    class Still:
        card: ClassVar = {"rule": "still"}

        def move(self, z):
            return torch.zeros_like(z)

    monkeypatch.setattr(inference, "actors", [Still()])
    known = inference._ways(ControlValues("E blues", notes=120), "prior")
    assert [way.name for way in known] == ["actor", "masked notes actor", "masked notes actor in part"]
    for way in known:
        assert not way.move(inference.model.prior(2, 0)).any()
    assert [way.name for way in inference._ways(ControlValues(), "prior")] == ["actor of rules"]
    assert [way.name for way in inference._ways(ControlValues("E blues"), "prior")] == [
        "actor",
        "masked actor of rules",
    ]


def test_a_seed_plays_the_same_again():
    melodies = []
    for _ in range(2):
        ports = MemoryPorts()
        with Session(SessionSettings(ControlValues("A minor"), tempo=480, every=2, seed=5), ports=ports) as session:
            assert until(lambda session=session: session.status.melody >= 3)
        melodies.append([pitch for pitch, _, _ in sorted(notes(ports), key=lambda note: note[1])][:20])
    assert melodies[0] == melodies[1]


def test_it_answers_in_the_time_of_the_first_note():
    ports = MemoryPorts()
    with Session(SessionSettings(ControlValues("C major"), mode="answer", tempo=480, seed=1), ports=ports) as session:
        assert not session.status.running
        for pitch in (60, 64, 67, 72) * 2:
            ports.put(messages.note_on(0, pitch, 80))
            time.sleep(0.11)
            ports.put(messages.note_off(0, pitch))
            time.sleep(0.01)
        assert until(lambda: len(ports.left) > 2)
        assert session.status.melody == 1
        time.sleep(2.0)
    assert notes(ports)


def test_a_worker_that_stalls_is_replaced(monkeypatch):
    import os
    import signal

    monkeypatch.setattr(worker, "STALLED", 1.0)
    ports = MemoryPorts()
    with Session(SessionSettings(ControlValues("C major"), tempo=480, every=1), ports=ports) as session:
        assert until(lambda: session.status.melody > 2)
        first = session._worker.pid
        os.kill(first, signal.SIGSTOP)
        assert until(lambda: session._worker.pid not in (None, first))
        before = len(ports.left)
        assert until(lambda: len(ports.left) > before + 4)
        melody = session.status.melody
        assert until(lambda: session.status.melody > melody + 2)


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

"""What the inference process answers, asked directly."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from small_budgets import fill_in_briefly, learn_briefly

from melodylc import load_actor
from melodylc.attributes import Attributes
from melodylc.live import ControlValues, SessionSettings
from melodylc.live.inference import Inference
from melodylc.live.opening import setup_of
from melodylc.live.protocol import Request, Setup
from melodylc.melody import HOLD, canonical, from_notes
from melodylc.style import learn_style
from midi_io.files import Note


@pytest.mark.parametrize("rules", [(), ("stepwise",)])
def test_melodies_that_continue_begin_with_the_last_bars_of_those_before(rules, monkeypatch):
    fill_in_briefly(monkeypatch)
    inference = Inference(Setup(rules=rules, searches=True, tries=4))
    asked = ControlValues(Attributes("A minor"))
    before = inference.answer(Request(1, asked, seed=5))
    assert before.way == "search"
    for number in (2, 3):
        after = inference.answer(Request(number, asked, seed=5, before=before.states))
        first, second = (np.frombuffer(each.states, np.uint8) for each in (before, after))
        known = canonical(np.tile(first[128:], 2))[:128]  # a note held over from before is a rest
        assert (second[:128] == known).all()
        assert second[128] != HOLD  # nothing sounds over the seam
        assert after.way == "continued"
        assert "A minor" in after.rewards
        assert len(after.rewards) == 1 + len(rules)
        before = after
    changed = inference.answer(Request(4, ControlValues(Attributes("F# major")), seed=5, before=before.states))
    assert changed.rewards["F# major"] == 1  # of the new bars: the old ones were for another key


def test_a_session_in_a_style_plays_in_it(inference, tmp_path):
    learned = inference.model.bank.states[(inference.model.bank.states < HOLD).sum(axis=1) > 150][:20]
    learn_style(inference.model, learned, progress=False).save(tmp_path / "fast.safetensors")
    styled = Inference(Setup(style=str(tmp_path / "fast.safetensors")))

    def notes(answers):
        return np.median([sum(state < HOLD for state in each.states) for each in answers])

    requests = [Request(seed, ControlValues(), seed) for seed in range(1, 9)]
    plain, fast = (notes(map(each.answer, requests)) for each in (inference, styled))
    assert plain < 110 < fast


def test_what_a_session_learns_first_is_bounded_and_saved(inference, tmp_path, monkeypatch):
    learn_briefly(monkeypatch)
    path = tmp_path / "actor.safetensors"
    settings = SessionSettings(rules=("notes(at_least=1)",), rounds=2, seconds=0, keep=path)
    learned = Inference(setup_of(settings, own_ports=False))
    assert len(learned.actors[0].card["curve"]) == 1
    assert load_actor(path, inference.model).card["rule"] == "1 notes"


def request(attributes, seed=0, phrase=None):
    return Request(1, ControlValues(attributes), seed, 9, 0.0, None if phrase is None else phrase.tobytes())


@pytest.mark.parametrize(
    ("attributes", "way"),
    [
        (Attributes("C major"), "prior"),
        (Attributes("D blues", low=60, high=84), "prior"),
        (Attributes("E blues", notes=120, low=60, high=84), None),  # some as drawn, others masked
        (Attributes("Bb harmonic minor"), "prior"),
        (Attributes("C,C#,D,F#,G,G#"), "masked prior"),  # of no scale: draws know it badly
    ],
)
def test_an_answer_says_which_way_it_came_and_is_kept(inference, attributes, way):
    answers = [inference.answer(request(attributes, seed)) for seed in range(8)]
    kept = [answer.plausible and set(answer.rewards.values()) == {1} for answer in answers]
    assert sum(kept) >= 7
    assert way is None or [answer.way for answer in answers].count(way) >= 6
    assert inference.answer(request(attributes, 3)).states == answers[3].states
    allowed_pitches = attributes.pitches()
    for answer in answers:
        states = np.frombuffer(answer.states, np.uint8)
        assert allowed_pitches[states[states < HOLD]].all() or min(answer.rewards.values()) < 1


def test_a_melody_may_be_as_odd_as_the_phrase_it_answers(inference):
    phrase = from_notes(Note(pitch, i / 2, i / 2 + 0.5) for i, pitch in enumerate((60, 64, 67, 72) * 2))
    answer = inference.answer(request(Attributes("C major"), phrase=phrase))
    assert answer.plausible
    assert not inference.bounds.plausible(phrase[None])[0]


def test_the_actor_of_a_rule_moves_every_way(inference, monkeypatch):
    """An actor that takes every vector to one place: whatever the way, that is the melody it decodes to."""

    class Still:
        card: ClassVar = {"rule": "still"}

        def move(self, z):
            return torch.zeros_like(z)

    def ways(attributes, start="prior"):
        return inference._ways(ControlValues(attributes), start)

    monkeypatch.setattr(inference, "actors", [Still()])
    known = ways(Attributes("E blues", notes=120))
    assert [way.name for way in known] == ["actor of rules", "masked actor of rules"]
    of_a_phrase = ways(Attributes("E blues", notes=120), "phrase")
    assert [way.name for way in of_a_phrase] == ["actor", "masked actor", "actor of rules", "masked actor of rules"]
    for way in known + of_a_phrase:
        assert not way.move(inference.model.prior(2, 0)).any()
    assert [way.name for way in ways(Attributes())] == ["actor of rules"]
    assert [way.name for way in ways(Attributes(notes=90))] == ["actor of rules"]

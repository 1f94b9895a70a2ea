"""What the inference process makes for the panel, with the embedded model."""

import json

import numpy as np
import pytest
from small_budgets import fill_in_briefly, learn_briefly

from melodylc import exchange, rules
from melodylc.base.errors import UserError
from melodylc.constraints.infilling import of_new_notes
from melodylc.live.inference import Conversation, Inference
from melodylc.live.protocol import Progress, Setup, Task
from melodylc.melody import HOLD, REST, STEPS, STEPS_PER_BAR
from melodylc.tasks import making
from melodylc.tasks.locks import FREE, LOCKED, PITCHES, RHYTHM
from melodylc.tasks.performing import TASKS, perform
from melodylc.tasks.remaking import ended_as_given

ANYTHING = {"key": None, "notes": None, "low": None, "high": None, "at_most": None}


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What is found depends on how far searches come: a slow machine is to come as far, in less work for each draw."""
    monkeypatch.setattr(making, "SECONDS", 60.0)
    monkeypatch.setattr(making, "ADDED_SECONDS", 60.0)
    fill_in_briefly(monkeypatch)


@pytest.fixture(scope="module")
def inference():
    return Inference(Setup())


def wishes(**others):
    asked = {"attributes": ANYTHING, "rules": [], "taste": None, "actors": [], "chords": None, "form": None}
    return asked | {"bars": 16, "count": 2, "temperature": None, "strict": False, "seed": 5} | others


def asked_for(inference, name, stop=False, **others):
    """Return the result of a task and what it told before, as they come through JSON."""
    said = []
    # in no time: a slow machine is not to have it say that it goes on
    conversation = Conversation(Task(1, name, json.loads(json.dumps(wishes(**others)))), said.append, now=lambda: 0.0)
    if stop:
        conversation.stop()
    made = json.loads(json.dumps(perform(inference, conversation)))
    assert all(isinstance(each, Progress) for each in said)
    return made, [each.made for each in said]


def notes_of(made):
    return [np.array(each["states"], np.uint8) for each in made["melodies"]]


def test_candidates_keep_what_is_asked_for_and_say_so(inference):
    asked = ANYTHING | {"key": "E blues", "low": 55, "high": 84}
    made, told = asked_for(inference, "generate", attributes=asked)
    assert told == [], "what is only drawn comes at once"
    for each, melody in zip(made["melodies"], notes_of(made), strict=True):
        satisfied = {rule["name"] for rule in each["rules"] if rule["reward"] == 1}
        assert each["kept"] == (len(satisfied) == 2 and not each["implausible"])
        assert (rules.pitch_classes("E blues")(melody) == 1) == ("E blues" in satisfied)
        assert set(melody[melody < HOLD]) <= set(each["allowed"]) or each["outside"]
        assert each["tonic"] == 4
    assert any(each["kept"] for each in made["melodies"])


def test_candidates_over_chords_come_one_by_one_with_their_chords(inference):
    made, told = asked_for(inference, "generate", chords="Am F C G")
    assert [len(each["melodies"]) for each in told] == [1]
    assert told[0]["melodies"] == made["melodies"][:1]
    for each in made["melodies"]:
        assert [chord["name"] for chord in each["chords"]] == ["Am", "F", "C", "G"] * 4
        assert [chord["start"] for chord in each["chords"]] == list(range(0, STEPS, 16))
        assert each["kept"]
        assert each["outside"] == []


def test_a_rule_is_named_as_it_was_asked_for(inference):
    made, _ = asked_for(inference, "generate", rules=["leaps(5)"], count=1)
    assert [rule["rule"] for rule in made["melodies"][0]["rules"]] == ["leaps"]


def test_candidates_in_a_form_and_of_other_lengths(inference):
    made, _ = asked_for(inference, "generate", form="AABA", count=1)
    (melody,) = notes_of(made)
    assert (melody[:64] == melody[64:128]).all()
    made, _ = asked_for(inference, "generate", bars=8, count=1)
    assert len(notes_of(made)[0]) == 128


def test_what_is_stopped_has_what_there_is(inference):
    made, _ = asked_for(inference, "generate", stop=True, rules=["syncopation(at_least=1.0)"], count=4)
    assert len(made["melodies"]) == 1


def test_remaking_keeps_what_is_locked_to_the_last_step(inference):
    (given,) = notes_of(asked_for(inference, "generate", attributes=ANYTHING | {"key": "C major"}, count=1)[0])
    locks = np.zeros(STEPS, int)
    locks[:64], locks[64:128], locks[128:192] = LOCKED, RHYTHM, PITCHES
    asked = {"melody": given.tolist(), "locks": locks.tolist(), "attributes": ANYTHING | {"key": "C major"}}
    made, _ = asked_for(inference, "remake", **asked)
    for melody in notes_of(made):
        assert (melody[:64] == given[:64]).all()
        assert ((melody < HOLD) == (given < HOLD))[65:128].all()
        before, after = (each[128:192][each[128:192] < HOLD].tolist() for each in (given, melody))
        assert after == before[: len(after)] or before == after[: len(before)]
        assert (melody[192:] != given[192:]).any()
        judged = of_new_notes(rules.pitch_classes("C major"), given, locks == LOCKED)
        assert judged(melody) > 0.9


def test_remaking_of_other_lengths(inference):
    (long,) = notes_of(asked_for(inference, "generate", bars=24, count=1)[0])
    locks = np.full(len(long), LOCKED)
    locks[20 * 16 : 22 * 16] = 0
    made, _ = asked_for(inference, "remake", melody=long.tolist(), locks=locks.tolist(), bars=24, count=1)
    (melody,) = notes_of(made)
    assert (melody[locks == LOCKED] == long[locks == LOCKED]).all()
    short = long[:128]
    locks = np.full(128, LOCKED)
    locks[:32] = 0
    made, _ = asked_for(inference, "remake", melody=short.tolist(), locks=locks.tolist(), bars=8, count=1)
    (melody,) = notes_of(made)
    assert (melody[32:] == short[32:]).all()
    with pytest.raises(UserError, match="everything is locked"):
        asked_for(inference, "remake", melody=short.tolist(), locks=[LOCKED] * 128)


@pytest.mark.parametrize("bars", [4, 16])
def test_a_figure_that_repeats_is_made_anew_none_the_less(inference, bars):
    """The other bars tell what these were, most likely: the same again is not what was asked for."""
    scale = np.full(STEPS_PER_BAR, HOLD, np.uint8)
    scale[::2] = [60, 62, 64, 65, 67, 69, 71, 72]
    melody, locks = np.tile(scale, bars), np.full(bars * STEPS_PER_BAR, LOCKED)
    locks[STEPS_PER_BAR : 3 * STEPS_PER_BAR] = FREE
    for seed in range(4):
        asked = {"melody": melody.tolist(), "locks": locks.tolist(), "bars": bars, "count": 1, "seed": seed}
        made, _ = asked_for(inference, "remake", **asked)
        states = np.array(made["melodies"][0]["states"])
        assert (states[locks == LOCKED] == melody[locks == LOCKED]).all()
        assert (states != melody).any()


def test_neighbours_are_like_it_and_no_two_the_same(inference):
    given, other = notes_of(asked_for(inference, "generate")[0])
    near, _ = asked_for(inference, "like", melody=given.tolist(), amount=0.2, count=4)
    far, _ = asked_for(inference, "like", melody=given.tolist(), amount=0.9, count=4)
    same = {name: np.mean([(each == given).mean() for each in notes_of(made)]) for name, made in
            (("near", near), ("far", far))}  # fmt: skip
    assert same["near"] > same["far"]
    assert same["near"] > (other == given).mean()
    melodies = notes_of(near)
    assert len({each.tobytes() for each in [given, *melodies]}) == len(melodies) + 1


def test_between_two_are_others(inference):
    first, last = notes_of(asked_for(inference, "generate")[0])
    made, _ = asked_for(inference, "between", first=first.tolist(), last=last.tolist(), count=3)
    assert len(made["melodies"]) == 3
    nearer = [(each == first).mean() > (each == last).mean() for each in notes_of(made)]
    assert nearer[0]
    assert not nearer[-1]


def test_a_melody_goes_on_from_what_it_was(inference):
    (given,) = notes_of(asked_for(inference, "generate", count=1)[0])
    made, _ = asked_for(inference, "continue", melody=given.tolist(), bars=24, count=1)
    (melody,) = notes_of(made)
    assert (melody[:STEPS] == given).all()
    assert len(melody) == 24 * 16


def test_a_file_that_was_dropped_is_read_and_says_what_else_it_has(inference, tmp_path):
    (given,) = notes_of(asked_for(inference, "generate", count=1)[0])
    path = tmp_path / "mine.mid"
    exchange.write_midi(path, given, chords="C G")
    made, _ = asked_for(inference, "read", path=str(path), track=None, channel=None, bar=None)
    assert (notes_of(made)[0] == given).all()
    line = made["tracks"][0]
    assert made["taken"] == {"track": line["track"], "channel": line["channel"], "bar": 0}
    assert made["marked"] == []
    path.write_bytes(b"no MIDI")
    with pytest.raises(UserError, match="expected a MIDI file"):
        asked_for(inference, "read", path=str(path), track=None, channel=None, bar=None)


def test_a_taste_goes_on_from_an_earlier_one_and_is_a_rule(inference, tmp_path):
    known = inference.model.bank.states
    notes = (known < HOLD).sum(axis=1)
    busy, slow = (known[order].tolist() for order in (np.argsort(-notes)[:6], np.argsort(notes)[:6]))
    first, second = (str(tmp_path / f"{name}.safetensors") for name in ("first", "second"))
    asked_for(inference, "taste", path=first, liked=busy[:3], disliked=slow[:3], base=None)
    made, _ = asked_for(inference, "taste", path=second, liked=busy[3:], disliked=slow[3:], base=first)
    assert 0 < made["share"] < 1
    made, _ = asked_for(inference, "judge", melodies=[busy[0], slow[0]], taste=second)
    liked, disliked = (each["rules"][-1]["reward"] for each in made["melodies"])
    assert liked > disliked
    made, _ = asked_for(inference, "ask", path=second)
    assert len(made["melodies"]) == 2


def test_learning_tells_its_curve_and_ends_when_it_is_stopped(inference, tmp_path, monkeypatch):
    learn_briefly(monkeypatch)
    path = str(tmp_path / "actor.safetensors")
    with pytest.raises(UserError, match="stopped"):
        asked_for(inference, "learn", stop=True, rules=["syncopation"], path=path)
    said = []

    def say(message):
        said.append(message.made)
        conversation.stop()

    conversation = Conversation(Task(1, "learn", wishes(rules=["syncopation"], path=path)), say)
    made = perform(inference, conversation)
    assert len(said) == 1, "it ends after the round in which it was stopped"
    assert made["curve"] == said[0]["curve"]
    again, _ = asked_for(inference, "generate", rules=["syncopation"], actors=[path])
    assert {each["way"] for each in again["melodies"]} <= {"actor of rules", "prior", "prior, masked"}
    with pytest.raises(UserError, match="expected a rule or chords"):
        asked_for(inference, "learn", path=path)


def test_files_of_rules_are_listed_and_what_is_wrong_with_them(inference, tmp_path):
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(
        "from melodylc import rules\n\n@rules.rule\ndef high(states):\n    '''Be high.'''\n    return states"
    )
    bad.write_text("import nothing_of_the_kind")
    made, _ = asked_for(inference, "catalogue", files=[str(good), str(bad)])
    high, wrong = made["entries"]
    assert high["name"].endswith("good.py:high")
    assert high["error"] is None
    assert "nothing_of_the_kind" in wrong["error"]


def test_another_task_is_refused(inference):
    with pytest.raises(UserError, match=", ".join(TASKS)):
        asked_for(inference, "format the disk")


@pytest.mark.parametrize(("there", "bars"), [(4, 12), (8, 16), (12, 24)])
def test_a_short_melody_goes_on_and_what_was_there_stays(inference, there, bars):
    given = to_states(["C4", "D4", "E4", "G4"] * there)
    made, _ = asked_for(inference, "continue", melody=given.tolist(), bars=bars, count=1)
    (melody,) = notes_of(made)
    assert len(melody) == bars * 16
    assert (melody[: len(given)] == given).all()
    assert (melody[len(given) :] < HOLD).any()


def to_states(names):
    """A quarter note for each name."""
    states = np.full(len(names) * 4, HOLD, np.uint8)
    states[::4] = [{"C4": 60, "D4": 62, "E4": 64, "G4": 67}[name] for name in names]
    return states


def test_a_locked_note_before_what_is_remade_ends_where_it_ended():
    given = np.array([60, HOLD, HOLD, HOLD] * 4, np.uint8)
    locked = np.arange(16) < 6
    longer = given.copy()
    longer[6:12] = HOLD  # the note of step 4 was held over steps 6 and 7, and now goes on
    assert (ended_as_given(longer, given, locked) == longer).all()
    locked = np.arange(16) < 8
    assert ended_as_given(longer, given, locked).tolist() == [60, *[HOLD] * 3] * 2 + [REST] * 4 + [60, *[HOLD] * 3]

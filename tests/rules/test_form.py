"""Forms of melodies, and cadences."""

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

import melodylc
from melodylc import rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.melody import HOLD, REST
from melodylc.rules.form import Form

RNG = np.random.default_rng(0)


def phrase(low=60):
    return RNG.integers(low, low + 12, 64).astype(np.uint8)


def test_phrases_are_equal_as_letters_are():
    a, b = phrase(), phrase()
    rule = rules.form("AABA")
    assert rule(np.concatenate([a, a, b, a])) == 1
    assert rule(np.concatenate([a, b, b, a])) < 0.9
    assert rule(np.concatenate([a, a, a, a])) == pytest.approx(2 / 5)  # B is to differ from three
    varied = np.concatenate([a[:32], phrase()[:32]])
    assert rules.form("AA'BA")(np.concatenate([a, varied, b, a])) == 1
    assert rules.form("AA'BA")(np.concatenate([a, a, b, a])) < 1
    assert rules.form("AABA").name == "form AABA"


@pytest.mark.parametrize(
    ("text", "bars", "source"),
    [
        ("AB", 8, list(range(16))),
        ("AABA", 4, [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3]),
        ("AA'BA", 4, [0, 1, 2, 3, 0, 1, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3]),
        ("ABA", 4, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15]),
        ("a b a b c c a b", 2, [0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 8, 9, 0, 1, 2, 3]),
    ],
)
def test_where_bars_come_from(text, bars, source):
    form = Form.parse(text)
    assert form.bars == bars
    assert form.source().tolist() == source
    assert Form.parse(str(form)) == form


@pytest.mark.parametrize("text", ["", "A", "ABCDEFGHI", "A'A", "AB'A", "A1", "A''", None, "AA-BA"])
def test_what_is_no_form_is_refused(text):
    with pytest.raises(UserError, match="form: "):
        rules.form(text)


@given(st.lists(melodies(), min_size=1, max_size=3), st.sampled_from(["AB", "AABA", "AA'BA", "ABAC", "AAB"]))
def test_rewards_lie_between_0_and_1(drawn, text):
    rewards = rules.form(text)(np.stack(drawn))
    assert ((rewards >= 0) & (rewards <= 1)).all()


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize("text", ["AABA", "AA'BA", "ABAB", "AAB"])
def test_melodies_come_in_a_form(text):
    """By construction, and with a key; the phrases are melodies, not one bar over and over."""
    made = melodylc.generate(melodylc.load(), Attributes("C major"), 4, form=text, seed=1)
    assert rules.form(text).satisfied(made.melodies).all()
    assert rules.pitch_classes("C major").satisfied(made.melodies).mean() >= 0.75
    first = made.melodies[:, :64].reshape(4, 4, 16)
    assert np.mean([len(np.unique(bars, axis=0)) for bars in first]) > 2.5
    assert f"in form {text}" in made.summary


def test_forms_and_learning_do_not_go_together():
    for options in ({"how": "learn"}, {"keep": "a.safetensors"}):
        with pytest.raises(UserError, match="form: melodies in a form are searched for"):
            melodylc.generate(melodylc.load(), count=1, form="AABA", **options)


@pytest.mark.usefixtures("every_core")
def test_forms_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--form", "AABA", "--key", "D minor", "--count", "1", "--seed", "2"]) == 0
    out = capsys.readouterr().out
    assert "1 of 1 kept; made for D minor, in form AABA" in out
    assert "form AABA" in out.splitlines()[1]
    assert main(["generate", "--form", "AABA", "--rounds", "3"]) == 2
    assert main(["generate", "--form", "A"]) == 2
    assert "form: expected 2 to 8 letters" in capsys.readouterr().err


def test_a_cadence_is_a_long_tonic():
    melody = np.full(256, REST, np.uint8)
    melody[:4] = [67, HOLD, 64, HOLD]
    melody[240] = 62
    melody[241:244] = HOLD
    assert rules.cadence("D dorian")(melody) == 1
    assert rules.cadence("C major")(melody) == 0.5  # long, but no tonic
    melody[242:] = REST
    assert rules.cadence("D dorian")(melody) == 0.75
    assert rules.cadence("E minor", every=8)(melody) == pytest.approx((0.5 + 0.25 + 0.25) / 2)
    assert rules.cadence("C major")(np.full(256, REST, np.uint8)) == 0
    with pytest.raises(UserError, match="expected a key with a tonic"):
        rules.cadence("0,2,4,7,9")
    with pytest.raises(UserError, match="expected every 1, 2, 4, 8 or 16"):
        rules.cadence("C major", every=3)


@pytest.mark.usefixtures("every_core")
def test_cadences_are_found():
    rule = rules.cadence("A minor", every=8)
    made = melodylc.generate(melodylc.load(), Attributes("A minor"), 3, rules=rule, seed=4)
    assert rule.satisfied(made.melodies).all()

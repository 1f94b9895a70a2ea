"""Rules as a list to choose from: what is read of them, and the text that makes one again."""

import json
import os
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.base.errors import UserError
from melodylc.rules import catalogue
from melodylc.rules.catalogue import Entry, Parameter, built_in, call, of_file
from melodylc.rules.find import BUILT_IN, _parse_call

ENTRIES = {entry.name: entry for entry in built_in()}
OF_A_USER = '''"""Rules of a user."""
from typing import Literal, Optional

import numpy as np
from melodylc import rules
from melodylc.rules import Rule, contour


@rules.rule
def loud(states):
    """Reward what is loud.

    Very.
    """
    return np.ones(len(states))


def above(pitch: int, share: "float | None" = None, *, where: Literal["all", "first"] = "all", twice=False) -> Rule:
    """Reward notes above a pitch.

    Args:
        pitch, share: the lowest one, and how many
            of them.
    """
    return rules.pitch_range(pitch, 127)


def named(text, weights=np.ones(3), *further, **words) -> "rules.Rule":
    return rules.form(text)


def helper(states) -> float:
    return 0.5


_hidden = loud
arch = contour("arch") & loud
'''


def parameters(name):
    return {parameter.name: parameter for parameter in ENTRIES[name].parameters}


def test_every_built_in_rule_is_there():
    assert [*ENTRIES][: len(BUILT_IN)] == [*BUILT_IN]
    for entry in ENTRIES.values():
        assert entry.summary.startswith("Reward ")
        assert entry.doc.startswith(entry.summary[:40])
        assert entry.error is None
        assert {parameter.kind for parameter in entry.parameters} <= set(catalogue.KINDS)
        assert all((parameter.kind == "choice") == (parameter.choices is not None) for parameter in entry.parameters)


def test_arguments_and_their_values():
    assert parameters("contour") == {
        "shape": Parameter("shape", "choice", None, ("rising", "falling", "arch", "valley"), required=True),
        "at_least": Parameter("at_least", "float", 0.6),
    }
    assert parameters("motif")["of"].choices == ("notes", "rhythm", "intervals")
    assert parameters("motif")["of"].doc.startswith('the kind of motif. "rhythm": the steps on which notes start;')
    assert parameters("call_and_response")["length"].choices == (1, 2, 4, 8)
    assert parameters("cadence")["every"].choices == (1, 2, 4, 8, 16)
    assert parameters("chord_tones")["strong"] == Parameter(
        "strong", "bool", True, doc="count only the notes that start on a beat; otherwise all."
    )
    assert parameters("phrase_endings")["classes"].kind == "text"
    assert [(each.kind, each.default, each.required) for each in parameters("notes").values()] == [
        ("int", None, False),
        ("int", None, False),
    ]


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_each_value_of_a_choice_makes_a_rule_and_no_other_does(entry):
    needed = {"key": "C major", "classes": "0,4", "text": "AABA", "progression": "C F", "low": 50, "high": 70}
    arguments = {p.name: needed.get(p.name, 5 if p.kind == "int" else None) for p in entry.parameters if p.required}
    arguments |= {"at_most": 9} if entry.name == "notes" else {}
    choices = [parameter for parameter in entry.parameters if parameter.choices is not None]
    for parameter in choices:
        for value in parameter.choices:
            rules.find(call(entry.name, {**arguments, parameter.name: value}))
        for wrong in ("other", 3, True):
            with pytest.raises(UserError, match="expected"):
                rules.find(call(entry.name, {**arguments, parameter.name: wrong}))
    if not choices:
        assert rules.find(call(entry.name, arguments)).name == BUILT_IN[entry.name](**arguments).name


def test_rules_of_a_file(tmp_path):
    (tmp_path / "my.py").write_text(OF_A_USER)
    path = str(tmp_path / "my.py")
    loud, above, named, arch = of_file(path)
    assert loud == Entry(f"{path}:loud", "Reward what is loud.", "Reward what is loud.\n\nVery.", file=path)
    assert above.parameters == (
        Parameter("pitch", "int", None, None, "the lowest one, and how many of them.", True),
        Parameter("share", "float", None, None, "the lowest one, and how many of them."),
        Parameter("where", "choice", "all", ("all", "first")),
        Parameter("twice", "bool", False),
    )
    assert named.parameters == (Parameter("text", "text", required=True), Parameter("weights", "text"))
    assert (arch.name, arch.parameters) == (f"{path}:arch", ())
    assert rules.find(call(above.name, {"pitch": 60, "where": "first"})).name == "pitches 60 to 127"
    assert rules.find(call(loud.name, {})).name == "loud"
    for entry in (loud, above, named, arch):
        assert json.loads(json.dumps(entry.as_json())) == entry.as_json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = 1 / 0\n", "cannot be run (ZeroDivisionError: division by zero, line 2)"),
        ("def f(:\n", "SyntaxError"),
        ("import sys\nsys.exit('bye\\nbye')", "(SystemExit: bye bye, line 2)"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("x = '\0'", "cannot be run"),
    ],
)
def test_a_file_that_fails_has_one_entry_that_says_why(tmp_path, text, said):
    (tmp_path / "my.py").write_text(text)
    (entry,) = of_file(tmp_path / "my.py")
    assert said in entry.error
    assert "\n" not in entry.error
    assert entry.name == entry.file == str(tmp_path / "my.py")
    assert of_file(tmp_path / "none.py")[0].error.startswith("expected a Python file")


def test_a_file_is_read_again_however_soon_it_was_saved(tmp_path):
    path = tmp_path / "my.py"
    for name in ("arch", "fall"):  # as many bytes, of the same time
        path.write_text(f"from melodylc import rules\n{name} = rules.contour('arch')\n")
        os.utime(path, (1, 1))
        assert [entry.name for entry in of_file(path)] == [f"{path}:{name}"]
    assert [each.name for each in tmp_path.iterdir()] == ["my.py"]


def test_rules_of_other_packages(monkeypatch):
    offered = [
        EntryPoint("theirs", "melodylc.rules:stepwise", "melodylc.rules"),
        EntryPoint("broken", "melodylc.nothing:x", "melodylc.rules"),
        EntryPoint("contour", "melodylc.rules:stepwise", "melodylc.rules"),
    ]
    monkeypatch.setattr(catalogue, "entry_points", lambda group: offered)
    theirs, broken = built_in()[len(BUILT_IN) :]
    assert (theirs.name, theirs.parameters[0].default) == ("theirs", 0.6)
    assert broken.error.startswith("melodylc.nothing:x cannot be loaded (ModuleNotFoundError")


def test_a_call_as_text():
    assert call("contour", {"shape": "arch", "at_least": 0.6}) == "contour(shape='arch', at_least=0.6)"
    assert call("my.py:name", {"times": 3, "left_out": None}) == "my.py:name(times=3)"
    assert call("syncopation", {}) == "syncopation"
    assert call("phrase_endings", {"classes": [0, 4, 7]}) == "phrase_endings(classes=[0, 4, 7])"
    assert call("leaps", {"at_most": np.float64(5)}) == "leaps(at_most=5.0)"


NUMBERS = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.text() | NUMBERS | st.booleans()


@given(st.dictionaries(st.sampled_from(["shape", "at_least", "of"]), VALUES | st.lists(VALUES)), st.booleans())
def test_arguments_come_back_from_the_text(arguments, of_a_file):
    name = "a folder/my.py:name" if of_a_file else "name"
    text = call(name, arguments)
    if of_a_file:
        with pytest.raises(UserError, match="there is none at a folder/"):
            rules.find(text)
        text = text.removeprefix("a folder/my.py:")
    assert _parse_call(text, text) == ("name", [], arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("contour", {"at_least": float("nan")}),
        ("contour", {"at_least": float("inf")}),
        ("contour", {"at_least": 2**63}),
        ("contour", {"at_least": {"a": 1}}),
        ("contour", {"at_least": [[1]]}),
        ("contour", {"at_least": b"1"}),
        ("contour", {"at least": 1}),
        ("contour", {1: 1}),
        ("contour('arch')", {}),
        ("__import__('os')", {}),
        ("my.py:a.b", {}),
        ("my.txt:a", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_what_is_no_literal_is_refused(name, arguments):
    with pytest.raises(UserError, match=r"^rule: .*expected"):
        call(name, arguments)

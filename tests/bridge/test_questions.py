"""What can be asked: well-formed questions are read, all others are refused in a line that names the field."""

import contextlib
import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from questions_drawn import questions

from melodylc.base.errors import UserError
from melodylc.bridge.questions import KINDS, Infill, Question, parsed, question, step_of
from midi_io.files import Note


@given(questions())
def test_every_well_formed_question_is_read(said):
    asked = question(parsed(json.dumps(said).encode()))
    assert type(asked) is KINDS[said["do"]]
    assert {each.name for each in fields(asked)} >= set(said) - {"do", "id"}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(questions(), st.data())
def test_any_value_in_any_field_is_read_or_refused_(said, data):
    name = data.draw(st.sampled_from([*(each.name for each in fields(KINDS[said["do"]])), "do", "x"]))
    with contextlib.suppress(UserError):  # anything else fails the test
        assert isinstance(question(said | {name: data.draw(anything)}), Question)


@given(st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_refused(data):
    with contextlib.suppress(UserError):
        assert isinstance(parsed(data), dict)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "do: expected one of hello, generate, vary"),
        ({"do": ["hello"]}, "do: expected one of"),
        ({"do": "generate", "keys": "C major"}, "generate: expected the fields id, key, notes"),
        ({"do": "hello", "key": "C major"}, "hello: expected the fields id, got 'key'"),
        ({"do": "generate", "folder": "/tmp"}, "folder: only melodylc bridge --ask"),
        ({"do": "generate", "bars": 65}, "bars: expected a whole number from 1 to 64, got 65"),
        ({"do": "generate", "bars": 1.5}, "bars: expected a whole number"),
        ({"do": "generate", "strict": 1}, "strict: expected true or false, got 1"),
        ({"do": "generate", "key": " "}, "key: expected some text"),
        ({"do": "generate", "rules": ["x"] * 33}, "rules: expected a list of at most 32 texts, got 33 of them"),
        ({"do": "vary", "bars": 4}, "vary: expected melody, which is missing"),
        ({"do": "vary", "melody": [], "bars": None}, "vary: expected bars, which is missing"),
        ({"do": "vary", "melody": [[60, 0]], "bars": 1}, "melody: note 1: expected [pitch, start, length]"),
        ({"do": "vary", "melody": [[60, 0, 1], [128, 0, 1]], "bars": 1}, "melody: note 2: pitch: expected"),
        ({"do": "vary", "melody": [[60, 0, 0]], "bars": 1}, "melody: note 1: expected a length above 0"),
        ({"do": "vary", "melody": [[60, 0, 1, 0]], "bars": 1}, "velocity: expected a whole number from 1 to 127"),
        ({"do": "vary", "melody": [[60, 4, 1]], "bars": 1}, "expected notes in 1 bars, 0 to 4, got one at 4"),
        ({"do": "vary", "melody": [[60, -1, 1]], "bars": 1}, "got one at -1"),
        ({"do": "infill", "melody": [], "bars": 1, "remake": []}, "remake: expected what is to be made anew"),
        ({"do": "infill", "melody": [], "bars": 1, "remake": [2, 1]}, "remake: expected a sixteenth note at least"),
        ({"do": "infill", "melody": [], "bars": 1, "remake": [0, 5]}, "remake: expected a part of 0 to 4"),
        ({"do": "infill", "melody": [], "bars": 1, "remake": [0, 4], "keep": "x"}, "keep: expected one of rhythm"),
        ({"do": "continue", "melody": [], "bars": 60, "more": 8}, "more: expected at most 64 bars together"),
    ],
)
def test_what_is_wrong_is_named(said, why):
    with pytest.raises(UserError) as error:
        question(said)
    assert why in str(error.value)


def test_values_are_read_as_languages_write_them():
    asked = question(
        {"do": "infill", "melody": [[60.0, 0, 1.5], [62, 1, 1, 80.0]], "bars": 4.0, "remake": [4, 8], "seed": None}
    )
    assert asked == Infill(melody=(Note(60, 0, 1.5), Note(62, 1, 2, 80)), bars=4, remake=((4, 8),))
    assert question({"do": "infill", "melody": [], "bars": 4, "remake": [[0, 1], [4, 8.0]]}).remake == ((0, 1), (4, 8))
    assert question({"do": "generate", "rules": "syncopation"}).rules == ("syncopation",)


@pytest.mark.parametrize(
    "text", [b"[1]", b"nothing", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": -Infinity}', b"[" * 9999, b"\xff"]
)
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(UserError, match="expected a JSON object"):
        parsed(text)


def test_a_time_is_in_the_nearest_sixteenth():
    assert [step_of(beat) for beat in (-0.126, -0.125, 0, 0.124, 0.125, 3.9, 15.99)] == [-1, 0, 0, 0, 1, 16, 64]

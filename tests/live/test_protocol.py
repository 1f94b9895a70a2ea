"""What the two processes say to each other: every message comes back as it was, and nothing else is taken for one."""

import contextlib
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melodylc.attributes import Attributes
from melodylc.live.control_values import ControlValues
from melodylc.live.inference import ALIVE, Conversation
from melodylc.live.protocol import (
    KINDS,
    Answer,
    Failure,
    Fatal,
    Goodbye,
    Progress,
    ProtocolError,
    Ready,
    Request,
    Result,
    Setup,
    Stop,
    Task,
    from_json,
)
from melodylc.live.worker import TASK_STALLED
from melodylc.rules import Key

values = st.builds(
    ControlValues,
    st.builds(
        Attributes,
        st.none() | st.sampled_from(["C major", "0,2,4", Key("C major +2", frozenset({2, 4, 6}))]),
        st.none() | st.integers(1, 256),
        st.none() | st.integers(0, 50),
        st.none() | st.integers(70, 127),
    ),
    st.none() | st.floats(0, 10),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.booleans(),
)
states = st.binary(min_size=256, max_size=256)
texts = st.none() | st.text()
records = st.dictionaries(
    st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), max_size=4
)
MESSAGES = {
    Setup: st.builds(
        Setup,
        values,
        st.lists(st.text()).map(tuple),
        st.lists(st.text()).map(tuple),
        texts,
        st.floats(0, 2),
        texts,
        texts,
        st.none() | st.integers(),
        st.none() | st.floats(0, 600),
        texts,
        st.booleans(),
        st.integers(),
        st.booleans(),
        st.lists(st.text()).map(tuple),
        texts,
    ),
    Request: st.builds(
        Request,
        st.integers(),
        values,
        st.integers(),
        st.integers(),
        st.floats(0, 1),
        st.none() | states,
        st.none() | st.binary(),
        st.none() | states,
    ),
    Answer: st.builds(
        Answer,
        st.integers(),
        states,
        st.binary(),
        st.dictionaries(st.text(), st.floats(0, 1)),
        st.text(),
        st.booleans(),
        st.integers(),
        st.floats(0, 1e6),
    ),
    Failure: st.builds(Failure, st.none() | st.integers(), st.text()),
    Fatal: st.builds(Fatal, st.text()),
    Task: st.builds(Task, st.integers(), st.text(), records),
    Stop: st.builds(Stop, st.integers()),
    Progress: st.builds(Progress, st.integers(), records),
    Result: st.builds(Result, st.integers(), records),
    Ready: st.just(Ready()),
    Goodbye: st.just(Goodbye()),
}


def test_every_kind_is_tried():
    assert {kind.__name__ for kind in MESSAGES} == set(KINDS)


@given(st.one_of(*MESSAGES.values()))
def test_a_message_comes_back_as_it_was(message):
    line = message.to_json()
    assert "\n" not in line
    assert from_json(line) == message


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_other_lines_are_no_messages(line):
    with pytest.raises(ProtocolError, match="expected"):
        from_json(line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_a_message_with_odd_fields_is_refused_or_taken_never_a_crash(data):
    said = json.loads(data.draw(st.one_of(*MESSAGES.values())).to_json())
    name = data.draw(st.sampled_from(sorted(said)))
    if data.draw(st.booleans()):
        del said[name]
    else:
        said[name] = data.draw(JSON)
    with contextlib.suppress(ProtocolError):
        assert type(from_json(json.dumps(said))) in MESSAGES


ODD = [
    b"",
    b"no JSON",
    b"[1, 2]",
    b"\xff\xfe\x00",
    b'{"kind": "Request"}',
    b'{"kind": "Request", "id": 1, "seed": 0, "values": {"key": ["H dur", [99]]}}',
    b'{"kind": "Request", "id": 1, "seed": 0, "values": {}, "phrase": "AAAA"}',
    b'{"kind": "Fatal", "error": "it is not for you to say"}',
    Request(5, ControlValues(), 0, z=b"odd").to_json().encode(),  # well formed, but no vector of the model
    Request(6, ControlValues(), -(1 << 80)).to_json().encode(),
]


def test_the_inference_process_lives_through_odd_lines():
    process = subprocess.Popen(
        [sys.executable, "-m", "melodylc.live.inference"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    last = Request(7, ControlValues(Attributes("C major")), 0)
    lines = [Setup().to_json().encode(), *ODD, last.to_json().encode()]
    process.stdin.write(b"\n".join(lines) + b"\n")
    process.stdin.flush()
    said = [from_json(process.stdout.readline().decode()) for _ in range(len(ODD) + 2)]
    assert sum(isinstance(each, Ready) for each in said) == 1
    failures = [each for each in said if isinstance(each, Failure)]
    assert len(failures) == len(ODD)
    assert {each.id for each in failures} == {None, 5, 6}
    assert all(len(each.error.splitlines()) == 1 for each in failures)
    assert [each.id for each in said if isinstance(each, Answer)] == [7]
    process.communicate(Goodbye().to_json().encode() + b"\n", timeout=60)
    assert process.returncode == 0


def test_a_first_line_that_is_no_set_up_is_fatal():
    for first in (b"no JSON", Ready().to_json().encode()):
        process = subprocess.run(
            [sys.executable, "-m", "melodylc.live.inference"], input=first + b"\n", capture_output=True
        )
        message = from_json(process.stdout.decode())
        assert isinstance(message, Fatal)
        assert "the first line is no set-up" in message.error


def test_a_long_task_that_asks_whether_to_go_on_says_now_and_then_that_it_does():
    said, clock = [], [0.0]
    conversation = Conversation(Task(3, "generate", {}), said.append, lambda: clock[0])
    for _ in range(1000):
        clock[0] += 0.1
        assert not conversation.stopped()
    assert 2 <= len(said) <= 100 / ALIVE
    assert set(map(str, said)) == {str(Progress(3, {}))}
    assert TASK_STALLED > 2 * ALIVE
    conversation.stop()
    assert conversation.stopped()

"""The server: any bytes in any pieces, questions in order, both framings alike, files, and what it refuses."""

import base64
import json
import socket
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
from bridge_twin import BridgeTwinSource, running_bridge
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_twin import melody
from questions_drawn import questions

from melodylc.base.errors import UserError
from melodylc.bridge import client, server
from melodylc.bridge.framing import LENGTH, framed
from melodylc.rules.catalogue import built_in
from melodylc.tasks.jobs import MOST_WAITING
from midi_io import files


@pytest.fixture(scope="module")
def source():
    return BridgeTwinSource()


@pytest.fixture(scope="module")
def port(source):
    with running_bridge(source) as port:
        yield port


SEEDLESS = ("hello", "attributes")


def connected(port):
    connection = socket.create_connection((client.HOST, port), timeout=60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def said_by(connection):
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


def exchanged(port, data, cuts=()):
    """Send bytes in pieces, and return all that comes until the bridge has no more to say."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    with connected(port) as connection:
        try:
            for a, b in pairwise(places):
                connection.sendall(data[a:b])
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has hung up on what is no question
        try:
            return said_by(connection)
        except ConnectionResetError:
            return b""


def unframed(data, lengths):
    if not lengths:
        return [json.loads(line) for line in data.splitlines()]
    found = []
    while data:
        length = int.from_bytes(data[:LENGTH], "big")
        found.append(json.loads(data[LENGTH : LENGTH + length]))
        data = data[LENGTH + length :]
    return found


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: b"{" + data), st.lists(st.integers(0, 300)))
@settings(max_examples=60)
def test_no_bytes_end_it(port, data, cuts):
    for line in exchanged(port, data, cuts).splitlines():
        assert "expected" in json.loads(line)["error"]
    assert client.ask({"do": "hello"}, port)["program"] == "melodylc"


@given(st.lists(questions(), min_size=1, max_size=5), st.lists(st.integers(0, 10**6), max_size=4))
@settings(max_examples=40)
def test_questions_are_answered_in_order_and_alike_in_both_framings(port, asked, cuts):
    asked = [question | {"id": number} for number, question in enumerate(asked)]
    asked = [question if question["do"] in SEEDLESS else question | {"seed": 5} for question in asked]
    answers = []
    for lengths in (False, True):
        data = b"".join(framed(question, lengths) for question in asked)
        answers.append(unframed(exchanged(port, data, cuts), lengths))
    assert answers[0] == answers[1]
    assert [answer["id"] for answer in answers[0]] == list(range(len(asked)))
    for question, answer in zip(asked, answers[0], strict=True):
        if question["do"] in ("generate", "vary", "infill", "continue") and "error" not in answer:
            assert len(answer["melodies"]) == question.get("count", 1)


def test_several_connections_are_answered_each_in_its_order(port):
    def converse(number):
        data = b"".join(framed({"do": "generate", "seed": number, "id": [number, i]}) for i in range(10))
        found[number] = [answer["id"] for answer in unframed(exchanged(port, data), False)]

    found = {}
    threads = [threading.Thread(target=converse, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: [[number, i] for i in range(10)] for number in range(8)}


@pytest.mark.parametrize(
    "message",
    [
        b'{"do":"generate"',
        b'{"do":"nothing"}',
        b'{"do":"generate","key":5}',
        b"{" + b'"a":[' * 100_000,
        b'{"id":' + b"[" * 900 + b"]" * 900 + b',"do":"hello","x":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"do":"hello","id":"\\ud800"}'.replace(b"hello", b"hallo"),
    ],
)
def test_what_is_malformed_gets_one_line_and_the_next_question_an_answer(port, message):
    (wrong, right) = unframed(exchanged(port, message + b'\n{"do":"hello","id":2}\n'), False)
    assert "expected" in wrong["error"]
    assert len(wrong["error"]) <= 500
    assert "\n" not in wrong["error"]
    assert right["id"] == 2


def test_a_browser_is_hung_up_on(port):
    assert exchanged(port, b"POST / HTTP/1.1\r\n\r\n" + framed({"do": "hello"})) == b""


def test_too_long_a_message_is_said_and_ends_the_connection(port):
    (answer,) = unframed(exchanged(port, b"{" + b" " * (1 << 20) + b"  "), False)
    assert "at most 1048576 bytes" in answer["error"]


def test_hello_says_what_can_be_asked_for(port):
    answer = client.ask({"do": "hello"}, port)
    assert answer["protocol"] == 1
    assert {"major", "dorian"} < set(answer["scales"])
    assert answer["rules"] == [entry.name for entry in built_in()]


def test_a_melody_has_its_notes_and_a_midi_file_of_them(port, tmp_path):
    (made,) = client.ask({"do": "generate", "bars": 4, "tempo": 90}, port)["melodies"]
    expected = [[60 + i % 8, float(i), 1.0, 90] for i in range(16)]
    assert made["notes"] == expected
    assert (made["bars"], made["kept"], made["why"]) == (4, True, "")
    path = tmp_path / "made.mid"
    path.write_bytes(base64.b64decode(made["midi"]))
    (notes,) = files.read(path).values()
    assert [[n.pitch, n.start, n.end - n.start, n.velocity] for n in notes] == expected


def test_what_is_asked_for_is_what_the_task_is_asked(port, source):
    wishes = {"key": "D dorian", "notes": 30, "at_most": 90, "range": "C4-G5", "rules": ["leaps(5)"], "chords": "Am F"}
    client.ask({"do": "generate", **wishes, "form": "AABA", "count": 2, "seed": 9, "strict": True, "bars": 16}, port)
    task = source.asked[-1]
    attributes = {"key": "D dorian", "notes": 30, "low": 60, "high": 79, "at_most": 90}
    assert task.name == "generate"
    assert task.asked == {
        "attributes": attributes, "rules": ["leaps(5)"], "taste": None, "actors": [], "bars": 16, "chords": "Am F",
        "form": "AABA", "count": 2, "temperature": None, "strict": True, "seed": 9,
    }  # fmt: skip
    client.ask({"do": "vary", "melody": [[60, 0, 1]], "bars": 1, "amount": 0.5, "key": "own"}, port)
    task = source.asked[-1]
    assert (task.name, task.asked["amount"], task.asked["attributes"]["key"]) == ("like", 0.5, "C major")
    assert task.asked["melody"] == [60, 128, 128, 128, *[129] * 12]
    client.ask({"do": "continue", "melody": [[60, 0, 1]], "bars": 1, "more": 2}, port)
    assert (source.asked[-1].name, source.asked[-1].asked["bars"]) == ("continue", 3)


def test_attributes_are_what_one_would_ask_for(port):
    scale = [[60 + step, i * 1.0, 1.0] for i, step in enumerate((2, 4, 5, 7, 9, 11, 12, 14))]
    answer = client.ask({"do": "attributes", "melody": scale, "bars": 2}, port)
    assert answer == {"key": "C major", "notes": 64, "range": "D4-D5", "bars": 2}
    with pytest.raises(UserError, match="expected a melody with notes, got none"):
        client.ask({"do": "attributes", "melody": [], "bars": 2}, port)


def test_why_says_in_a_line_what_is_not_kept(port, source, monkeypatch):
    rules = [{"name": "C major", "rule": None, "reward": 0.999}, {"name": "leaps", "rule": "leaps", "reward": 1.0}]
    made = {"states": melody(), "rules": rules, "implausible": ["span", "rests"], "kept": False}
    monkeypatch.setattr(source, "_made", lambda task: {"melodies": [made]})
    (answer,) = client.ask({"do": "generate"}, port)["melodies"]
    assert answer["why"] == "C major: 99 %; unlike known melodies in span, rests"
    assert answer["kept"] is False


def test_files_of_rules_are_run_only_where_the_bridge_was_started_with_them(tmp_path):
    mine, other = tmp_path / "mine.py", tmp_path / "other.py"
    with running_bridge(BridgeTwinSource(), [mine]) as port:
        assert client.ask({"do": "generate", "rules": [f"{mine}:rule"]}, port)["melodies"]
        with pytest.raises(UserError, match=r"rules: expected a file that the bridge was started with"):
            client.ask({"do": "generate", "rules": [f"{other}:rule(3)"]}, port)


def test_a_failure_of_the_process_is_one_line_and_a_process_that_ends_is_asked_again():
    source = BridgeTwinSource()
    with running_bridge(source) as port:
        source.failing = "rule: 1/0\n  in line 3"
        with pytest.raises(UserError, match=r"^rule: 1/0 in line 3$"):
            client.ask({"do": "generate"}, port)
        source.failing, source.held = None, True
        found = []
        asking = threading.Thread(target=lambda: found.append(client.ask({"do": "generate"}, port)))
        asking.start()
        wait(lambda: len(source.asked) == 2)
        source.die()
        polls = source.polls
        wait(lambda: source.polls > polls + 1)
        source.held = False
        source.ready = True
        asking.join(60)
        assert len(found) == 1
        assert [task.name for task in source.asked] == ["generate"] * 3


def wait(until):
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_too_many_at_once_are_told_to_come_again():
    source = BridgeTwinSource()
    source.held = True
    with running_bridge(source) as port:
        connections = [connected(port) for _ in range(30)]
        for connection in connections:
            connection.sendall(framed({"do": "generate"}))
        connections[-1].settimeout(60)
        assert b"ask again later" in connections[-1].recv(1000)
        for connection in connections:
            connection.close()
        source.held = False
        wait(lambda: len(source.asked) >= MOST_WAITING)  # who left may have hung up half, and still be waiting
        assert client.ask({"do": "generate"}, port)["melodies"]


def test_a_port_that_is_taken_is_said(port):
    with pytest.raises(UserError, match=f"one runs already at port {port}"):
        server.listen(port)
    with socket.create_server((client.HOST, 0)) as other:
        taken = other.getsockname()[1]
        closing = threading.Thread(target=lambda: other.accept()[0].close())
        closing.start()
        with pytest.raises(UserError, match=f"cannot listen at port {taken}"):
            server.listen(taken)
        closing.join()


def test_a_client_without_a_bridge_says_how_to_start_one():
    with socket.create_server((client.HOST, 0)) as other:
        free = other.getsockname()[1]
    with pytest.raises(client.NoBridgeError, match="start one with melodylc bridge"):
        client.ask({"do": "hello"}, free)
    with pytest.raises(UserError, match="at most 1048576 bytes"):
        client.ask({"do": "hello", "id": "x" * (1 << 20)}, free)


def test_the_server_and_its_client_need_no_torch():
    code = "import sys, melodylc.bridge.server, melodylc.cli.bridge; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

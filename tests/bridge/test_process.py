"""The bridge as a user runs it: a process with the embedded model, asked over sockets and by files."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from melodylc.bridge import alone, client
from melodylc.cli import main

# a job in the background, and so what it starts, may ignore signals that a terminal sends
HEARING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
from melodylc.cli import entry
entry()
"""
BAR = [[60, 0, 1, 50], [62, 1.02, 0.9, 60], [64, 2, 1, 70], [67, 3, 1, 80]]
PHRASE = [[pitch, start + 4 * bar, length, velocity] for bar in range(4) for pitch, start, length, velocity in BAR]


def free_port():
    with socket.create_server((client.HOST, 0)) as listening:
        return listening.getsockname()[1]


@contextmanager
def bridge_process(port, *options):
    command = [sys.executable, "-c", HEARING, "bridge", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert f"port {port}" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def inference_of(process):
    """Return the process that the bridge has started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in listed.stdout.split()]


def is_running(pid):
    listed = subprocess.run(["ps", "-o", "stat=", str(pid)], capture_output=True, text=True)
    return listed.stdout.strip() not in ("", "Z")


@pytest.fixture(scope="module")
def bridge():
    port = free_port()
    with bridge_process(port) as process:
        yield process, port


def test_what_plug_ins_ask_for_is_made(bridge):
    _, port = bridge
    (made,) = client.ask({"do": "generate", "key": "D minor", "strict": True, "seed": 3, "bars": 4}, port)["melodies"]
    assert made["bars"] == 4
    assert {note[0] % 12 for note in made["notes"]} <= {2, 4, 5, 7, 9, 10, 0}
    assert all(0 <= note[1] < 16 for note in made["notes"])
    answer = client.ask({"do": "infill", "melody": PHRASE, "bars": 4, "remake": [4, 8], "count": 2, "seed": 1}, port)
    for made in answer["melodies"]:
        outside = [note for note in made["notes"] if not 4 <= note[1] < 8]
        assert outside == [note for note in PHRASE if not 4 <= note[1] < 8]
    answer = client.ask({"do": "continue", "melody": PHRASE, "bars": 4, "more": 4, "seed": 1}, port)
    (made,) = answer["melodies"]
    assert made["notes"][: len(PHRASE)] == PHRASE
    assert made["bars"] == 8
    assert all(note[1] >= 16 for note in made["notes"][len(PHRASE) :])
    assert len(client.ask({"do": "vary", "melody": PHRASE, "bars": 4, "count": 3, "seed": 1}, port)["melodies"]) == 3


def test_the_rhythm_can_stay(bridge):
    _, port = bridge
    question = {"do": "infill", "melody": PHRASE, "bars": 4, "remake": [4, 12], "keep": "rhythm", "seed": 1}
    (made,) = client.ask(question, port)["melodies"]
    assert [note[1:] for note in made["notes"]] == [note[1:] for note in PHRASE]


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ({"do": "generate", "key": "H major"}, "key: expected a tonic and a scale"),
        ({"do": "generate", "range": "G5-C4"}, "range: expected LOW-HIGH"),
        ({"do": "generate", "rules": ["sweet"]}, "rule"),
        ({"do": "generate", "chords": "Xyz"}, "chord"),
        ({"do": "generate", "form": "AABA", "bars": 8}, "form: melodies in a form have 16 bars"),
        ({"do": "generate", "strict": True}, "strict"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(bridge, question, why):
    _, port = bridge
    with pytest.raises(client.UserError) as error:
        client.ask(question, port)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_gets_the_same_answer_with_and_without_a_bridge(bridge, tmp_path):
    _, port = bridge
    question = {"do": "generate", "key": "E blues", "seed": 7, "count": 2, "id": "x", "folder": str(tmp_path / "made")}
    (tmp_path / "question.json").write_text(json.dumps(question))
    found = []
    for at in (port, free_port()):
        asked = ["bridge", "--port", str(at), "--ask", str(tmp_path / "question.json"), "--answer"]
        assert main([*asked, str(tmp_path / "answer.json")]) == 0
        answer = json.loads((tmp_path / "answer.json").read_text())
        assert answer["id"] == "x"
        for melody in answer["melodies"]:
            with open(melody.pop("file"), "rb") as file:
                assert file.read() == base64.b64decode(melody["midi"])
        found.append(answer)
    assert found[0] == found[1]
    assert len(list((tmp_path / "made").iterdir())) == 4, "nothing is written over"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.json", "made", "question.json"]


def test_an_inference_process_that_is_killed_is_replaced(bridge):
    process, port = bridge
    client.ask({"do": "generate", "seed": 1}, port)
    (before,) = inference_of(process)
    os.kill(before, signal.SIGKILL)
    assert client.ask({"do": "generate", "seed": 1}, port)["melodies"]
    (after,) = inference_of(process)
    assert after != before


def test_a_second_one_is_told_in_a_line(bridge, capsys):
    _, port = bridge
    assert main(["bridge", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"melodylc: bridge: one runs already at port {port}; end it, or give another --port\n"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_signals_end_it_with_its_process_while_it_answers(number, code):
    port = free_port()
    with bridge_process(port) as process, socket.create_connection((client.HOST, port)) as connection:
        connection.sendall(b'{"do":"generate","rules":["leaps(5)"],"count":9}\n')
        (inference,) = inference_of(process)
        process.send_signal(number)
        assert process.wait(60) == code
        end = time.monotonic() + 60
        while subprocess.run(["ps", "-o", "stat=", str(inference)], capture_output=True, text=True).stdout.strip(
            " Z\n"
        ):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert process.stderr.read().strip() == "stopped"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ask", "x"], "expected --ask and --answer, both of them"),
        (["--rules", "none.py"], "--rules: expected a Python file"),
        (["--model", "none"], "--model: there is no file none"),
        (["--style-amount", "1"], "expected --style"),
        (["--ask", "q.json", "--answer", "none/a.json"], "none"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_line(tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.json").write_text('{"do": "hello"}')
    assert main(["bridge", "--port", str(free_port()), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["q.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "question: expected a JSON object"),
        ('{"do": "vary"}', "vary: expected melody"),
        ('{"do": "hello", "folder": 5}', None),
        ('{"do": "generate", "seed": 1, "folder": "/dev/null/x"}', "folder: /dev/null/x cannot be written"),
        ("{" + " " * (1 << 20) + "}", "question: expected at most 1048576 bytes"),
    ],
)
def test_what_is_wrong_with_a_question_is_its_answer(tmp_path, text, said):
    (tmp_path / "q.json").write_text("\ufeff" + text, encoding="utf-8")
    asked = ["bridge", "--port", str(free_port()), "--ask", str(tmp_path / "q.json"), "--answer"]
    assert main([*asked, str(tmp_path / "a.json")]) == 0
    answer = json.loads((tmp_path / "a.json").read_text())
    assert said is None or said in answer["error"]


def test_a_rule_of_ones_own_file_is_run_for_who_asks_by_file(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("from melodylc.rules import rule\n@rule\ndef mine(states):\n    raise KeyError('no such thing')\n")
    answer = alone.answered({"do": "generate", "rules": [f"{mine}:mine"]})
    assert "KeyError" in answer["error"] or "no such thing" in answer["error"]

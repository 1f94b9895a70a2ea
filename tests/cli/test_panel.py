"""`melodylc panel` as a user types it: what is wrong is one line, and every way of ending it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import pytest
from websockets.sync.client import connect

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
COMMAND = [sys.executable, "-c", HEARING, "panel", "--no-open"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def damaged(folder):
    (folder / ".panel").mkdir(parents=True)
    (folder / ".panel" / "history.json").write_text('{"version": 1')


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rules", "none.py"], "--rules: expected a Python file"),
        (["--folder", "taken"], "--folder: expected a folder"),
        (["--host", "a" * 70], "cannot listen at"),
        (["--style-amount", "1"], "expected --style"),
        (["--style", "none.safetensors"], "--style: there is no file none.safetensors"),
        (["--model", "none"], "--model: there is no file none"),
        (["--folder", "damaged"], "history.json cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, capsys, options, said):
    (tmp_path / "taken").write_text("x")
    damaged(tmp_path / "damaged")
    assert main(["panel", "--no-open", *options]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert said in err
    assert err.count("\n") == 1


def test_without_its_extra_it_says_what_to_install():
    code = f"import sys; sys.modules['uvicorn'] = None; {COMMAND[2]}"
    ended = subprocess.run([sys.executable, "-c", code, *COMMAND[3:]], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'melodylc[panel]'" in ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_every_way_of_ending_it_is_quick_and_leaves_nothing_behind(tmp_path, name):
    number = getattr(signal, name)
    panel = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        base, token = panel.stdout.readline().strip().split("/?token=")
        port = base.rpartition(":")[2]
        with connect(
            f"ws://127.0.0.1:{port}/session",
            additional_headers={"Cookie": f"melodylc-{port}={token}"},
            origin=base,
            max_size=None,
            proxy=None,
        ) as page:
            page.recv(timeout=60)
            second = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60)
            assert (second.returncode, second.stderr.count("\n")) == (2, 1)
            assert "one runs already" in second.stderr
            began = time.monotonic()
            panel.send_signal(number)
            _, err = panel.communicate(timeout=60)
    finally:
        panel.kill()  # where it did not end, it would go on beside the other tests
    assert panel.returncode == 128 + number
    assert err == "\nstopped\n"
    assert time.monotonic() - began < 20, "a page that is open does not hold it up"
    assert (tmp_path / "melodies" / ".panel" / "history.json").exists()

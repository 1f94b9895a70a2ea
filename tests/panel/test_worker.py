"""The panel with its real inference process, and files of rules that do what they should not."""

import time

import pytest

from melodylc.live.protocol import Setup
from melodylc.live.worker import Worker
from melodylc.panel.actions import act
from melodylc.panel.asking import ask_for_rules, begin
from melodylc.panel.state import Panel

RULE = """
{before}
import numpy as np
from melodylc.rules import rule

@rule
def mine(states):
    {inside}
    return np.ones(len(states))
"""


def settle(panel):
    end = time.monotonic() + 120
    panel.poll()
    while panel.jobs.busy or not panel.source.free:
        assert time.monotonic() < end
        time.sleep(0.02)
        panel.poll()


@pytest.fixture
def panel(tmp_path):
    (tmp_path / "mine.py").write_text(RULE.format(before="", inside=""))
    said = []
    worker = Worker(Setup(), module="melodylc.tasks.inference")
    panel = Panel(tmp_path / "melodies", worker, (tmp_path / "mine.py",), lambda kind, text: said.append(text))
    panel.said = said
    begin(panel)
    settle(panel)
    yield panel
    panel.close()


def test_what_rules_print_read_and_raise_is_their_own_business(panel, tmp_path):
    file = tmp_path / "mine.py"
    act(panel, {"do": "set", "settings": {"rules": [{"name": f"{file}:mine", "arguments": {}}]}})
    settle(panel)
    assert len(panel.history.sets) == 2
    for before, inside, fails in (
        ("import os; os.write(1, b'{}\\n')", 'print(\'{"kind": "Ready"}\')', None),
        ("", "input()", "EOFError"),
        ("import sys; sys.stdin.close()", "", None),
        ("1/0", "", "ZeroDivisionError"),
        ("import sys; sys.exit()", "", "SystemExit"),
        ("def f(:", "", "SyntaxError"),
        ("", "", None),
    ):
        count, pid = len(panel.history.sets), panel.source.pid
        file.write_text(RULE.format(before=before, inside=inside))
        ask_for_rules(panel)
        settle(panel)
        settle(panel)
        shown = f"{panel.rules.errors} {[entry['error'] for entry in panel.rules.catalogue]}"
        assert (len(panel.history.sets) == count + 1) == (fails is None), (before, inside, panel.said)
        assert fails is None or fails in shown
        assert panel.source.pid == pid, "the process goes on"

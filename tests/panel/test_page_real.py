"""The command as a musician runs it, with the model: its page, what is heard, and its end."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from panel_page import Opened

expect = pytest.importorskip("playwright.sync_api").expect

COMMAND = [sys.executable, "-c", "from melodylc.cli import entry; entry()", "panel", "--no-open"]
PATIENCE = 120_000  # milliseconds: the model is read and makes melodies, where other work may run
E_BLUES = {4, 7, 9, 10, 11, 2}


class Command:
    """The command, in a folder of its own: where it is reached, and its end."""

    def __init__(self, folder):
        self.process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        self.origin = self.address.partition("/?")[0]

    def children(self):
        """Return the processes that it has started, where the system tells."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def all_there(panel):
    """Wait until all candidates have come, which come one by one."""
    expect(panel.page.locator("#busy .text")).to_have_text("", timeout=PATIENCE)
    expect(panel.cards).to_have_count(4)


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_the_command_to_the_first_sound_another_key_locked_bars_and_its_end(browser, tmp_path):
    command = Command(tmp_path)
    panel = None
    try:
        panel = Opened(browser, command, opened=False)
        panel.page.set_default_timeout(PATIENCE)
        panel.open()
        panel.button("Play 1").click()
        panel.wait_for_sound()

        panel.field("Tonic").select_option("E")
        panel.field("Scale").select_option("blues")
        expect(panel.cards.first).to_contain_text("1. E blues", timeout=PATIENCE)
        all_there(panel)
        blues = [melody["states"] for melody in panel.told() if re.fullmatch(r"E blues \d", melody["title"])]
        assert len(blues) == 4
        assert {state % 12 for states in blues for state in states if state < 128} <= E_BLUES

        panel.button("Lock").click()
        box = panel.roll.bounding_box()
        bar = (box["width"] - 44) / 16
        panel.drag((box["x"] + 44 + bar / 2, box["y"] + 10), (box["x"] + 44 + 3.5 * bar, box["y"] + 10))
        panel.button("Remake").click()
        expect(panel.cards.first).to_contain_text(re.compile("E blues.* remade"), timeout=PATIENCE)
        all_there(panel)
        remade = [melody["states"] for melody in panel.told() if melody["way"] == "remade"]
        assert len(remade) == 4
        first = [states for states in blues if all(states[:64] == each[:64] for each in remade)]
        assert len(first) == 1, "the four bars that are locked are those of one of them"
        assert all(states[64:] != first[0][64:] for states in remade)

        children = command.children()
        panel.page.goto("about:blank")
        command.process.send_signal(signal.SIGTERM)
        _, error = command.process.communicate(timeout=60)
        assert command.process.returncode == 128 + signal.SIGTERM
        assert error == "\nstopped\n"
        assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
        panel.check()
    finally:
        command.process.kill()
        command.process.wait()
        for stream in (command.process.stdout, command.process.stderr):
            stream.close()
        if panel:
            panel.close()

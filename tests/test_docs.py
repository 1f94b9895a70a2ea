"""Every block of Python in the tutorial runs, one after the other, as a reader would run them."""

import re
import shlex
from pathlib import Path

import pytest

from melodylc.cli import main

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize("page", ["rules.md"])
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text()
    # files that the page tells the reader to write come first
    for name, body in re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(body)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 5
    space = {}
    for block in blocks:
        exec(compile(block, f"{page}: {block.splitlines()[0]}", "exec"), space)
    # and the first command of the page that uses the files it made
    command = re.search(r"^melodylc (generate .*--actor.*)$", text, re.MULTILINE)
    assert command
    assert main(shlex.split(command[1])) == 0
    assert len(list((tmp_path / "melodies").glob("*.mid"))) == 8

"""The code of README and of every page of `docs/`, as a reader would run it.

Blocks of Python of a page run one after the other in an empty folder, where learning, searches and descents end after a
few steps (`small_budgets`). A file that a page tells its reader to write (`NAME.py`: and a block) is written
first. Commands `melodylc ...` in shell blocks are parsed by the real parser; those of README are run by the tests of
the commands.
"""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from small_budgets import work_briefly

import melodylc
from melodylc import plausibility
from melodylc.cli import arguments, main, parser
from melodylc.constraints.conditional import conditioned
from melodylc.constraints.sampling import mask
from melodylc.melody import repeated_bars

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "plugins/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
PLAYS = "live.md"  # opens ports and plays for half a minute: tests/live/test_session.py runs it on ports in memory

FILE = re.compile(r"`(\w+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands(page):
    """The arguments of every `melodylc` command in the shell blocks of a page."""
    lines = [
        line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").splitlines() if "melodylc" in line
    ]
    found = [re.match(r"(?:.*&& )?melodylc (.*)$", line) for line in lines]
    return [shlex.split(match[1].rstrip("&"), comments=True) for match in found if match]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python") and page.name != PLAYS]
COMMANDS = [(page.name, command) for page in PAGES for command in commands(page)]


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    work_briefly(monkeypatch)
    for name, body in FILE.findall(page.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(body)
    space = {}
    for block in blocks(page, "python"):
        exec(compile(block, f"{page.name}: {block.splitlines()[0]}", "exec"), space)
    if page.name == "rules.md":  # and its first command that uses the files it made
        command = next(command for command in commands(page) if command[0] == "generate" and "--actor" in command)
        assert main(command) == 0
        assert len(list((tmp_path / "melodies").glob("*.mid"))) == 8


def test_python_of_pages_that_play_is_at_least_python():
    for block in blocks(ROOT / "docs" / PLAYS, "python"):
        compile(block, PLAYS, "exec")


def test_commands_are_found():
    assert len(COMMANDS) >= 30
    assert len(ATTRIBUTES) == 5
    assert {command[0] for _, command in COMMANDS} >= {"generate", "transform", "interpolate", "learn", "live", "train"}


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_command_of_a_page_is_one(page, command):
    options = parser().parse_args(command)
    assert callable(options.run)


GENERATES = [command for command in commands(ROOT / "README.md") if command[0] == "generate"]
FURTHER = {"--rule", "--model", "--form", "--chords", "--bars", "--style", "--taste"}
ATTRIBUTES = [command for command in GENERATES if not FURTHER & {*command}]
LEAST_KEPT = 0.8  # of single draws, not masked unless the command says so
MOST_ALIKE = 0.5  # share of the notes of one pitch, in the mean


@pytest.mark.parametrize("command", ATTRIBUTES, ids=" ".join)
def test_most_single_draws_of_an_example_are_kept(command):
    """Judged by what is heard, with nothing selected: a melody, not one repeated note that satisfies the rules."""
    options = parser().parse_args(command)
    model, attributes = melodylc.load(), arguments.attributes(options)
    z = conditioned(model, model.noise(64, seed=12), attributes)
    allowed = mask(attributes.rules()) if options.strict else None
    melodies = model.decode(z, seed=3, allowed_states=allowed)
    satisfied = np.all([rule.satisfied(melodies) for rule in attributes.rules()], axis=0)
    kept = satisfied & plausibility.bounds(model).plausible(melodies)
    assert kept.mean() >= LEAST_KEPT, f"{satisfied.mean():.2f} satisfied, {kept.mean():.2f} kept"
    commonest = plausibility.features(melodies)[:, plausibility.FEATURES.index("commonest pitch")]
    assert commonest.mean() < MOST_ALIKE
    assert repeated_bars(melodies).mean() > 1  # of 16; real ones repeat 3.2
    assert len(np.unique(melodies, axis=0)) == len(melodies)


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"

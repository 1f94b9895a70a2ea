"""Every script of `examples/` runs, in an empty folder, with little learning."""

import runpy
import sys
from pathlib import Path

import pytest
from small_budgets import work_briefly

import melodylc

FOLDER = Path(__file__).parents[1] / "examples"
ARGUMENTS = {"transform_a_file.py": ["in.mid", "out.mid"]}
WRITTEN = {  # the files that each leaves
    "from_one_to_another.py": [f"step-{number}.mid" for number in range(1, 8)],
    "likes_and_dislikes.py": ["best.mid"],
    "melodies_in_a_key.py": [f"blues-{number}.mid" for number in range(1, 5)],
    "own_rule.py": ["arch.json", "arch.mid", "arch.safetensors"],
    "transform_a_file.py": ["out.mid"],
}


def test_every_example_is_known_and_short():
    scripts = sorted(FOLDER.glob("*.py"))
    assert [path.name for path in scripts] == sorted(WRITTEN)
    for path in scripts:
        text = path.read_text()
        assert len(text.splitlines()) <= 30
        assert f"python examples/{path.name}" in text  # says how it is run


@pytest.mark.usefixtures("every_core")
@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_an_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *ARGUMENTS.get(name, [])])
    work_briefly(monkeypatch)
    if "in.mid" in sys.argv:
        melodylc.write_midi("in.mid", melodylc.load().bank.states[1])
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    for file in WRITTEN[name]:
        assert (tmp_path / file).stat().st_size > 0

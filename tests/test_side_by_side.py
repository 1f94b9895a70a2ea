"""How the suite is spread over processes: what is named is there, and real time is all in one of them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import side_by_side

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", [*side_by_side.REAL_TIME, *side_by_side.LONG])
def test_what_is_named_is_there(name):
    assert (ROOT / name).exists()


def test_what_needs_a_jack_server_is_real_time():
    needing = [path for path in ROOT.glob("tests/*/**/test_*.py") if "from jackd import" in path.read_text("utf-8")]
    servers = [path for path in needing if "Server" in path.read_text("utf-8")]
    assert servers
    for path in servers:
        assert path.relative_to(ROOT).as_posix().startswith(side_by_side.REAL_TIME)


def test_real_time_begins_first_and_a_file_stays_together():
    paths = ["tests/test_keys.py", "tests/panel/test_abc.py", "tests/live/jack/test_click.py", "tests/cli/test_cli.py"]
    assert sorted(paths, key=side_by_side.rank) == [paths[2], paths[3], paths[1], paths[0]]
    config = SimpleNamespace(getvalue=lambda _: ["popen"], option=SimpleNamespace(loadscopereorder=True))
    scheduler = side_by_side.pytest_xdist_make_scheduler(config, None)
    scopes = [scheduler._split_scope(f"{path}::test[a::b]") for path in paths]
    assert scopes == [paths[0], paths[1], "real time", paths[3]]

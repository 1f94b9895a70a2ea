"""What goes wrong around a panel: damaged files, full disks, dying processes, other programs of the same machine."""

import errno
import json
import time

import pytest
from panel_server import TOKEN, Running
from panel_twin import TwinSource
from starlette.datastructures import Headers

from melodylc.base.errors import UserError
from melodylc.panel.actions import ACTIONS
from melodylc.panel.history import History
from melodylc.panel.security import Guard
from melodylc.panel.server import listen
from melodylc.panel.state import Panel


@pytest.fixture
def server(tmp_path):
    running = Running(tmp_path / "melodies")
    yield running
    running.stop()


def raises(error):
    def stand_in(*_, **__):
        raise error

    return stand_in


def wait_until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("others", ['seen={"a":1}', "a b=3", "x=\xe9", "@", 'k=a"b,c', "plain"])
def test_cookies_that_other_servers_of_the_machine_set_lock_nobody_out(others):
    guard = Guard("127.0.0.1", 8420, TOKEN)
    assert guard.has_token(Headers({"cookie": f"{others}; melodylc-8420={TOKEN}"}))
    assert guard.has_token(Headers({"cookie": f"melodylc-8420={TOKEN}; {others}"}))
    assert not guard.has_token(Headers({"cookie": f"{others}; melodylc-8420={TOKEN[:-1]}"}))


def test_a_number_that_no_float_holds_is_refused_like_any_other(server):
    with server.page() as page:
        page.do("set", settings={"tempo": 10**400})
        assert "tempo: expected a number" in page.error()
        page.do("like", melody=page.until(lambda state: state["chosen"])["chosen"], amount=-(10**400))
        assert "amount" in page.error()


def test_what_could_not_be_saved_is_saved_when_it_can_be_and_told_once(server, monkeypatch):
    file, full = server.panel.history_file, OSError(errno.ENOSPC, "No space left on device")
    with server.page() as page:
        page.until(lambda state: state["sets"])
        monkeypatch.setattr(History, "save", raises(full))
        page.do("set", settings={"tempo": 77})
        assert "space" in page.error()
        page.do("set", settings={"tempo": 78})
        page.until(lambda state: state["settings"]["tempo"] == 78)
        monkeypatch.undo()
        wait_until(lambda: file.exists() and json.loads(file.read_text())["settings"]["tempo"] == 78)
        page.do("choose", melody="the last one")
        while "the last one" not in page.error():
            pass
        assert sum("space" in told.get("text", "") for told in page.told) == 1


def test_a_full_disk_at_the_end_leaves_no_process_behind(tmp_path, monkeypatch):
    source = TwinSource()
    panel = Panel(tmp_path, source)
    panel.unsaved = True
    monkeypatch.setattr(History, "save", raises(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="space"):
        panel.close()
    assert source.closed


@pytest.mark.parametrize("where", ["poll", "act", "changes"])
def test_a_mistake_of_ours_is_said_and_ends_nothing(server, monkeypatch, capfd, where):
    with server.page() as page:
        page.until(lambda state: state["sets"])
        if where == "poll":
            monkeypatch.setattr(server.source, "_made", lambda task: {"melodies": [{}]})
            page.do("again")
        elif where == "act":
            monkeypatch.setitem(ACTIONS, "again", (raises(KeyError("x")), (), ()))
            page.do("again")
        else:
            monkeypatch.setattr(Panel, "_taste", raises(TypeError("x")))
            page.do("mark", melody=page.state["chosen"], mark=1)
        assert "mistake" in page.error()
        monkeypatch.undo()
        page.do("again")
        page.until(lambda state: len(state["sets"]) > 1)
    assert "Traceback" in capfd.readouterr().err, "whoever started it can say what it was"


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "256.0.0.1", "no such host"])
def test_a_host_that_is_none_is_one_line(host):
    with pytest.raises(UserError, match="cannot listen at"):
        listen(host, None, 0)


def test_scripts_are_scripts_whatever_the_system_calls_them(server):
    status, headers, _ = server.get("/page/main.js")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/javascript")

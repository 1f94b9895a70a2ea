"""What goes wrong around a panel: damaged files, full disks, dying processes, other programs of the same machine."""

import pytest
from panel_server import TOKEN, Running
from starlette.datastructures import Headers

from melodylc.panel.security import Guard


@pytest.fixture
def server(tmp_path):
    running = Running(tmp_path / "melodies")
    yield running
    running.stop()


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

"""The panel's server over real sockets: who is let in, what pages hear, and what nonsense does."""

import json
import random
import time

import pytest
from panel_server import TOKEN, Running
from panel_twin import melody
from websockets.exceptions import ConnectionClosed, InvalidStatus

from melodylc.panel.security import BAD_TOKEN, POLICY, Guard, token_of
from melodylc.panel.server import MOST_BYTES, MOST_PAGES
from melodylc.panel.state import ACTIONS


@pytest.fixture
def server(tmp_path):
    running = Running(tmp_path / "melodies")
    yield running
    running.stop()


def test_the_page_comes_with_the_token_and_a_strict_policy(server):
    status, headers, body = server.get(f"/?token={TOKEN}", cookie=False)
    assert status == 200
    assert b"<html" in body
    assert headers["Content-Security-Policy"] == POLICY
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert server.get("/")[0] == 200, "a reload has the cookie"


@pytest.mark.parametrize("path", ["/", "/?token=", f"/?token={TOKEN[:-1]}x", "/page/main.js", "/melodies/x.mid"])
def test_nothing_is_given_without_the_token(server, path):
    status, _, body = server.get(path, cookie=False)
    assert status == 403
    assert b"token" in body
    assert b"import" not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1"]
)
def test_names_that_strangers_can_point_here_are_refused(server, host):
    assert server.get("/", {"Host": host.format(port=server.port)})[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "192.168.1.7"])
def test_addresses_and_localhost_are_known(server, host):
    assert server.get("/", {"Host": f"{host}:{server.port}"})[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:{port}", "https://127.0.0.1:{port}"]
)
def test_other_pages_reach_neither_the_socket_nor_the_upload(server, origin):
    origin = origin.format(port=server.port)
    with pytest.raises(InvalidStatus), server.page(origin=origin):
        pass
    assert server.get("/midi", {"Origin": origin}, b"MThd")[0] == 403
    assert server.get("/midi", {}, b"MThd")[0] == 403, "a request that changes something says where it is from"


def test_a_socket_without_the_token_is_closed_with_its_own_code(server):
    with pytest.raises(ConnectionClosed) as closed, server.page(headers={"Cookie": f"melodylc-{server.port}=wrong"}):
        pass
    assert closed.value.rcvd.code == BAD_TOKEN


def test_the_token_is_private_and_stays(tmp_path):
    token = token_of(tmp_path / "token")
    assert token_of(tmp_path / "token") == token
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    (tmp_path / "token").write_text("short")
    assert len(token_of(tmp_path / "token")) == 32


def test_a_name_given_as_host_is_known_and_no_other():
    from starlette.datastructures import Headers

    guard = Guard("studio.local", 8420, TOKEN)
    assert guard.knows_host(Headers({"host": "studio.local:8420"}))
    assert not guard.knows_host(Headers({"host": "other.local:8420"}))
    assert not guard.knows_host(Headers({}))


def test_two_pages_agree(server):
    with server.page() as one, server.page() as other:
        one.until(lambda state: state["sets"])
        one.do("set", settings={"tonic": "E", "scale": "blues"})
        other.until(lambda state: len(state["sets"]) == 2)
        one.until(lambda state: len(state["sets"]) == 2)
        assert one.state == other.state
        assert other.state["settings"]["tonic"] == "E"


def test_a_reload_in_the_middle_of_it_loses_nothing(server):
    with server.page() as page:
        chosen = page.until(lambda state: state["chosen"])["chosen"]
        page.do("edit", melody=chosen, states=melody(50))
        page.until(lambda state: state["melodies"][chosen]["undo"] == 1)
        server.source.held = True
        page.do("again")
        page.until(lambda state: state["busy"])
    with server.page() as page:
        assert page.state["busy"]["what"] == "generate"
        assert page.state["melodies"][chosen]["states"] == melody(50)
        server.source.held = False
        page.until(lambda state: len(state["sets"]) == 2)


def test_melodies_are_downloaded_as_midi_files(server, tmp_path):
    from melodylc import select_melody

    with server.page() as page:
        chosen = page.until(lambda state: state["chosen"])["chosen"]
    status, headers, body = server.get(f"/melodies/{chosen}.mid")
    assert (status, headers["Content-Type"]) == (200, "audio/midi")
    assert ".mid" in headers["Content-Disposition"]
    (tmp_path / "got.mid").write_bytes(body)
    assert select_melody(tmp_path / "got.mid").states.tolist() == page.state["melodies"][chosen]["states"]
    for name in ("nothing.mid", f"{chosen}.exe", "..%2f..%2fetc%2fpasswd"):
        assert server.get(f"/melodies/{name}")[0] == 404


def test_an_upload_that_is_too_large_is_refused_and_kept_nowhere(server, tmp_path):
    origin = {"Origin": server.origin}
    try:
        status = server.get("/midi", origin, b"x" * (MOST_BYTES + 1))[0]
    except OSError:
        status = 413  # the server answers before it has read all, and hangs up
    assert status == 413
    assert not list(tmp_path.rglob("*.mid"))
    assert server.get("/midi", origin | {"X-Name": "..%2F..%2Fme.mid"}, b"MThd")[0] == 204
    with server.page() as page:
        page.until(lambda state: state["upload"])
        assert page.state["upload"]["name"] == "me.mid"
    assert [path.parent.name for path in tmp_path.rglob("*.mid")] == ["uploads"]


def test_more_pages_than_are_allowed_are_told_so(server):
    import contextlib

    with contextlib.ExitStack() as stack:
        for _ in range(MOST_PAGES):
            stack.enter_context(server.page())
        with pytest.raises(ConnectionClosed, match="close one"), server.page():
            pass
    with server.page() as page:
        assert page.state


def test_after_a_new_start_pages_find_everything(tmp_path):
    first = Running(tmp_path)
    with first.page() as page:
        page.until(lambda state: state["sets"])
        page.do("again")
        page.until(lambda state: len(state["sets"]) == 2)
        before = page.state
    first.stop()
    assert first.source.closed
    again = Running(tmp_path, port=first.port)
    try:
        with again.page() as page:
            assert page.state["sets"] == before["sets"]
    finally:
        again.stop()


def malformed(rng, id):
    """Return a message of the kind that a broken or hostile page sends."""
    whole = json.dumps({"do": rng.choice([*ACTIONS, "x"]), "melody": id, "states": melody(), "settings": {"notes": 9}})
    values = [None, -1, 1e400, "x" * 2000, [], {}, [[]], True, "\ud800", {"a": {"b": [1, {}]}}, float("nan"), 2**70]
    kind = rng.randrange(8)
    if kind == 0:
        return whole[: rng.randrange(len(whole))]
    if kind == 1:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    if kind == 2:
        return "[" * rng.randrange(1, 5000)
    if kind == 3:
        return "".join(chr(rng.randrange(1, 0xD800)) for _ in range(rng.randrange(40)))
    action = {"do": rng.choice([*ACTIONS, "__init__", "close", None, 7])}
    for name in rng.sample(["melody", "states", "locks", "mark", "settings", "set", "first", "last", "upload"], 2):
        action[name] = id if name == "melody" and rng.random() < 0.5 else rng.choice(values)
    if kind == 4:
        names = rng.sample(["tonic", "scale", "notes", "low", "form", "chords", "rules", "tempo", "x", "bars"], 2)
        action = {"do": "set", "settings": {name: rng.choice(values) for name in names}}
    if kind == 5:
        action = {"do": "set", "settings": {"rules": [{"name": rng.choice(values), "arguments": rng.choice(values)}]}}
    return json.dumps(action)


def test_ten_thousand_malformed_messages_end_nothing_and_no_traceback_is_seen(server, capfd):
    rng = random.Random(0)
    with server.page() as page:
        chosen = page.until(lambda state: state["chosen"])["chosen"]
        for _ in range(10_000):
            page.socket.send(malformed(rng, chosen))
        page.do("choose", melody="the last one")
        texts = []
        while not texts or "the last one" not in texts[-1]:
            texts.append(page.error())
        assert all("\n" not in text and "Traceback" not in text for text in texts)
        page.do("set", settings={"tonic": "D", "scale": "dorian"})
        page.until(lambda state: state["settings"]["scale"] == "dorian")
    with server.page() as page:
        assert chosen in server.panel.history.melodies
        page.do("again")
        count = len(page.state["sets"])
        page.until(lambda state: len(state["sets"]) > count)
    assert "Traceback" not in capfd.readouterr().err


def test_a_message_larger_than_any_action_closes_that_page_alone(server):
    with server.page() as other, server.page() as page:
        other.until(lambda state: state["sets"])
        page.socket.send("x" * 300_000)
        with pytest.raises(ConnectionClosed):
            page.until(lambda state: False)
        other.do("again")
        other.until(lambda state: len(state["sets"]) > 1)


def test_a_page_that_does_not_listen_holds_nobody_up(server):
    with server.page() as deaf, server.page() as page:
        for number in range(400):
            page.do("set", settings={"tempo": 60 + number % 100})
        began = time.monotonic()
        page.until(lambda state: state["settings"]["tempo"] == 60 + 399 % 100)
        assert time.monotonic() - began < 20
        assert deaf.state

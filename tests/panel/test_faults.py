"""What goes wrong around a panel: damaged files, full disks, dying processes, other programs of the same machine."""

import errno
import json
import random
import time
from dataclasses import replace

import pytest
from panel_server import PATIENCE, TOKEN, Running
from panel_twin import TwinSource, melody
from starlette.datastructures import Headers

from melodylc.base.errors import UserError
from melodylc.panel import history
from melodylc.panel.actions import ACTIONS, act
from melodylc.panel.asking import ask_for_rules, begin
from melodylc.panel.history import History, KnownMelody, new_id
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


def wait_until(true):
    end = time.monotonic() + PATIENCE
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


# --- the history ------------------------------------------------------------------------------------------------------


def known(number, **others):
    states = tuple(melody(48 + number % 30))
    return KnownMelody(new_id(), states, (0,) * len(states), {"attributes": {"key": None}}, **others)


def test_what_was_cared_for_is_never_forgotten_and_what_is_kept_fits_together(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "MOST_SETS", 5)
    rng, kept = random.Random(0), History()
    liked = set()
    for number in range(60):
        kept.add("", "", [known(number) for _ in range(rng.randrange(1, 4))])
        if rng.random() < 0.3:
            some = rng.choice([each for at in kept.sets[-5:] for each in at.melodies])
            kept.melodies[some] = replace(kept.melodies[some], mark=1)
            liked.add(some)
        assert liked <= set(kept.melodies)
        assert {each for at in kept.sets for each in at.melodies} == set(kept.melodies)
        assert kept.chosen in kept.melodies
    assert len(kept.sets) <= 5 + len(liked)
    kept.save(tmp_path / "history.json")
    assert History.load(tmp_path / "history.json") == kept


def test_a_damaged_history_is_refused_whatever_is_wrong(tmp_path):
    """Cut off anywhere, or with any part gone, or another in its place: it opens whole, or it is said."""
    file, rng, kept = tmp_path / "history.json", random.Random(1), History()
    for number in range(3):
        kept.add("", "", [known(number)])
    kept.save(file)
    whole, opened = file.read_text(), 0
    for number in range(300):
        said = json.loads(whole)
        if number < 100:
            file.write_text(whole[: rng.randrange(len(whole))])
        else:
            spoil(said, rng)
            file.write_text(json.dumps(said))
        try:
            read = History.load(file)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        opened += 1
        panel = Panel(tmp_path, TwinSource(), history=read)
        panel.state()
        read.add("", "", [known(9)])
        panel.changes()
        read.save(file)
    assert opened < 200


def spoil(said, rng):
    """Put something else in one place of a history, or take it away."""
    for depth in range(4):
        places = list(said) if isinstance(said, dict) else range(len(said))
        place = rng.choice(list(places)[:40])
        if depth < 3 and isinstance(said[place], dict | list) and said[place] and rng.random() < 0.8:
            said = said[place]
            continue
        if rng.random() < 0.4:
            del said[place]
        else:
            said[place] = rng.choice([None, "x", 7, [], {}, -1.5, ["x"], True])
        return


# --- jobs -------------------------------------------------------------------------------------------------------------


def opened(folder, source=None, **others):
    said = []
    panel = Panel(folder, source or TwinSource(), say=lambda kind, text: said.append((kind, text)), **others)
    panel.said = said
    begin(panel)
    return panel


def settle(panel):
    for _ in range(8):
        panel.poll()


def test_a_process_that_can_never_work_leaves_nothing_waiting(tmp_path):
    source = TwinSource()
    source.ready = False
    panel = opened(tmp_path, source)
    panel.poll()
    assert panel.state()["busy"]
    source.fatal = "model: there is none at x"
    panel.poll()
    assert panel.state()["busy"] is None
    assert panel.state()["worker"] == {"state": "gone", "text": source.fatal}
    for _ in range(30):
        act(panel, {"do": "again"})
        panel.poll()
    assert panel.said == [("error", source.fatal)] * 31


def test_what_is_shown_as_stoppable_can_be_stopped_before_it_begins(tmp_path):
    source = TwinSource()
    source.ready = False
    panel = opened(tmp_path, source)
    panel.poll()
    assert panel.state()["busy"]["stoppable"]
    act(panel, {"do": "stop"})
    assert panel.state()["busy"] is None
    act(panel, {"do": "stop"})
    assert ("said", "nothing is going on that can be stopped") in panel.said
    source.ready = True
    panel.poll()
    assert not source.asked


def test_files_of_rules_that_are_saved_often_are_read_once_when_their_time_comes(tmp_path):
    file, source = tmp_path / "mine.py", TwinSource()
    file.write_text("x")
    panel = opened(tmp_path, source, rule_files=(file,))
    for _ in range(4):
        panel.poll()
    source.held = True
    for number in range(40):
        file.write_text("x" * number)
        ask_for_rules(panel)
        panel.poll()
    file.unlink()
    ask_for_rules(panel)
    source.held = False
    for _ in range(4):
        panel.poll()
    assert 3 <= sum(task.name == "catalogue" for task in source.asked) <= 5


def test_a_file_of_rules_that_ends_the_process_is_said_at_its_rules_and_read_when_it_is_mended(tmp_path):
    file, source = tmp_path / "mine.py", TwinSource()
    file.write_text("x")
    source.held = True
    panel = opened(tmp_path, source, rule_files=(file,))
    for _ in range(2):
        panel.poll()
        source.die()
        panel.poll()
        source.ready = True
    source.held = False
    settle(panel)
    assert "process ended" in panel.state()["catalogue"][-1]["error"]
    act(panel, {"do": "set", "settings": {"rules": [{"name": f"{file}:mine", "arguments": {}}]}})
    settle(panel)
    assert list(panel.state()["rule_errors"]) == ["0"]
    file.write_text("mended")
    ask_for_rules(panel)
    settle(panel)
    assert not panel.state()["rule_errors"]
    assert source.asked[-1].asked["rules"] == [f"{file}:mine"]


def test_a_taste_that_cannot_be_taken_is_said_with_what_to_move_away_and_is_left_alone(tmp_path):
    (tmp_path / "taste.safetensors").write_bytes(b"of another model")
    source = TwinSource()
    source.failing = "taste: of another model"
    panel = opened(tmp_path, source)
    settle(panel)
    before = tmp_path / ".panel" / "taste-before.safetensors"
    assert ("error", f"taste: of another model; or move {before} away, to begin anew") in panel.said
    assert (tmp_path / "taste.safetensors").read_bytes() == before.read_bytes() == b"of another model"


def test_what_was_stopped_is_not_tried_again_when_its_process_ends(tmp_path):
    source = TwinSource()
    source.held = True
    panel = opened(tmp_path, source)
    panel.poll()
    act(panel, {"do": "stop"})
    source.die()
    panel.poll()
    source.ready = True
    panel.poll()
    assert panel.state()["busy"] is None
    assert [task.name for task in source.asked] == ["generate"]
    assert "process ended" in panel.said[-1][1]


def test_a_melody_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    panel = opened(tmp_path)
    settle(panel)
    monkeypatch.setattr("pathlib.Path.replace", raises(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(UserError, match="space"):
        act(panel, {"do": "save", "melody": panel.history.chosen})
    assert not list(tmp_path.glob("*.mid"))
    assert not list(tmp_path.glob(".*.mid"))


def test_a_melody_is_judged_by_what_is_still_there_of_what_it_was_asked_for(tmp_path):
    """Its file of rules is not named any more, its taste is gone, the folder has another name."""
    file, old, source = tmp_path / "mine.py", tmp_path / "old", TwinSource()
    file.write_text("x")
    panel = opened(old, source, rule_files=(file,))
    settle(panel)
    (old / "taste.safetensors").write_text("x")
    rules = [{"name": f"{file}:mine", "arguments": {}}, {"name": "leaps", "arguments": {"at_most": 5}}]
    act(panel, {"do": "set", "settings": {"rules": rules, "taste": True}})
    settle(panel)
    id, asked = panel.history.chosen, source.asked[-1].asked
    assert len(asked["rules"]) == 2
    assert asked["taste"]
    panel.close()
    old.rename(tmp_path / "new")
    for taste in (True, False):
        again = opened(tmp_path / "new", TwinSource())
        settle(again)
        act(again, {"do": "edit", "melody": id, "states": melody(50 + taste)})
        settle(again)
        judged = again.source.asked[-1]
        assert (judged.name, judged.asked["rules"]) == ("judge", asked["rules"][1:])
        assert judged.asked["taste"] == (str(tmp_path / "new" / "taste.safetensors") if taste else None)
        (tmp_path / "new" / "taste.safetensors").unlink(missing_ok=True)
        again.close()

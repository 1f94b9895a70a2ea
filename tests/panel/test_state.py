"""The state of a panel: actions, what is asked of the inference process for them, and what is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panel_twin import TwinSource, melody

from melodylc.base.errors import UserError
from melodylc.panel.actions import ACTIONS, act
from melodylc.panel.asking import ask_for_rules, begin
from melodylc.panel.state import Panel


@pytest.fixture
def panel(tmp_path):
    return opened(tmp_path)


def opened(folder, **others):
    said = []
    panel = Panel(folder, TwinSource(), say=lambda kind, text: said.append((kind, text)), **others)
    panel.said = said
    begin(panel)
    settle(panel)
    return panel


def settle(panel):
    for _ in range(8):
        panel.poll()


def shown(panel):
    state = json.loads(json.dumps(panel.state()))  # as a page gets it
    at = next(each for each in state["sets"] if each["id"] == state["at"])
    return state, [state["melodies"][id] for id in at["melodies"]]


def asked(panel, name):
    return [task.asked for task in panel.source.asked if task.name == name]


def test_begins_with_candidates_and_one_of_them_is_in_the_roll(panel):
    state, melodies = shown(panel)
    assert len(melodies) == 4
    assert state["chosen"] == melodies[0]["id"]
    assert state["busy"] is None
    assert asked(panel, "generate")[0]["attributes"]["key"] == "C major"


def test_changes_are_told_once_and_melodies_with_the_set_they_are_in(panel):
    panel.changes()
    act(panel, {"do": "again"})
    settle(panel)
    changed = panel.changes()
    assert set(changed["melodies"]) == set(changed["sets"][-1]["melodies"])
    assert changed["at"] == changed["sets"][-1]["id"]
    assert panel.changes() is None


def test_settings_make_new_candidates_unless_they_only_say_how_it_sounds(panel):
    act(panel, {"do": "set", "settings": {"tonic": "E", "scale": "blues", "notes": 120}})
    settle(panel)
    assert asked(panel, "generate")[-1]["attributes"] == {
        "key": "E blues",
        "notes": 120,
        "low": None,
        "high": None,
        "at_most": None,
    }
    count = len(panel.source.asked)
    act(panel, {"do": "set", "settings": {"tempo": 90}})
    settle(panel)
    assert len(panel.source.asked) == count
    assert panel.state()["settings"]["tempo"] == 90


def test_a_newer_wish_replaces_those_that_wait_and_stops_the_one_under_way(panel):
    panel.source.held = True
    for notes in (80, 90, 100):
        act(panel, {"do": "set", "settings": {"notes": notes}})
        settle(panel)
    assert panel.source.stops > 0
    panel.source.held = False
    settle(panel)
    state, _ = shown(panel)
    assert asked(panel, "generate")[-1]["attributes"]["notes"] == 100
    assert len(state["sets"]) == 2, "what nobody wants any more is no set"


def test_what_does_not_do_is_shown_at_its_field_and_nothing_is_made(panel):
    count = len(panel.source.asked)
    act(panel, {"do": "set", "settings": {"chords": "Xyz", "low": 70, "high": 60, "form": "AB!"}})
    settle(panel)
    state = panel.state()
    assert "Xyz" in state["chords_error"]
    assert state["key_error"]
    assert state["form_error"]
    assert len(panel.source.asked) == count
    with pytest.raises(UserError):
        act(panel, {"do": "again"})
    act(panel, {"do": "set", "settings": {"chords": None, "low": None, "high": None, "form": None}})
    settle(panel)
    assert panel.state()["chords_error"] is None
    assert len(panel.source.asked) == count + 1


def test_a_rule_without_its_argument_is_said_at_the_rule_and_left_out(panel):
    rules = [{"name": "leaps", "arguments": {}}, {"name": "contour", "arguments": {"shape": "arch"}}]
    act(panel, {"do": "set", "settings": {"rules": rules}})
    settle(panel)
    assert list(panel.state()["rule_errors"]) == ["0"]
    assert [text.split("(")[0] for text in asked(panel, "generate")[-1]["rules"]] == ["contour"]


@pytest.mark.parametrize("name", ["/etc/passwd.py:x", "evil.py:rule", "__import__('os')", "no such", ""])
def test_a_rule_that_is_not_offered_is_never_looked_for(panel, name):
    act(panel, {"do": "set", "settings": {"rules": [{"name": name, "arguments": {}}]}})
    settle(panel)
    assert list(panel.state()["rule_errors"]) == ["0"]
    assert asked(panel, "generate")[-1]["rules"] == []


def test_edits_are_undone_and_done_again_and_judged(panel):
    _, (first, *_) = shown(panel)
    notes = list(first["states"])
    notes[0] = 72
    act(panel, {"do": "edit", "melody": first["id"], "states": notes})
    settle(panel)
    _, (edited, *_) = shown(panel)
    assert (edited["states"], edited["undo"], edited["redo"]) == (notes, 1, 0)
    assert asked(panel, "judge")[-1]["melodies"] == [tuple(notes)]
    act(panel, {"do": "undo", "melody": first["id"]})
    _, (before, *_) = shown(panel)
    assert (before["states"], before["undo"], before["redo"]) == (first["states"], 0, 1)
    act(panel, {"do": "redo", "melody": first["id"]})
    assert shown(panel)[1][0]["states"] == notes


def test_remaking_keeps_the_locks_and_asks_for_what_is_asked_now(panel):
    _, (first, *_) = shown(panel)
    locks = [1] * 128 + [0] * 128
    act(panel, {"do": "lock", "melody": first["id"], "locks": locks})
    act(panel, {"do": "remake", "melody": first["id"]})
    settle(panel)
    wanted = asked(panel, "remake")[-1]
    assert list(wanted["locks"]) == locks
    assert list(wanted["melody"]) == first["states"]
    assert all(each["locks"] == locks for each in shown(panel)[1])
    act(panel, {"do": "lock", "melody": first["id"], "locks": [1] * 256})
    with pytest.raises(UserError, match="unlock"):
        act(panel, {"do": "remake", "melody": first["id"]})


def test_marks_teach_a_taste_from_all_that_were_judged(panel):
    _, (first, second, *_) = shown(panel)
    act(panel, {"do": "mark", "melody": first["id"], "mark": 1})
    act(panel, {"do": "mark", "melody": second["id"], "mark": -1})
    settle(panel)
    wanted = asked(panel, "taste")[-1]
    assert [list(each) for each in wanted["liked"]] == [first["states"]]
    assert [list(each) for each in wanted["disliked"]] == [second["states"]]
    assert panel.state()["taste"] == {
        "liked": 1,
        "disliked": 1,
        "share": 0.25,
        "text": "25% of known melodies are to your taste",
    }


def test_everything_is_there_after_a_new_start(tmp_path):
    panel = opened(tmp_path)
    _, (first, *_) = shown(panel)
    act(panel, {"do": "set", "settings": {"tonic": "D", "scale": "dorian"}})
    settle(panel)
    act(panel, {"do": "go", "set": panel.state()["sets"][0]["id"]})
    act(panel, {"do": "edit", "melody": first["id"], "states": melody(50)})
    act(panel, {"do": "mark", "melody": first["id"], "mark": 1})
    settle(panel)
    before, _ = shown(panel)
    panel.close()
    again = opened(tmp_path)
    after, _ = shown(again)
    assert not asked(again, "generate"), "what was there is shown, nothing is made in its place"
    for part in ("sets", "at", "chosen", "settings", "melodies"):
        assert after[part] == before[part], part


def test_a_history_that_cannot_be_read_is_said_and_left_alone(tmp_path):
    (tmp_path / ".panel").mkdir()
    file = tmp_path / ".panel" / "history.json"
    file.write_text('{"version": 1, "melodies": 7}')
    with pytest.raises(UserError, match=r"history\.json cannot be read"):
        opened(tmp_path)
    assert file.read_text() == '{"version": 1, "melodies": 7}'


def test_a_lost_job_is_tried_once_more(panel):
    panel.source.held = True
    act(panel, {"do": "again"})
    panel.poll()
    count = len(panel.source.asked)
    for _ in range(2):
        panel.source.die()
        panel.poll()
        panel.source.ready = True
        panel.poll()
    assert len(panel.source.asked) == count + 1
    assert any("process ended" in text for _, text in panel.said)


def test_a_failure_is_said_and_loses_nothing(panel):
    before, _ = shown(panel)
    panel.source.failing = "rule 'x': failed"
    act(panel, {"do": "again"})
    settle(panel)
    assert ("error", "rule 'x': failed") in panel.said
    assert shown(panel)[0]["sets"] == before["sets"]


def test_learning_shows_its_curve_and_the_actor_is_used_while_its_rules_are_asked_for(panel):
    rules = [{"name": "syncopation", "arguments": {}}]
    act(panel, {"do": "set", "settings": {"rules": rules}})
    settle(panel)
    panel.source.held = True
    act(panel, {"do": "learn"})
    panel.poll()
    panel.source.tell(curve=[[1, 0.5, 0.6]])
    panel.poll()
    assert panel.state()["busy"] == {
        "what": "learn",
        "text": "learning syncopation",
        "stoppable": True,
        "curve": [[1, 0.5, 0.6]],
    }
    act(panel, {"do": "stop"})
    assert panel.source.stops
    path = asked(panel, "learn")[-1]["path"]
    open(path, "w").close()
    panel.source.held = False
    settle(panel)
    assert asked(panel, "generate")[-1]["actors"] == [path]
    act(panel, {"do": "set", "settings": {"rules": [*rules, {"name": "swing", "arguments": {}}]}})
    settle(panel)
    assert asked(panel, "generate")[-1]["actors"] == []


def test_a_file_of_rules_is_read_again_when_it_is_saved(tmp_path):
    import os

    file = tmp_path / "mine.py"
    file.write_text("x")
    panel = opened(tmp_path, rule_files=(file,))
    assert panel.state()["catalogue"][-1]["name"] == f"{file}:mine"
    act(panel, {"do": "set", "settings": {"rules": [{"name": f"{file}:mine", "arguments": {}}]}})
    settle(panel)
    count = len(asked(panel, "generate"))
    ask_for_rules(panel)
    settle(panel)
    assert len(asked(panel, "generate")) == count
    os.utime(file, (1, 1))
    ask_for_rules(panel)
    settle(panel)
    assert len(asked(panel, "generate")) == count + 1
    assert len(asked(panel, "catalogue")) == 2


def test_saved_files_never_take_another_ones_place(panel):
    _, (first, *_) = shown(panel)
    for _ in range(2):
        act(panel, {"do": "save", "melody": first["id"]})
    files = sorted(path.name for path in panel.folder.glob("*.mid"))
    assert len(files) == 2
    assert shown(panel)[1][0]["saved"] in files


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("melody", "states", "locks", "mark", "settings", "set", "first", "last", "amount", "bars", "upload", "track")


@given(
    st.lists(
        st.builds(
            lambda do, fields: {"do": do, **fields},
            st.sampled_from([*ACTIONS, "nonsense"]),
            st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3),
        )
        | JSON,
        max_size=12,
    )
)
def test_nonsense_is_refused_in_one_line_and_changes_nothing(tmp_path_factory, actions):
    panel = opened(tmp_path_factory.mktemp("folder"))
    before, _ = shown(panel)
    for action in actions:
        try:
            act(panel, action)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
    settle(panel)
    after, _ = shown(panel)
    assert before["sets"] == after["sets"][: len(before["sets"])]

"""Reaper's scripts, in a Reaper in memory (reaper_api.lua), with a program that answers, and with melodylc itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tune import TUNE

from melodylc import plugins

HERE = Path(__file__).parent
SCRIPTS = ("melodylc", "melodylc_infill", "melodylc_json", "melodylc_make", "melodylc_vary")
SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
MELODY = [[SCALE[index % 8], index / 2, 0.5, 80] for index in range(32)]  # four bars of eighths


class Reaper:
    """Runs actions on a project and says what became of it."""

    def __init__(self, lua, folder, program=None):
        self.lua, self.folder = lua, folder
        self.scripts = folder / "Scripts" / "mélodies de l'été"  # what people call their folders
        self.scripts.mkdir(parents=True)
        shutil.copy(HERE / "answering.py", folder)
        program = program or f'"{sys.executable}" "{folder / "answering.py"}"'
        for name in SCRIPTS:
            script = (plugins.folder() / "reaper" / f"{name}.lua").read_text().replace("@MELODYLC@", program)
            (self.scripts / f"{name}.lua").write_text(script)

    def answers(self, *melodies, **reply):
        """Set what the program answers: the notes of melodies that are kept, or a whole reply."""
        if melodies:
            reply = {"melodies": [{"notes": notes, "bars": 4, "kept": True, "why": ""} for notes in melodies]}
        (self.folder / "reply.json").write_text(json.dumps(reply))

    def call(self, *actions, **scenario):
        """Open a project and call actions: infill, vary, make, or undo."""
        scenario.setdefault("folder", str(self.folder / "Réglages de REAPER"))
        (self.folder / "questions.jsonl").write_text("")
        (self.folder / "scenario.json").write_text(json.dumps(scenario))
        names = [name if name == "undo" else f"melodylc_{name}" if name != "melodylc" else name for name in actions]
        files = [str(self.folder / name) for name in ("scenario.json", "result.json")]
        command = [self.lua, str(HERE / "reaper_driver.lua"), str(self.scripts), *files, *names]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads((self.folder / "result.json").read_text())

    @property
    def questions(self):
        """What was asked in the last call, in order."""
        said = [json.loads(line) for line in (self.folder / "questions.jsonl").read_text().splitlines()]
        assert len({each.pop("id") for each in said}) == len(said)
        return said

    @property
    def question(self):
        (question,) = self.questions
        return question


@pytest.fixture
def reaper(lua, tmp_path):
    return Reaper(lua, tmp_path)


def project(notes=MELODY, position=0.0, length=16.0, **more):
    """A project of one selected track with one selected item."""
    item = {"position": position, "length": length, "selected": True, "takes": [{"name": "mine", "notes": notes}]}
    return {"tracks": [{"selected": True, "items": [item]}], "typed": {}, **more}


def takes(result):
    return result["tracks"][0]["items"][0]["takes"]


def notes(take):
    return [tuple(note[:4]) for note in take["notes"]]


# --- infill -----------------------------------------------------------------------------------------------------------


def test_infill_replaces_the_time_selection_in_a_new_take(reaper):
    answer = [[72, 0, 4, 90]] + [[67, 4 + index, 1, 90] for index in range(4)] + [[60, 8, 8, 90]]
    reaper.answers(answer)
    result = reaper.call("infill", **project(selection=[4, 8], typed={"Key": "F# dorian", "Rules": "a(0, 1); b"}))
    assert result["messages"] == []
    first, second = takes(result)
    assert notes(first) == [tuple(note) for note in MELODY]
    assert not first["active"]
    outside = [tuple(note) for note in MELODY if not 4 <= note[1] < 8]
    assert sorted(notes(second), key=lambda note: note[1]) == sorted(
        outside + [tuple(note) for note in answer[1:5]], key=lambda note: note[1]
    )
    assert second["active"]
    assert (second["name"], first["name"]) == ("melodylc infill", "mine")
    assert result["undo"] == ["melodylc: make the time selection anew"]
    asked = reaper.question
    assert asked == {
        "do": "infill",
        "bars": 4,
        "melody": MELODY,
        "remake": [[4, 8]],
        "key": "F# dorian",
        "rules": ["a(0, 1)", "b"],
        "strict": False,
    }


def test_undo_takes_the_new_take_away(reaper):
    reaper.answers(MELODY)
    result = reaper.call("infill", "undo", **project(selection=[4, 8]))
    assert [notes(take) for take in takes(result)] == [[tuple(note) for note in MELODY]]


def test_a_pooled_take_is_left_as_it_was(reaper):
    reaper.answers([[72, 4, 4, 90]])
    first, second = takes(reaper.call("infill", **project(selection=[4, 8], pooled=True)))
    assert notes(first) == [tuple(note) for note in MELODY]
    assert (72, 4, 4, 90) in notes(second)


def test_a_note_that_sounds_into_the_stretch_stays_as_it_was_played(reaper):
    mine = [[60, 0, 6, 80, 3], [72, 8, 8, 33, 3]]
    reaper.answers([[60, 0, 6, 80], [64, 6, 2, 90], [72, 8, 8, 33]])
    made = takes(reaper.call("infill", **project(mine, selection=[4, 8])))[1]
    assert made["notes"] == [[*mine[0], False], [64, 6, 2, 90, 3, False], [*mine[1], False]]  # on the item's channel


def test_notes_that_were_played_early_belong_where_they_are_meant(reaper):
    """The bridge gives a new pitch the place of the note it replaces; the last step holds what is nearer to the end."""
    mine = [[60, 0, 1, 80], [62, 3.95, 1, 80], [64, 7.95, 1, 80], [65, 15.95, 0.05, 80]]
    reaper.answers([mine[0], [72, 3.95, 1, 80], mine[2], mine[3]])
    made = takes(reaper.call("infill", **project(mine, selection=[4, 8])))[1]
    assert [note[0] for note in made["notes"]] == [60, 72, 64, 65]
    reaper.answers([*mine[:3], [77, 15.95, 0.05, 80]])
    made = takes(reaper.call("infill", **project(mine, selection=[12, 16])))[1]
    assert [note[0] for note in made["notes"]] == [60, 62, 64, 77]


def played(pitch, step, length, early, velocity, channel):
    """A note as people play it: up to a twentieth of a quarter note beside the grid."""
    return [pitch, step / 4 + early, length / 4, velocity, channel]


PLAYED = st.builds(
    played,
    st.integers(40, 80),
    st.integers(1, 60),
    st.integers(1, 8),
    st.sampled_from([-0.05, 0, 1 / 96, 0.05]),
    st.integers(1, 127),
    st.integers(0, 15),
)


@seed(16)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PLAYED, min_size=1, max_size=12), st.integers(0, 62), st.integers(1, 40))
def test_notes_outside_the_stretch_stay_as_they_were_played(reaper, mine, begin, length):
    begin, end = begin / 4, min(64, begin + length) / 4
    made = [[61, quarter, 0.25, 100] for quarter in (begin, end - 0.25)]
    reaper.answers([[61, 0, 0.25, 100], *made] if begin else made)  # what is outside is as it was, for the script
    result = reaper.call("infill", **project(mine, position=8, length=16, selection=[8 + begin, 8 + end]))
    assert result["messages"] == []
    first, second = takes(result)

    def inside(note):
        return begin <= min(63, round((note[1] - 8) * 4 + 1e-6)) / 4 < end

    kept = sorted(note for note in second["notes"] if not inside(note))
    assert kept == sorted(note for note in first["notes"] if not inside(note))
    assert sorted(note[:4] for note in second["notes"] if inside(note)) == sorted(
        [pitch, 8 + start, span, velocity] for pitch, start, span, velocity in made
    )
    question = reaper.question
    assert question["remake"] == [[begin, end]]
    assert question["bars"] == 4
    assert [note[0] for note in question["melody"]] == [note[0] for note in first["notes"]]
    assert all(0 < note[1] < 16 and note[2] > 0 for note in question["melody"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"selection": None}, "Select the time that is to be made anew"),
        ({"selection": [16, 20]}, "does not overlap the selected item"),
        ({"selection": [4, 4.1]}, "does not overlap the selected item by a sixteenth note"),
        ({"signatures": [[0, 3]], "selection": [3, 6]}, "in 4/4, and bar 1 has 3 quarter notes"),
        ({"signatures": [[0, 4], [8, 3.5]], "selection": [0, 4]}, "bar 3 has 3.5 quarter notes"),
        ({"typed": {"At least": "many"}}, "notes: expected a whole number, got many"),
        ({"typed": {"At least": "9.5"}}, "notes: expected a whole number, got 9.5"),
        ({"typed": {"Guarantee": "perhaps"}}, "strict: expected yes or no, got perhaps"),
    ],
)
def test_what_cannot_be_made_is_said_and_changes_nothing(reaper, change, says):
    reaper.answers(MELODY)
    result = reaper.call("infill", **{**project(selection=[4, 8]), **change})
    assert says in result["messages"][0]
    assert len(result["messages"]) == 1
    assert len(takes(result)) == 1
    assert result["undo"] == result["commands"] == []


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"selected": False}, "Select one MIDI item first"),
        ({"takes": [{"audio": True}]}, "no MIDI in its active take"),
        ({"takes": []}, "no MIDI in its active take"),
        ({"takes": [{"notes": []}]}, "has no notes there"),
        ({"takes": [{"notes": [[60, 0, 1, 80, 0, True]]}]}, "has no notes there"),  # a muted one
        ({"takes": [{"notes": MELODY, "length": 8}]}, "repeats its source; glue it first"),
    ],
)
@pytest.mark.parametrize("action", ["infill", "vary"])
def test_an_item_without_a_melody_is_said(reaper, item, says, action):
    reaper.answers(MELODY)
    scenario = project(selection=[4, 8])
    scenario["tracks"][0]["items"][0].update(item)
    result = reaper.call(action, **scenario)
    assert says in result["messages"][0]
    assert result["commands"] == []


# --- vary and make ----------------------------------------------------------------------------------------------------


def test_vary_replaces_what_is_heard_of_the_item(reaper):
    mine = [[60, -1, 0.5, 80], *MELODY, [60, 17, 1, 80]]  # what lies before the item and behind it is not heard
    answer = [[64, index, 1, 90] for index in range(16)]
    reaper.answers(answer)
    result = reaper.call("vary", **project(mine, position=32, typed={"How far": "0,35"}, tempos=[[0, 120], [34, 77]]))
    assert result["messages"] == []
    second = takes(result)[1]
    moved = [(pitch, start + 32, length, velocity) for pitch, start, length, velocity in answer]
    assert notes(second) == [(60, 31, 0.5, 80), *moved, (60, 49, 1, 80)]
    question = reaper.question
    assert (question["do"], question["bars"], question["amount"]) == ("vary", 4, 0.35)
    assert [note[0] for note in question["melody"]] == [note[0] for note in MELODY]
    assert [note[1] for note in question["melody"]] == pytest.approx([note[1] for note in MELODY])


def test_vary_of_a_time_selection_leaves_the_rest(reaper):
    mine = [[60, 0, 1, 80], [62, 3.95, 2, 80], [64, 6, 4, 80], [65, 7.95, 1, 80], [67, 11.95, 1, 80]]
    reaper.answers([[72, 0, 1, 90], [71, 3.75, 0.25, 90], [70, 4, 1, 90]])
    result = reaper.call("vary", **project(mine, position=8, selection=[12, 16]))
    assert result["messages"] == []
    asked = reaper.question
    assert asked["bars"] == 1
    assert [note[0] for note in asked["melody"]] == [62, 64]
    assert [note[1] for note in asked["melody"]] == pytest.approx([-0.05, 2], abs=1e-3)
    made = takes(result)[1]["notes"]
    assert [note[0] for note in made] == [60, 72, 71, 65, 67]  # what begins in the bar after it was not asked for
    assert made[1][1:3] == [12, 1]


def test_a_time_selection_elsewhere_says_nothing_about_an_item(reaper):
    reaper.answers([[72, 0, 16, 90]])
    result = reaper.call("vary", **project(selection=[16, 20]))
    assert notes(takes(result)[1]) == [(72, 0, 16, 90)]


def test_an_item_that_begins_within_a_bar_is_counted_from_the_bar(reaper):
    reaper.answers(MELODY)
    reaper.call("vary", **project([[60, 0, 1, 80], [62, 2.5, 9, 80]], position=6, length=3))
    assert reaper.question["melody"] == [[60, 2, 1, 80], [62, 4.5, 0.5, 80]]  # no longer than is heard
    assert reaper.question["bars"] == 2


@seed(16)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.integers(1, 16), st.floats(20, 400), st.floats(20, 400), st.integers(0, 300))
def test_bars_are_counted_right_in_every_tempo(reaper, bar, bars, tempo, then, change):
    reaper.answers([[60, 0, 1, 90]])
    note = [[60, 0, 1, 80], [62, bars * 4 - 0.25, 0.25, 80]]
    tempos = [[0, tempo], [change + 0.5, then]]  # seconds that are no round numbers
    scenario = project(note, bar * 4, bars * 4, tempos=tempos, selection=[bar * 4, (bar + bars) * 4])
    result = reaper.call("infill", "vary", "make", **scenario)
    assert result["messages"] == []
    made = result["tracks"][0]["items"][1]
    assert (made["position"], made["length"]) == pytest.approx((bar * 4, bars * 4))
    infill, vary, make = reaper.questions
    assert infill["bars"] == vary["bars"] == make["bars"] == bars
    assert infill["remake"] == [[0, bars * 4]]
    assert [each[1] for each in infill["melody"]] == pytest.approx([0, bars * 4 - 0.25], abs=1e-6)


def test_make_puts_an_item_over_the_bars_of_the_time_selection(reaper):
    reaper.answers([[60, 0, 1, 90], [62, 31, 1, 90]])
    result = reaper.call("make", **project(position=64, selection=[5, 27], signatures=[[0, 4]]))
    assert result["messages"] == []
    old, made = result["tracks"][0]["items"]
    assert (made["position"], made["length"], made["selected"], old["selected"]) == (4, 24, True, False)
    assert notes(made["takes"][0]) == [(60, 4, 1, 90), (62, 35, 1, 90)]
    assert reaper.question == {"do": "generate", "bars": 6, "key": "C major", "strict": False}
    assert result["undo"] == ["melodylc: make a melody"]


def test_make_without_a_time_selection_makes_16_bars_at_the_cursor(reaper):
    reaper.answers([[60, 0, 1, 90]])
    result = reaper.call("make", **project(position=64, cursor=9.5, typed={"Chords": "C | Am"}))
    made = result["tracks"][0]["items"][1]
    assert (made["position"], made["length"]) == (8, 64)
    assert reaper.question["bars"] == 16
    assert reaper.question["chords"] == "C | Am"


def test_make_needs_a_track_and_4_4(reaper):
    assert "Select a track first" in reaper.call("make", tracks=[{}], typed={})["messages"][0]
    result = reaper.call("make", tracks=[{"selected": True}], typed={}, signatures=[[0, 4], [12, 3]])
    assert "bar 4 has 3 quarter notes" in result["messages"][0]


def test_another_signature_before_moves_the_bars(reaper):
    reaper.answers([[60, 0, 1, 90]])
    result = reaper.call("make", tracks=[{"selected": True}], typed={}, signatures=[[0, 3], [9, 4]], selection=[13, 14])
    assert result["tracks"][0]["items"][0]["position"] == 13


# --- what the user and the program say --------------------------------------------------------------------------------


def test_what_was_typed_is_there_the_next_time(reaper):
    reaper.answers(MELODY)
    typed = {"Key": "0,2,4,7,9", "Rules": "range(0.5, 1); b"}
    result = reaper.call("vary", "vary", **project(typed=typed))
    first, second = result["dialogs"]
    assert first["shown"][1] == "own"
    assert second["shown"][1] == "0,2,4,7,9"
    assert "range(0.5, 1); b" in second["shown"]
    made = reaper.call("vary", "make", **project(typed={"Key": "E minor"}))
    assert made["dialogs"][1]["shown"][0] == "C major"  # which has a key of its own


def test_a_dialog_that_is_cancelled_changes_nothing(reaper):
    reaper.answers(MELODY)
    for action in ("infill", "vary", "make"):
        result = reaper.call(action, **{**project(selection=[4, 8]), "typed": None})
        assert result["messages"] == result["undo"] == []
        assert reaper.questions == []


HOSTILE = ['$(touch /tmp/x); "quoted" & \\ %PATH% `x`', "dórian 音階 \U0001f3b5", "tab\tand \x7f"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_typed_reaches_the_program_as_it_is(reaper, text):
    reaper.answers(MELODY)
    reaper.call("vary", **project(typed={"Key": text}))
    assert reaper.question["key"] == text


def test_what_went_wrong_is_said_in_one_message(reaper):
    reaper.answers(error="key: expected a tonic and a scale, got 'H'")
    assert reaper.call("vary", **project())["messages"] == ["key: expected a tonic and a scale, got 'H'"]
    reaper.answers(fails="torch is not there")
    assert reaper.call("vary", **project())["messages"] == ["No melody: torch is not there"]
    assert len(takes(reaper.call("vary", **project()))) == 1


def test_a_program_that_is_gone_is_said(lua, tmp_path):
    reaper = Reaper(lua, tmp_path, '"/nowhere/bin/melodylc"')
    assert "No melody:" in reaper.call("vary", **project())["messages"][0]


@pytest.mark.parametrize("action", ["infill", "vary", "make"])
def test_a_change_that_fails_midway_is_undone(reaper, action):
    reaper.answers([[60, 4, 1, 90], [200, 5, 1, 90]])  # the second is no note
    result = reaper.call(action, **project(selection=[0, 16]))
    assert len(result["messages"]) == 1
    assert [len(item["takes"]) for item in result["tracks"][0]["items"]] == [1]
    assert notes(takes(result)[0]) == [tuple(note) for note in MELODY]
    assert result["undo"] == []


def test_an_old_answer_is_not_taken_for_a_new_one(reaper):
    reaper.answers([[60, 0, 1, 90]])
    reaper.call("vary", **project())
    reaper.answers(fails="no more")
    assert reaper.call("vary", **project())["messages"] == ["No melody: no more"]
    reaper.answers(id="of a question that was given up", melodies=[{"notes": MELODY, "bars": 4, "kept": True}])
    result = reaper.call("vary", **project())
    assert "No melody: melodylc did not start, or took too long" in result["messages"][0]
    assert len(takes(result)) == 1


def test_what_is_not_kept_is_said(reaper):
    melody = {"notes": MELODY, "bars": 4, "kept": False, "why": "contour('arch') is not kept"}
    reaper.answers(melodies=[melody])
    result = reaper.call("vary", **project())
    assert result["messages"] == ["Not everything asked for is kept: contour('arch') is not kept"]
    assert len(takes(result)) == 2


def test_the_file_that_the_actions_share_is_no_action(reaper):
    assert "Load the three actions" in reaper.call("melodylc", **project())["messages"][0]


def test_with_melodylc_itself(lua, tmp_path):
    """A phrase of which two bars are made anew, a variation, and a new melody: what a user has in ten minutes."""
    reaper = Reaper(lua, tmp_path)
    assert set(plugins.install("reaper", str(reaper.scripts))) == {reaper.scripts / f"{name}.lua" for name in SCRIPTS}
    phrase = [[*note, 2] for note in TUNE]
    typed = {"Guarantee": "yes", "Range": "C3-C6"}
    result = reaper.call("infill", "vary", "make", **project(phrase, position=8, selection=[12, 20], typed=typed))
    assert all("Not everything asked for is kept" in message for message in result["messages"])
    first, second, third = takes(result)
    assert first["notes"] == [[note[0], note[1] + 8, *note[2:], False] for note in phrase]
    assert [note for note in second["notes"] if not 12 <= note[1] < 20] == [
        note for note in first["notes"] if not 12 <= note[1] < 20
    ]
    anew = [note for note in second["notes"] if 12 <= note[1] < 20]
    assert anew
    assert anew != [note for note in first["notes"] if 12 <= note[1] < 20]
    assert all(note[0] % 12 in {0, 2, 4, 5, 7, 9, 11} and note[4] == 2 for note in anew)
    assert third["notes"] != second["notes"]
    assert all(8 <= note[1] < 24 and note[0] % 12 in {0, 2, 4, 5, 7, 9, 11} for note in third["notes"])
    made = result["tracks"][0]["items"][1]
    assert (made["position"], made["length"]) == (12, 8)
    assert all(12 <= note[1] < 20 and 48 <= note[0] <= 84 for note in made["takes"][0]["notes"])
    assert result["undo"] == ["melodylc: make the time selection anew", "melodylc: vary", "melodylc: make a melody"]


# --- JSON -------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=5), inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


def again(lua, text):
    """What Lua reads in a JSON text, written by Lua."""
    load = f'local json = dofile("{plugins.folder()}/reaper/melodylc_json.lua")'
    program = [lua, "-e", load + ' io.write(json.encode(json.decode(io.read("a"))))']
    done = subprocess.run(program, input=text.encode("utf-8"), capture_output=True)
    return done.stdout.decode("utf-8") if done.returncode == 0 else None


def like(value):
    """The same value, floats as near as fourteen digits are."""
    if isinstance(value, list):
        return [like(each) for each in value]
    if isinstance(value, dict):
        return {name: like(each) for name, each in value.items()}
    if isinstance(value, float) and not value.is_integer():
        return pytest.approx(value, rel=1e-12)
    return value


@seed(16)
@settings(max_examples=40)
@given(st.lists(VALUES, min_size=1, max_size=6), st.booleans())
def test_lua_reads_and_writes_json_as_python_does(lua, values, ascii_only):
    written = again(lua, json.dumps(values, ensure_ascii=ascii_only, indent=1))
    assert written is not None
    assert json.loads(written) == like(values)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", "[1 2]", '{"a" 1}', '{"a":1,}', '"a', '"\\x"', '"\\u12"', "nul", "1 2", "-", '"a\nb"', "[01"],
)
def test_what_is_no_json_is_refused(lua, text):
    assert again(lua, text) is None


# --- the scripts as they are ------------------------------------------------------------------------------------------


def test_the_linter_of_lua_finds_nothing(luacheck):
    root = HERE.parents[1]
    done = subprocess.run([luacheck, "-q", "plugins", "tests/plugins"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

"""Ardour's scripts in Ardour's own Lua: a region's notes go into the question, those of the answer into the region."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from ardour_session import Ardour, program

from melodylc import plugins

PHRASE = [
    [60, 0, 1, 50], [64, 1.025, 0.5, 51], [67, 2, 1, 53], [69, 3, 0.5, 54], [65, 4, 1, 56], [62, 5.5, 0.5, 58],
    [60, 6, 2, 59], [48, 8, 4, 30], [64, 9, 1, 62], [67, 10, 1.5, 63], [67, 12, 1, 65], [64, 14, 2, 67],
]  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    if program() is None:
        if os.environ.get("MELODYLC_NEEDS_PLUGIN_TOOLS"):
            pytest.fail("no ardour-lua; apt-get install ardour")
        pytest.skip("no ardour-lua; apt-get install ardour")
    return Ardour(tmp_path_factory.mktemp("ardour"), "a song's $(touch x) \u00fc")


@pytest.fixture
def ardour(empty, tmp_path):
    """A copy of an empty session, since a script changes it."""
    copy = object.__new__(Ardour)
    copy.home, copy.folder = tmp_path, tmp_path / empty.folder.name
    shutil.copytree(empty.folder, copy.folder)
    return copy


def script(ardour, command):
    """The script as it is installed, for a program that answers."""
    path = ardour.home / "script.lua"
    path.write_text((plugins.folder() / "ardour" / "melodylc_infill.lua").read_text().replace(plugins.OURS, command))
    return path


def answering(ardour, answer):
    """A program that keeps the question, and gives an answer."""
    (ardour.home / "answer.json").write_text(json.dumps(answer) if isinstance(answer, dict) else answer)
    program = ardour.home / "program.py"
    program.write_text(
        "import shutil, sys\n"
        "assert sys.argv[1:3] == ['bridge', '--ask'] and sys.argv[4] == '--answer' and len(sys.argv) == 6\n"
        f"shutil.copy(sys.argv[3], {str(ardour.home / 'question.json')!r})\n"
        f"shutil.copy({str(ardour.home / 'answer.json')!r}, sys.argv[5])\n"
    )
    return script(ardour, f'"{sys.executable}" "{program}"')


def question(ardour):
    return json.loads((ardour.home / "question.json").read_text())


def as_played(notes, offset=0.0, channel=0):
    return [
        (pitch, pytest.approx(start + offset, abs=1 / 1920), pytest.approx(length, abs=1 / 1920), velocity, channel)
        for pitch, start, length, velocity in sorted(notes, key=lambda note: (note[1], note[0]))
    ]


def test_a_range_is_asked_for_and_its_new_notes_take_the_place_of_the_old(ardour):
    ardour.put(PHRASE, at=8, quarters=16, channel=3)
    made = [note for note in PHRASE if not 4 <= note[1] < 8] + [[72, 4, 1, 56], [71, 5.25, 0.75, 99]]
    answer = answering(ardour, {"melodies": [{"notes": made, "bars": 4}]})
    dialog = '{ rule = "leaps(5) \\"x\\" \\\\ é", notes = 40 }'
    notes, said, fields = ardour.run(answer, range_of=(12, 16), dialog=dialog)
    asked = question(ardour)
    assert asked.pop("melody") == [pytest.approx(note, abs=1 / 1920) for note in PHRASE]
    assert asked == {
        "do": "infill", "bars": 4, "key": "own", "remake": [4, 8], "rules": ['leaps(5) "x" \\ é'], "notes": 40,
    }  # fmt: skip
    assert said == []
    assert fields == ["key", "notes", "range", "rule", "keep"]
    assert notes == as_played(made, channel=3)
    assert not list(ardour.home.rglob("x"))


def test_a_region_that_begins_in_the_middle_of_a_bar_and_of_its_notes(ardour):
    ardour.put(PHRASE, at=6, quarters=11, offset=1)
    made = [[60, 1.9, 0.1, 1], [72, 2.02, 0.5, 51], [71, 4, 1, 52], [70, 13, 1, 53]]
    dialog = '{ key = "", range = "C4-G5", amount = 0.5 }'
    answer = answering(ardour, {"melodies": [{"notes": made}]})
    notes, said, fields = ardour.run(answer, selected=True, dialog=dialog)
    asked = question(ardour)
    visible = [[pitch, start + 1, length, velocity] for pitch, start, length, velocity in PHRASE if 1 <= start < 12]
    assert asked.pop("melody") == [pytest.approx(note, abs=1 / 1920) for note in visible]
    assert asked == {"do": "vary", "bars": 4, "amount": 0.5, "range": "C4-G5"}
    assert fields == ["key", "notes", "range", "rule", "amount"]
    assert said == []
    hidden = [note for note in PHRASE if not 1 <= note[1] < 12]
    inside = [[72, 1.02, 0.5, 51], [71, 3, 1, 52]]
    assert notes == as_played([*hidden, *inside]), "what is not in the region stays, and nothing comes outside of it"


def test_a_range_beyond_the_region_is_cut_to_it(ardour):
    ardour.put(PHRASE, at=8, quarters=16)
    ardour.run(answering(ardour, {"melodies": [{"notes": PHRASE}]}), range_of=(4, 10), dialog='{ keep = "rhythm" }')
    asked = question(ardour)
    assert (asked["remake"], asked["keep"]) == ([0, 2], "rhythm")


def test_notes_that_come_back_as_they_were_are_not_touched(ardour):
    ardour.put(PHRASE, at=8, quarters=16)
    notes, _, _ = ardour.run(answering(ardour, {"melodies": [{"notes": PHRASE}]}), selected=True)
    assert notes == as_played(PHRASE)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"error": 'key: expected a "tonic" \\ \u00fc\u266d\n'}, 'No melody: key: expected a "tonic" \\ \u00fc\u266d '),
        ('{"id": null, "x": [true, false, {}, []], "error" : "no/\\/way\\t"}', "No melody: no//way\t"),
    ],
)
def test_what_the_program_says_is_said(ardour, answer, said):
    ardour.put(PHRASE, at=0, quarters=16)
    notes, told, _ = ardour.run(answering(ardour, answer), selected=True)
    assert told == [said.rstrip("\n")]
    assert notes == as_played(PHRASE)


def test_a_program_that_is_gone_is_said(ardour):
    ardour.put(PHRASE, at=0, quarters=16)
    (ardour.folder / "melodylc-answer.json").write_text('{"melodies": [{"notes": []}]}')
    notes, (said,), _ = ardour.run(script(ardour, '"/nowhere/bin/melodylc"'), selected=True)
    assert said.startswith("No melody: ")
    assert "/nowhere/bin/melodylc" in said
    assert notes == as_played(PHRASE), "an answer of yesterday is none"


def test_without_a_selection_it_says_what_to_select(ardour):
    ardour.put(PHRASE, at=0, quarters=16)
    _, said, fields = ardour.run(answering(ardour, {}))
    assert "0 MIDI regions are selected" in said[0]
    _, said, _ = ardour.run(answering(ardour, {}), range_of=(40, 44))
    assert "0 MIDI regions are selected" in said[0]
    assert fields == []


def test_bars_of_three_quarters_and_too_many_are_refused(ardour):
    ardour.put(PHRASE, at=0, quarters=300)
    _, said, _ = ardour.run(answering(ardour, {}), selected=True)
    assert said == ["The region has 75 bars, 64 are the most; split it first."]
    three = """
    local map = Temporal.TempoMap.write_copy ()
    map:set_meter (Temporal.Meter (3, 4), Temporal.timepos_t (0))
    Temporal.TempoMap.update (map)
    """
    _, said, _ = ardour.run(answering(ardour, {}), selected=True, before=three)
    assert said == ["Melodies have bars of 4/4; the region is in 3/4."]


def test_with_melodylc_itself(ardour):
    ardour.put(PHRASE, at=8, quarters=16)
    root = Path(plugins.__file__).parents[1]
    command = f'env PYTHONPATH="{root}" "{sys.executable}" -m melodylc'
    notes, said, _ = ardour.run(script(ardour, command), range_of=(12, 16))
    assert said == []
    outside = [note for note in notes if not 4 <= note[1] < 8]
    assert outside == as_played([note for note in PHRASE if not 4 <= note[1] < 8])
    inside = [note for note in notes if 4 <= note[1] < 8]
    assert inside
    assert {note[0] % 12 for note in inside} <= {0, 2, 4, 5, 7, 9, 11}, "the key of the region is its own"

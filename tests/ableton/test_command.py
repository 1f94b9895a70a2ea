"""The command as its user runs it: the embedded model, a Live that stands in, and what is said."""

import pytest
from ableton_stand_in import StandIn, free_port

from melodylc.cli import main
from melodylc.rules.key import Key

KEYS = 1


@pytest.fixture
def live_and_ports():
    answers = free_port()
    with StandIn(answers) as live:
        # no bridge runs at port 1: that needs more rights than tests have
        yield live, ["--port", str(live.port), "--answer-port", str(answers), "--bridge", "1"]


def test_melodies_of_the_model_and_of_a_clip(live_and_ports, capsys, tmp_path, monkeypatch):
    live, ports = live_and_ports
    live.root_note, live.scale_name = 2, "Dorian"
    wishes = ["--count", "2", "--notes", "60", "--range", "C4-C6", "--strict"]
    assert main(["ableton", *wishes, "--seed", "1", *ports]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["Live 12.1, 124 bpm, 4/4; track 2 (Keys), scene 1", "the set's key: D dorian"]
    first, second = live.clips(KEYS)[:2]
    dorian = Key.parse("D dorian").classes
    for clip in (first, second):
        assert len(clip.notes) >= 60
        assert all(60 <= note[0] <= 84 and note[0] % 12 in dorian for note in clip.notes)
        assert clip.length == 64
    assert first.notes != second.notes
    assert said[2] == f"scene 1: D dorian 1, 16 bars, {len(first.notes)} notes"

    assert main(["ableton", "--infill", "5-8", "--seed", "1", *ports]) == 0
    filled = live.clips(KEYS)[2]
    before, after = ([note[:2] for note in clip.notes] for clip in (first, filled))
    assert [note for note in before if not 16 <= note[1] < 32] == [note for note in after if not 16 <= note[1] < 32]
    assert before != after

    monkeypatch.chdir(tmp_path)  # a rule of a file is named from where the user is
    rule = "mine = Rule('mine', lambda melodies: np.ones(len(melodies)))"
    (tmp_path / "rules.py").write_text(f"import numpy as np\nfrom melodylc import Rule\n\n{rule}\n")
    options = ["--continue", "--more", "4", "--rule", "rules.py:mine", "--name", "on"]
    assert main(["ableton", *options, "--seed", "1", *ports]) == 0
    longer = live.clips(KEYS)[3]
    assert (longer.name, longer.length) == ("on", 80)
    assert [note[:2] for note in longer.notes if note[1] < 60] == [note for note in before if note[1] < 60]
    assert any(note[1] >= 64 for note in longer.notes)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--key", "X major"], "melodylc: key: expected a tonic and a scale"),
        (["--rule", "nonsense"], "melodylc: rule: expected one of"),
        (["--infill", "x"], "melodylc: ableton: expected a clip in scene 1 of track 2, the slot is empty"),
        (["--amount", "0.5"], "melodylc: --amount: expected with --vary only; leave it out"),
        (["--vary", "--bars", "8"], "melodylc: --bars: expected with new melodies only; leave it out"),
        (["--track", "Bass"], "melodylc: ableton: expected a track of the set by number or name, got 'Bass'"),
    ],
)
def test_what_is_wrong_is_one_line(live_and_ports, capsys, options, complaint):
    live, ports = live_and_ports
    assert main(["ableton", *options, *ports]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith(complaint)
    assert live.clips(KEYS) == [None] * 8

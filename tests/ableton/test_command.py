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
    options = ["--continue", "--more", "4", "--rule", "mine.py:rest", "--name", "on"]
    assert main(["ableton", *options, "--seed", "1", *ports]) == 0
    longer = live.clips(KEYS)[3]
    assert (longer.name, longer.length) == ("on", 80)
    assert [note[:2] for note in longer.notes if note[1] < 60] == [note[:2] for note in first.notes if note[1] < 60]
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

"""Patterns for the names of other ports, and what is said where one fits none."""

import re

import pytest

from midi_io.ports import NoPortsError, PortNames, open_ports, opening
from midi_io.ports.matching import PortPatterns, Wanted, pattern_of

THERE = PortNames("jack", ["keys:out (1)"], ["synth:in", "odd\nname:in"])


@pytest.fixture
def system(monkeypatch):
    """A system with these ports, that opens nothing."""
    monkeypatch.setattr(opening, "working", lambda backend: "jack")
    monkeypatch.setattr(opening, "listed", lambda backend: THERE)
    monkeypatch.setattr(opening, "_opened", lambda *arguments: arguments)


@pytest.mark.parametrize("port", ["key", "syn", "s:out", "^s.*in$"])
def test_a_pattern_that_fits_a_port_of_either_direction_is_taken(system, port):
    assert open_ports("melodylc", port=port)[:3] == ("melodylc", "jack", Wanted(port))


FLUID = PortNames(
    "jack", ["fluid:out", "keys:out", "keys"], ["fluidsynth:a", "fluidsynth:a-1", "my-keys:in", "keys:in", "fl\nuid:a"]
)


def found(wanted, there):
    """What is wanted of the ports that there are, and what is said of it."""
    said = []
    wanted.check(there)
    patterns = wanted.patterns(there, said.append)
    heard = [name for name in there.sources if patterns.fit("in", name)]
    return heard, [name for name in there.sinks if patterns.fit("out", name)], said


@pytest.mark.parametrize(
    ("wanted", "heard", "played_to"),
    [
        (Wanted(port_out="fluidsynth:a"), [], ["fluidsynth:a"]),
        (Wanted(port_in="keys"), ["keys"], []),
        (Wanted(port_in="keys", port_out="a-1"), ["keys"], ["fluidsynth:a-1"]),
        (Wanted("keys:out"), ["keys:out"], []),
        (Wanted("out$"), ["fluid:out", "keys:out"], []),
        (Wanted("my-keys:in"), [], ["my-keys:in"]),
        (Wanted("keys"), ["keys"], ["my-keys:in", "keys:in"]),  # a very name in one direction alone
    ],
)
def test_in_each_direction_the_very_name_wins_or_else_all_that_fits(wanted, heard, played_to):
    assert found(wanted, FLUID)[:2] == (heard, played_to)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("synth:a"), ["2 MIDI ports to play to match 'synth:a': fluidsynth:a, fluidsynth:a-1"]),
        (
            Wanted(port_out=".*uid"),
            ["3 MIDI ports to play to match '.*uid': fluidsynth:a, fluidsynth:a-1, 'fl\\nuid:a'"],
        ),
        (
            Wanted(port_in=":out", port_out="keys"),
            [
                "2 MIDI ports to hear match ':out': fluid:out, keys:out",
                "2 MIDI ports to play to match 'keys': my-keys:in, keys:in",
            ],
        ),
        (Wanted("fluidsynth:a"), []),
        (Wanted("fluid:out"), []),
    ],
)
@pytest.mark.parametrize(("backend", "done"), [("jack", "all are connected"), ("alsa", "the first is opened")])
def test_where_several_fit_a_line_says_which_and_what_is_done(wanted, said, backend, done):
    lines = found(wanted, FLUID._replace(backend=backend))[2]
    assert lines == [f"{line}; {done}; give a whole name to choose" for line in said]


def test_ports_of_one_name_are_taken_without_a_word():
    assert found(Wanted("USB"), PortNames("alsa", ["USB", "my USB"], ["USB", "USB"])) == (["USB"], ["USB", "USB"], [])


def test_the_index_after_a_name_is_cut_off_on_windows_alone():
    names = ["my keys 0", "keys 1"]
    assert found(Wanted("keys"), PortNames("windows", names, [])) == (["keys 1"], [], [])
    assert found(Wanted("keys"), PortNames("alsa", names, []))[0] == names


@pytest.mark.parametrize("port", ["sinth", "^in", "[", "melodylc", "key(1)"])
def test_a_pattern_that_fits_nothing_is_refused_with_the_ports_that_there_are(system, port):
    with pytest.raises(NoPortsError, match=f"no MIDI port matches {re.escape(repr(port))};") as refused:
        open_ports("melodylc", port=port)
    assert str(refused.value).endswith(r"; there are: in keys:out (1), out synth:in, 'out odd\nname:in'")


@pytest.mark.parametrize(
    ("ports", "says"),
    [
        ({"port_in": "synth"}, "no MIDI port to hear matches 'synth'; there are: in keys"),
        ({"port_in": "keys", "port_out": "keys"}, "no MIDI port to play to matches 'keys'; there are: in keys"),
        ({"port": "keys", "port_in": "keys"}, "name one for each"),
        ({"port": ""}, "expected a part of a port's name, got an empty one; there are: in keys"),
        ({"port_out": ""}, "got an empty one"),
    ],
)
def test_each_direction_is_to_be_there(system, ports, says):
    with pytest.raises(NoPortsError, match=says):
        open_ports("melodylc", **ports)
    assert open_ports("melodylc", port_in="key", port_out="syn")[2] == Wanted(None, "key", "syn")


def test_where_there_are_no_ports_none_is_said():
    assert str(PortNames("jack", [], [])) == "none"


def test_each_direction_has_its_pattern():
    patterns = PortPatterns(pattern_of("keys"), pattern_of("synth"))
    assert patterns.fit("in", "keys:out")
    assert not patterns.fit("out", "keys:in")
    assert patterns.fit("out", "synth:in")
    assert not PortPatterns().fit("out", "synth:in")
    assert not patterns.one
    assert PortPatterns(pattern_of("a"), pattern_of("a")).one

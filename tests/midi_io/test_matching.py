"""Patterns for the names of other ports, and what is said where one fits none."""

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


@pytest.mark.parametrize("port", ["keys", "synth", "keys:out (1)", "^s.*in$"])
def test_a_pattern_that_fits_a_port_of_either_direction_is_taken(system, port):
    assert open_ports("melodylc", port=port)[:3] == ("melodylc", "jack", Wanted(port))


@pytest.mark.parametrize("port", ["sinth", "^in", "[", "melodylc"])
def test_a_pattern_that_fits_nothing_is_refused_with_the_ports_that_there_are(system, port):
    with pytest.raises(NoPortsError, match="no MIDI port matches") as refused:
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
    assert open_ports("melodylc", port_in="keys", port_out="synth")[2] == Wanted(None, "keys", "synth")


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

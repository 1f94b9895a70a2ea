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


@pytest.mark.parametrize("port", ["key", "syn", "s:out", "^s.*in$"])
def test_a_pattern_that_fits_a_port_of_either_direction_is_taken(system, port):
    assert open_ports("melodylc", port=port)[:3] == ("melodylc", "jack", Wanted(port))


FLUID = PortNames(
    "jack", ["fluid:out", "keys:out"], ["fluidsynth:midi_00", "fluidsynth:midi_01", "fluid:in", "fl\nuid:a"]
)


@pytest.mark.parametrize(
    ("wanted", "heard", "played_to"),
    [
        (Wanted("fluid"), ["fluid:out"], ["fluid:in"]),  # a program's whole name
        (Wanted(port_out="fluid"), [], ["fluid:in"]),
        (Wanted(port_out="fluidsynth:midi_01"), [], ["fluidsynth:midi_01"]),
        (Wanted(port_in="out$", port_out="fluidsynth:midi_.*"), ["fluid:out", "keys:out"], FLUID.sinks[:2]),
        (Wanted(port_in="keys", port_out="i_00"), ["keys:out"], ["fluidsynth:midi_00"]),
        (Wanted("keys:out"), ["keys:out"], []),
    ],
)
def test_the_very_name_is_preferred_and_a_regular_expression_may_fit_several(wanted, heard, played_to):
    patterns = wanted.among(FLUID).patterns
    assert [name for name in FLUID.sources if patterns.fit("in", name)] == heard
    assert [name for name in FLUID.sinks if patterns.fit("out", name)] == played_to


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("fluidsynth"), "2 MIDI ports to play to match 'fluidsynth'; name one of: fluidsynth:midi_00, fluid"),
        (Wanted(port_out="uid"), r"4 MIDI ports to play to match 'uid'; name one of: .*, fluid:in, 'fl.*nuid:a'$"),
        (Wanted(port_in=":out"), "2 MIDI ports to hear match ':out'; name one of: fluid:out, keys:out$"),
    ],
)
def test_a_part_of_several_names_is_refused_with_those_that_have_it(wanted, said):
    with pytest.raises(NoPortsError, match=said) as refused:
        wanted.among(FLUID)
    assert len(str(refused.value).splitlines()) == 1


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

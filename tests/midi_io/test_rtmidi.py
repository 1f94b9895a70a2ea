"""Ports through RtMidi on systems that are not here: a stand-in notes what is opened under which names."""

from types import SimpleNamespace

import pytest

from midi_io import messages
from midi_io.ports import NoPortsError, NoVirtualPortsError, PortNames, rtmidi
from midi_io.ports.matching import Wanted

ALSA, CORE, WINDOWS = 1, 2, 4


class System:
    """A MIDI system with ports, and what was opened on it."""

    def __init__(self):
        self.sources, self.sinks = [], []
        self.opened = {}  # by kind: what it is, and its name
        self.clients = 0
        self.left = []
        self.module = SimpleNamespace(
            API_LINUX_ALSA=ALSA,
            API_MACOSX_CORE=CORE,
            API_WINDOWS_MM=WINDOWS,
            API_UNIX_JACK=3,
            SystemError=RuntimeError,
            names=lambda: (self.sources, self.sinks),
            MidiIn=lambda rtapi, name: End(self, "in", name),
            MidiOut=lambda rtapi, name: End(self, "out", name),
        )


class End:
    def __init__(self, system, kind, client):
        self.system, self.kind, self.client = system, kind, client
        system.clients += 1

    def get_ports(self):
        return list(self.system.sources if self.kind == "in" else self.system.sinks)

    def open_port(self, index, name):
        self.system.opened[self.kind] = ("existing", self.get_ports()[index])

    def open_virtual_port(self, name):
        self.system.opened[self.kind] = ("virtual", name)

    def close_port(self):
        self.system.opened.pop(self.kind, None)

    def send_message(self, message):
        if "out" in self.system.opened:
            self.system.left.append(message)

    def ignore_types(self, **types):
        pass

    def set_callback(self, hear):
        pass

    def cancel_callback(self):
        pass

    def delete(self):
        self.system.clients -= 1


@pytest.fixture
def system(monkeypatch):
    system = System()
    monkeypatch.setattr(rtmidi, "load", lambda: system.module)
    return system


def opened(api, **wanted):
    backend = {ALSA: "alsa", CORE: "coremidi", WINDOWS: "windows"}[api]
    there = PortNames(backend, *rtmidi.load().names())
    return rtmidi.RtMidiPorts("melodylc", api, Wanted(**wanted).patterns(there))


def test_on_macos_ports_are_called_as_the_session(system):
    """CoreMIDI shows a virtual port by its own name, where ALSA and JACK show the client's as well."""
    opened(CORE)
    assert system.opened == {"out": ("virtual", "melodylc"), "in": ("virtual", "melodylc")}
    opened(ALSA)
    assert system.opened == {"out": ("virtual", "out"), "in": ("virtual", "in")}


def test_windows_has_no_virtual_ports(system):
    system.sources = system.sinks = ["melodylc in", "melodylc out"]
    for wanted in ({}, {"port_in": "in"}):
        with pytest.raises(NoVirtualPortsError, match="Windows has no virtual MIDI ports"):
            opened(WINDOWS, **wanted)
    opened(WINDOWS, port_in="melodylc out", port_out="melodylc in")
    assert system.opened == {"out": ("existing", "melodylc in"), "in": ("existing", "melodylc out")}
    system.opened.clear()
    opened(WINDOWS, port_out="melodylc in")  # it hears nothing
    assert system.opened == {"out": ("existing", "melodylc in")}
    opened(WINDOWS, port="melodylc in")
    assert system.opened == {"out": ("existing", "melodylc in"), "in": ("existing", "melodylc in")}


def test_on_windows_a_name_is_very_without_the_index_that_rtmidi_puts_after_it(system):
    system.sources = ["to melodylc 0"]
    system.sinks = ["from melodylc 0", "to 1 0", "to 1", "synth to 2"]  # the third is called "to"
    for given, name in (("to 1", "to 1"), ("to", "to 1"), ("from melodylc", "from melodylc 0"), ("to 2", "synth to 2")):
        opened(WINDOWS, port_in="melodylc", port_out=given)
        assert system.opened["out"] == ("existing", name)
    system.sources, system.sinks = ["loop 0", "my loop 1", "loop 2"], ["my loop 0", "loop 1", "loop 2"]
    opened(WINDOWS, port="loop")
    assert system.opened == {"in": ("existing", "loop 0"), "out": ("existing", "loop 1")}


def test_what_is_not_named_is_virtual_where_it_can_be(system):
    system.sources, system.sinks = ["keys"], ["synth"]
    opened(ALSA, port_in="keys")
    assert system.opened == {"in": ("existing", "keys"), "out": ("virtual", "out")}
    opened(CORE, port_out="synth")
    assert system.opened == {"in": ("virtual", "melodylc"), "out": ("existing", "synth")}
    with pytest.raises(NoPortsError, match="no MIDI port to hear matches 'synth'; there are: in keys"):
        opened(ALSA, port_in="synth")
    with pytest.raises(NoPortsError, match=r"matches 'sy.*\(1\)'; there are: in keys"):  # as it was given
        opened(ALSA, port_in="sy.*(1)")
    with pytest.raises(NoPortsError, match="no MIDI port to play to matches 'keys'; there are: out synth"):
        opened(ALSA, port_in="keys", port_out="keys")
    system.opened.clear()
    opened(ALSA, port="synth")  # one for both is to be there to play to
    assert system.opened == {"out": ("existing", "synth")}


def test_a_keyboard_that_is_unplugged_is_heard_again_and_the_synth_goes_on(system):
    system.sources, system.sinks = ["pedals", "keys 20:0"], ["synth"]
    ports = opened(ALSA, port_in="keys", port_out="synth")
    system.sources = ["pedals"]
    assert ports.inputs_lost == 0
    ports.maintain()
    assert system.opened == {"out": ("existing", "synth")}
    assert ports.alive()
    assert ports.inputs_lost == 1
    ports.maintain()
    ports.send(messages.note_on(0, 60, 80), 0.0)
    assert len(system.left) == 1
    system.sources = ["keys 24:0"]
    ports.maintain()
    assert system.opened["in"] == ("existing", "keys 24:0")
    assert ports.inputs_lost == 1
    system.sinks = []
    ports.maintain()
    assert not ports.alive()


def test_ports_that_are_not_there_leave_no_client(system):
    """RtMidi's clients outlive what refers to them: each was seen by JACK and had threads until the program ended."""
    system.sources, system.sinks = ["keys"], ["synth"]
    for wanted in ({"port_in": "synth"}, {"port_in": "keys", "port_out": "keys"}):
        with pytest.raises(NoPortsError):
            opened(ALSA, **wanted)
    assert system.clients == 0
    ports = opened(ALSA)
    assert system.clients == 2
    ports.close()
    assert system.clients == 0

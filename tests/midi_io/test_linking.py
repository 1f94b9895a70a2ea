"""Links that go and come back, on a client in memory that shows any moment between."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from midi_io.ports.interface import Link
from midi_io.ports.linking import UNDONE, Links
from midi_io.ports.matching import PortPatterns, pattern_of

OUT, DAW = "melodylc:out", "daw:in"


class Client:
    """A server with our port, and other ports by name."""

    def __init__(self) -> None:
        self.theirs: dict[str, SimpleNamespace] = {}
        self.linked: set[str] = set()
        self.register(DAW)

    def set_port_registration_callback(self, hear):
        self.hear = hear

    def register(self, name):
        self.theirs[name] = SimpleNamespace(name=name, is_input=True)
        if hasattr(self, "hear"):
            self.hear(self.theirs[name], True)

    def unregister(self, name):
        self.linked.discard(name)
        self.hear(self.theirs.pop(name), False)

    def get_ports(self, is_midi):
        return [SimpleNamespace(name=OUT, is_input=False), *self.theirs.values()]

    def owns(self, port):
        return port.name == OUT

    def get_all_connections(self, port):
        return [self.theirs[name] for name in self.linked]

    def connect(self, ours, theirs):
        assert ours == OUT
        self.linked.add(self.theirs[theirs].name)


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def links(client):
    links = Links(client, {"out": SimpleNamespace(name=OUT)}, None, PortPatterns(*[pattern_of("daw")] * 2))
    links.maintain()
    assert client.linked == {DAW}
    return links


@pytest.mark.parametrize("looks_between", range(UNDONE))
@pytest.mark.parametrize("looks_away", range(3))
def test_a_program_that_ends_and_begins_again_is_connected_again(client, links, looks_between, looks_away):
    links._patterns = PortPatterns()  # what follows is memory, not the pattern
    for _ in range(3):
        client.linked.clear()  # a server may take the links of a program that ended before it takes its ports
        for _ in range(looks_between):
            links.maintain()
        client.unregister(DAW)
        for _ in range(looks_away):
            links.maintain()
        client.register(DAW)
        links.maintain()
        assert client.linked == {DAW}
        links.maintain()


AGAIN = "daw-01:in"  # the name that JACK gives a program that begins while there is one of its name


@pytest.mark.parametrize("looks_with_both", range(3))
@pytest.mark.parametrize("looks_without_link", range(UNDONE))
def test_a_program_that_begins_again_before_it_has_ended_is_connected(
    client, links, looks_with_both, looks_without_link
):
    links._patterns = PortPatterns()
    for gone, begun in ((DAW, AGAIN), (AGAIN, DAW)) * 2:
        client.register(begun)
        for _ in range(looks_with_both):
            links.maintain()
            assert client.linked == {gone}
        client.linked.clear()
        for _ in range(looks_without_link):
            links.maintain()
        client.unregister(gone)
        for _ in range(2):
            links.maintain()
        assert client.linked == {begun}
        assert links.wanted == {Link("out", begun)}


def test_what_is_no_program_begun_again_is_not_connected(client, links):
    links._patterns = PortPatterns()
    for name in ("daw-1:in", "daw-01:other", "daw-011:in", "other-01:in", "daw-02-01:in"):
        client.register(name)
    client.register(AGAIN)
    client.theirs[AGAIN].is_input = False
    links.maintain()
    client.unregister(DAW)
    for _ in range(30):
        links.maintain()
    assert client.linked == set()
    client.register(DAW)
    links.maintain()
    assert client.linked == {DAW}


def test_a_second_program_that_has_been_there_is_not_connected(client, links):
    links._patterns = PortPatterns()
    client.register(AGAIN)
    for _ in range(30):
        links.maintain()
    client.unregister(DAW)
    for _ in range(5):
        links.maintain()
    assert client.linked == set()
    assert links.wanted == {Link("out", DAW)}


def test_a_link_that_the_user_takes_away_stays_away(client, links):
    links._patterns = PortPatterns()
    for _ in range(25):  # until no link is tried any more
        links.maintain()
    client.linked.clear()
    for _ in range(UNDONE):
        links.maintain()
        assert client.linked == set()
    assert links.wanted == set()
    client.unregister(DAW)
    client.register(DAW)
    links.maintain()
    assert client.linked == set()


def test_links_to_a_port_that_is_not_there_are_kept(client, links):
    links.wanted.add(Link("out", "synth:in"))
    for _ in range(10):
        links.maintain()
    client.register("synth:in")
    links.maintain()
    assert client.linked == {DAW, "synth:in"}


@pytest.mark.parametrize(("ours", "lost"), [("in", 1), ("out", 0)])
def test_an_input_whose_connection_goes_is_counted_once(client, ours, lost):
    links = Links(client, {ours: SimpleNamespace(name=f"melodylc:{ours}")}, None)
    client.linked.add(DAW)
    for _ in range(3):
        links.maintain()
    assert links.inputs_lost == 0
    client.unregister(DAW)
    for _ in range(3):
        links.maintain()
    assert links.inputs_lost == lost

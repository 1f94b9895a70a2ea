"""What a user gets wrong: a line says it."""

from jackd import Server, eventually
from live_session import C_MAJOR, command

from melodylc.rules import pitch_classes


def test_mistakes_end_in_a_line(live, server, tmp_path):
    def fails(*arguments):
        code, _, err = command(server, "live", *arguments)
        assert code == 2
        assert len(err.strip().splitlines()) == 1, err
        return err

    assert "key: expected a tonic" in fails("--key", "H dur")
    assert "no file" in fails("--controls", str(tmp_path / "none.toml"))
    assert "expected auto or one of jack" in fails("--backend", "oss")
    assert "no pitch of C major" in fails("--key", "C major", "--range", "61-61")
    (tmp_path / "there.mid").write_bytes(b"")
    assert "exists already; give another name" in fails("--record", str(tmp_path / "there.mid"))
    assert "none.json" in fails("--actor", "none.safetensors")
    for backend in ("jack", "rtmidi-jack"):
        for name in ("default", server.name):
            assert "is the name of a JACK server" in fails("--name", name, "--backend", backend)
            assert "is the name of a JACK server" in fails("--name", name, "--backend", backend, "--bind", "key")
        assert "no MIDI port to hear matches 'nothing'" in fails("--port-in", "nothing", "--backend", backend)
        for more in ((), ("--bind", "key")):
            assert "no MIDI port matches 'nothing'; there are: " in fails(
                "--port", "nothing", "--backend", backend, *more
            )
    assert "without blanks at the ends" in fails("--name", "a\nb")
    first = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: "waiting for the start" in first.said)
    assert "a session named 'melodylc' runs already" in fails()
    assert first.end() == 0


def test_a_part_of_the_names_of_several_ports_is_told_and_the_whole_name_is_taken(live, server):
    import jack  # whose library may be missing where these tests are skipped

    synth = jack.Client("two-synths", no_start_server=True)
    first, second = map(synth.midi_inports.register, ("first", "second"))
    several = "2 MIDI ports to play to match 'synths': two-synths:first, two-synths:second; "

    def connected(*of_each):
        now = [[port.name.partition(":")[0] for port in synth.get_all_connections(port)] for port in (first, second)]
        return [bool(each) for each in now] == list(of_each)

    try:
        synth.activate()
        for name, backend, said, of_each in (
            ("synths", "jack", several + "all are connected; give a whole name to choose", (True, True)),
            ("synths", "rtmidi-jack", several + "the first is opened; give a whole name to choose", (True, False)),
            ("two-synths:second", "jack", "", (False, True)),
            ("two-synths:second", "rtmidi-jack", "", (False, True)),
        ):
            session = live("--port-out", name, "--backend", backend, "--sync", "midi-clock", listen=False)
            assert eventually(lambda session=session: "waiting for the start" in session.said)
            assert eventually(lambda of_each=of_each: connected(*of_each))
            assert session.said.count(said or "MIDI ports") == bool(said)
            assert session.end() == 0
    finally:
        synth.close()


def test_ports_and_doctor(live, server, tmp_path):
    session = live("--sync", "midi-clock", listen=False)
    assert eventually(lambda: "waiting for the start" in session.said)
    code, out, _ = command(server, "ports")
    assert code == 0
    assert "in  melodylc:out" in out
    code, out, _ = command(server, "doctor")
    assert code == 0
    assert "ok  jack" in out
    assert "ready through jack" in out
    assert session.end() == 0
    lonely = Server.__new__(Server)
    lonely.environment = {**server.environment, "JACK_DEFAULT_SERVER": "nobody"}
    code, out, err = command(lonely, "doctor")
    assert "mend: start it: jackd -d" in out  # jackd is installed: the tests run it
    if code == 2:  # no other MIDI system either
        code, _, err = command(lonely, "live")
        assert code == 2
        assert "melodylc doctor says what mends it" in err
    code, _, err = command(lonely, "live", "--backend", "jack")
    assert code == 2
    assert "no JACK server 'nobody' runs" in err


def test_the_rule_of_the_tests_is_the_rule_of_the_package():
    assert set(pitch_classes("C major").allowed_pitches.nonzero()[0] % 12) == C_MAJOR

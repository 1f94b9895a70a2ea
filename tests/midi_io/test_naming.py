"""Names of ports that a MIDI system cannot take, or that would break it."""

import pytest

from midi_io.ports import NoPortsError, naming, open_ports


@pytest.mark.parametrize("name", ["", " a", "a\nb", "a:b", "a/b", "a\\b", "\udcff", "\0", "x" * 58, "ж" * 29])
def test_names_that_no_system_takes(name):
    with pytest.raises(NoPortsError, match="expected a name of 1 to 57 bytes") as refused:
        open_ports(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["melodylc", "my synth", "ж" * 28, "a.b-c_d"])
def test_names_that_every_system_takes(name):
    naming.check_name(name)


def test_the_name_of_a_jack_server_is_refused(tmp_path, monkeypatch):
    user = naming.os.getuid()
    monkeypatch.setattr(naming, "SHARED", (tmp_path,))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "mine")
    for name in ("studio_2", "gone"):  # the socket of the second is missing: it does not run any more
        (tmp_path / f"jack_sem.{user}_{name}_system").touch()
    (tmp_path / f"jack_studio_2_{user}_0").touch()
    (tmp_path / f"jack_melodylc_{user}_0").touch()  # a client's
    for name in ("default", "mine", "studio_2"):
        with pytest.raises(NoPortsError, match=f"'{name}' is the name of a JACK server.*choose another name"):
            naming.check_jack_name(name)
    with pytest.raises(NoPortsError, match="every JACK server has a client 'system'"):
        naming.check_jack_name("system")
    for name in ("gone", "melodylc"):
        naming.check_jack_name(name)

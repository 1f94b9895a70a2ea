"""What the doctor advises is what is missing, never what is there."""

from pathlib import Path

import pytest

import midi_io
from melodylc.cli import main
from melodylc.live import doctor
from melodylc.live.hints import with_hint
from midi_io.ports import MissingPackageError, NoPortsError, NoSystemError, NoVirtualPortsError, opening

SERVER = NoPortsError("no JACK server 'default' runs; start it with: jackd -d alsa, or qjackctl")
SEQUENCER = NoPortsError(
    "ALSA has no sequencer here; load it with: modprobe snd-seq (in a container it needs /dev/snd)"
)
PACKAGE = MissingPackageError("JACK needs", "JACK-Client")


@pytest.fixture
def examined(monkeypatch):
    """The findings, by name, on a Linux where these packages load, programs are there and backends answer."""

    def look(reasons, programs=(), broken=()):
        def load(module):
            if module in broken:
                raise broken[module]

        monkeypatch.setattr(doctor.sys, "platform", "linux")
        monkeypatch.setattr(doctor.shutil, "which", lambda name: name if name in programs else None)
        monkeypatch.setattr(doctor.importlib, "import_module", load)
        monkeypatch.setattr(doctor.importlib.metadata, "version", lambda package: "1.0")
        monkeypatch.setattr(doctor, "problem_of", lambda backend: reasons.get(backend))
        return {finding.name: finding for finding in doctor.examine()}

    return look


@pytest.mark.parametrize(
    ("programs", "mend"),
    [
        (("jackd", "pw-jack"), "start it: jackd -d alsa"),
        (("pw-jack",), "pw-jack melodylc live"),
        ((), "apt-get install jackd2"),
    ],
)
def test_a_server_that_is_installed_is_to_be_started(examined, programs, mend):
    found = examined({"jack": SERVER, "alsa": SEQUENCER}, programs)
    assert found["jack"].mend.startswith(mend) or mend in found["jack"].mend
    assert ("apt-get" in found["jack"].mend) == (not programs)
    assert "pip" not in found["live"].mend


def test_a_package_that_is_missing_is_no_matter_of_the_server(examined):
    found = examined({"jack": PACKAGE}, broken={"jack": ModuleNotFoundError("No module named 'jack'")})
    assert found["jack"].mend == "pip install 'melodylc[live]'"


def test_a_sequencer_that_the_kernel_has_is_not_loaded_again(examined, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "SEQUENCER", tmp_path / "snd_seq")
    assert examined({"alsa": SEQUENCER})["alsa"].mend == "modprobe snd-seq"
    (tmp_path / "snd_seq").mkdir()
    assert "/dev/snd" in examined({"alsa": SEQUENCER})["alsa"].mend


def test_what_is_installed_and_does_not_load_is_not_called_missing(examined):
    broken = {"rtmidi": ImportError("undefined symbol: x"), "jack": OSError("no libjack")}
    found = examined(
        {"jack": NoPortsError("JACK's library is missing; install it with: apt-get install libjack-jackd2-0")},
        (),
        broken,
    )
    assert found["python-rtmidi"].says == "installed, but does not load (undefined symbol: x)"
    assert found["python-rtmidi"].mend == "pip install --force-reinstall python-rtmidi"
    assert found["JACK-Client"].mend == found["jack"].mend == "apt-get install libjack-jackd2-0"
    assert found["live"].fine  # through alsa, which answers


def test_ports_say_why_there_are_none(monkeypatch, capsys):
    def none(backend):
        raise SERVER

    monkeypatch.setattr("melodylc.cli.ports.listed", none)
    monkeypatch.setattr(opening, "listed", none)
    assert main(["ports"]) == 2
    said = capsys.readouterr().err
    assert "no JACK server 'default' runs" in said
    assert "what is missing" not in said


def test_hints_of_melodylc_are_added_to_the_neutral_reasons_of_midi_io():
    assert with_hint(SERVER) == str(SERVER)
    assert str(PACKAGE) == "JACK needs the package JACK-Client; install it with: pip install JACK-Client"
    hinted = "JACK needs the package JACK-Client; install it with: pip install 'melodylc[live]'"
    assert with_hint(PACKAGE) == hinted
    assert with_hint(NoSystemError(PACKAGE)) == (
        f"no MIDI system answers ({hinted}); melodylc doctor says what mends it"
    )
    assert with_hint(NoVirtualPortsError("make one and name it")) == "make one and name it: --port NAME"


def test_link_is_no_condition_of_a_session(examined, monkeypatch):
    assert examined({})["Ableton Link"].fine
    monkeypatch.setattr(doctor, "find_spec", lambda module: None)
    found = examined({}, broken={"link": ModuleNotFoundError("No module named 'link'")})
    assert "GPL" in found["Ableton Link"].says
    assert found["Ableton Link"].mend == "pip install 'melodylc[link]'"
    assert found["live"].fine


def test_midi_io_does_not_know_melodylc():
    for path in Path(midi_io.__file__).parent.rglob("*.py"):
        assert "melodylc" not in path.read_text().lower(), path

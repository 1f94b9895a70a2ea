"""What DAWs load: it travels with the package and is put where they look."""

import pytest

from melodylc.cli import main
from melodylc.live import plugins


def test_the_script_is_put_where_ardour_looks_and_knows_this_program(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    program = tmp_path / "bin" / "ardour8"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(plugins.sys, "platform", "linux")
    assert main(["plugin", "install", "ardour"]) == 2
    assert "start Ardour once, or name its folder" in capsys.readouterr().err
    program.unlink()
    assert main(["plugin", "install", "ardour"]) == 2
    assert "install Ardour and start it once, or name its folder" in capsys.readouterr().err
    for version in ("ardour7", "ardour8"):
        (tmp_path / version).mkdir()
    assert main(["plugin", "install", "ardour"]) == 0
    for version in ("ardour7", "ardour8"):
        script = (tmp_path / version / "scripts" / "melodylc.lua").read_text()
        assert "@MELODYLC@" not in script
        assert "melodylc" in script.split("local program = [[")[1].split("]]")[0]


def test_another_folder_and_an_unknown_daw(tmp_path, capsys):
    assert main(["plugin", "install", "ardour", "--into", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "melodylc.lua").exists()
    assert "already" not in capsys.readouterr().out
    assert main(["plugin", "install", "ardour", "--into", str(tmp_path / "new")]) == 0
    assert "melodylc.lua (installed already)" in capsys.readouterr().out
    assert main(["plugin", "install"]) == 2
    assert "expected one of ardour, got none" in capsys.readouterr().err
    assert main(["plugin", "install", "cubase"]) == 2
    assert "expected one of ardour, got cubase; the others need no plug-in" in capsys.readouterr().err
    assert main(["plugin", "list"]) == 0
    assert capsys.readouterr().out.strip() == "ardour"


@pytest.mark.parametrize("page", ["README.md", "ableton/README.md", "ardour/README.md", "ardour/melodylc.lua"])
def test_every_page_travels_with_the_package(page):
    listed = (plugins.folder().parent / "setup.cfg").read_text()
    assert f"plugins/{page}" in listed
    assert (plugins.folder() / page).exists()


def test_the_page_of_connections_has_every_daw_the_readme_promises():
    text = (plugins.folder() / "README.md").read_text()
    for daw in ("Ardour", "Ableton Live", "Bitwig", "Logic", "Reaper", "FL Studio"):
        assert f"## {daw}" in text

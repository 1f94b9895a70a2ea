"""What DAWs load: it travels with the package and is put where they look."""

import pytest

from melodylc import plugins
from melodylc.base.errors import UserError
from melodylc.cli import main


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
    assert "expected one of ableton, ardour, bitwig, reaper, got none" in capsys.readouterr().err
    assert main(["plugin", "install", "cubase"]) == 2
    assert (
        "expected one of ableton, ardour, bitwig, reaper, got cubase; the others need no plug-in"
        in capsys.readouterr().err
    )
    assert main(["plugin", "list"]) == 0
    assert capsys.readouterr().out.split() == ["ableton", "ardour", "bitwig", "reaper"]


def test_what_is_left_to_do_is_said(tmp_path, capsys):
    assert set(plugins.AFTERWARDS) == set(plugins.available())
    assert main(["plugin", "install", "reaper", "--into", str(tmp_path)]) == 0
    assert "Load ReaScript" in capsys.readouterr().out


def test_what_was_downloaded_is_for_those_who_need_it(tmp_path, capsys):
    assert main(["plugin", "install", "ardour", "--into", str(tmp_path), "--from", "x.zip"]) == 2
    assert "--from: ardour needs nothing of others" in capsys.readouterr().err


HOMES = {
    ("reaper", "linux"): ".config/REAPER/Scripts",
    ("reaper", "darwin"): "Library/Application Support/REAPER/Scripts",
    ("reaper", "win32"): "AppData/Roaming/REAPER/Scripts",
    ("bitwig", "linux"): "Bitwig Studio/Controller Scripts",
    ("bitwig", "darwin"): "Documents/Bitwig Studio/Controller Scripts",
    ("bitwig", "win32"): "Documents/Bitwig Studio/Controller Scripts",
}


@pytest.mark.parametrize(("daw", "system"), HOMES)
def test_each_daw_has_its_folder_on_each_system(tmp_path, monkeypatch, daw, system):
    (tmp_path / "plugins" / daw).mkdir(parents=True)
    for name in ("a.lua", "b.control.js"):
        (tmp_path / "plugins" / daw / name).write_text("run(@MELODYLC@) -- ü\r\n", newline="")
    home = tmp_path / "home"
    monkeypatch.setattr(plugins, "folder", lambda: tmp_path / "plugins")
    monkeypatch.setattr(plugins.sys, "platform", system)
    monkeypatch.setattr(plugins.Path, "home", lambda: home)
    monkeypatch.setenv("APPDATA", str(home / "AppData" / "Roaming"))
    monkeypatch.delenv("ONEDRIVE", raising=False)
    with pytest.raises(UserError, match="or name its folder: --into DIR"):
        plugins.install(daw)
    scripts = home / HOMES[daw, system]
    scripts.parent.mkdir(parents=True)
    (file,) = plugins.install(daw)
    assert file.parent == scripts
    assert file.name == {"reaper": "a.lua", "bitwig": "b.control.js"}[daw]
    assert file.read_bytes().decode() == f"run({plugins._command()}) -- ü\r\n"
    assert plugins.install(daw) == {file: False}


def test_documents_may_be_in_the_cloud(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins.sys, "platform", "win32")
    monkeypatch.setattr(plugins.Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("ONEDRIVE", str(tmp_path / "OneDrive"))
    there = tmp_path / "OneDrive" / "Documents" / "Bitwig Studio"
    there.mkdir(parents=True)
    assert plugins._bitwig() == [there / "Controller Scripts"]


def test_every_file_travels_with_the_package():
    listed = (plugins.folder().parent / "setup.cfg").read_text().split()
    there = {path.relative_to(plugins.folder().parent).as_posix() for path in plugins.folder().rglob("*.*")}
    assert there == {each for each in listed if each.startswith("plugins/")}


def test_the_page_of_connections_has_every_daw_the_readme_promises():
    text = (plugins.folder() / "README.md").read_text()
    for daw in ("Ardour", "Ableton Live", "Bitwig", "Logic", "Reaper", "FL Studio"):
        assert f"## {daw}" in text

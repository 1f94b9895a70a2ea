"""AbletonOSC as it was downloaded, put where Live looks."""

import zipfile
from pathlib import Path

import pytest

from melodylc.ableton import installing
from melodylc.base.errors import UserError
from melodylc.cli import main

FILES = {
    "__init__.py": b"from .manager import Manager",
    "manager.py": b"class Manager: ...",
    "abletonosc/__init__.py": b"",
    "abletonosc/clip.py": b"# notes",
    "pythonosc/osc_message.py": b"# messages",
    "LICENSE.md": b"MIT",
    ".github/workflows.yml": b"",
}


def a_zip(path, files=FILES, start="AbletonOSC-master/"):
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(start + name, data)
    return str(path)


def held(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


VISIBLE = {name: data for name, data in FILES.items() if not name.startswith(".")}


@pytest.mark.parametrize(
    ("system", "library"), [("darwin", "Music"), ("win32", "Documents"), ("win32", "OneDrive/Documents")]
)
def test_it_goes_to_the_user_library_and_a_new_version_over_an_old_one(tmp_path, monkeypatch, system, library):
    monkeypatch.setattr(installing.sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("ONEDRIVE", str(tmp_path / "OneDrive"))
    source = a_zip(tmp_path / "AbletonOSC-master.zip")
    with pytest.raises(UserError, match=r"no Ableton/User Library in .*start Live once, or name the folder"):
        installing.install(source)
    (tmp_path / library / "Ableton" / "User Library").mkdir(parents=True)
    folder = tmp_path / library / "Ableton" / "User Library" / "Remote Scripts" / "AbletonOSC"
    assert installing.install(source) == {folder: True}
    assert held(folder) == VISIBLE
    (folder / "logs").mkdir()
    (folder / "logs" / "abletonosc.log").write_text("mine")
    assert installing.install(source) == {folder: False}
    newer = FILES | {"abletonosc/clip.py": b"# more notes"}
    assert installing.install(a_zip(tmp_path / "newer.zip", newer)) == {folder: True}
    assert held(folder) == {**VISIBLE, "abletonosc/clip.py": b"# more notes", "logs/abletonosc.log": b"mine"}


@pytest.mark.parametrize("unpacked", ["AbletonOSC-master", "."])
def test_a_folder_that_a_browser_unpacked(tmp_path, unpacked):
    for name, data in FILES.items():
        path = tmp_path / "down" / "AbletonOSC-master" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert installing.install(str(tmp_path / "down" / unpacked), str(tmp_path / "there")) == {
        tmp_path / "there" / "AbletonOSC": True
    }
    assert held(tmp_path / "there" / "AbletonOSC") == VISIBLE


@pytest.mark.parametrize(
    "files",
    [
        {},
        {name: data for name, data in FILES.items() if name != "manager.py"},
        FILES | {"../../outside.py": b""},
        FILES | {"C:/outside.py": b""},
        FILES | {"..\\outside.py": b""},
        FILES | {"large.bin": bytes(installing.MOST_BYTES + 1)},
    ],
    ids=["empty", "incomplete", "outside", "another drive", "backslashes", "large"],
)
def test_another_zip_is_refused_and_nothing_written(tmp_path, files):
    source = a_zip(tmp_path / "other.zip", files)
    with pytest.raises(
        UserError, match=r"expected the zip of AbletonOSC, or its folder, .*other\.zip is neither; download https"
    ):
        installing.install(source, str(tmp_path / "there"))
    assert list(tmp_path.iterdir()) == [tmp_path / "other.zip"]


def test_what_is_no_zip_or_not_there(tmp_path):
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(UserError, match=r"page\.zip is neither"):
        installing.install(str(tmp_path / "page.zip"), str(tmp_path))
    with pytest.raises(UserError, match=r"there is no .*nowhere\.zip; download https"):
        installing.install(str(tmp_path / "nowhere.zip"), str(tmp_path))
    with pytest.raises(UserError, match=r"download https.* and give it: --from AbletonOSC-master\.zip"):
        installing.install(None, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["page.zip"]


def test_linux_has_no_live(tmp_path, monkeypatch):
    monkeypatch.setattr(installing.sys, "platform", "linux")
    with pytest.raises(
        UserError, match="Live runs on macOS and Windows; name the folder Remote Scripts there: --into DIR"
    ):
        installing.install(a_zip(tmp_path / "a.zip"))


def test_the_command_says_what_comes_next(tmp_path, capsys):
    source, into = a_zip(tmp_path / "AbletonOSC-master.zip"), tmp_path / "Remote Scripts"
    for after in ("", " (installed already)"):
        assert main(["plugin", "install", "ableton", "--from", source, "--into", str(into)]) == 0
        folder, following = capsys.readouterr().out.splitlines()
        assert folder == f"{into / 'AbletonOSC'}{after}"
        assert "choose AbletonOSC in Settings > Link, Tempo & MIDI > Control Surface" in following
    assert main(["plugin", "install", "ableton"]) == 2
    assert "give it: --from AbletonOSC-master.zip" in capsys.readouterr().err

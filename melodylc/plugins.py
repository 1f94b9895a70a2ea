"""What DAWs load (the folder `plugins/`, which travels with the package), put where they look for it."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from melodylc.ableton import installing
from melodylc.base.errors import UserError
from midi_io.atomic import atomic_write

Installed = dict[Path, bool]  # what a DAW loads, and whether it is new or changed
Install = Callable[[str | None, str | None], Installed]  # from a download, into another folder than the DAW's own
OURS = "@MELODYLC@"  # in the text of a plug-in: the command by which it calls this program


def folder() -> Path:
    """Return the folder `plugins/`: beside the packages in a checkout, under the environment's data when installed."""
    installed = Path("share") / "melodylc" / "plugins"
    bases = [Path(sysconfig.get_path("data")), Path(site.getuserbase())]
    for candidate in (Path(__file__).parents[1] / "plugins", *(base / installed for base in bases)):
        if (candidate / "README.md").exists():
            return candidate
    raise UserError("plugin: the plugins did not travel with this installation; install melodylc again")


def available() -> list[str]:
    """Return the DAWs there is a plug-in for."""
    return [name for name in sorted(PLUGINS) if (folder() / name).is_dir()]


def install(daw: str | None, into: str | None = None, source: str | None = None) -> Installed:
    """Put what a DAW loads where it looks.

    Args:
        into: another folder than the DAW's own.
        source: what was downloaded, where a plug-in needs something of others.

    Raises:
        UserError: for an unknown DAW, or where its folder cannot be found.
    """
    if daw not in available():
        raise UserError(
            f"plugin: expected one of {', '.join(available())}, got {daw or 'none'}; the others need no plug-in, "
            f"{folder() / 'README.md'} says how they are connected"
        )
    return PLUGINS[daw](source, into)


def _copied(daw: str, pattern: str, folders: Callable[[], list[Path]]) -> Install:
    """Return what copies the files of a DAW that fit a pattern to folders, where it looks."""

    def copy(source: str | None, into: str | None) -> Installed:
        if source is not None:
            raise UserError(f"--from: {daw} needs nothing of others; leave it out")
        written = {}
        for target in folders() if into is None else [Path(into)]:
            target.mkdir(parents=True, exist_ok=True)
            for file in sorted((folder() / daw).glob(pattern)):
                # it is to find this very program, whatever the DAW's own search path is
                text, path = file.read_bytes().replace(OURS.encode(), _command().encode()), target / file.name
                written[path] = not path.exists() or path.read_bytes() != text
                if written[path]:
                    with atomic_write(path) as beside:
                        beside.write_bytes(text)
        return written

    return copy


def _command() -> str:
    """Return the command by which a DAW calls melodylc."""
    program = shutil.which("melodylc", path=str(Path(sys.executable).parent)) or shutil.which("melodylc")
    return f'"{program}"' if program else f'"{sys.executable}" -m melodylc'


def _ardour() -> list[Path]:
    """Return the scripts folders of every version of Ardour that has run here."""
    if sys.platform == "darwin":
        roots, pattern = Path.home() / "Library" / "Preferences", "Ardour*"
    elif sys.platform == "win32":
        roots, pattern = Path(os.environ.get("LOCALAPPDATA", str(Path.home()))), "Ardour*"
    else:
        roots, pattern = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"), "ardour*"
    found = [path / "scripts" for path in sorted(roots.glob(pattern)) if path.is_dir()]
    if not found:
        there = any(shutil.which(f"ardour{version}") for version in ("", *range(6, 12)))
        raise _not_found(f"{pattern} in {roots}", "start Ardour once" if there else "install Ardour and start it once")
    return found


def _reaper() -> list[Path]:
    """Return the folder of Reaper's scripts."""
    if sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support" / "REAPER"
    elif sys.platform == "win32":
        home = Path(os.environ.get("APPDATA", str(Path.home()))) / "REAPER"
    else:
        home = Path.home() / ".config" / "REAPER"
    if not home.is_dir():
        raise _not_found(str(home), "start Reaper once, or where it is portable")
    return [home / "Scripts"]


def _bitwig() -> list[Path]:
    """Return the folder of Bitwig's controller scripts."""
    homes = [Path.home() / "Bitwig Studio"]
    if sys.platform in ("darwin", "win32"):
        homes = [Path.home() / "Documents" / "Bitwig Studio"]
    if sys.platform == "win32" and "ONEDRIVE" in os.environ:  # which takes the folder Documents with it
        homes.append(Path(os.environ["ONEDRIVE"]) / "Documents" / "Bitwig Studio")
    found = [home / "Controller Scripts" for home in homes if home.is_dir()]
    if not found:
        raise _not_found(str(homes[0]), "start Bitwig Studio once")
    return found


def _not_found(what: str, first: str) -> UserError:
    return UserError(f"plugin: no {what}; {first}, or name its folder: --into DIR")


PLUGINS: dict[str, Install] = {
    "ableton": installing.install,
    "ardour": _copied("ardour", "*.lua", _ardour),
    "bitwig": _copied("bitwig", "*.js", _bitwig),
    "reaper": _copied("reaper", "*.lua", _reaper),
}
AFTERWARDS = {  # what is left to do in the DAW
    "ableton": installing.AFTERWARDS,
    "ardour": "in Ardour, set slots of Edit > Lua Scripts > Script Manager to them",
    "bitwig": "in Bitwig, add the controller melodylc (Settings > Controllers), then: melodylc bridge",
    "reaper": "in Reaper, load them: Actions > Show action list > New action > Load ReaScript",
}

"""The scripts that DAWs load (the folder `plugins/`, which travels with the package), and where they look for them."""

from __future__ import annotations

import os
import re
import shutil
import site
import sys
import sysconfig
from pathlib import Path

from melodylc.base.errors import UserError
from midi_io.atomic import atomic_write


def folder() -> Path:
    """Return the folder `plugins/`: beside the packages in a checkout, under the environment's data when installed."""
    installed = Path("share") / "melodylc" / "plugins"
    bases = [Path(sysconfig.get_path("data")), Path(site.getuserbase())]
    for candidate in (Path(__file__).parents[2] / "plugins", *(base / installed for base in bases)):
        if (candidate / "README.md").exists():
            return candidate
    raise UserError("plugin: the plugins did not travel with this installation; install melodylc again")


def available() -> list[str]:
    """Return the DAWs there is a plug-in for."""
    return sorted(path.name for path in folder().iterdir() if path.is_dir() and path.name in _SCRIPT_FOLDERS)


def install(daw: str | None, into: str | None = None) -> dict[Path, bool]:
    """Copy what a DAW loads to where it looks; returns the files, and whether each is new or changed.

    Raises:
        UserError: for an unknown DAW, or where its folder cannot be found.
    """
    if daw not in available():
        raise UserError(
            f"plugin: expected one of {', '.join(available())}, got {daw or 'none'}; the others need no plug-in, "
            f"{folder() / 'README.md'} says how they are connected"
        )
    folders = [Path(into)] if into else _SCRIPT_FOLDERS[daw]()
    written = {}
    for target in folders:
        target.mkdir(parents=True, exist_ok=True)
        for source in sorted((folder() / daw).glob("*.lua")):
            # the script is to find this very program, whatever the DAW's own search path is
            script, path = re.sub(r"@MELODYLC@", lambda _: _command(), source.read_text()), target / source.name
            written[path] = not path.exists() or path.read_text(errors="replace") != script
            if written[path]:
                with atomic_write(path) as beside:
                    beside.write_text(script)
    return written


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
        first = "start Ardour once" if there else "install Ardour and start it once"
        raise UserError(f"plugin: no {pattern} in {roots}; {first}, or name its folder: --into DIR")
    return found


_SCRIPT_FOLDERS = {"ardour": _ardour}

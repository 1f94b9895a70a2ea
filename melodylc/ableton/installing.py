"""AbletonOSC, which its authors give away, put where Live looks for control surfaces."""

from __future__ import annotations

import os
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from melodylc.base.errors import UserError
from midi_io.atomic import atomic_write

ADDRESS = "https://github.com/ideoforms/AbletonOSC/archive/refs/heads/master.zip"
NAME = "AbletonOSC"  # the folder, by which Live calls the control surface
PARTS = ("__init__.py", "manager.py", "abletonosc/__init__.py", "pythonosc/osc_message.py")  # without which it is none
MOST_BYTES = 20_000_000  # unpacked; version of 2025: less than 1 MB
AFTERWARDS = f"(re)start Live, choose {NAME} in Settings > Link, Tempo & MIDI > Control Surface, then: melodylc ableton"


def install(source: str | None, into: str | None = None) -> dict[Path, bool]:
    """Put AbletonOSC into the Remote Scripts of Live's User Library; returns its folder, and whether it is new.

    Args:
        source: the zip file that was downloaded, or the folder that came of it.
        into: another folder than Live's own Remote Scripts.

    Raises:
        UserError: without a source, for one that is not AbletonOSC, or where Live's folder cannot be found.
    """
    if source is None:
        raise UserError(f"plugin: expected AbletonOSC, download {ADDRESS} and give it: --from AbletonOSC-master.zip")
    files = _of_folder(Path(source)) if Path(source).is_dir() else _of_zip(Path(source))
    folder = (remote_scripts() if into is None else Path(into)) / NAME
    changed = {name for name, data in files.items() if not _holds(folder / name, data)}
    for name in sorted(changed, key=lambda name: name == "__init__.py"):  # last, for Live looks for it first
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as beside:
            beside.write_bytes(files[name])
    return {folder: bool(changed)}


def remote_scripts() -> Path:
    """Return the folder where Live looks for control surfaces that others made.

    Raises:
        UserError: if there is no User Library.
    """
    home = Path.home()
    libraries = {
        "darwin": [home / "Music"],
        "win32": [Path(base) / "Documents" for base in (home, os.environ.get("ONEDRIVE", home))],
    }.get(sys.platform)
    if libraries is None:
        raise UserError("plugin: Live runs on macOS and Windows; name the folder Remote Scripts there: --into DIR")
    for library in libraries:
        if (library / "Ableton" / "User Library").is_dir():
            return library / "Ableton" / "User Library" / "Remote Scripts"
    raise UserError(
        f"plugin: no Ableton/User Library in {libraries[0]}; start Live once, or name the folder Remote Scripts "
        "of your own (Settings > Library shows where it is): --into DIR"
    )


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.read_bytes() == data


def _of_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of an unpacked AbletonOSC, by their paths in it."""
    root = next(
        (path.parents[1] for path in [folder / PARTS[2], *folder.glob(f"*/{PARTS[2]}")] if path.is_file()), None
    )
    if root is None:
        raise _not_abletonosc(folder)
    paths = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    if sum(path.stat().st_size for path in paths) > MOST_BYTES:
        raise _not_abletonosc(folder)
    return _checked({path.relative_to(root).as_posix(): path.read_bytes() for path in paths}, folder)


def _of_zip(source: Path) -> dict[str, bytes]:
    """Return the files of a zip of AbletonOSC, by their paths in it."""
    try:
        with zipfile.ZipFile(source) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            starts = [
                member.filename.removesuffix(PARTS[2]) for member in members if member.filename.endswith(PARTS[2])
            ]
            if not starts or sum(member.file_size for member in members) > MOST_BYTES:
                raise _not_abletonosc(source)
            start = min(starts, key=len)
            wanted = [member for member in members if member.filename.startswith(start)]
            files = {member.filename.removeprefix(start): packed.read(member) for member in wanted}
    except FileNotFoundError:
        raise UserError(f"plugin: expected the zip of AbletonOSC, there is no {source}; download {ADDRESS}") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _not_abletonosc(source) from error
    return _checked(files, source)


def _checked(files: dict[str, bytes], source: Path) -> dict[str, bytes]:
    """Return the files that are installed: none that is hidden, none outside the folder."""
    paths = {name: PurePosixPath(name) for name in files}
    outside = any(
        path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name for name, path in paths.items()
    )
    if outside or not set(PARTS) <= set(files):
        raise _not_abletonosc(source)
    return {name: files[name] for name, path in paths.items() if not any(part.startswith(".") for part in path.parts)}


def _not_abletonosc(source: Path) -> UserError:
    return UserError(f"plugin: expected the zip of AbletonOSC, or its folder, {source} is neither; download {ADDRESS}")

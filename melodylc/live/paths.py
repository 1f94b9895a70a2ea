"""The folders and files of the user's that a live session uses."""

from __future__ import annotations

import os
import re
from pathlib import Path

from melodylc.base.errors import UserError
from melodylc.live.hints import INSTALL


def state() -> Path:
    """Return the folder of the files of sounding notes.

    Raises:
        UserError: without the packages of the extra `live`.
    """
    return Path(_platformdirs().user_state_path("melodylc"))


def sounding_notes(name: str) -> Path:
    """Return the file of the notes that sound, for ports of a name.

    Raises:
        UserError: without the packages of the extra `live`.
    """
    return state() / f"{re.sub('[^A-Za-z0-9_-]', '_', name)}.books"


def controls() -> Path:
    """Return the file of the user's control map, whether there is one or not (MELODYLC_CONTROLS names another).

    Raises:
        UserError: without the packages of the extra `live`.
    """
    named = os.environ.get("MELODYLC_CONTROLS")
    return Path(named) if named else Path(_platformdirs().user_config_path("melodylc")) / "controls.toml"


def _platformdirs():  # type: ignore[no-untyped-def] # a module
    try:
        import platformdirs
    except ImportError as error:
        raise UserError(f"live: needs the packages of an extra; get them with: {INSTALL}") from error
    return platformdirs

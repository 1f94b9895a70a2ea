"""Where a live session keeps things of the user's."""

from __future__ import annotations

import os
from pathlib import Path

from melodylc.base.errors import UserError


def state() -> Path:
    """The folder of the books of sounding notes.

    Raises:
        UserError: without the packages of the extra `live`.
    """
    return Path(_platformdirs().user_state_path("melodylc"))


def controls() -> Path:
    """The user's map of controls, whether there is one or not (MELODYLC_CONTROLS names another).

    Raises:
        UserError: without the packages of the extra `live`.
    """
    named = os.environ.get("MELODYLC_CONTROLS")
    return Path(named) if named else Path(_platformdirs().user_config_path("melodylc")) / "controls.toml"


def _platformdirs():  # type: ignore[no-untyped-def] # a module
    try:
        import platformdirs
    except ImportError as error:
        raise UserError("live: needs the packages of an extra; get them with: pip install 'melodylc[live]'") from error
    return platformdirs

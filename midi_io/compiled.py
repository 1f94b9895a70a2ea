"""numba's compiler, with its cache in the user's cache folder.

Beside the modules, where numba would put it, cached files outlive an uninstall and hide an editable install made after.
"""

import os
from pathlib import Path

import numba

_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(_CACHES / "melodylc")  # type: ignore[attr-defined]

njit = numba.njit(cache=True)

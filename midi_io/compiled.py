"""Kernels: functions that numba compiles, or that run as they are written where compiling would take longer.

Where numba is not installed they run as they are written. It is imported when a kernel is first called, and compiles it
then, so that a module with kernels costs little to import and a caller may still choose. The compiled code is kept in
the user's cache folder: beside the modules, where numba would put it, cached files outlive an uninstall and hide an
editable install made after.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_folder_name = "midi_io"
_interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0") or find_spec("numba") is None


class Kernel:
    """A function written for numba; called from Python or from another kernel."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        if _interpreted:
            return self.function(*arguments)
        try:
            return self.compiled(*arguments)
        except SystemError as error:  # what numba makes of a Ctrl-C that comes while it hands over the result
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, KeyboardInterrupt):
                    raise cause from None
                cause = cause.__cause__
            raise

    @functools.cached_property
    def compiled(self) -> Any:
        """Return numba's dispatcher of the function, which compiles it for the types it is called with."""
        import numba

        if not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
            numba.config.CACHE_DIR = str(cache())  # type: ignore[attr-defined]
        try:
            return numba.njit(cache=True)(self.function)
        except RuntimeError:  # no folder can be written: compile anew in each process
            return numba.njit(self.function)

    @property
    def _numba_type_(self) -> Any:
        """Return the type that numba gives to a kernel which another kernel calls."""
        return self.compiled._numba_type_


njit = Kernel


def use_cache_folder(name: str) -> None:
    """Name the folder within the user's caches for compiled code; to be called before a kernel is."""
    global _folder_name
    _folder_name = name


def cache() -> Path:
    """Return the folder that holds compiled code between processes (NUMBA_CACHE_DIR, where it is set)."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if caches.startswith("~"):  # a user without a home, as in a container
        caches = os.path.join(tempfile.gettempdir(), f"cache-{getattr(os, 'getuid', int)()}")
    return Path(caches) / _folder_name


def interpreting() -> bool:
    """Return whether kernels run as they are written."""
    return _interpreted


@contextmanager
def interpreted() -> Iterator[None]:
    """Run kernels within it as they are written; the results are the same."""
    global _interpreted
    before, _interpreted = _interpreted, True
    try:
        yield
    finally:
        _interpreted = before

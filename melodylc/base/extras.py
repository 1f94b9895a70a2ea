"""What the extra `train` brings: whether it is there, and the one line that says so where it is missing.

Melodies are drawn, searched for and played without it; what learns, trains and extracts needs it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from melodylc.base.errors import UserError

TRAIN = ("torch", "numba", "pyarrow")  # the packages of the extra


def installed(package: str) -> bool:
    """Return whether a package can be imported; it is not imported."""
    return find_spec(package) is not None


def need(what: str, *packages: str) -> None:
    """Check that packages of the extra are there, before the work that takes them.

    Raises:
        UserError: naming those that are missing, and how to install them.
    """
    missing = [package for package in packages if not installed(package)]
    if missing:
        named = " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)
        are = "which are" if len(missing) > 1 else "which is"
        raise UserError(f"{what}: needs {named}, {are} not installed; install it with: pip install 'melodylc[train]'")


def stand_in(name: str, error: ModuleNotFoundError) -> type:
    """Return a class in the place of a public name whose module does not load; to call it says what is missing.

    So names can be imported, shown and compared with where they cannot be used.

    Raises:
        ModuleNotFoundError: the error itself, where it is of another package.
    """
    package = error.name or ""
    if package not in TRAIN:
        raise error

    def refuse(cls: type, *arguments: Any, **named: Any) -> None:
        need(f"melodylc.{name}", package)

    about = f"Not there without {package}, which comes with: pip install 'melodylc[train]'."
    return type(name, (), {"__new__": refuse, "__doc__": about, "__module__": "melodylc"})

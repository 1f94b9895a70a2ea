"""Which modules of this project a package imports, read from its source, so that imports within functions count too."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

OURS = ("melodylc", "midi_io", "vision")


def imported_by(package: ModuleType) -> Iterator[tuple[Path, str]]:
    """Yield each file of a package with the name of each module of ours that it imports."""
    for path in Path(package.__file__ or "").parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]  # a module, or a name in one
            yield from ((path, name) for name in names if name.split(".")[0] in OURS)


def imports_beyond(package: ModuleType, *allowed: str) -> list[str]:
    """Return the imports of ours that are in none of the allowed packages or modules."""
    return [
        f"{path.name}: {name}"
        for path, name in imported_by(package)
        if not any(name == home or name.startswith(f"{home}.") for home in allowed)
    ]

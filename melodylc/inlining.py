"""The modules of the panel's page as one script, for pages that have no server: what they import stands in it before.

It reads the few forms in which these modules import and export, and refuses any other. Each module becomes a function
that is called once, so their names do not meet. Files that a module names by `import.meta.url` become data: addresses.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";', re.MULTILINE)
_PASSED_ON = re.compile(r'^export \{([^}]*)\} from "\./([\w-]+\.js)";', re.MULTILINE)
_EXPORTED = re.compile(r"^export \{([^}]*)\};", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) +([\w$]+))", re.MULTILINE)
_FILE = re.compile(r'new URL\((?:"\./([\w./-]+)"|([\w$]+)), import\.meta\.url\)')
_NAMED_FILE = r'^const %s = "\./([\w./-]+)";'
_LATER = re.compile(r'\bimport\("\./[\w-]+\.js"\)')
_LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\.meta\b|\bimport\(", re.MULTILINE)
MODULES = "$modules"


def one_script(entry: Path) -> str:
    """Return a module and all that it imports, from the same folder, as one script without imports.

    What is imported only when it is needed, `import(...)`, is left out and fails when it is called.

    Raises:
        ValueError: for a form of import or export that is not known, and for modules that import each other.
    """
    functions: dict[str, str] = {}
    _add(entry, functions, ())
    bodies = [f'{MODULES}["{name}"] = (() => {{\n{body}\n}})();' for name, body in functions.items()]
    return "\n".join([f'"use strict";\nconst {MODULES} = {{}};', *bodies])


def _add(path: Path, functions: dict[str, str], importing: tuple[str, ...]) -> None:
    """Add the functions of what a module imports, then its own."""
    if path.name in functions:
        return
    if path.name in importing:
        raise ValueError(f"{' -> '.join([*importing, path.name])}: modules import each other")
    text = path.read_text(encoding="utf-8")
    for name in [match[2] for form in (_IMPORT, _PASSED_ON) for match in form.finditer(text)]:
        _add(path.with_name(name), functions, (*importing, path.name))
    functions[path.name] = as_function(text, path.parent)


def as_function(text: str, folder: Path) -> str:
    """Return the body of a function that does what a module does, and returns what it exports.

    Args:
        folder: of the files that it names.

    Raises:
        ValueError: for a form of import or export that is not known.
    """
    exports = []
    for match in _PASSED_ON.finditer(text):
        exports += [f"{name}: {MODULES}[{match[2]!r}].{own}" for own, name in _pairs(match)]
    exports += [f"{name}: {own}" for match in _EXPORTED.finditer(text) for own, name in _pairs(match)]
    exports += [match[1] for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub("", _EXPORTED.sub("", _PASSED_ON.sub("", text)))
    text = _IMPORT.sub(lambda match: f"const {{ {_taken(match)} }} = {MODULES}[{match[2]!r}];", text)
    text = _FILE.sub(lambda match: f'new URL("{_data(folder / _named(match, text))}")', text)
    text = _LATER.sub('Promise.reject(new Error("This page does not have it."))', text)
    left = _LEFT.search(text)
    if left:
        raise ValueError(f"a module cannot be put into a page: {left[0]!r}")
    return f"{text}\nreturn {{ {', '.join(exports)} }};"


def _pairs(match: re.Match[str]) -> list[tuple[str, str]]:
    """Return the names of "a, b as c" where they come from, and where they go to."""
    words = [name.split() for name in match[1].split(",") if name.strip()]
    return [(each[0], each[-1]) for each in words]


def _taken(match: re.Match[str]) -> str:
    return ", ".join(f"{theirs}: {own}" for theirs, own in _pairs(match))


def _named(match: re.Match[str], text: str) -> str:
    """Return the name of a file, as it stands there or in a constant."""
    if match[1]:
        return match[1]
    found = re.search(_NAMED_FILE % re.escape(match[2]), text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a module cannot be put into a page: {match[0]!r}")
    return found[1]


def _data(path: Path) -> str:
    return "data:text/javascript;base64," + base64.b64encode(path.read_bytes()).decode("ascii")

"""A list of rules for users to choose from: what each rewards, which arguments it takes, and which values these have.

All of it is read from signatures and docstrings, of built-in rules, of other packages' and of a user's file.
"""

from __future__ import annotations

import inspect
import math
import re
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.rules.find import BUILT_IN, ENTRY_POINTS, run
from melodylc.rules.rule import OneOf, Rule

KINDS = ("int", "float", "bool", "text", "choice")
_NAME = re.compile(r"(?:.+\.py:)?[^\W\d]\w*")
_MAKES_A_RULE = re.compile(r"(?:\w+\.)*Rule")
_TAKEN_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True)
class Parameter:
    """An argument that a rule takes."""

    name: str
    kind: str  # one of KINDS
    default: Any = None  # None: it has none, or may be left out
    choices: tuple[str | int, ...] | None = None  # of a choice
    doc: str = ""
    required: bool = False


@dataclass(frozen=True)
class Entry:
    """A rule, or a function that makes one; or a file or package that cannot be read, and why."""

    name: str  # as `rules.find` takes it
    summary: str = ""
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    file: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain dicts, lists and values."""
        plain = asdict(self)
        for parameter in plain["parameters"]:
            parameter["choices"] = parameter["choices"] and list(parameter["choices"])
        return {**plain, "parameters": list(plain["parameters"])}


def built_in() -> list[Entry]:
    """Return the built-in rules, then those of other packages."""
    entries = [_entry(name, function) for name, function in BUILT_IN.items()]
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in BUILT_IN:  # which `find` takes first
            continue
        try:
            entries.append(_entry(point.name, point.load()))
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            entries.append(Entry(point.name, error=f"{point.value} cannot be loaded ({said})"))
    return entries


def of_file(path: str | Path) -> list[Entry]:
    """Run a file, and return its rules and its functions that are annotated to return a Rule, in their order.

    A file that fails has one entry, with its error.
    """
    try:
        module = run(Path(path))
    except UserError as error:
        return [Entry(str(path), file=str(path), error=str(error).removeprefix("rule: "))]
    return [
        _entry(f"{path}:{name}", value, file=str(path))
        for name, value in vars(module).items()
        if not name.startswith("_") and (isinstance(value, Rule) or _makes_a_rule(value, module.__name__))
    ]


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return the text that `rules.find` takes for a rule with arguments, such as "contour(shape='arch')".

    Arguments that are None are left out. A name of a file, "my.py:name", has it run by `find`: names from elsewhere
    have to be looked up in the catalogue first.

    Raises:
        UserError: for a name that is none, and for arguments that are no texts, numbers, truth values or lists of them.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(f"rule: expected a name, got {name!r}")
    if not all(isinstance(word, str) and word.isidentifier() for word in arguments):
        raise UserError(f"rule: expected names of arguments of {name}, got {', '.join(map(repr, arguments))}")
    words = [f"{word}={_literal(word, value)}" for word, value in arguments.items() if value is not None]
    return f"{name}({', '.join(words)})" if words else name


def _literal(name: str, value: Any, in_list: bool = False) -> str:
    """Return a value as Python writes it.

    Raises:
        UserError: unless it is one of those that `call` takes.
    """
    if isinstance(value, list) and not in_list:
        return f"[{', '.join(_literal(name, each, in_list=True) for each in value)}]"
    if value is None or isinstance(value, bool | str):
        return repr(value)
    if isinstance(value, int):
        return repr(integer(f"rule: {name}", value, -(2**62), 2**62))
    if isinstance(value, float) and math.isfinite(value):
        return repr(float(value))
    raise UserError(f"rule: expected {name} as a text, a number, true or false, or a list of these, got {value!r}")


def _makes_a_rule(value: Any, module: str) -> bool:
    if not inspect.isfunction(value) or value.__module__ != module:
        return False
    returned = value.__annotations__.get("return")
    return returned is Rule or (isinstance(returned, str) and _MAKES_A_RULE.fullmatch(returned) is not None)


def _entry(name: str, value: Any, file: str | None = None) -> Entry:
    """Return the entry of a rule or of what makes one."""
    doc = inspect.cleandoc((value.doc if isinstance(value, Rule) else value.__doc__) or "")
    summary = " ".join(doc.partition("\n\n")[0].split())
    return Entry(name, summary, doc, () if isinstance(value, Rule) else _parameters(value, doc), file)


def _parameters(function: Callable[..., Any], doc: str) -> tuple[Parameter, ...]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # a name that is imported for type checkers only
        hints = {}
    said = _said_of_arguments(doc)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        required = parameter.default is parameter.empty
        default = None if required or not _is_literal(name, parameter.default) else parameter.default
        kind, choices = _kind(hints.get(name, type(default)))
        if parameter.kind in _TAKEN_BY_NAME:
            found.append(Parameter(name, kind, default, choices, said.get(name, ""), required))
    return tuple(found)


def _is_literal(name: str, value: Any) -> bool:
    try:
        _literal(name, value)
    except UserError:
        return False
    return True


def _kind(hint: Any) -> tuple[str, tuple[str | int, ...] | None]:
    """Return the kind of an annotated argument, and its choices."""
    if get_origin(hint) is Annotated:
        choices = [each for each in get_args(hint)[1:] if isinstance(each, OneOf)]
        return ("choice", tuple(choices[0].values)) if choices else _kind(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return "choice", get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        of_each = [_kind(each) for each in get_args(hint) if each is not type(None)]
        chosen = [each for each in of_each if each[0] == "choice"]
        if chosen:
            return chosen[0]
        kinds = {kind for kind, _ in of_each}
        return (kinds.pop() if len(kinds) == 1 else "float" if kinds == {"int", "float"} else "text"), None
    return {bool: "bool", int: "int", float: "float"}.get(hint, "text"), None


def _said_of_arguments(doc: str) -> dict[str, str]:
    """Return what a docstring says of each argument under "Args:"; "low, high: ..." is said of both."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", doc, re.MULTILINE)
    said: dict[str, str] = {}
    for names, text in re.findall(
        r"^(\w+(?:, *\w+)*)(?: *\(.*?\))?:(.*(?:\n[ \t].*)*)", textwrap.dedent(section[1]) if section else "", re.M
    ):
        said |= dict.fromkeys(re.split(r", *", names), " ".join(text.split()))
    return said

"""Rules loaded by name: built in, from a file, or from another package."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from melodylc.base.errors import UserError
from melodylc.rules.contour import contour, leaps, stepwise
from melodylc.rules.form import form
from melodylc.rules.harmony import cadence, chord_tones, phrase_endings
from melodylc.rules.key import pitch_classes
from melodylc.rules.notes import notes, pitch_range, tessitura
from melodylc.rules.repetition import call_and_response, motif, repetition
from melodylc.rules.rhythm import longest_rest, note_lengths, on_the_beat, swing, syncopation
from melodylc.rules.rule import HINT, Rule, described

ENTRY_POINTS = "melodylc.rules"
_OF_A_FILE = re.compile(r"(.+?\.py):(\s*\w+\s*(?:\(.*\)\s*)?)", re.DOTALL)
BUILT_IN: dict[str, Callable[..., Rule]] = {
    function.__name__: function
    for function in (
        pitch_classes,
        notes,
        pitch_range,
        tessitura,
        syncopation,
        longest_rest,
        note_lengths,
        swing,
        on_the_beat,
        leaps,
        stepwise,
        contour,
        repetition,
        motif,
        call_and_response,
        form,
        phrase_endings,
        cadence,
        chord_tones,
    )
}


def find(text: str) -> Rule:
    """Return the rule that a text names, such as "syncopation" or "leaps(5)".

    A name, called with literal arguments where it takes any, is built in or offered by a package under the entry-point
    group `melodylc.rules`: "chord_tones('C | F | G7 | C', at_least=0.8)". "my.py:name" or "my.py:name(3)" loads it from
    a file, which is run. The name stands for a rule, or for a function that makes one.

    Raises:
        UserError: if there is no such file or name, the arguments do not fit, or it is no rule.
    """
    of_a_file = _OF_A_FILE.fullmatch(text)
    file, call = of_a_file.groups() if of_a_file else (None, text)
    name, arguments, keywords = _parse_call(call, text)
    value = _load_by_name(name) if file is None else _load_from_file(Path(file), name)
    if isinstance(value, Rule):
        if arguments or keywords or call.endswith(")"):
            raise UserError(f"rule: {name} takes no arguments, got {text!r}")
        return value
    if not callable(value) or (name not in BUILT_IN and not call.endswith(")") and _needs_arguments(value)):
        raise UserError(
            f"rule: expected {name} to be a rule or to make one, got {described(value)}{HINT}, "
            f"or call one that makes a rule: {name}(...)"
        )
    try:
        rule = value(*arguments, **keywords)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"rule: {text!r} cannot be made ({type(error).__name__}: {error})") from error
    if not isinstance(rule, Rule):
        raise UserError(f"rule: expected {name} to be a rule or to make one, it gives {described(rule)}{HINT}")
    return rule


def file_of(text: str) -> Path | None:
    """Return the file that a text such as "my.py:name" names a rule of, which `find` would run; or None."""
    of_a_file = _OF_A_FILE.fullmatch(text)
    return None if of_a_file is None else Path(of_a_file[1])


def _needs_arguments(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return True
    except ValueError:  # a function written in C without a signature
        return False
    return False


def _parse_call(call: str, text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Return name, arguments and keywords of "name" or "name(1, x='y')"; arguments are literals, nothing is run."""
    try:
        tree = ast.parse(call.strip(), mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, [], {}
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            keywords = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords if word.arg}
            return tree.func.id, [ast.literal_eval(value) for value in tree.args], keywords
    except (SyntaxError, ValueError):
        pass
    raise UserError(f"rule: expected a name, a call such as leaps(5), or FILE.py:NAME, got {text!r}")


def _load_from_file(path: Path, name: str) -> Any:
    module = run(path)
    if not hasattr(module, name):
        rules = ", ".join(word for word, value in vars(module).items() if isinstance(value, Rule)) or "none"
        raise UserError(f"rule: {path} has no {name!r}; its rules: {rules}")
    return getattr(module, name)


def run(path: Path) -> ModuleType:
    """Run a file of rules and return what it defines.

    Raises:
        UserError: if there is no such file, or it fails: what, and on which line.
    """
    if not path.is_file():
        raise UserError(f"rule: expected a Python file, there is none at {path}")
    module = ModuleType(f"melodylc_rules_of_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickles look their module up there
    try:
        # an import would take the bytecode of a file as it was before, where it is saved twice within a second
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        on_line = f", line {lines[-1]}" if lines else ""  # a SyntaxError says it itself
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"rule: {path} cannot be run ({said}{on_line})") from error
    return module


def _load_by_name(name: str) -> Any:
    offered = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in offered:
        try:
            return offered[name].load()
        except Exception as error:
            raise UserError(
                f"rule: {name} of {offered[name].value} cannot be loaded ({type(error).__name__}: {error})"
            ) from error
    known = ", ".join([*BUILT_IN, *offered])
    raise UserError(f"rule: expected one of {known}, or FILE.py:NAME, got {name!r}")

"""What melodies are asked for in the panel, as all its pages show it: read from JSON, checked, said to the worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from melodylc import chords, rules
from melodylc.attributes import Attributes
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer, number
from melodylc.melody import BARS
from melodylc.rules.form import Form
from melodylc.rules.key import NAMES, SCALES

MOST_BARS = 64  # of a melody on the page
MOST_CANDIDATES = 8
MOST_RULES = 20
LONGEST_TEXT = 1000  # characters
FORMS = ("AABA", "ABAB", "ABAC", "AA'BA", "AABB", "ABCD")  # that the page offers


@dataclass(frozen=True)
class RuleUse:
    """A rule that melodies are to keep, with its arguments, while it is on."""

    name: str
    arguments: dict[str, Any]
    on: bool = True


@dataclass(frozen=True)
class Settings:
    """What melodies are asked for, and how they are made; None leaves a thing open."""

    tonic: str | None = "C"
    scale: str = "major"
    notes: int | None = None
    at_most: int | None = None
    low: int | None = None
    high: int | None = None
    temperature: float | None = None
    strict: bool = False
    form: str | None = None
    chords: str | None = None
    bars: int = BARS
    count: int = 4
    tempo: float = 120.0
    taste: bool = False  # whether melodies are to be to the taste that was learned
    rules: tuple[RuleUse, ...] = ()

    def changed(self, some: Any) -> Settings:
        """Return the settings with some of them changed, as JSON has them.

        Raises:
            UserError: for a setting that there is none of, or a value of another kind or out of bounds.
        """
        if not isinstance(some, dict):
            raise UserError(f"settings: expected an object, got {some!r:.60}")
        unknown = [name for name in some if name not in READERS]
        if unknown:
            raise UserError(f"settings: expected some of {', '.join(READERS)}, got {unknown[0]!r:.60}")
        return replace(self, **{name: READERS[name](name, value) for name, value in some.items()})

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        return asdict(self) | {"rules": [asdict(rule) for rule in self.rules]}

    @property
    def key(self) -> str | None:
        """Return the key that is asked for, in words."""
        return None if self.tonic is None else f"{self.tonic} {self.scale}"

    def attributes(self) -> Attributes:
        """Return what is asked for that needs no search.

        Raises:
            UserError: where no pitch or no number of notes is left.
        """
        return Attributes(self.key, self.notes, self.low, self.high, at_most=self.at_most)

    def problems(self) -> dict[str, str]:
        """Return what is wrong, a line for each field that the page shows it at."""
        checks: dict[str, Callable[[], object]] = {
            "key_error": self.attributes,
            "chords_error": lambda: _check_chords(self.chords, self.bars),
            "form_error": lambda: _check_form(self.form, self.bars),
        }
        found = {}
        for name, check in checks.items():
            try:
                check()
            except UserError as error:
                found[name] = str(error)
        return found

    @property
    def makes(self) -> Settings:
        """Return what decides which melodies are made: all but what they are played with."""
        return replace(self, tempo=0.0)

    def in_words(self, rule_names: Sequence[str]) -> str:
        """Return what is asked for, with the rules of these names, in a few words."""
        parts = [] if self.key is None else [self.key]
        parts += [] if self.notes is None else [f"at least {self.notes} notes"]
        parts += [] if self.at_most is None else [f"at most {self.at_most} notes"]
        if self.low is not None or self.high is not None:
            low, high = (None if pitch is None else _note(pitch) for pitch in (self.low, self.high))
            parts.append(f"{low} to {high}" if low and high else f"from {low} up" if low else f"up to {high}")
        parts += [f"over {self.chords}"] if self.chords else []
        parts += [f"in form {self.form}"] if self.form else []
        parts += [f"{self.bars} bars"] if self.bars != BARS else []
        parts += [name.rpartition(":")[2].replace("_", " ") for name in rule_names]
        parts += ["to your taste"] if self.taste else []
        return ", ".join(parts) or "free"


def _note(pitch: int) -> str:
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def _check_chords(progression: str | None, bars: int) -> None:
    if progression is None:
        return
    chords.rule(progression)
    chords.check_fit(progression, bars)


def _check_form(text: str | None, bars: int) -> None:
    if text is None:
        return
    if bars != BARS:
        raise UserError(f"form: melodies in a form have {BARS} bars; leave one of form and bars out")
    rules.form(text)
    Form.parse(text)


# --- how each setting is read -----------------------------------------------------------------------------------------


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise UserError(f"{name}: expected one line of at most {LONGEST_TEXT} characters, got {value!r:.60}")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{name}: expected true or false, got {value!r:.60}")
    return value


def _one_of(known: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in known:
            raise UserError(f"{name}: expected one of {', '.join(known)}, got {value!r:.60}")
        return str(value)

    return read


def _integer(low: int, high: int) -> Callable[[str, Any], int]:
    return lambda name, value: integer(name, value, low, high)


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    return lambda name, value: number(name, value, low, high)


def _or_open(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None or value == "" else read(name, value)


def _rules(name: str, value: Any) -> tuple[RuleUse, ...]:
    if not isinstance(value, list) or len(value) > MOST_RULES:
        raise UserError(f"{name}: expected at most {MOST_RULES} rules, got {value!r:.60}")
    return tuple(_rule(each) for each in value)


def _rule(value: Any) -> RuleUse:
    known = {each.name for each in fields(RuleUse)}
    if not isinstance(value, dict) or not {"name"} <= set(value) <= known:
        raise UserError(f"rule: expected {', '.join(sorted(known))}, got {value!r:.60}")
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict) or len(arguments) > MOST_RULES:
        raise UserError(f"rule: expected arguments by name, got {arguments!r:.60}")
    checked = {_text("rule", key): _argument(key, each) for key, each in arguments.items()}
    return RuleUse(_text("rule", value["name"]), checked, _flag("rule", value.get("on", True)))


def _argument(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number(name, value, -1e6, 1e6) if isinstance(value, float) else integer(name, value, -1_000_000)
    if isinstance(value, list) and len(value) <= MOST_RULES:
        return [_argument(name, each) for each in value if not isinstance(each, list)]
    return _text(name, value)


READERS: dict[str, Callable[[str, Any], Any]] = {
    "tonic": _or_open(_one_of(tuple(NAMES))),
    "scale": _one_of(tuple(SCALES)),
    "notes": _or_open(_integer(1, 256)),
    "at_most": _or_open(_integer(1, 256)),
    "low": _or_open(_integer(0, 127)),
    "high": _or_open(_integer(0, 127)),
    "temperature": _or_open(_number(0, 10)),
    "strict": _flag,
    "form": _or_open(_text),
    "chords": _or_open(_text),
    "bars": _integer(1, MOST_BARS),
    "count": _integer(1, MOST_CANDIDATES),
    "tempo": _number(20, 400),
    "taste": _flag,
    "rules": _rules,
}

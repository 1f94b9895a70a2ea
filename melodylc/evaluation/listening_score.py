"""The answers of listeners, scored: how musical each kind of melody is, and how often it is taken for a person's."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.evaluation.listening import ANSWERS_KIND, CONTROLLED, DRAWN, KEY, KEY_KIND, REAL, VERSION

RATINGS = range(1, 6)  # how musical: not at all to very
MAKERS = ("person", "machine")
Z = 1.959964  # quantile of the normal distribution for an interval of 95 %
LARGEST = 10_000_000  # bytes; a page of 300 melodies has answers of 20,000


@dataclass(frozen=True)
class Key:
    """Which melody of a page is which."""

    page: str
    kinds: dict[str, str]  # id -> kind


@dataclass(frozen=True)
class Answer:
    """What one listener says of one melody; None where nothing was said."""

    melody: str
    rating: int | None
    made_by: str | None


@dataclass(frozen=True)
class KindScore:
    """What listeners say of one kind of melody."""

    kind: str
    ratings: int  # how many answers
    rating: float | None  # mean, 1 to 5
    guesses: int  # how many answers
    for_human: float | None  # share of them: a person's
    low: float | None  # Wilson's interval of that share, 95 %
    high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in the JSON file."""
        return asdict(self)


def read_key(out: Path) -> Key:
    """Read the key of the page in a folder.

    Raises:
        UserError: if it is missing or damaged.
    """
    path = out / KEY
    content = _read(path, KEY_KIND, "the key that evaluate --listening wrote beside its page; name its folder by --out")
    melodies = content.get("melodies")
    kinds = {}
    for name, melody in _object(path, "melodies", melodies).items():
        kind = melody.get("kind") if isinstance(melody, dict) else None
        if kind not in (REAL, DRAWN, CONTROLLED):
            raise _damaged(path, f"a melody that is {REAL}, {DRAWN} or {CONTROLLED}", f"{name}: {kind!r}")
        kinds[name] = kind
    return Key(_page(path, content), kinds)


def read_answers(paths: Sequence[Path], key: Key) -> list[Answer]:
    """Read the answers of one or more listeners to the page that the key belongs to.

    Raises:
        UserError: if a file is missing, damaged, of another page, or given twice.
    """
    found: list[Answer] = []
    seen: dict[str, Path] = {}
    for path in paths:
        content = _read(path, ANSWERS_KIND, "answers saved by the page of evaluate --listening")
        if _page(path, content) != key.page:
            raise _damaged(path, f"answers to the page {key.page} of the key", content["page"], "name the key's --out")
        sitting = content.get("sitting")
        if not isinstance(sitting, str):
            raise _damaged(path, "the name of a sitting", repr(sitting))
        if sitting in seen:
            raise UserError(f"listening: {path} and {seen[sitting]} are of one listener; give the later one only")
        seen[sitting] = path
        for name, answer in _object(path, "answers", content.get("answers")).items():
            if name not in key.kinds:
                raise _damaged(path, "only melodies that the key has", repr(name))
            found.append(_answer(path, name, answer))
    return found


def _answer(path: Path, name: str, answer: Any) -> Answer:
    given = _object(path, name, answer)
    rating, made_by = given.get("rating"), given.get("made_by")
    if rating is not None and (type(rating) is not int or rating not in RATINGS):
        raise _damaged(path, f"a rating of 1 to {max(RATINGS)}", f"{name}: {rating!r}")
    if made_by is not None and made_by not in MAKERS:
        raise _damaged(path, " or ".join(MAKERS), f"{name}: {made_by!r}")
    return Answer(name, rating, made_by)


def score(key: Key, answers: Sequence[Answer]) -> list[KindScore]:
    """Return what was said of each kind of melody: real, drawn and controlled."""
    scores = []
    for kind in (REAL, DRAWN, CONTROLLED):
        of_kind = [answer for answer in answers if key.kinds[answer.melody] == kind]
        ratings = [answer.rating for answer in of_kind if answer.rating is not None]
        human = [answer.made_by == "person" for answer in of_kind if answer.made_by is not None]
        low, high = wilson(sum(human), len(human)) if human else (None, None)
        scores.append(
            KindScore(
                kind,
                len(ratings),
                sum(ratings) / len(ratings) if ratings else None,
                len(human),
                sum(human) / len(human) if human else None,
                low,
                high,
            )
        )
    return scores


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of hits (Wilson, 1927), which stays within [0, 1] for few as well."""
    share, z2 = hits / count, Z * Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))  # rounding kept within bounds too


def score_text(scores: Sequence[KindScore]) -> str:
    """Return the table for a terminal."""
    lines = [
        "how musical, 1 to 5; the share taken for a person's, with Wilson's 95 % interval (as if every answer were "
        "another listener's)",
        f"{'':<12}{'answers':>8}{'musical':>9}{'answers':>10}{'a person':>10}{'interval':>20}",
    ]
    for row in scores:
        rating = "-" if row.rating is None else f"{row.rating:.2f}"
        share = "-" if row.for_human is None else f"{100 * row.for_human:.1f} %"
        interval = "-" if row.low is None or row.high is None else f"{100 * row.low:.1f} to {100 * row.high:.1f} %"
        lines.append(f"{row.kind:<12}{row.ratings:>8}{rating:>9}{row.guesses:>10}{share:>10}{interval:>20}")
    return "\n".join(lines)


def _read(path: Path, kind: str, what: str) -> dict[str, Any]:
    """Return the JSON object in a file, of the kind and version expected."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST} bytes")
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
        if not isinstance(content, dict) or content.get("kind") != kind:
            raise ValueError(f"its kind is not {kind}")
        if content.get("version") != VERSION:
            raise ValueError(f"its version is {content.get('version')!r}, not {VERSION}")
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise UserError(f"listening: expected {what}, got {path} ({reason})") from error
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, unless a name stands in it twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return content


def _object(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _damaged(path, f"an object for {name}", type(value).__name__)
    return value


def _page(path: Path, content: dict[str, Any]) -> str:
    if not isinstance(content.get("page"), str):
        raise _damaged(path, "the name of a page", repr(content.get("page")))
    return str(content["page"])


def _damaged(path: Path, expected: str, got: str, what_to_do: str = "save or write the file again") -> UserError:
    return UserError(f"listening: expected {expected} in {path}, got {' '.join(got.split())[:80]}; {what_to_do}")

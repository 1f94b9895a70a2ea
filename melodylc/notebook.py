"""Melodies in a notebook: the piano roll and the player of the panel, in the output of a cell, without a server."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.base.numbers import number
from melodylc.chords import key_of, named
from melodylc.melody import STEPS_PER_BAR, canonical

if TYPE_CHECKING:
    from melodylc.generated import Generated

PAGE = Path(__file__).parent / "panel" / "page"
TEMPI = 20, 400  # quarter notes a minute
HEIGHT = 340  # pixels


@dataclass(frozen=True)
class ShownMelodies:
    """What a notebook shows of melodies."""

    page: str  # a whole page in HTML, which needs no other file
    titles: tuple[str, ...]

    def _repr_html_(self) -> str:
        # the sandbox keeps the page from the notebook: it has scripts and nothing else
        title = html.escape("melodylc: " + ", ".join(self.titles[:3]))
        return (
            f'<iframe title="{title}" sandbox="allow-scripts" allow="autoplay" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0" srcdoc="{html.escape(self.page)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<{len(self.titles)} melodies, shown by a notebook>"


def show(
    melodies: np.ndarray | Generated | Sequence[np.ndarray],
    *,
    chords: str | None = None,
    tempo: float = 120.0,
    names: Sequence[str] | None = None,
) -> ShownMelodies:
    """Show melodies in a notebook: a piano roll with a player, of which nothing is fetched from anywhere.

    Args:
        melodies: one (S,), a batch (B, S), several of different lengths, or what `generate` and the others return.
        chords: a progression that is shown, and played along; see `melodylc.chords`.
        tempo: to begin with, in quarter notes a minute.
        names: of the melodies; default: Melody 1, Melody 2, ..., and how each came about where that is known.

    Raises:
        ValueError: if they are no melodies.
        UserError: for none, another number of names, a tempo outside 20 to 400, or a chord that is not understood.
    """
    given: Any = getattr(melodies, "melodies", melodies)
    several = [canonical(each) for each in ([given] if getattr(given, "ndim", 2) == 1 else given)]
    if not several:
        raise UserError("show: expected melodies, got none")
    if any(each.ndim != 1 for each in several):
        raise ValueError(f"melody: expected (S,) or (B, S), got {np.shape(given)}")
    titles = tuple(map(str, _titles(melodies, len(several)) if names is None else names))
    if len(titles) != len(several):
        raise UserError(f"show: expected {len(several)} names, got {len(titles)}")
    allowed = None if chords is None else np.flatnonzero(key_of(chords).pitches()).tolist()
    shown = {
        "tempo": number("tempo", tempo, *TEMPI),
        "melodies": [
            {
                "id": place,
                "title": title,
                "states": states.tolist(),
                "allowed": allowed,
                "chords": None if chords is None else _chords(chords, len(states) // STEPS_PER_BAR),
            }
            for place, (title, states) in enumerate(zip(titles, several, strict=True))
        ],
    }
    text = json.dumps(shown).replace("<", "\\u003c")  # so that no title ends the script that it stands in
    before, after = _page()
    return ShownMelodies(before + text + after, titles)


def _titles(melodies: Any, count: int) -> list[str]:
    ways = getattr(melodies, "ways", None)
    return [f"Melody {place + 1}" + (f", {ways[place]}" if ways else "") for place in range(count)]


def _chords(progression: str, bars: int) -> list[dict[str, Any]]:
    return [{**each._asdict(), "pitches": list(each.pitches)} for each in named(progression, bars)]


@cache
def _page() -> tuple[str, str]:
    """Return the page before and after the melodies."""
    from melodylc.inlining import one_script

    script = one_script(PAGE / "notebook.js").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    frame = (PAGE / "notebook.html").read_text(encoding="utf-8")
    style = (PAGE / "notebook.css").read_text(encoding="utf-8")
    before, after = frame.replace("{style}", style).split("{shown}")
    return before, after.replace("{script}", script)

"""What generate, transform and interpolate write: numbered MIDI files, piano rolls, and a table of what each keeps."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc import pianoroll
from melodylc.exchange import write_midi
from melodylc.melody import HOLD

if TYPE_CHECKING:
    import numpy as np

    from melodylc.extraction.selection import SelectedMelody
    from melodylc.generated import Generated
    from melodylc.rules import Rule


def select(options: argparse.Namespace, file: str, last: bool = False) -> SelectedMelody:
    """Take 16 bars out of a MIDI file, the first of its melody or the last, and say which."""
    from melodylc.extraction.selection import select_melody

    selected = select_melody(
        file,
        track=None if options.track is None else options.track - 1,
        bar=None if options.bar is None else options.bar - 1,
        last=last,
    )
    print(f"{file}: took {selected}")
    return selected


def plausible(made: Generated) -> list[str]:
    """Return a cell for each melody: yes, or the features in which it is not plausible."""
    return [f"no: {', '.join(names)}" if names else "yes" for names in made.implausible]


def kept(made: Generated, rules: Sequence[Rule]) -> np.ndarray:
    """Return which melodies are kept, (B,) bool: plausible, and satisfying every rule in what is new of them."""
    import numpy as np

    from melodylc.constraints.lengths import rewards

    plausible = np.array([not names for names in made.implausible], bool)
    satisfied = [rewards(rule, made.melodies, made.given) == 1 for rule in rules]
    return np.asarray(np.logical_and.reduce([plausible, *satisfied]))


def write_made(
    options: argparse.Namespace, made: Generated, rules: Sequence[Rule], how: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write what was made, as `write` does, and say first how many melodies are kept.

    Args:
        how: columns of the table that say how each melody came about.
    """
    found = kept(made, rules)
    columns = {"kept": ["yes" if each else "no" for each in found], **(how or {}), "plausible": plausible(made)}
    write(options, f"{found.sum()} of {len(found)} kept; {made.summary}", made.melodies, rules, columns, made.given)


def write(
    options: argparse.Namespace,
    headline: str,
    melodies: np.ndarray,
    rules: Sequence[Rule],
    columns: Mapping[str, Sequence[Any]],
    given: np.ndarray | None = None,
) -> None:
    """Write numbered MIDI files and piano rolls of melodies (B, S), then print a table of what each satisfies.

    Args:
        headline: of the table, printed when all files are there.
        columns: further columns of the table, a cell for each melody.
        given: see `Generated.given`.
    """
    from melodylc.constraints import lengths

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    together = reduce(and_, rules) if rules else None
    rewards = [lengths.rewards(rule, melodies, given) for rule in rules]
    digits = max(2, len(str(len(melodies))))
    table = [["file", "notes", *columns, *(rule.name for rule in rules)]]
    for index, melody in enumerate(melodies):
        name = f"{index + 1:0{digits}d}"
        with_chords = options.chords if getattr(options, "with_chords", False) else None
        write_midi(out / f"{name}.mid", melody, options.tempo, with_chords)
        shares = [f"{rule.name} {reward[index]:.1%}" for rule, reward in zip(rules, rewards, strict=True)]
        title = "   ".join([name, *shares, *(["strict"] if options.strict else [])])
        pianoroll.save(out / f"{name}.png", melody, together.allowed_pitches if together else None, title)
        satisfied = ["yes" if reward[index] == 1 else f"no, {reward[index]:.1%}" for reward in rewards]
        further = [str(cells[index]) for cells in columns.values()]
        table.append([f"{out / name}.mid", str(int((melody < HOLD).sum())), *further, *satisfied])
    print(headline)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

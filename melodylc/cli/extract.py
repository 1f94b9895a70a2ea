"""`melodylc extract`: MIDI files to a corpus."""

from __future__ import annotations

import argparse
from typing import Any

from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    number = arguments.number
    parser = commands.add_parser("extract", help="MIDI files to a corpus of 16-bar windows")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="MIDI files, or folders to search; or URLs (s3://...)")
    parser.add_argument("--out", required=True, metavar="CORPUS", help="the folder to make; or a URL")
    parser.add_argument("--workers", type=number(int, 1), help="local processes, at most (default: one a core)")
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="processes here (local), or a Ray cluster"
    )
    parser.add_argument("--address", help="of the cluster (default: RAY_ADDRESS, or a new one on this machine)")
    parser.add_argument("--rejected", metavar="FILE", help="list every rejected file and line, tab-separated")
    parser.add_argument("--min-notes", type=number(int, 1, 256), default=16, help="that a window has (16)")
    parser.add_argument("--min-unique-pitches", type=number(int, 1, 128), default=3, help="that a window has (3)")
    parser.add_argument(
        "--max-rest-bars", type=number(int, 0, 16), default=1, help="in a row, that a window may have (1)"
    )
    parser.add_argument("--pair-2-4", action="store_true", help="read 2/4 as 4/4, two bars at a time")
    parser.set_defaults(run=run, needs=("numba", "pyarrow"))


def run(options: argparse.Namespace) -> None:
    """Extract, and report what became of the files."""
    from melodylc.extraction import Filters, extract
    from melodylc.extraction.corpus import CARD
    from melodylc.extraction.storage import path_of

    filters = Filters(options.min_notes, options.min_unique_pitches, options.max_rest_bars, options.pair_2_4)
    try:
        card = extract(
            options.paths,
            options.out,
            filters=filters,
            workers=options.workers,
            rejected=options.rejected,
            engine=options.engine,
            address=options.address,
        )
    except KeyboardInterrupt as stop:
        complete = (path_of(options.out) / CARD).exists()
        stop.args = (f"{options.out} is whole" if complete else "the same command goes on from here",)
        raise
    _report(card, options.out)
    if options.rejected:
        print(f"every rejected file and line is in {options.rejected}")


def _report(card: dict[str, Any], out: str) -> None:
    print(f"{card['windows']:,} windows from {card['files']:,} files in {out}")
    for name, count in card["splits"].items():
        print(f"  {name:<28}{count:>12,}")
    for kind, reasons in card["rejected"].items():
        for reason, count in reasons.items():
            print(f"  {kind} rejected, {reason}: {count:,}")
    for fault, count in card["read past"].items():
        print(f"  files read past a fault, {fault}: {count:,}")
    notes = sum(card["signatures"].values())
    shares = sorted(card["signatures"].items(), key=lambda met: -met[1])
    if notes:
        print("  notes in " + ", ".join(f"{name} {count / notes:.1%}" for name, count in shares))

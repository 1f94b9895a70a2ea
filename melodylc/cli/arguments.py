"""Arguments that several commands share, and what they mean: numbers, rules, actors, learning, output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc.base.errors import UserError
from melodylc.base.extras import installed, need
from melodylc.base.numbers import LAST_SEED, MOST
from melodylc.melody import BARS

if TYPE_CHECKING:  # heavy modules load in the command that needs them
    import numpy as np

    from melodylc.attributes import Attributes
    from melodylc.constraints.playing_actor import AnyActor
    from melodylc.latent.budget import Budget
    from melodylc.rules import Rule
    from melodylc.runtime.interface import MelodyModel

Commands = argparse._SubParsersAction  # argparse has no public name for it
MORE_MELODIES = 12_000  # of a corpus, encoded beside the bank: half a minute of work, half as many as the bank
FROM = "from:"  # before the name of a file whose chords are taken
TRANSPOSED_BY = 6  # semitones at most, either way, as in training


def number(kind: type, low: float, high: float = MOST) -> Callable[[str], float]:
    """Return an argparse type: a number within bounds, or a line that says which."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
            if low <= value <= high:
                return value
        except ValueError:
            pass
        what = "whole number" if kind is int else "number"
        raise argparse.ArgumentTypeError(f"expected a {what} from {low} to {high}, got {text[:60]!r}")

    return parse


def or_auto(parse: Callable[[str], float]) -> Callable[[str], float | str]:
    """Return an argparse type: what another takes, or `auto`."""

    def parse_or_auto(text: str) -> float | str:
        if text == "auto":
            return text
        try:
            return parse(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{error}; or auto") from error

    return parse_or_auto


def add_seed(parser: argparse._ActionsContainer, default: int | None = 0, help: str | None = None) -> None:
    """Add --seed."""
    parser.add_argument("--seed", type=number(int, 0, LAST_SEED), default=default, help=help)


def add_model(parser: argparse._ActionsContainer) -> None:
    """Add --model."""
    parser.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")


def add_device(parser: argparse._ActionsContainer) -> None:
    """Add --device."""
    parser.add_argument("--device", help="where the networks are: cpu, or cuda where there is a GPU (cpu)")


def add_rules(parser: argparse.ArgumentParser) -> None:
    """Add what melodies are asked for: key, notes, range, rules."""
    parser.add_argument("--key", metavar="KEY", help="such as 'C major', 'F# dorian', or pitch classes '0,2,4,7,9'")
    parser.add_argument("--notes", type=number(int, 1, 256), metavar="N", help="at least so many, in 16 bars")
    parser.add_argument("--at-most", type=number(int, 1, 256), metavar="N", help="at most so many notes, in 16 bars")
    parser.add_argument("--range", metavar="LOW-HIGH", help="such as 'C4-G5' or '60-79'")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="RULE",
        help="such as syncopation, 'leaps(5)' or my.py:name; may be given more than once",
    )


def add_taste(parser: argparse.ArgumentParser) -> None:
    """Add a taste: melodies are to be such as the user likes."""
    parser.add_argument("--taste", metavar="FILE", help="of melodylc taste: melodies that you like")


def add_style(parser: argparse._ActionsContainer) -> None:
    """Add a style that melodies are to be in."""
    parser.add_argument("--style", metavar="FILE", help="of melodylc style: melodies in your own style")
    parser.add_argument(
        "--style-amount",
        type=number(float, 0, 2),
        metavar="X",
        help="0: none of it, 1: all, 2: beyond (1)",
    )


def to_taste(options: argparse.Namespace, model: MelodyModel, rules: list[Rule]) -> list[Rule]:
    """Return rules with the taste of the options, where there is one.

    Raises:
        UserError: for a taste that is none.
    """
    if options.taste is None:
        return rules
    from melodylc.constraints.preference import load_preference

    return [*rules, load_preference(options.taste, model)]


def style_amount(options: argparse.Namespace) -> float:
    """Return how much of the style is asked for.

    Raises:
        UserError: for an amount of no style.
    """
    if options.style is None and options.style_amount is not None:
        raise UserError("--style-amount: expected --style; say which")
    return 1.0 if options.style_amount is None else float(options.style_amount)


def playing(options: argparse.Namespace, *, drawn: bool = False) -> MelodyModel:
    """Return the model in the style of the options; see `melodylc.loading.load`.

    Args:
        drawn: whether melodies are only drawn.

    Raises:
        UserError: for a model, a style or a device that is none.
    """
    from melodylc.loading import load

    amount = style_amount(options)
    model = load(options.model, getattr(options, "device", None), drawn=drawn and options.style is None)
    if options.style is None:
        return model
    from melodylc.style import in_style, load_style

    return in_style(model, load_style(options.style, model), amount)


def add_chords(parser: argparse.ArgumentParser) -> None:
    """Add chords that melodies are to fit."""
    parser.add_argument(
        "--chords",
        metavar="CHORDS",
        help="such as 'Am F C G', 'C | Am F | G7', or of a file, from:song.mid",
    )
    parser.add_argument("--with-chords", action="store_true", help="write the chords too, as a second track")


def add_actors(parser: argparse.ArgumentParser, seconds: float | None = None) -> None:
    """Add actors for the rules, and the learning that rules without actors begin with."""
    parser.add_argument(
        "--actor", action="append", default=[], metavar="FILE", help="of learn, for --rule; several are composed"
    )
    learned = parser.add_argument_group("learning, which --rule without --actor begins with")
    add_budget(learned, seconds)
    learned.add_argument("--keep", metavar="FILE", help="save the actor (.safetensors) for --actor")


def add_budget(parser: argparse._ActionsContainer, seconds: float | None = None) -> None:
    """Add the bounds of learning.

    Args:
        seconds: that the command takes without the option, 600 at most with it; default: no limit.
    """
    parser.add_argument("--rounds", type=number(int, 1), help="of fresh melodies, at most (30)")
    parser.add_argument(
        "--seconds",
        type=number(float, 0, MOST if seconds is None else 600),
        help=f"begin no further round after so many ({'no limit' if seconds is None else seconds})",
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add which 16 bars of a MIDI file are taken."""
    parser.add_argument("--bar", type=number(int, 1), help="the bar to begin with (default: the first that can)")
    parser.add_argument("--track", type=number(int, 1), help="the track to take (default: the first that has a melody)")


def check_folder(folder: str, option: str = "--out") -> None:
    """Check the folder that melodies are to go to, before the work that goes into it.

    Raises:
        UserError: unless it can be written, or made.
    """
    path = Path(folder).absolute()
    there = next(each for each in (path, *path.parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise UserError(f"{option}: expected a folder that can be written, got {folder}")


def check_there(option: str, name: str | None) -> None:
    """Check that a file is there: what makes melodies, in a process of its own, would only say so later.

    Raises:
        UserError: unless it is, or none is named.
    """
    if name is not None and not Path(name).exists():
        raise UserError(f"{option}: there is no file {name}; check the path")


def rule_file(name: str) -> Path:
    """Return the absolute path of a file of rules.

    Raises:
        UserError: if it is none.
    """
    path = Path(name).absolute()
    if path.suffix != ".py" or not path.is_file():
        raise UserError(f"--rules: expected a Python file, got {name}")
    return path


def add_output(parser: argparse.ArgumentParser, temperature: float | None = None) -> None:
    """Add how melodies are decoded and where they go."""
    default = "the model's" if temperature is None else f"{temperature:g}"
    parser.add_argument("--tempo", type=number(float, 4, 1000), default=120.0, metavar="BPM")
    parser.add_argument(
        "--temperature", type=number(float, 0, 10), default=temperature, help=f"0 takes the likeliest ({default})"
    )
    add_seed(parser, None, "the same seed gives the same files")
    parser.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    add_model(parser)
    parser.add_argument("--out", default="melodies", metavar="DIR", help="where the files go (melodies)")


def attributes(options: argparse.Namespace) -> Attributes:
    """Return the attributes that melodies are asked for.

    Raises:
        UserError: for a key or range that is none.
    """
    from melodylc.attributes import Attributes
    from melodylc.rules.notes import parse_range

    low, high = (None, None) if options.range is None else parse_range(options.range)
    return Attributes(options.key, options.notes, low, high, at_most=options.at_most)


def attributes_and_rules(options: argparse.Namespace, bar: int | None = None) -> tuple[Attributes, list[Rule]]:
    """Return what melodies are asked for.

    Args:
        bar: with which the melody of `options.file` begins, counted from 1; its chords begin there too.

    Raises:
        UserError: for a key, range, rule or chords that are none.
    """
    from melodylc.rules import find

    asked, rules = attributes(options), [find(text) for text in options.rule]
    progression = getattr(options, "chords", None)
    if progression is None:
        if getattr(options, "with_chords", False):
            raise UserError("--with-chords: expected --chords; say which")
        return asked, rules
    from melodylc import chords

    if progression.startswith(FROM):
        from melodylc.chord_files import progression_of

        file = progression.removeprefix(FROM)
        if not file.strip():
            raise UserError(f"--chords: expected the name of a MIDI file after {FROM}, such as {FROM}song.mid")
        same = bar is not None and Path(file).resolve() == Path(options.file).resolve()
        bars = getattr(options, "bars", None)  # of infill, a text that says which of the 16
        progression = progression_of(file, bar if same else None, bars if isinstance(bars, int) else BARS)
        options.chords = progression
        print(f"{file}: {progression}")
    return chords.fitting(progression, asked), [*rules, chords.rule(progression)]


def _has_rules(options: argparse.Namespace) -> bool:
    return bool(options.rule) or any(getattr(options, name, None) for name in ("form", "chords", "taste"))


def how(options: argparse.Namespace) -> str:
    """Return what finds melodies for rules: search, learn or auto. Who bounds or keeps what is learned wants learning.

    Raises:
        UserError: for a search where there is nothing to search for, or what only learning has.
    """
    given = [name for name in ("rounds", "seconds", "keep") if getattr(options, name) is not None]
    searched = "--form" if options.form else "--bars" if options.bars < BARS else None
    if searched and (options.actor or options.how == "learn" or {*given} - {"seconds"}):
        what = "in a form" if options.form else f"of fewer than {BARS} bars"
        raise UserError(
            f"{searched}: melodies {what} are searched for; leave --actor, --how learn, --rounds and --keep out"
        )
    if searched:
        return "search"
    if options.how is None:
        if given == ["seconds"] and not installed("torch") and _has_rules(options) and not options.actor:
            return "search"  # which they bound too
        return "learn" if given else "auto"
    if options.actor or not _has_rules(options):
        why = "an --actor is learned already" if options.actor else "nothing is searched for without --rule"
        raise UserError(f"--how: {why}; leave it out")
    if options.how == "search" and (only := [name for name in given if name != "seconds"]):
        raise UserError(f"--{only[0]}: a search learns nothing; leave it out, or --how search")
    return str(options.how)


def actors(options: argparse.Namespace, model: MelodyModel, learning: bool = True) -> list[AnyActor]:
    """Load the actors; without any, rules are about to be learned, which is said where it is so."""
    loaded = []
    if options.actor:
        from melodylc.constraints.playing_actor import load_actor

        loaded = [load_actor(path, model) for path in options.actor]
    if _has_rules(options) and not loaded and learning:
        need("learning an actor", "torch")
        kept = f"kept in {options.keep}" if options.keep else "--keep FILE.safetensors keeps it for --actor"
        print(f"learning an actor first; --rounds and --seconds bound it, {kept}", file=sys.stderr)
    return loaded


def decoding(options: argparse.Namespace) -> dict[str, Any]:
    """Return how melodies are decoded, and learned first, as keyword arguments of the functions in Python.

    Raises:
        UserError: if bounds of learning are given where nothing is learned.
    """
    from melodylc.latent.budget import Budget

    given = [name for name in ("rounds", "seconds", "keep") if getattr(options, name) is not None]
    if given and (options.actor or not (_has_rules(options) or getattr(options, "bars", BARS) != BARS)):
        why = "an --actor is learned already" if options.actor else "nothing is learned without --rule"
        raise UserError(f"--{given[0]}: {why}; leave it out")
    return {
        "seed": options.seed,
        "temperature": options.temperature,
        "strict": options.strict,
        "budget": budget(options, Budget()),
        "keep": None if options.keep is None else actor_file(options.keep, "--keep"),
    }


def budget(options: argparse.Namespace, given: Budget) -> Budget:
    """Return a budget with the bounds of the command line, where they are given."""
    rounds = given.rounds if options.rounds is None else options.rounds
    return replace(given, rounds=rounds, seconds=options.seconds)


def actor_file(name: str, option: str) -> Path:
    """Return where an actor is to go, checked before the minutes it takes.

    Raises:
        UserError: unless it is a .safetensors file in a folder that exists.
    """
    path = Path(name)
    if path.suffix != ".safetensors" or not path.parent.is_dir():
        raise UserError(f"{option}: expected a .safetensors file in a folder that exists, got {path}")
    return path


def more_melodies(options: argparse.Namespace) -> np.ndarray | None:
    """Return more training melodies, (N, 256), where a corpus is named."""
    if options.corpus is None:
        return None
    import numpy as np

    from melodylc.extraction import Corpus
    from melodylc.vae.data import TrainingWindows

    windows = TrainingWindows(Corpus(options.corpus), "train")
    return windows.draw(MORE_MELODIES, TRANSPOSED_BY, np.random.default_rng([options.seed, 1]))

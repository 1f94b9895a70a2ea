"""The `melodylc` command: one thin command per job. What a user got wrong is one line and exit code 2."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc import __version__
from melodylc.errors import UserError

if TYPE_CHECKING:  # heavy modules load in the command that needs them
    import numpy as np

    from melodylc.extraction.pick import Picked
    from melodylc.gauges import Wish
    from melodylc.model import Model


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (UserError, ImportError) as error:
        print(f"melodylc: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(
            f"melodylc: {error.strerror or error}{where}; check the path, the permissions and the space left",
            file=sys.stderr,
        )
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="melodylc", description="16-bar melodies that keep the rules you state.")
    parser.add_argument("--version", action="version", version=f"melodylc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    extract = commands.add_parser("extract", help="MIDI files to a corpus of 16-bar windows")
    extract.add_argument("paths", nargs="+", metavar="PATH", help="MIDI files, or folders to search")
    extract.add_argument("--out", required=True, metavar="CORPUS", help="the folder to make")
    extract.add_argument("--workers", type=_number(int, 1), help="processes (default: one a core)")
    extract.add_argument("--min-notes", type=_number(int, 1), default=16, help="a window has (16)")
    extract.add_argument("--min-unique-pitches", type=_number(int, 1), default=3, help="a window has (3)")
    extract.add_argument("--max-rest-bars", type=_number(int, 0), default=1, help="in a row, a window may have (1)")
    extract.set_defaults(run=_extract)

    train = commands.add_parser("train", help="train a model on a corpus")
    train.add_argument("corpus", metavar="CORPUS", help="a folder made by extract")
    train.add_argument("--preset", choices=("small", "paper"), default="small")
    train.add_argument("--out", required=True, metavar="DIR", help="where model, bank, logs and checkpoint go")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument("--seed", type=_number(int, 0), default=0)
    train.add_argument("--steps", action="append", default=[], metavar="STAGE=N", help="another length for a stage")
    train.add_argument("--about", metavar="FILE", help="JSON fields for the card: licence, sources, temperature")
    train.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    train.set_defaults(run=_train)

    gauges = commands.add_parser("gauges", help="teach a trained model the knobs of generate (key, notes, range)")
    gauges.add_argument("--model", required=True, metavar="FILE", help="a model of train; gauges go beside it")
    gauges.add_argument("--corpus", help="more examples than the model's bank has")
    gauges.add_argument("--seed", type=_number(int, 0), default=0)
    gauges.set_defaults(run=_gauges)

    learn = commands.add_parser("learn", help="learn an actor for a rule")
    _wish(learn)
    learn.add_argument("--out", required=True, metavar="ACTOR", help="the .safetensors file to write")
    learn.add_argument("--rounds", type=_number(int, 1), default=60, help="of fresh melodies, at most (60)")
    learn.add_argument("--corpus", help="more examples than the model's bank has")
    learn.add_argument("--seed", type=_number(int, 0), default=0)
    learn.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    learn.set_defaults(run=_learn)

    generate = commands.add_parser("generate", help="new melodies, as MIDI files and piano rolls")
    _wish(generate)
    generate.add_argument("--count", type=_number(int, 1), default=4, help="how many (4)")
    generate.add_argument("--tries", type=_number(int, 1), default=8, help="draws a melody has to keep its rules (8)")
    _output(generate)
    generate.set_defaults(run=_generate)

    transform = commands.add_parser("transform", help="change your own melody just enough")
    transform.add_argument("file", metavar="IN.mid")
    _wish(transform)
    _picking(transform)
    _output(transform, temperature=0.0)
    transform.set_defaults(run=_transform)

    interpolate = commands.add_parser("interpolate", help="melodies on the way from one of yours to another")
    interpolate.add_argument("first", metavar="A.mid")
    interpolate.add_argument("last", metavar="B.mid")
    interpolate.add_argument("--count", type=_number(int, 2), default=5, help="both ends among them (5)")
    _wish(interpolate)
    _picking(interpolate)
    _output(interpolate, temperature=0.0)
    interpolate.set_defaults(run=_interpolate)

    evaluate = commands.add_parser("evaluate", help="the paper's tables beside ours")
    what = evaluate.add_mutually_exclusive_group(required=True)
    what.add_argument("--table2", action="store_true", help="rules, shift and diversity, as in the paper's table 2")
    what.add_argument("--reconstruction", metavar="CORPUS", help="reconstruction and KL on the corpus's held-out files")
    evaluate.add_argument("--draws", type=_number(int, 2), default=2048)
    evaluate.add_argument("--seed", type=_number(int, 0), default=0)
    evaluate.add_argument("--json", metavar="FILE", help="write the rows there too")
    evaluate.add_argument("--model", metavar="FILE", help="a model of train, its actors beside it")
    evaluate.set_defaults(run=_evaluate)
    return parser


def _number(kind: type, low: float, high: float = float("inf")) -> Callable[[str], float]:
    """An argparse type: a number within bounds, or a line that says which."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
            if low <= value <= high:
                return value
        except ValueError:
            pass
        bounds = f"of at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
        raise argparse.ArgumentTypeError(f"expected a number {bounds}, got {text!r}")

    return parse


def _wish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="KEY", help="such as 'C major', 'F# dorian', or pitch classes '0,2,4,7,9'")
    parser.add_argument("--notes", type=_number(int, 1, 256), metavar="N", help="at least so many")
    parser.add_argument("--range", metavar="LOW-HIGH", help="such as 'C4-G5' or '60-79'")


def _picking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bar", type=_number(int, 1), help="the bar to begin with (default: the first that can)")
    parser.add_argument(
        "--track", type=_number(int, 1), help="the track to take (default: the first that has a melody)"
    )


def _output(parser: argparse.ArgumentParser, temperature: float | None = None) -> None:
    said = "the model's" if temperature is None else f"{temperature:g}"
    parser.add_argument("--tempo", type=_number(float, 4, 1000), default=120.0, metavar="BPM")
    parser.add_argument(
        "--temperature", type=_number(float, 0, 10), default=temperature, help=f"0 takes the likeliest ({said})"
    )
    parser.add_argument("--seed", type=_number(int, 0), help="the same seed gives the same files")
    parser.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    parser.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    parser.add_argument("--out", default="melodies", metavar="DIR", help="where the files go (melodies)")


def _extract(options: argparse.Namespace) -> None:
    from melodylc.extraction import Filters, extract

    filters = Filters(options.min_notes, options.min_unique_pitches, options.max_rest_bars)
    try:
        card = extract(options.paths, options.out, filters=filters, workers=options.workers)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise
    print(f"{card['windows']:,} windows from {card['files']:,} files in {options.out}")
    for name, count in card["splits"].items():
        print(f"  {name:<28}{count:>12,}")
    for kind, reasons in card["rejected"].items():
        for reason, count in reasons.items():
            print(f"  {kind} rejected, {reason}: {count:,}")


def _train(options: argparse.Namespace) -> None:
    from melodylc.vae.presets import PRESETS
    from melodylc.vae.training import train

    steps = {}
    for text in options.steps:
        stage, _, number = text.partition("=")
        if not number.isdigit():
            raise UserError(f"train: --steps expected STAGE=N, such as whole=20000, got {text!r}")
        steps[stage] = int(number)
    try:
        card = train(
            options.corpus,
            PRESETS[options.preset],
            options.out,
            resume=options.resume,
            seed=options.seed,
            steps=steps,
            device=options.device,
            about=_about(options.about),
        )
    except KeyboardInterrupt:
        print("\nstopped; go on with --resume", file=sys.stderr)
        raise
    print(json.dumps(card["held_out"], indent=2))


def _about(path: str | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        fields = json.loads(Path(path).read_text())
        if not isinstance(fields, dict):
            raise ValueError(f"its top level is a {type(fields).__name__}")
    except ValueError as error:
        raise UserError(f"train: --about expected a file with one JSON object, {path} is none ({error})") from error
    return fields


def _gauges(options: argparse.Namespace) -> None:
    from melodylc import gauges
    from melodylc.model import load

    model = load(options.model)
    gauges.train(model, melodies=_more(options), seed=options.seed).save(model.path.with_name("gauges.safetensors"))


def _learn(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from functools import reduce
    from operator import and_

    from melodylc import control
    from melodylc.latent.loops import Budget
    from melodylc.model import load

    rules = _wished(options).rules()
    if not rules:
        raise UserError("learn: expected a rule; give --key, --notes or --range")
    out = Path(options.out)
    if out.suffix != ".safetensors" or not out.parent.is_dir():
        raise UserError(f"learn: --out expected a .safetensors file in a folder that exists, got {out}")
    learned = control.learn(
        load(options.model),
        reduce(and_, rules),
        budget=replace(Budget(), rounds=options.rounds),
        seed=options.seed,
        bank=_more(options),
    )
    learned.save(out)
    best = learned.card["best"]
    print(f"{learned.card['rule']}: {best['satisfied']:.0%} satisfied, mean squared shift {best['shift']:.2f}; {out}")


def _more(options: argparse.Namespace) -> np.ndarray | None:
    """Twelve thousand more training melodies of a corpus, where one is named."""
    if options.corpus is None:
        return None
    import numpy as np

    from melodylc.extraction import Corpus
    from melodylc.vae.data import Windows

    return Windows(Corpus(options.corpus), "train").draw(12_000, 6, np.random.default_rng([options.seed, 1]))


def _wished(options: argparse.Namespace) -> Wish:
    from melodylc.gauges import Wish
    from melodylc.rules import Key
    from melodylc.rules.notes import parse_range

    low, high = parse_range(options.range) if options.range else (None, None)
    wish = Wish(Key.parse(options.key) if options.key else None, options.notes, low, high)
    if not wish.pitches().any():
        raise UserError(
            f"no pitch of {wish.key.name if wish.key else 'the key'} lies in {options.range}; widen the range"
        )
    return wish


def _generate(options: argparse.Namespace) -> None:
    from melodylc.generation import generate
    from melodylc.model import load

    wish = _wished(options)
    model = load(options.model)
    made = generate(
        model,
        wish,
        options.count,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        tries=options.tries,
    )
    print(made.how)
    _write(options, made.melodies, wish, {"draw": made.draws})


def _transform(options: argparse.Namespace) -> None:
    from melodylc.generation import kept, transform
    from melodylc.model import load

    wish = _wished(options)
    if not wish.rules():
        raise UserError("transform: expected what to change; give --key, --notes or --range")
    picked = _picked(options, options.file)
    changed = transform(
        load(options.model),
        picked.states,
        wish,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
    )
    import numpy as np

    both = np.stack([picked.states, changed])
    _write(options, both, wish, {"notes kept": [f"{kept(picked.states, melody):.0%}" for melody in both]})
    print(
        "1 is your melody as it was read, 2 the changed one" + (" (strict: masked decoder)" if options.strict else "")
    )


def _interpolate(options: argparse.Namespace) -> None:
    from melodylc.generation import interpolate
    from melodylc.model import load

    wish = _wished(options)
    first, last = (_picked(options, file).states for file in (options.first, options.last))
    melodies = interpolate(
        load(options.model),
        first,
        last,
        options.count,
        wish,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
    )
    _write(options, melodies, wish, {})


def _picked(options: argparse.Namespace, file: str) -> Picked:
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # for one file, compiling takes longer than reading it slowly
    from melodylc.extraction.pick import pick

    picked = pick(
        file,
        track=None if options.track is None else options.track - 1,
        bar=None if options.bar is None else options.bar - 1,
    )
    print(f"{file}: took {picked}")
    return picked


def _write(options: argparse.Namespace, melodies: np.ndarray, wish: Wish, columns: dict[str, list[Any]]) -> None:
    """Numbered MIDI files and piano rolls, and a table of what each melody satisfies."""
    from melodylc import pianoroll
    from melodylc.melody import BEATS, HOLD, to_notes
    from midi_io import files

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    rules = wish.rules()
    rewards = [rule(melodies) for rule in rules]
    digits = max(2, len(str(len(melodies))))
    table = [["file", "notes", *columns, *(rule.name for rule in rules)]]
    for index, melody in enumerate(melodies):
        name = f"{index + 1:0{digits}d}"
        files.write(out / f"{name}.mid", to_notes(melody), beats=BEATS, tempo=options.tempo)
        said = [f"{rule.name} {reward[index]:.1%}" for rule, reward in zip(rules, rewards, strict=True)]
        title = "   ".join([name, *said, *(["strict"] if options.strict else [])])
        pianoroll.save(out / f"{name}.png", melody, wish.pitches() if rules else None, title)
        marks = ["yes" if reward[index] == 1 else f"no, {reward[index]:.1%}" for reward in rewards]
        extra = [str(values[index]) for values in columns.values()]
        table.append([f"{out / name}.mid", str(int((melody < HOLD).sum())), *extra, *marks])
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _evaluate(options: argparse.Namespace) -> None:
    from melodylc.control import load_control
    from melodylc.evaluation import table2
    from melodylc.model import load
    from midi_io.files import whole

    model = load(options.model)
    if options.reconstruction:
        _evaluate_reconstruction(options, model)
        return
    folder = model.path.parent / "actors"
    controls = {
        "C major": load_control(folder / "c-major.safetensors", model),
        "C major, 192 notes": load_control(folder / "c-major-192-notes.safetensors", model),
    }
    table = table2.rows(model, controls, draws=options.draws, seed=options.seed)
    print(table2.text(table))
    if options.json:
        with whole(options.json) as beside:
            beside.write_text(json.dumps({"rows": [row.as_json() for row in table]}, indent=2) + "\n")


def _evaluate_reconstruction(options: argparse.Namespace, model: Model) -> None:
    from dataclasses import asdict

    from melodylc.extraction import Corpus
    from melodylc.vae.data import Windows
    from melodylc.vae.metrics import held_out, measure
    from midi_io.files import whole

    corpus = Corpus(options.reconstruction)
    table = {}
    for split in ("valid", "test"):
        try:
            windows = Windows(corpus, split)
        except ValueError as error:
            raise UserError(f"evaluate: {error}") from error
        # files alike, and windows alike: a long file has many windows
        table[f"{split}, by file"] = asdict(measure(model.vae, held_out(windows, options.draws), options.seed))
        drawn = held_out(windows, options.draws, by_file=False, seed=options.seed)
        table[f"{split}, by window"] = asdict(measure(model.vae, drawn, options.seed))
    print(f"{'':<20}" + "".join(f"{name:>20}" for name in table))
    for name in next(iter(table.values())):
        print(f"{name:<20}" + "".join(f"{metrics[name]:>20.4g}" for metrics in table.values()))
    if options.json:
        with whole(options.json) as beside:
            beside.write_text(json.dumps(table, indent=2) + "\n")


def entry() -> None:
    """The console command."""
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())

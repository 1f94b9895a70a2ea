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

    from melodylc.control import Control
    from melodylc.extraction.pick import Picked
    from melodylc.model import Model
    from melodylc.rules import Rule
    from melodylc.wish import Wish


REFERENCE_MELODIES = 2048  # whose histograms are stored beside a model


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

    knobs = commands.add_parser("knobs", help="teach a trained model the knobs of generate (key, notes, range)")
    knobs.add_argument("--model", required=True, metavar="FILE", help="a model of train; the knobs go beside it")
    knobs.add_argument("--corpus", help="more examples than the model's bank has")
    knobs.add_argument("--rounds", type=_number(int, 1), default=500, help="of fresh melodies (500)")
    knobs.add_argument("--seed", type=_number(int, 0), default=0)
    knobs.set_defaults(run=_knobs)

    learn = commands.add_parser("learn", help="learn an actor for a rule")
    _asked(learn)
    learn.add_argument("--out", required=True, metavar="ACTOR", help="the .safetensors file to write")
    learn.add_argument("--rounds", type=_number(int, 1), default=30, help="of fresh melodies, at most (30)")
    learn.add_argument("--seconds", type=_number(float, 0), help="begin no further round after so many (no limit)")
    learn.add_argument(
        "--paper", action="store_true", help="the paper's loop: rewards of decodes only, one critic of z"
    )
    learn.add_argument("--corpus", help="more examples than the model's bank has")
    learn.add_argument("--seed", type=_number(int, 0), default=0)
    learn.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    learn.set_defaults(run=_learn)

    generate = commands.add_parser("generate", help="new melodies, as MIDI files and piano rolls")
    _asked(generate)
    _actors(generate)
    generate.add_argument("--count", type=_number(int, 1), default=4, help="how many (4)")
    generate.add_argument("--tries", type=_number(int, 1), default=8, help="draws a melody has to keep its rules (8)")
    _output(generate)
    generate.set_defaults(run=_generate)

    transform = commands.add_parser("transform", help="change your own melody just enough")
    transform.add_argument("file", metavar="IN.mid")
    _asked(transform)
    _actors(transform)
    transform.add_argument("--how", choices=("actor", "gradient"), default="actor", help="what leads the way (actor)")
    transform.add_argument("--amount", type=_number(float, 0, 1), default=1.0, help="0 your melody, 1 the change (1)")
    _picking(transform)
    _output(transform, temperature=0.0)
    transform.set_defaults(run=_transform)

    interpolate = commands.add_parser("interpolate", help="melodies on the way from one of yours to another")
    interpolate.add_argument("first", metavar="A.mid")
    interpolate.add_argument("last", metavar="B.mid")
    interpolate.add_argument("--count", type=_number(int, 2), default=5, help="both ends among them (5)")
    _asked(interpolate)
    _actors(interpolate)
    _picking(interpolate)
    _output(interpolate, temperature=0.0)
    interpolate.set_defaults(run=_interpolate)

    live = commands.add_parser("live", help="play melodies into a DAW, without end, over virtual MIDI ports")
    _asked(live)
    _actors(live)
    _live(live)
    live.set_defaults(run=_play)

    ports = commands.add_parser("ports", help="list the MIDI ports of this machine")
    ports.set_defaults(run=_ports)

    doctor = commands.add_parser("doctor", help="what this machine can do live, what is missing, and what mends it")
    doctor.set_defaults(run=_doctor)

    plugin = commands.add_parser("plugin", help="put what a DAW loads where it looks for it")
    plugin.add_argument("action", choices=("install", "list"))
    plugin.add_argument("daw", nargs="?", help="such as ardour")
    plugin.add_argument("--into", metavar="DIR", help="another folder than the DAW's own")
    plugin.set_defaults(run=_plugin)

    evaluate = commands.add_parser("evaluate", help="every figure that is claimed, measured: tables, PNG, JSON")
    what = evaluate.add_mutually_exclusive_group()
    what.add_argument("--table2", action="store_true", help="the paper's table 2 only, no figures")
    what.add_argument("--reconstruction", metavar="CORPUS", help="reconstruction and KL on the corpus's held-out files")
    evaluate.add_argument("--draws", type=_number(int, 2), default=2048)
    evaluate.add_argument("--rounds", type=_number(int, 1), default=20, help="of each actor that is learned (20)")
    evaluate.add_argument("--seed", type=_number(int, 0), default=0)
    evaluate.add_argument("--corpus", help="transform its held-out melodies (default: melodies of the model's bank)")
    evaluate.add_argument("--out", default="evaluation", metavar="DIR", help="where tables and figures go (evaluation)")
    evaluate.add_argument("--json", metavar="FILE", help="where the rows of --table2 or --reconstruction go")
    evaluate.add_argument("--model", metavar="FILE", help="a model of train, its knobs beside it")
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


def _asked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="KEY", help="such as 'C major', 'F# dorian', or pitch classes '0,2,4,7,9'")
    parser.add_argument("--notes", type=_number(int, 1, 256), metavar="N", help="at least so many")
    parser.add_argument("--range", metavar="LOW-HIGH", help="such as 'C4-G5' or '60-79'")
    parser.add_argument(
        "--rule",
        action="append",
        default=[],
        metavar="RULE",
        help="such as syncopation, 'leaps(5)' or my.py:name; may be given more than once",
    )


def _actors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--actor", action="append", default=[], metavar="FILE", help="of learn, for --rule; several are composed"
    )


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


def _live(parser: argparse.ArgumentParser) -> None:
    """What `live` has beside the rules."""
    play = parser.add_argument_group("what is played")
    play.add_argument("--mode", choices=("generate", "answer", "vary"), default="generate", help="(generate)")
    play.add_argument("--every", type=_number(int, 1, 256), metavar="BARS", help="a new melody each (16; vary: 4)")
    play.add_argument("--loop", action="store_true", help="the first melody stays; answers repeat")
    play.add_argument("--amount", type=_number(float, 0, 1), help="how far each melody goes from the last, 0 to 1")
    play.add_argument("--temperature", type=_number(float, 0, 10), help="0 takes the likeliest (the model's)")
    play.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    play.add_argument("--tries", type=_number(int, 1, 1000), default=8, help="decodes to keep the rules (8)")
    play.add_argument("--seed", type=_number(int, 0))
    play.add_argument("--model", metavar="FILE", help="a model of train (default: the embedded one)")
    play.add_argument("--device", help="cpu or cuda (cpu)")
    how = parser.add_argument_group("how it is played")
    how.add_argument("--channel", type=_number(int, 1, 16), default=1, help="(1)")
    how.add_argument("--velocity", type=_number(int, 1, 127))
    how.add_argument("--swing", type=_number(float, 50, 75), default=50.0, help="50 is straight, 67 a triplet (50)")
    how.add_argument("--transpose", type=_number(int, -48, 48), default=0, metavar="SEMITONES")
    how.add_argument(
        "--ahead", type=_number(float, -1000, 1000), default=0.0, metavar="MS", help="send early, against latency (0)"
    )
    how.add_argument("--thru", action="store_true", help="what comes in goes out as well")
    how.add_argument("--record", metavar="FILE.mid", help="keep everything that is played")
    time = parser.add_argument_group("time")
    time.add_argument("--sync", choices=("internal", "midi-clock", "jack"), default="internal", help="(internal)")
    time.add_argument("--tempo", type=_number(float, 20, 999), default=120.0, metavar="BPM", help="(120)")
    time.add_argument("--lead", action="store_true", help="send MIDI clock, start and stop")
    time.add_argument(
        "--song-position", choices=("auto", "sixteenths", "clocks"), default="auto", help="what a DAW sends"
    )
    where = parser.add_argument_group("ports and controls")
    where.add_argument("--name", default="melodylc", help="of the virtual ports (melodylc)")
    where.add_argument("--port", metavar="NAME", help="existing ports to use instead, by a part of their name")
    where.add_argument("--backend", default="auto", help="jack, alsa, coremidi, windows or rtmidi-jack (what answers)")
    where.add_argument(
        "--osc", metavar="[HOST:]PORT", help="listen to OSC as well, on the loopback unless HOST is given"
    )
    where.add_argument("--controls", metavar="FILE", help="TOML: which control changes turn what")
    where.add_argument("--learn", nargs="+", metavar="CONTROL", help="bind controls by moving them, and end")


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
    _write_reference(Path(options.out), options.corpus)
    print(json.dumps(card["held_out"], indent=2))


def _write_reference(out: Path, corpus: str) -> None:
    """Histograms of held-out melodies beside the model: what the realism of its melodies is measured against."""
    from melodylc.evaluation.histograms import write_reference
    from melodylc.extraction import Corpus
    from melodylc.vae.data import Windows
    from melodylc.vae.metrics import held_out

    melodies = held_out(Windows(Corpus(corpus), "valid"), REFERENCE_MELODIES)
    write_reference(out / "model.safetensors", melodies, f"{len(melodies)} melodies of held-out files (split valid)")


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


def _knobs(options: argparse.Namespace) -> None:
    from dataclasses import replace

    from melodylc import knobs
    from melodylc.model import load

    model = load(options.model)
    settings = replace(knobs.Settings(), rounds=options.rounds)
    learned = knobs.learn(model, settings=settings, melodies=_more(options), seed=options.seed)
    learned.save(model.path.with_name("knobs.safetensors"))


def _learn(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from functools import reduce
    from operator import and_

    from melodylc import control
    from melodylc.latent.rewards import PAPER, Budget
    from melodylc.model import load

    wish, rules = _wished(options)
    asked = [*wish.rules(), *rules]
    if not asked:
        raise UserError("learn: expected a rule; give --rule, --key, --notes or --range")
    out = Path(options.out)
    if out.suffix != ".safetensors" or not out.parent.is_dir():
        raise UserError(f"learn: --out expected a .safetensors file in a folder that exists, got {out}")
    budget = replace(PAPER if options.paper else Budget(), rounds=options.rounds)
    if options.seconds is not None:
        budget = replace(budget, seconds=options.seconds)
    learned = control.learn(
        load(options.model),
        reduce(and_, asked),
        budget=budget,
        seed=options.seed,
        bank=_more(options),
    )
    learned.save(out)
    best = learned.card["best"]
    print(
        f"{learned.card['rule']}: {learned.outcome}, {best['satisfied']:.0%} satisfied (prior "
        f"{learned.card['prior_satisfied']:.1%}), mean squared shift {best['shift']:.2f}, "
        f"{learned.card['curve'][-1]['seconds']:.0f} s; {out}"
    )
    if learned.outcome != "reached":
        _write_examples(out, learned, asked)


def _write_examples(out: Path, learned: Control, asked: list[Rule]) -> None:
    """The melodies nearest to a rule that was not reached, beside its actor."""
    from melodylc.melody import BEATS, to_notes
    from midi_io import files

    print("the nearest melodies met:")
    for index, melody in enumerate(learned.examples):
        path = out.with_name(f"{out.stem}-nearest-{index + 1}.mid")
        files.write(path, to_notes(melody), beats=BEATS)
        print(f"  {path}  " + ", ".join(f"{rule.name} {rule(melody):.1%}" for rule in asked))


def _more(options: argparse.Namespace) -> np.ndarray | None:
    """Twelve thousand more training melodies of a corpus, where one is named."""
    if options.corpus is None:
        return None
    import numpy as np

    from melodylc.extraction import Corpus
    from melodylc.vae.data import Windows

    return Windows(Corpus(options.corpus), "train").draw(12_000, 6, np.random.default_rng([options.seed, 1]))


def _wished(options: argparse.Namespace) -> tuple[Wish, list[Rule]]:
    from melodylc.rules import Key, find
    from melodylc.rules.notes import parse_range
    from melodylc.wish import Wish

    low, high = parse_range(options.range) if options.range else (None, None)
    wish = Wish(Key.parse(options.key) if options.key else None, options.notes, low, high)
    if not wish.pitches().any():
        raise UserError(
            f"no pitch of {wish.key.name if wish.key else 'the key'} lies in {options.range}; widen the range"
        )
    return wish, [find(text) for text in options.rule]


def _controls(options: argparse.Namespace, model: Model, rules: list[Rule]) -> list[Control]:
    from melodylc.control import load_control

    controls = [load_control(path, model) for path in options.actor]
    if rules and not controls:
        print("learning first; keep the actor with: melodylc learn --out FILE, then --actor FILE", file=sys.stderr)
    return controls


def _generate(options: argparse.Namespace) -> None:
    from melodylc.generation import generate
    from melodylc.model import load

    wish, rules = _wished(options)
    model = load(options.model)
    made = generate(
        model,
        wish,
        options.count,
        rules=rules,
        controls=_controls(options, model, rules),
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        tries=options.tries,
    )
    print(made.how)
    _write(options, made.melodies, [*wish.rules(), *rules], {"draw": made.draws})


def _transform(options: argparse.Namespace) -> None:
    import numpy as np

    from melodylc.generation import transform
    from melodylc.model import load
    from melodylc.transformation import onsets_kept, pitches_kept

    wish, rules = _wished(options)
    if not [*wish.rules(), *rules]:
        raise UserError("transform: expected what to change; give --key, --notes, --range or --rule")
    picked = _picked(options, options.file)
    model = load(options.model)
    changed = transform(
        model,
        picked.states,
        wish,
        rules=rules,
        controls=_controls(options, model, rules),
        how=options.how,
        amount=options.amount,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
    )
    both = np.stack([picked.states, changed])
    kept = {"onsets kept": onsets_kept(picked.states, both), "notes kept": pitches_kept(picked.states, both)}
    _write(options, both, [*wish.rules(), *rules], {name: [f"{x:.0%}" for x in share] for name, share in kept.items()})
    print(
        "1 is your melody as it was read, 2 the changed one" + (" (strict: masked decoder)" if options.strict else "")
    )


def _interpolate(options: argparse.Namespace) -> None:
    from melodylc.generation import interpolate
    from melodylc.model import load

    wish, rules = _wished(options)
    first, last = (_picked(options, file).states for file in (options.first, options.last))
    model = load(options.model)
    melodies = interpolate(
        model,
        first,
        last,
        options.count,
        wish,
        rules=rules,
        controls=_controls(options, model, rules),
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
    )
    _write(options, melodies, [*wish.rules(), *rules], {})


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


def _write(options: argparse.Namespace, melodies: np.ndarray, rules: list[Rule], columns: dict[str, list[Any]]) -> None:
    """Numbered MIDI files and piano rolls, and a table of what each melody satisfies."""
    from functools import reduce
    from operator import and_

    from melodylc import pianoroll
    from melodylc.melody import BEATS, HOLD, to_notes
    from midi_io import files

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    whole = reduce(and_, rules) if rules else None
    rewards = [rule(melodies) for rule in rules]
    digits = max(2, len(str(len(melodies))))
    table = [["file", "notes", *columns, *(rule.name for rule in rules)]]
    for index, melody in enumerate(melodies):
        name = f"{index + 1:0{digits}d}"
        files.write(out / f"{name}.mid", to_notes(melody), beats=BEATS, tempo=options.tempo)
        said = [f"{rule.name} {reward[index]:.1%}" for rule, reward in zip(rules, rewards, strict=True)]
        title = "   ".join([name, *said, *(["strict"] if options.strict else [])])
        pianoroll.save(out / f"{name}.png", melody, whole.allowed if whole else None, title)
        marks = ["yes" if reward[index] == 1 else f"no, {reward[index]:.1%}" for reward in rewards]
        extra = [str(values[index]) for values in columns.values()]
        table.append([f"{out / name}.mid", str(int((melody < HOLD).sum())), *extra, *marks])
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _play(options: argparse.Namespace) -> None:
    from melodylc.live import command

    command.live(options)


def _ports(options: argparse.Namespace) -> None:
    from melodylc.live import command

    command.ports(options)


def _doctor(options: argparse.Namespace) -> None:
    from melodylc.live import doctor

    if not doctor.report():
        raise UserError("doctor: a live session cannot be played yet; the lines above say what mends it")


def _plugin(options: argparse.Namespace) -> None:
    from melodylc.live import plugins

    if options.action == "list":
        print("\n".join(plugins.available()))
    else:
        for path in plugins.install(options.daw, options.into):
            print(path)


def _evaluate(options: argparse.Namespace) -> None:
    from melodylc.model import load
    from midi_io.files import whole

    model = load(options.model)
    if options.reconstruction:
        _evaluate_reconstruction(options, model)
    elif options.table2:
        from melodylc.evaluation import methods, table2

        rows = methods.table2(model, draws=options.draws, rounds=options.rounds, seed=options.seed)
        print(table2.text(rows))
        if options.json:
            with whole(options.json) as beside:
                beside.write_text(json.dumps({"rows": [row.as_json() for row in rows]}, indent=2) + "\n")
    else:
        from melodylc.evaluation.report import evaluate

        out = Path(options.out)
        melodies = None if options.corpus is None else _held_out(options.corpus, options.seed)
        evaluate(
            model,
            out,
            draws=options.draws,
            rounds=options.rounds,
            seed=options.seed,
            melodies=melodies,
            say=lambda text: print(text, flush=True),
        )
        print(f"\nevaluation.json and figures in {out}")


def _held_out(corpus: str, seed: int) -> np.ndarray:
    from melodylc.extraction import Corpus
    from melodylc.vae.data import Windows
    from melodylc.vae.metrics import held_out

    try:
        return held_out(Windows(Corpus(corpus), "test"), 256, seed)
    except ValueError as error:
        raise UserError(f"evaluate: {error}") from error


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

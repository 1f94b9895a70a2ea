"""The `melodylc` command: one thin command per job. What a user got wrong is one line and exit code 2."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc.base.errors import UserError
from melodylc.base.signals import exit_code, on_signals
from melodylc.cli.options import parser

if TYPE_CHECKING:  # heavy modules load in the command that needs them
    import numpy as np

    from melodylc.attributes import Attributes
    from melodylc.constraints.rule_actor import RuleActor
    from melodylc.extraction.selection import SelectedMelody
    from melodylc.generation import Generated
    from melodylc.latent.rewards import Budget
    from melodylc.model import Model
    from melodylc.rules import Rule


REFERENCE_MELODIES = 2048  # whose histograms are stored beside a model
BOUNDED_MELODIES = 8192  # and whose bounds; of 2,048 the outermost 0.5 % are ten melodies, which is chance


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        _nothing_empty(options)
        with on_signals():
            COMMANDS[options.command](options)
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be what went away
            print("\n" + "; ".join(["stopped", *map(str, stop.args)]), file=sys.stderr)
        return exit_code(stop)
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


def _nothing_empty(options: argparse.Namespace) -> None:
    """Refuse an empty text (`--key ""`, as of a variable that is not set): it is no key, no name and no path."""
    for name, value in vars(options).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.strip():
                raise UserError(f"{name}: expected some text, got {text!r}; leave it out where nothing is meant")


def _extract(options: argparse.Namespace) -> None:
    from melodylc.extraction import Filters, extract

    filters = Filters(options.min_notes, options.min_unique_pitches, options.max_rest_bars, options.pair_2_4)
    try:
        card = extract(options.paths, options.out, filters=filters, workers=options.workers, rejected=options.rejected)
    except KeyboardInterrupt as stop:
        whole = Path(options.out).exists()
        stop.args = (f"{options.out} is whole" if whole else "the same command goes on from here",)
        raise
    print(f"{card['windows']:,} windows from {card['files']:,} files in {options.out}")
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
    if options.rejected:
        print(f"every rejected file and line is in {options.rejected}")


def _train(options: argparse.Namespace) -> None:
    from melodylc.vae.presets import PRESETS
    from melodylc.vae.training import train

    steps = {}
    for text in options.steps:
        stage, _, number = text.partition("=")
        if not (number.isascii() and number.isdigit()):
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
            kl_target=options.kl,
            start=options.start,
            device=options.device,
            about=_about(options.about),
        )
    except KeyboardInterrupt as stop:
        stop.args = ("go on with --resume",)
        raise
    write_reference(options.out, options.corpus)
    print(json.dumps(card["held_out"], indent=2))


def write_reference(out: str | Path, corpus: str) -> None:
    """Histograms and bounds of held-out melodies beside the model in `out`.

    The realism of its melodies is measured against the histograms; plausible is what lies within the bounds.
    """
    from melodylc.evaluation import histograms
    from melodylc.extraction import Corpus
    from melodylc.plausibility import Bounds
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out

    path = Path(out) / "model.safetensors"
    windows = TrainingWindows(Corpus(corpus), "valid")
    what = "melodies of held-out files (split valid)"
    melodies = held_out(windows, REFERENCE_MELODIES)
    histograms.write_reference(path, melodies, f"{len(melodies)} {what}")
    melodies = held_out(windows, BOUNDED_MELODIES)
    Bounds.of(melodies, f"{len(melodies)} {what}").save(path)


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

    from melodylc.constraints import conditional
    from melodylc.model import load

    model = load(options.model)
    settings = replace(conditional.ConditionalSettings(), rounds=options.rounds)
    learned = conditional.train_conditional_actor(model, settings=settings, melodies=_more(options), seed=options.seed)
    learned.save(model.path.with_name("knobs.safetensors"))


def _learn(options: argparse.Namespace) -> None:
    from functools import reduce
    from operator import and_

    from melodylc.constraints import rule_actor
    from melodylc.latent.rewards import PAPER_BUDGET, Budget
    from melodylc.model import load

    attributes, rules = _wished(options)
    asked = [*attributes.rules(), *rules]
    if not asked:
        raise UserError("learn: expected a rule; give --rule, --key, --notes or --range")
    out = _actor_file(options.out, "--out")
    budget = _budget(options, PAPER_BUDGET if options.paper else Budget())
    learned = rule_actor.learn(
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


def _actor_file(name: str, option: str) -> Path:
    """Where an actor is to go, checked before the minutes it takes."""
    path = Path(name)
    if path.suffix != ".safetensors" or not path.parent.is_dir():
        raise UserError(f"{option}: expected a .safetensors file in a folder that exists, got {path}")
    return path


def _budget(options: argparse.Namespace, budget: Budget) -> Budget:
    """A budget with the bounds of the command line, where they are given."""
    from dataclasses import replace

    rounds = budget.rounds if options.rounds is None else options.rounds
    return replace(budget, rounds=rounds, seconds=options.seconds)


def _write_examples(out: Path, learned: RuleActor, asked: list[Rule]) -> None:
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
    from melodylc.vae.data import TrainingWindows

    return TrainingWindows(Corpus(options.corpus), "train").draw(12_000, 6, np.random.default_rng([options.seed, 1]))


def _wished(options: argparse.Namespace) -> tuple[Attributes, list[Rule]]:
    from melodylc.attributes import Attributes
    from melodylc.rules import Key, find
    from melodylc.rules.notes import parse_range

    low, high = (None, None) if options.range is None else parse_range(options.range)
    attributes = Attributes(None if options.key is None else Key.parse(options.key), options.notes, low, high)
    if not attributes.pitches().any():
        key = attributes.key.name if attributes.key else "the key"
        raise UserError(f"no pitch of {key} lies in {options.range}; widen the range")
    return attributes, [find(text) for text in options.rule]


def _actors(options: argparse.Namespace, model: Model, rules: list[Rule]) -> list[RuleActor]:
    from melodylc.constraints.rule_actor import load_actor

    actors = [load_actor(path, model) for path in options.actor]
    if rules and not actors:
        kept = f"kept in {options.keep}" if options.keep else "--keep FILE.safetensors keeps it for --actor"
        print(f"learning an actor first; --rounds and --seconds bound it, {kept}", file=sys.stderr)
    return actors


def _learning(options: argparse.Namespace, rules: list[Rule]) -> dict[str, Any]:
    """Budget and file of what is to be learned first.

    Raises:
        UserError: if they are given where nothing is learned.
    """
    from melodylc.latent.rewards import Budget

    given = [name for name in ("rounds", "seconds", "keep") if getattr(options, name) is not None]
    if given and (options.actor or not rules):
        why = "an --actor is learned already" if options.actor else "nothing is learned without --rule"
        raise UserError(f"--{given[0]}: {why}; leave it out")
    keep = None if options.keep is None else _actor_file(options.keep, "--keep")
    return {"budget": _budget(options, Budget()), "keep": keep}


def _generate(options: argparse.Namespace) -> None:
    from melodylc.generation import generate
    from melodylc.model import load

    attributes, rules = _wished(options)
    learning = _learning(options, rules)
    model = load(options.model)
    made = generate(
        model,
        attributes,
        options.count,
        rules=rules,
        actors=_actors(options, model, rules),
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        tries=options.tries,
        **learning,
    )
    print(made.how)
    columns: dict[str, list[Any]] = {"draw": made.draws, "from": made.ways, "plausible": _plausible(made)}
    _write(options, made.melodies, [*attributes.rules(), *rules], columns)


def _plausible(made: Generated) -> list[str]:
    return [f"no: {', '.join(names)}" if names else "yes" for names in made.broken]


def _transform(options: argparse.Namespace) -> None:
    import numpy as np

    from melodylc.constraints.transformation import onsets_kept, pitches_kept
    from melodylc.generation import transform
    from melodylc.model import load

    attributes, rules = _wished(options)
    if not [*attributes.rules(), *rules]:
        raise UserError("transform: expected what to change; give --key, --notes, --range or --rule")
    learning = _learning(options, rules)
    picked = _picked(options, options.file)
    model = load(options.model)
    changed = transform(
        model,
        picked.states,
        attributes,
        rules=rules,
        actors=_actors(options, model, rules),
        how=options.how,
        amount=options.amount,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        **learning,
    )
    both = np.concatenate([picked.states[None], changed.melodies])
    kept = {"onsets kept": onsets_kept(picked.states, both), "notes kept": pitches_kept(picked.states, both)}
    columns: dict[str, list[Any]] = {name: [f"{x:.0%}" for x in share] for name, share in kept.items()}
    # what is odd about one's own melody is allowed in the changed one
    columns |= {"from": ["yours", *changed.ways], "plausible": ["yes", *_plausible(changed)]}
    print(changed.how)
    _write(options, both, [*attributes.rules(), *rules], columns)
    print(
        "1 is your melody as it was read, 2 the changed one" + (" (strict: masked decoder)" if options.strict else "")
    )


def _interpolate(options: argparse.Namespace) -> None:
    from melodylc.generation import interpolate
    from melodylc.model import load

    attributes, rules = _wished(options)
    learning = _learning(options, rules)
    first, last = (_picked(options, file).states for file in (options.first, options.last))
    model = load(options.model)
    made = interpolate(
        model,
        first,
        last,
        options.count,
        attributes,
        rules=rules,
        actors=_actors(options, model, rules),
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        **learning,
    )
    print(made.how)
    _write(options, made.melodies, [*attributes.rules(), *rules], {"from": made.ways, "plausible": _plausible(made)})


def _picked(options: argparse.Namespace, file: str) -> SelectedMelody:
    from melodylc.extraction.selection import select_melody

    picked = select_melody(
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
        pianoroll.save(out / f"{name}.png", melody, whole.allowed_pitches if whole else None, title)
        marks = ["yes" if reward[index] == 1 else f"no, {reward[index]:.1%}" for reward in rewards]
        extra = [str(values[index]) for values in columns.values()]
        table.append([f"{out / name}.mid", str(int((melody < HOLD).sum())), *extra, *marks])
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _play(options: argparse.Namespace) -> None:
    from melodylc.cli import live

    live.live(options)


def _ports(options: argparse.Namespace) -> None:
    from melodylc.cli import live

    live.ports(options)


def _doctor(options: argparse.Namespace) -> None:
    from melodylc.live import doctor

    if not doctor.report():
        raise UserError("doctor: a live session cannot be played yet; the lines above say what mends it")


def _plugin(options: argparse.Namespace) -> None:
    from melodylc.live import plugins

    if options.action == "list":
        print("\n".join(plugins.available()))
    else:
        for path, changed in plugins.install(options.daw, options.into).items():
            print(path if changed else f"{path} (installed already)")


def _evaluate(options: argparse.Namespace) -> None:
    from melodylc.model import load
    from midi_io.atomic import atomic_write

    model = load(options.model)
    if options.reconstruction:
        _evaluate_reconstruction(options, model)
    elif options.table2:
        from melodylc.evaluation.comparison import table2
        from melodylc.evaluation.table_text import table_text

        rows = table2(model, draws=options.draws, rounds=options.rounds, seed=options.seed)
        print(table_text(rows))
        if options.json:
            with atomic_write(options.json) as beside:
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
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out

    try:
        return held_out(TrainingWindows(Corpus(corpus), "test"), 256, seed)
    except ValueError as error:
        raise UserError(f"evaluate: {error}") from error


def _evaluate_reconstruction(options: argparse.Namespace, model: Model) -> None:
    from dataclasses import asdict

    from melodylc.extraction import Corpus
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out, measure
    from midi_io.atomic import atomic_write

    corpus = Corpus(options.reconstruction)
    table = {}
    for split in ("valid", "test"):
        try:
            windows = TrainingWindows(corpus, split)
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
        with atomic_write(options.json) as beside:
            beside.write_text(json.dumps(table, indent=2) + "\n")


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "extract": _extract,
    "train": _train,
    "knobs": _knobs,
    "learn": _learn,
    "generate": _generate,
    "transform": _transform,
    "interpolate": _interpolate,
    "live": _play,
    "ports": _ports,
    "doctor": _doctor,
    "plugin": _plugin,
    "evaluate": _evaluate,
}


def entry() -> None:
    """The console command."""
    sys.exit(main())


if __name__ == "__main__":
    sys.exit(main())

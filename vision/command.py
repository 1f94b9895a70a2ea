"""The command line that both data sets share: `python -m vision.mnist` and `python -m vision.celeba`."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from melodylc.base.errors import UserError, told
from melodylc.base.locks import held
from melodylc.base.progress import bar as progress_bar
from melodylc.base.signals import exit_code, on_signals
from melodylc.base.storage import write_json
from melodylc.base.torchrun import is_first, tells_error
from melodylc.base.version import __version__
from melodylc.latent.processes import Processes, joined
from vision import options, report
from vision.asking import AskedLabels
from vision.data.download import download
from vision.data.images import Dataset, LabelNames, Watch
from vision.data.pictures import prepared
from vision.experiments import generation, pictures
from vision.experiments.catalogue import EXPERIMENTS, Experiment
from vision.objectives import parse
from vision.presets import ExperimentPreset
from vision.workspace import Workspace

LOCK = ".lock"  # of the folder of results


def main(
    name: str,
    label_names: Callable[[str | None], LabelNames],
    load: Callable[..., Dataset],
    presets: Mapping[str, ExperimentPreset],
    arguments: list[str] | None = None,
) -> int:
    """Run experiments as the command line says; return 2 for an error that the user can correct."""
    chosen = options.parser(name, presets, {key: each.title for key, each in EXPERIMENTS.items()}).parse_args(arguments)
    chosen.out = Path(chosen.out or f"{name}-{chosen.preset}")
    try:
        for option, value in vars(chosen).items():
            if isinstance(value, str) and not value.strip():
                raise UserError(f"{option}: expected some text, got {value!r}; leave it out where nothing is meant")
        _check_packages()
        with on_signals(), joined(chosen.device) as processes:
            workspace = _workspace(name, label_names, load, presets, chosen, processes)
            workspace.out.mkdir(parents=True, exist_ok=True)
            with held(workspace.out / LOCK, name) if processes.first else nullcontext():
                _run(workspace, chosen)
    except BrokenPipeError:
        raise  # no fault of the command: see `until_closed`
    except (UserError, OSError) as error:
        if tells_error():
            print(f"vision.{name}: {told(error)}", file=sys.stderr)
        return 2
    except (MemoryError, torch.OutOfMemoryError):
        if tells_error():
            print(f"vision.{name}: {_no_memory(chosen)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be what went away
            if is_first():
                print(f"\nstopped; the same command continues from {chosen.out}", file=sys.stderr)
        return exit_code(stop)
    return 0


def _no_memory(chosen: argparse.Namespace) -> str:
    """Return what to do where the memory is not enough; what was trained until then is kept."""
    other = "--device cpu" if (chosen.device or "cuda").startswith("cuda") else "a machine with more"
    return f"the memory is not enough for --preset {chosen.preset}; take a smaller preset, or {other}"


def _workspace(
    name: str,
    label_names: Callable[[str | None], LabelNames],
    load: Callable[..., Dataset],
    presets: Mapping[str, ExperimentPreset],
    chosen: argparse.Namespace,
    processes: Processes,
) -> Workspace:
    """Check the options, load the data and return the workspace; nothing is written but decoded images."""
    objective = parse(chosen.objective)
    for option in ("out", "decoded"):
        if (folder := getattr(chosen, option, None)) and Path(folder).is_file():
            raise UserError(f"--{option}: expected a folder, {folder} is a file; name another")
    names = label_names(getattr(chosen, "attributes", None))
    for text in chosen.ask:
        AskedLabels.of(names, text)  # an error comes before the training
    if (chosen.ask or chosen.image) and "generate" not in chosen.experiments:
        raise UserError("--ask and --image are for generate; name it before them")
    chosen.pictures = {path: prepared(Path(path), name) for path in chosen.image}
    preset = presets[chosen.preset]
    if getattr(chosen, "encoder", "notebook") == "paper":
        preset = preset.as_listed()
    if chosen.sigma_x is not None:
        preset = replace(preset, sigma_x=chosen.sigma_x)
    for batch in preset.batches():
        processes.check(batch)
    with processes.first_alone():
        if chosen.download:
            download(name, Path(chosen.data))
        watch = _watch(chosen.quiet or not processes.first)
        keep = Path(getattr(chosen, "decoded", None) or chosen.out)
        data = load(chosen.data, names, seed=chosen.seed, watch=watch, keep=keep)
    if processes.first:
        print(f"{name}: {data.source}")
    return Workspace(
        data,
        preset,
        chosen.out,
        seed=chosen.seed,
        objective=objective,
        processes=processes,
        progress=not chosen.quiet,
    )


def _run(workspace: Workspace, chosen: argparse.Namespace) -> None:
    """Run the chosen experiments, in order and each once; print their results."""
    names = [key for name in chosen.experiments for key in (EXPERIMENTS if name == "all" else [name])]
    for key in dict.fromkeys(names):
        if key == "generate":
            _generate(workspace, chosen)
        else:
            _experiment(workspace, key, EXPERIMENTS[key], again=chosen.again)


def _settings(workspace: Workspace, fields: Iterable[str]) -> dict[str, Any]:
    """Return what a result depends on: the data, the seed, some fields of the preset, and this version."""
    preset = asdict(workspace.preset)
    settings = {
        "data": workspace.data_fingerprint,
        "seed": workspace.seed,
        "preset": {field: preset[field] for field in sorted(fields)},
        "objective": asdict(workspace.objective),
        "version": __version__,
    }
    return json.loads(json.dumps(settings))  # as it is read from disk


def _generate(workspace: Workspace, chosen: argparse.Namespace) -> None:
    if chosen.pictures:
        result = pictures.run(workspace, chosen.pictures, chosen.ask, chosen.actor)
    else:
        result = generation.run(workspace, chosen.ask, chosen.actor)
    settings = _settings(workspace, asdict(workspace.preset))
    if not workspace.processes.first:
        return
    write_json(workspace.out / "generate.json", {"of": settings, "actor": chosen.actor, "result": result})
    print(f"\nimages of the given labels: {workspace.out / 'generate.png'}, generate.json")
    print(report.table(result))


def _experiment(workspace: Workspace, key: str, experiment: Experiment, *, again: bool) -> None:
    """Show the result of an experiment; run it first if there is none, or if it is to be run again."""
    path, settings = workspace.out / f"{key}.json", _settings(workspace, experiment.fields)
    written = _stored(path, settings)
    if written is None or again:
        began = time.monotonic()
        result = experiment.run(workspace)
        seconds = round(time.monotonic() - began, 1)
        written = {"of": settings, "title": experiment.title, "seconds": seconds, "result": result}
        if workspace.processes.first:
            write_json(path, written)
    if not workspace.processes.first:
        return
    figure = path.with_suffix(".png")
    drawn = figure.name if figure.exists() else f"{figure.name} is gone (--again makes it)"
    print(f"\n{experiment.title}: {path}, {drawn}, {written['seconds']:.0f} s")
    print(report.table(written["result"]))


def _check_packages() -> None:
    """Check for the packages of the extra before the training, not after it.

    Raises:
        UserError: if one is missing.
    """
    for package in ("matplotlib", "torchmetrics"):
        if find_spec(package) is None:
            raise UserError(f"the experiments need {package}; install it with: pip install 'melodylc[vision]'")


def _stored(path: Path, settings: Mapping[str, Any]) -> Any:
    """Return what was written of an experiment; None where there is nothing.

    Raises:
        UserError: if it is damaged, or of other settings.
    """
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
        complete = 0 <= float(found["seconds"]) < math.inf and isinstance(found["result"], dict)
        of = dict(found["of"])
        report.table(found["result"])
        rows = found["result"].get("rows", {})
        complete &= all(value is not None for row in rows.values() for value in row.values())
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        complete = False
    if not complete:
        raise UserError(f"{path}: expected a result of an experiment, it is damaged; remove it")
    if other := [name for name in settings if of.get(name) != settings[name]]:
        words = [_in_words(name, of.get(name), settings[name]) for name in other]
        raise UserError(f"{path} was made with another {' and '.join(words)}; name another --out")
    return found


def _in_words(setting: str, found: Any, now: Any) -> str:
    """Return what a setting is called, with those of its fields that have changed."""
    if isinstance(found, dict) and isinstance(now, dict):
        return f"{setting} ({', '.join(field for field in {**now, **found} if now.get(field) != found.get(field))})"
    return "version of melodylc" if setting == "version" else setting


def _watch(quiet: bool) -> Watch:
    return lambda items, count: progress_bar(count, items, unit="image", desc="images", leave=False, show=not quiet)

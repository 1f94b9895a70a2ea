"""The command line that both data sets share: `python -m vision.mnist` and `python -m vision.celeba`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError
from melodylc.base.progress import bar
from vision import report, storage
from vision.data.download import download
from vision.data.images import Dataset, Watch
from vision.experiments import (
    autoencoder,
    comparison,
    conditional,
    contours,
    coverage,
    generation,
    likelihood,
    objectives,
    optimisation,
    sharpening,
    transformation,
)
from vision.objectives import parse
from vision.presets import CONDITIONAL, ExperimentPreset
from vision.workspace import LAST_SEED, Workspace

Experiment = Callable[[Workspace], dict[str, Any]]

EXPERIMENTS: dict[str, tuple[Experiment, str]] = {
    "sharpen": (sharpening.run, "realism sharpening (figure 2)"),
    "contours": (contours.run, "contours of the realism critic (figure 3)"),
    "conditional": (conditional.run, "conditional generation (table 1, figures 4, 7, 8, 14)"),
    "transform": (transformation.run, "identity-preserving transformation (figures 5, 10)"),
    "optimise": (optimisation.run, "optimisation from the prior (figure 9)"),
    "autoencoder": (autoencoder.run, "constraints on a plain autoencoder (figure 15)"),
    "likelihood": (likelihood.table, "sigma_x against the ELBO (table 4)"),
    "scales": (likelihood.scales, "posterior scales (figure 16)"),
    "compare": (comparison.run, "conditional VAE and GAN, AC-GAN, attribute vectors"),
    "objectives": (objectives.run, "beta-VAE, InfoVAE, adversarial autoencoder"),
    "coverage": (coverage.run, "coverage and quality: VAE, VAE-F, CQ, CQF"),
}


def main(
    name: str,
    load: Callable[..., Dataset],
    presets: Mapping[str, ExperimentPreset],
    arguments: list[str] | None = None,
) -> int:
    """Run experiments as the command line says; the exit code is 2 for what the user can mend."""
    options = _parser(name, presets).parse_args(arguments)
    options.out = Path(options.out or f"{name}-{options.preset}")
    try:
        for option, value in vars(options).items():
            if isinstance(value, str) and not value.strip():
                raise UserError(f"{option}: expected some text, got {value!r}; leave it out where nothing is meant")
        _run(name, load, presets, options)
    except (UserError, OSError) as error:
        print(f"vision.{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on from what {options.out} holds", file=sys.stderr)
        return 130
    return 0


def _parser(name: str, presets: Mapping[str, ExperimentPreset]) -> argparse.ArgumentParser:
    known = _known(presets)
    about = "\n".join(f"  {key:<12} {title}" for key, (_, title) in known.items())
    parser = argparse.ArgumentParser(
        prog=f"python -m vision.{name}",
        description=f"The experiments of Latent Constraints on {name}.",
        epilog=(
            f"experiments:\n{about}\n  {'all':<12} every one of them\n"
            f"  {'generate':<12} images of labels that --ask gives, by the actor of table 1"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "experiments",
        nargs="+",
        choices=[*known, "all", "generate"],
        metavar="EXPERIMENT",
        help="one or more of those below",
    )
    parser.add_argument("--data", default="data", metavar="PATH", help="where the data lies (./data)")
    parser.add_argument("--out", metavar="DIR", help=f"networks, JSON and figures ({name}-PRESET)")
    parser.add_argument(
        "--preset", choices=list(presets), default="quick", help="quick: two cores; paper: a GPU (quick)"
    )
    parser.add_argument("--seed", type=_seed, default=0)
    parser.add_argument(
        "--objective", default="elbo", help="of the main VAE: elbo, beta:B, info:ALPHA:LAMBDA, adversarial:W (elbo)"
    )
    parser.add_argument("--sigma-x", type=_positive, help="of the main VAE's likelihood (the preset's, 0.1)")
    parser.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="LABELS",
        help="of generate: a class, or attributes between commas",
    )
    parser.add_argument(
        "--actor", choices=list(CONDITIONAL), default="distance", help="of generate: which of table 1 (distance)"
    )
    if any(preset.architecture.channels for preset in presets.values()):
        parser.add_argument(
            "--encoder",
            choices=("notebook", "paper"),
            default="notebook",
            help="order of its channels: growing as in the authors' notebook, or as the paper lists them (notebook)",
        )
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--download", action="store_true", help="fetch the data into --data first, by torchvision")
    parser.add_argument("--again", action="store_true", help="also the experiments whose results are there already")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def _positive(text: str) -> float:
    """An argparse type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def _seed(text: str) -> int:
    """An argparse type: what `Study` takes for a seed."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= value <= LAST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {LAST_SEED}, got {text!r}")
    return value


def _known(presets: Mapping[str, ExperimentPreset]) -> dict[str, tuple[Experiment, str]]:
    flows = all(preset.flow is not None for preset in presets.values())
    return {key: entry for key, entry in EXPERIMENTS.items() if key != "coverage" or flows}


def _run(
    name: str,
    load: Callable[..., Dataset],
    presets: Mapping[str, ExperimentPreset],
    options: argparse.Namespace,
) -> None:
    import torch

    _check_extra()
    objective = parse(options.objective)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device: {device} cannot be used here ({str(error).splitlines()[0]})") from error
    if options.download:
        download(name, Path(options.data))
    data = load(options.data, seed=options.seed, watch=_watch(options.quiet))
    print(f"{name}: {data.source}")
    preset = presets[options.preset]
    if getattr(options, "encoder", None) == "paper":
        preset = preset.as_listed()
    if options.sigma_x is not None:
        preset = replace(preset, sigma_x=options.sigma_x)
    workspace = Workspace(
        data,
        preset,
        options.out,
        seed=options.seed,
        objective=objective,
        device=device,
        progress=not options.quiet,
    )
    known, out = _known(presets), options.out
    asked = dict.fromkeys(options.experiments)  # in order, each once
    chosen = [key for name in asked for key in (known if name == "all" else [name])]
    if "generate" in chosen:
        for text in options.ask:
            generation.labels(data, text)  # before anything is trained
    of = {
        "data": workspace.data_mark,
        "seed": options.seed,
        "preset": asdict(workspace.preset),
        "objective": asdict(objective),
    }
    of = json.loads(json.dumps(of))
    for key in dict.fromkeys(chosen):
        if key == "generate":
            result = generation.run(workspace, options.ask, options.actor)
            storage.write_json(out / "generate.json", {"of": of, "actor": options.actor, "result": result})
            print(f"\nimages of what was asked for: {out / 'generate.png'}, generate.json")
            print(report.table(result))
            continue
        run, title = known[key]
        path = out / f"{key}.json"
        done = _done(path, of)
        if done is None or options.again:
            began = time.monotonic()
            result = run(workspace)
            done = {"of": of, "title": title, "seconds": round(time.monotonic() - began, 1), "result": result}
            storage.write_json(path, done)
        print(f"\n{title}: {path}, {path.with_suffix('.png').name}, {done['seconds']:.0f} s")
        print(report.table(done["result"]))


def _check_extra() -> None:
    """Before hours of training, not after."""
    for package in ("matplotlib", "torchmetrics"):
        if find_spec(package) is None:
            raise UserError(f"the experiments need {package}; install it with: pip install 'melodylc[vision]'")


def _done(path: Path, of: Any) -> Any:
    """The result that lies at a path; None where there is none.

    Raises:
        UserError: for one of other settings.
    """
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
        whole = isinstance(found["seconds"], int | float) and isinstance(found["result"], dict)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise UserError(f"{path}: expected a result of an experiment, it is damaged; remove it")
    if found["of"] != of:
        raise UserError(f"{path} was made with other data, seed, preset or objective; name another --out")
    return found


def _watch(quiet: bool) -> Watch:
    return lambda names, count: bar(count, names, unit="image", desc="images", leave=False, show=not quiet)

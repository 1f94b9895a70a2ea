"""Everything of the evaluate command: tables, pictures, and their numbers as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.attributes import Attributes
from melodylc.base.numbers import LAST_SEED, integer
from melodylc.evaluation import figures
from melodylc.evaluation.comparison import (
    BOTH,
    ComparedActors,
    compare_methods,
    compare_temperatures,
    train_actors,
)
from melodylc.evaluation.conditioning import conditioning_text, measure_conditioning
from melodylc.evaluation.histograms import Histograms, divergence, histograms, overlap, reference_histograms
from melodylc.evaluation.listeners import agreement_text, measure_agreement
from melodylc.evaluation.methods import DRAWS, CommonDraws
from melodylc.evaluation.naturalness import measure_naturalness, naturalness_text
from melodylc.evaluation.paper import KEY, pitch_rule
from melodylc.evaluation.real_melodies import RealMelodies
from melodylc.evaluation.table_text import table_text
from melodylc.evaluation.transformations import measure_transformations, transformations_text
from melodylc.model import Model
from melodylc.rules import Key
from midi_io.atomic import atomic_write

ROUNDS = 20  # for each actor that is learned: enough to see where the curves of figure 11 go
MELODIES = 96  # that are transformed; each is decoded dozens of times


@dataclass
class Report:
    """The results so far, written to evaluation.json after each section: an interrupted evaluation leaves them."""

    folder: Path
    say: Callable[[str], None]
    results: dict[str, Any]
    began: float = field(default_factory=time.monotonic)

    def add(self, name: str, content: Any, text: str) -> None:
        """Store one section and print its text."""
        self.results[name] = content
        self.results["seconds"] = round(time.monotonic() - self.began)
        with atomic_write(self.folder / "evaluation.json") as beside:
            beside.write_text(json.dumps(self.results, indent=2) + "\n")
        self.say(f"\n{name}\n{text}")


def evaluate(
    model: Model,
    out: Path,
    *,
    draws: int = DRAWS,
    rounds: int = ROUNDS,
    seed: int = 0,
    melodies: np.ndarray | None = None,
    real: RealMelodies | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure a model and write evaluation.json and the pictures to a folder.

    Args:
        draws: of the prior, for each row of the table.
        rounds: for each actor that is learned; the embedded figures are of `ROUNDS`.
        melodies: (N, 256) to transform; default: of the model's bank.
        real: what draws are compared with; default: of the model's bank.
        say: prints a section of the report.

    Returns:
        The contents of evaluation.json.

    Raises:
        UserError: for numbers out of bounds.
        ImportError: without what the extra `evaluate` installs.
    """
    integer("draws", draws, 2)
    integer("rounds", rounds, 1)
    integer("seed", seed, 0, LAST_SEED)
    figures.plotting()  # a missing matplotlib is reported before the work, not after it
    out.mkdir(parents=True, exist_ok=True)
    held_out, origin = reference_histograms(model)
    report = Report(out, say, {"model": str(model.path.name), "draws": draws, "rounds": rounds, "seed": seed})
    report.results["held out"] = origin

    table = measure_naturalness(model, real or RealMelodies.of_model(model), draws=draws, seed=seed)
    report.add("naturalness", table.as_json(), naturalness_text(table))

    actors = train_actors(model, rounds, seed)
    _learning(report, actors)
    common = CommonDraws.of(model, held_out, draws, seed, model.temperature)
    _table2(report, common, actors)
    _realism(report, common, actors, origin)

    conditioning = measure_conditioning(model, seed=seed)
    report.add("conditional actor", conditioning.as_json(), conditioning_text(conditioning))
    figures.heat_maps(out / "conditional-actor.png", conditioning)

    given = model.bank.states if melodies is None else melodies
    changes = measure_transformations(model, given[:MELODIES], pitch_rule(), actors.key, Attributes(KEY))
    report.add("transformations to C major", [row.as_json() for row in changes], transformations_text(changes))

    agreements = measure_agreement(model, seed=seed)
    report.add("preferences", [row.as_json() for row in agreements], agreement_text(agreements))
    return report.results


def _learning(report: Report, actors: ComparedActors) -> None:
    """Store the cards of four actors, and draw their curves."""
    curves = {
        KEY: actors.key,
        BOTH: actors.pair,
        f"{KEY}, the paper's loop": actors.paper_key,
        f"{BOTH}, the paper's loop": actors.paper_pair,
    }
    report.results["learning"] = {name: {**actor.card, "budget": None} for name, actor in curves.items()}
    figures.training_curves(report.folder / "figure11.png", list(curves.items()))


def _table2(report: Report, common: CommonDraws, actors: ComparedActors) -> None:
    rows = compare_methods(common, actors)
    all_rows = rows + compare_temperatures(common, actors.key, actors.pair)
    report.add("table 2", [row.as_json() for row in all_rows], table_text(all_rows))
    figures.trade_off(report.folder / "trade-off.png", rows)


def _realism(report: Report, common: CommonDraws, actors: ComparedActors, origin: str) -> None:
    """Compare the histograms of the prior's melodies and of two actors' with held-out ones; draw figures 3 and 6."""
    model, held_out, seed, out = common.model, common.held_out, common.seed, report.folder
    sets = {
        "prior": common.prior_melodies,
        KEY: model.decode(actors.key.move(common.z), seed=seed),
        BOTH: model.decode(actors.pair.move(common.z), seed=seed),
    }
    shares: dict[str, Histograms] = {name: histograms(states) for name, states in sets.items()}
    distances = {name: {"overlap": overlap(h, held_out), "KL": divergence(h, held_out)} for name, h in shares.items()}
    report.add("realism", distances, _realism_text(distances, origin))
    figures.histogram_lines(out / "realism.png", {"held out": held_out, **shares})
    figures.piano_rolls(out / "figure6.png", [(name, states[0]) for name, states in sets.items()], Key.parse(KEY))
    figures.realism_contours(out / "figure3.png", model, seed)
    figures.networks(out / "figure13.png", model)


def _realism_text(distances: Mapping[str, Mapping[str, Mapping[str, float]]], origin: str) -> str:
    kinds = list(next(iter(distances.values()))["overlap"])
    lines = [f"against {origin}: overlap area / KL in nats", f"{'':<22}" + "".join(f"{kind:>16}" for kind in kinds)]
    for name, both in distances.items():
        cells = "".join(f"{both['overlap'][kind]:>9.3f} / {both['KL'][kind]:.2f}" for kind in kinds)
        lines.append(f"{name:<22}{cells}")
    return "\n".join(lines)

"""Everything that is claimed of a model, measured by one command: tables, figures, and their numbers as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base.numbers import LAST_SEED, integer
from melodylc.evaluation import comparison, conditioning, figures, listeners, table2, transformations
from melodylc.evaluation.histograms import divergence, histograms, overlap, reference
from melodylc.model import Model
from melodylc.rules import Key, pitch_classes
from midi_io.atomic import atomic_write

ROUNDS = 20  # of each control that is learned
MELODIES = 96  # that are transformed


def evaluate(
    model: Model,
    out: Path,
    *,
    draws: int = table2.DRAWS,
    rounds: int = ROUNDS,
    seed: int = 0,
    melodies: np.ndarray | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure a model and write evaluation.json and the figures to a folder.

    Args:
        draws: of the prior, for each row of the table.
        rounds: for each control that is learned; the embedded figures are of `ROUNDS`.
        melodies: (N, 256) to transform; default: of the model's bank.

    Raises:
        UserError: for numbers out of bounds.
    """
    integer("draws", draws, 2)
    integer("rounds", rounds, 1)
    integer("seed", seed, 0, LAST_SEED)
    figures.plotting()  # what is missing is said before the work, not after it
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    found: dict[str, Any] = {"model": str(model.path.name), "draws": draws, "rounds": rounds, "seed": seed}

    def section(name: str, content: Any, text: str) -> None:
        found[name] = content
        found["seconds"] = round(time.monotonic() - began)
        with atomic_write(out / "evaluation.json") as beside:
            beside.write_text(json.dumps(found, indent=2) + "\n")
        say(f"\n{name}\n{text}")

    held_out, what = reference(model)
    found["held out"] = what
    learned = comparison.train_actors(model, rounds, seed)
    curves = {
        "C major": learned.key,
        "C major, 192 notes": learned.pair,
        "C major, the paper's loop": learned.paper_key,
        "C major, 192 notes, the paper's loop": learned.paper_pair,
    }
    found["learning"] = {name: {**actor.card, "budget": None} for name, actor in curves.items()}
    figures.training_curves(out / "figure11.png", list(curves.items()))

    bench = table2.Bench.of(model, held_out, draws, seed, model.temperature)
    rows = comparison.rows(bench, learned)
    other = comparison.at_other_temperatures(bench, learned.key, learned.pair)
    section("table 2", [row.as_json() for row in [*rows, *other]], table2.text([*rows, *other]))
    figures.trade_off(out / "trade-off.png", rows)

    sets = {
        "prior": bench.of_prior,
        "C major": model.decode(learned.key.move(bench.z), seed=seed),
        "C major, 192 notes": model.decode(learned.pair.move(bench.z), seed=seed),
    }
    made = {name: histograms(states) for name, states in sets.items()}
    distances = {name: {"overlap": overlap(h, held_out), "KL": divergence(h, held_out)} for name, h in made.items()}
    section("realism", distances, _realism_text(distances, what))
    figures.histogram_lines(out / "realism.png", {"held out": held_out, **made})
    figures.piano_rolls(
        out / "figure6.png", [(name, states[0]) for name, states in sets.items()], Key.parse(comparison.KEY)
    )
    figures.realism_contours(out / "figure3.png", model, seed)

    turned = conditioning.measure_conditioning(model, seed=seed)
    section("knobs", turned.as_json(), conditioning.text(turned))
    figures.heat_maps(out / "knobs.png", turned)

    given = model.bank.states if melodies is None else melodies
    table = transformations.measure_transformations(model, given[:MELODIES], pitch_classes(comparison.KEY), learned.key)
    section("transformations to C major", [change.as_json() for change in table], transformations.text(table))

    heard = listeners.agreements(model, seed=seed)
    section("preferences", [row.as_json() for row in heard], listeners.text(heard))
    return found


def _realism_text(distances: dict[str, dict[str, dict[str, float]]], what: str) -> str:
    kinds = list(next(iter(distances.values()))["overlap"])
    lines = [f"against {what}: overlap area / KL in nats", f"{'':<22}" + "".join(f"{kind:>16}" for kind in kinds)]
    for name, both in distances.items():
        cells = "".join(f"{both['overlap'][kind]:>9.3f} / {both['KL'][kind]:.2f}" for kind in kinds)
        lines.append(f"{name:<22}{cells}")
    return "\n".join(lines)

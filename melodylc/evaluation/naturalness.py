"""How much a model's melodies are like real ones: draws, reconstructions and held-out melodies, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from melodylc import plausibility
from melodylc.base.numbers import integer
from melodylc.evaluation.field_figures import FIGURES as FIELD
from melodylc.evaluation.field_figures import field_figures, library
from melodylc.evaluation.histograms import Histograms, histograms, overlap
from melodylc.evaluation.real_melodies import RealMelodies
from melodylc.evaluation.told_apart import FEWEST, learning, repeated_rhythms, told_apart
from melodylc.melody import repeated_bars
from melodylc.model import Model
from melodylc.plausibility import Bounds
from melodylc.vae.metrics import best_scale_share

SEEDS = 3  # of each figure: of the draws, of the real melodies and of the judge's folds
OWN = (
    "plausible",  # share of melodies: within what held-out melodies do, in every feature
    "told apart",  # area under the ROC curve of a judge between these and other real melodies; 0.5 is chance
    "overlap",  # mean area that four histograms share with those of other real melodies
    "bars repeated",  # of 16, those that repeat an earlier one exactly
    "rhythms repeated",  # of 16, those whose rhythm an earlier one has
    "leaps",  # share of intervals wider than a fifth
    "in best scale",  # share of notes in the major scale that fits best
)
FIGURES = (*OWN, *FIELD)
DRAWS, RECONSTRUCTIONS, REAL = "draws", "reconstructions", "held-out melodies"


@dataclass(frozen=True)
class Figure:
    """One figure over several seeds."""

    mean: float
    spread: float  # standard deviation over the seeds

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Return the mean and spread of one value for each seed."""
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return cls(float(np.mean(values)), spread)


@dataclass(frozen=True)
class Naturalness:
    """The figures of sets of melodies, and what they were measured against."""

    rows: dict[str, dict[str, Figure]]  # set -> figure
    origin: str
    sizes: dict[str, int]  # melodies of each set, for each seed
    seeds: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the table as it stands in evaluation.json."""
        rows = {
            name: {figure: {"mean": value.mean, "spread": value.spread} for figure, value in row.items()}
            for name, row in self.rows.items()
        }
        return {"against": self.origin, "melodies": self.sizes, "seeds": list(self.seeds), "rows": rows}


def measure_set(
    melodies: np.ndarray, others: np.ndarray, reference: Histograms, bounds: Bounds, seed: int
) -> dict[str, float]:
    """Return each of `FIGURES` of melodies (N, 256).

    Args:
        others: (M, 256) real melodies that they are told apart from, one a file.
        reference: histograms of real melodies.
        seed: of the judge.

    Raises:
        UserError: for fewer than 4 melodies.
        ImportError: without scikit-learn or MusPy.
    """
    leaps = plausibility.features(melodies)[:, plausibility.FEATURES.index("leaps")]
    own = (
        bounds.plausible(melodies).mean(),
        told_apart(melodies, others, seed).auc,
        np.mean(list(overlap(histograms(melodies), reference).values())),
        repeated_bars(melodies).mean(),
        repeated_rhythms(melodies).mean(),
        leaps.mean(),
        best_scale_share(melodies),
    )
    return {**dict(zip(OWN, map(float, own), strict=True)), **field_figures(melodies)}


def measure_naturalness(
    model: Model, real: RealMelodies, *, draws: int, seed: int = 0, seeds: int = SEEDS
) -> Naturalness:
    """Measure draws of a model, reconstructions of real melodies and real melodies, each with several seeds.

    All are decoded at the model's temperature. Reconstructions decode the means of encodings of the real melodies that
    are measured, and nothing is told apart from the melodies that it was made of.

    Args:
        draws: melodies drawn for each seed; of real melodies, as many as there are files.
        seed: the first of the seeds.

    Raises:
        UserError: for fewer than 4 draws.
        ImportError: without scikit-learn or MusPy.
    """
    library(), learning()  # what is missing is reported before the work, not after it
    integer("draws", draws, FEWEST)
    bounds = plausibility.bounds(model)
    of_seeds = tuple(range(seed, seed + seeds))
    found: dict[str, list[dict[str, float]]] = {DRAWS: [], RECONSTRUCTIONS: [], REAL: []}
    sizes: dict[str, int] = {}
    for each in of_seeds:
        measured, others = real.draw(draws, each)
        sets = {
            DRAWS: model.sample(draws, seed=each),
            RECONSTRUCTIONS: model.decode(model.encode(measured), seed=each),
            REAL: measured,
        }
        for name, melodies in sets.items():
            found[name].append(measure_set(melodies, others, real.reference, bounds, each))
            sizes[name] = len(melodies)
    rows = {
        name: {figure: Figure.of([values[figure] for values in of_set]) for figure in FIGURES}
        for name, of_set in found.items()
    }
    return Naturalness(rows, real.origin, sizes, of_seeds)


def naturalness_text(table: Naturalness) -> str:
    """Return the table for a terminal: a line for each figure, mean and spread over the seeds."""
    names = list(table.rows)
    lines = [
        f"against {table.origin}",
        f"mean ± standard deviation over {len(table.seeds)} seeds; melodies for each seed: "
        + ", ".join(f"{size} {name}" for name, size in table.sizes.items()),
        f"{'':<22}" + "".join(f"{name:>20}" for name in names),
    ]
    for figure in FIGURES:
        cells = (table.rows[name][figure] for name in names)
        lines.append(f"{figure:<22}" + "".join(f"{cell.mean:>12.3f} ± {cell.spread:.3f}" for cell in cells))
    return "\n".join(lines)

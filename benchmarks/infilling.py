"""Hide 4 of 16 bars of held-out melodies, and fill them in.

python benchmarks/infilling.py corpus [--melodies 500] [--seeds 3]

locked   share of melodies whose locked bars are the same to the last step
bars     share of hidden bars that are equal to a locked one, and rhythms likewise: filled in, and as they were
AUC      how well a judge tells filled bars from original ones by what they are beside their neighbours, two-fold by
         melody; plausible: the share of filled melodies
seconds  for one melody, filled once
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import melodylc
from melodylc import plausibility
from melodylc.constraints.infilling import Infilling
from melodylc.evaluation.told_apart import learning, rhythms
from melodylc.extraction import Corpus
from melodylc.melody import BARS, HOLD, REST, STEPS_PER_BAR
from melodylc.model import load
from melodylc.vae.data import TrainingWindows
from melodylc.vae.metrics import held_out

HIDDEN = 4  # bars, one after another


def bars_of(melodies: np.ndarray) -> np.ndarray:
    """Return the bars (..., 16, 16) of melodies (..., 256)."""
    return melodies.reshape(*melodies.shape[:-1], BARS, STEPS_PER_BAR)


def returning(melody: np.ndarray, hidden: np.ndarray) -> float:
    """Return the share of hidden bars (16,) bool of a melody (256,) that are equal to one that is not."""
    bars = bars_of(melody)
    return float((bars[hidden][:, None] == bars[~hidden]).all(axis=2).any(axis=1).mean())


def beside(melody: np.ndarray, bar: int) -> list[float]:
    """Return what a judge sees of one bar: itself, and how it differs from the bars beside it and from all others."""
    bars = bars_of(melody).astype(int)
    own = bars[bar]
    others = np.delete(bars, bar, axis=0)
    pitch = own[own < HOLD]
    around = others[others < HOLD]
    seen = [len(pitch), (own == REST).mean(), (own == HOLD).mean()]
    seen += [pitch.mean() - around.mean(), np.ptp(pitch), abs(np.diff(pitch)).mean() if len(pitch) > 1 else -1.0]
    for side in (bar - 1, bar + 1):
        if not 0 <= side < BARS:
            seen += [np.nan] * 5
            continue
        near = bars[side]
        its = near[near < HOLD]
        seen.append((own == near).mean())
        seen.append((rhythms(own) == rhythms(near)).mean())
        seen.append(len(pitch) - len(its))
        seen.append(pitch.mean() - its.mean() if len(its) else np.nan)
        first, second = (its, pitch) if side < bar else (pitch, its)
        seen.append(abs(int(second[0]) - int(first[-1])) if len(its) else np.nan)
    seen.append((own == others).mean(axis=1).max())
    seen.append((rhythms(own) == rhythms(others)).mean(axis=1).max())
    seen.append(float(np.isin(pitch % 12, around % 12).mean()))
    seen.append(np.isin(pitch, around).mean())
    return [float(value) for value in seen]


def told(first: list[list[float]], second: list[list[float]], of: np.ndarray, seed: int) -> float:
    """Return the area under the curve of a judge between bars (N each) of melodies (N,)."""
    classifier, area = learning()
    seen, truth = np.array(first + second), np.repeat([0, 1], len(first))
    half = np.tile(np.random.default_rng(seed).permutation(int(of.max()) + 1)[of] % 2, 2).astype(bool)
    areas = []
    for learned in (half, ~half):
        judge = classifier(early_stopping=False, max_features=0.3, random_state=seed).fit(seen[learned], truth[learned])
        areas.append(area(truth[~learned], judge.predict_proba(seen[~learned])[:, 1]))
    return float(np.mean(areas))


def measure(model: melodylc.Model, melodies: np.ndarray, seed: int) -> dict[str, float]:
    """Return the figures of one seed."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[float]] = {name: [] for name in ("locked", "bars", "were", "rhythms", "rhythms were")}
    filled_bars, original_bars, of, filled_melodies = [], [], [], []
    began = time.perf_counter()
    for index, melody in enumerate(melodies):
        first = int(rng.integers(BARS - HIDDEN + 1))
        hidden = (np.arange(BARS) >= first) & (np.arange(BARS) < first + HIDDEN)
        locked = ~np.repeat(hidden, STEPS_PER_BAR)
        infilling = Infilling(model, melody, locked)
        noise = infilling.noise(1, int(rng.integers(1 << 31)))
        (filled,) = infilling.decoded(infilling.latent(noise), noise, infilling.model.source(seed))
        filled_melodies.append(filled)
        rows["locked"].append(float((filled == melody)[locked].all()))
        rows["bars"].append(returning(filled, hidden))
        rows["were"].append(returning(melody, hidden))
        rows["rhythms"].append(returning(rhythms(filled), hidden))
        rows["rhythms were"].append(returning(rhythms(melody), hidden))
        for bar in range(first, first + HIDDEN):
            if all((bars_of(each)[bar] < HOLD).any() for each in (filled, melody)):
                filled_bars.append(beside(filled, bar))
                original_bars.append(beside(melody, bar))
                of.append(index)
    figures = {name: float(np.mean(values)) for name, values in rows.items()}
    figures["seconds"] = (time.perf_counter() - began) / len(melodies)
    figures["AUC"] = told(filled_bars, original_bars, np.array(of), seed)
    figures["plausible"] = float(plausibility.bounds(model).plausible(np.stack(filled_melodies)).mean())
    return figures


def main() -> None:
    """Print a row for each seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--melodies", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    model = load()
    melodies = held_out(TrainingWindows(Corpus(options.corpus), "test"), options.melodies)
    torch.manual_seed(0)
    for seed in range(options.seeds):
        figures = measure(model, melodies, seed)
        print("  ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()

"""Measure what is recognised in a phrase: python benchmarks/phrases.py [--phrases 400] [--jitter 15] [--seeds 5]

Phrases are four bars of the melodies in the bank of the embedded model, from a downbeat on, with eight notes or more,
at tempos from 60 to 180 bpm, by a player who is off by a deviation in milliseconds. For `--tempo auto`: the share
within 3 % of the tempo, or of that, its half or its double. For swing and triplets, in a tempo that is known: the share
of phrases that are heard in their feel, of those that have three notes it moves, and how far off the share of the swing
is. Triplets are drawn, for no melody of the bank has them. Means over seeds, and their deviation.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import melodylc
from melodylc.live.feel import Feel
from melodylc.live.feel_finder import FEWEST, feel_of
from melodylc.live.tempo_finder import TempoFinder
from melodylc.melody import HOLD, STEPS_PER_BAR, STEPS_PER_BEAT
from midi_io.swing import EIGHTHS, SIXTEENTHS, STRAIGHT, Swing

BARS, FEWEST_NOTES = 4, 8
TEMPOS = (60.0, 180.0)
PLAYED = {
    "straight": STRAIGHT,
    "eighths swung 58 %": Swing(0.58, EIGHTHS),
    "eighths swung 62 %": Swing(0.62, EIGHTHS),
    "eighths swung 67 %": Swing(2 / 3, EIGHTHS),
    "sixteenths swung 58 %": Swing(0.58, SIXTEENTHS),
    "sixteenths swung 62 %": Swing(0.62, SIXTEENTHS),
}
# thirds of a beat on which notes begin, drawn alike: triplets, their ends, a quarter, and what ties over the beat
OF_A_BEAT = ((0, 1, 2), (0, 1, 2), (0, 2), (0,), (1, 2))


def phrases(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the steps on which the notes of phrases begin."""
    states = melodylc.load().bank.states
    found: list[np.ndarray] = []
    while len(found) < count:
        melody, bar = states[rng.integers(len(states))], rng.integers(17 - BARS)
        steps = np.flatnonzero(melody[bar * STEPS_PER_BAR : (bar + BARS) * STEPS_PER_BAR] < HOLD)
        if len(steps) >= FEWEST_NOTES and steps[0] == 0:
            found.append(steps)
    return found


def triplets(rng: np.random.Generator) -> np.ndarray:
    """Return the positions in beats of a phrase in triplets."""
    drawn = [OF_A_BEAT[0], *(OF_A_BEAT[rng.integers(len(OF_A_BEAT))] for _ in range(4 * BARS - 1))]
    return np.array([beat + third / 3 for beat, thirds in enumerate(drawn) for third in thirds])


def moments(beats: np.ndarray, tempo: float, jitter: float, rng: np.random.Generator) -> np.ndarray:
    """Return the seconds at which notes are played."""
    return np.asarray(np.sort(beats * 60 / tempo + rng.normal(0, jitter, len(beats))))


def tempo_of(played: Sequence[float]) -> float:
    """Return the tempo that is found for notes at these moments."""
    finder = TempoFinder()
    for moment in played:
        finder.take(moment)
    return finder.tempo


def _near(ratio: float) -> bool:
    return abs(ratio - 1) < 0.03


def heard(feel: Feel) -> str:
    """Return the kind of a feel."""
    if feel.triplets and all(feel.triplets):
        return "triplets"
    kind = "straight" if feel.swing.share == 0.5 else "eighths" if feel.swing.pair == EIGHTHS else "sixteenths"
    return f"{kind}, some triplets" if feel.triplets else kind


def measure(name: str, count: int, jitter: float, seed: int) -> list[float]:
    """Return the shares of right tempos, exactly and by octaves, and of right feels, and the error of the swing."""
    rng = np.random.default_rng(seed)
    exact, octave, right, errors = [], [], [], []
    swing = PLAYED.get(name)
    on_grid = np.arange(STEPS_PER_BEAT) / STEPS_PER_BEAT
    moved = None if swing is None or swing == STRAIGHT else np.array([swing.swung(at) != at for at in on_grid])
    for steps in phrases(count, rng):
        beats = triplets(rng) if swing is None else np.array([swing.swung(step / STEPS_PER_BEAT) for step in steps])
        tempo = rng.uniform(*TEMPOS)
        played = moments(beats, tempo, jitter, rng)
        ratio = tempo_of(played.tolist()) / tempo
        exact.append(_near(ratio))
        octave.append(any(_near(ratio / known) for known in (0.5, 1, 2)))
        if moved is not None and moved[steps % STEPS_PER_BEAT].sum() < FEWEST:
            continue  # nothing in it is swung
        feel = feel_of(played * tempo / 60, 60 / tempo)
        right.append(heard(feel) == name.split()[0])
        if right[-1] and moved is not None and swing is not None:
            errors.append(100 * abs(feel.swing.share - swing.share))
    return [float(np.mean(each or [0.0])) for each in (exact, octave, right, errors)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phrases", type=int, default=400, help="of each kind and seed (400)")
    parser.add_argument("--jitter", type=float, default=15.0, help="milliseconds (15)")
    parser.add_argument("--seeds", type=int, default=5, help="(5)")
    options = parser.parse_args()
    print("| played | tempo within 3 % | or half, or double | heard as it is | swing off by, per cent |")
    print("|---|---|---|---|---|")
    for name in (*PLAYED, "triplets"):
        runs = [measure(name, options.phrases, options.jitter / 1000, seed) for seed in range(options.seeds)]
        mean, spread = np.mean(runs, axis=0), np.std(runs, axis=0)
        shares = " | ".join(f"{100 * m:.1f} ± {100 * s:.1f} %" for m, s in zip(mean[:3], spread[:3], strict=True))
        off = "" if name in ("straight", "triplets") else f"{mean[3]:.1f} ± {spread[3]:.1f}"
        print(f"| {name} | {shares} | {off} |", flush=True)


if __name__ == "__main__":
    main()

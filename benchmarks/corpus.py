"""Measure each collection of a corpus: its size, and how singable and repetitive it is.

    python benchmarks/corpus.py CORPUS

source     the collection: the folder that was extracted
files      files with a window in the corpus
windows    different windows
apart      windows that begin at a multiple of 16 bars, so that they do not overlap
in scale   share of notes in the major scale that fits the melody best
bars       of 16, how many repeat an earlier one exactly (bars without a note start do not count)
rhythms    of 16, how many have the note starts, holds and rests of an earlier one
steps      share of intervals between neighbouring notes that are one or two semitones; repeated pitches left out
weight     share of training examples drawn from the source, as `vae/data.py` weighs it
"""

from __future__ import annotations

import argparse

import numpy as np

from melodylc.extraction import Corpus
from melodylc.melody import BARS, HOLD, repeated_bars
from melodylc.vae.data import TrainingWindows, collections_of
from melodylc.vae.metrics import best_scale_share

AT_MOST = 4_000  # windows of a source that are measured, drawn with the same probability for every file


def rhythms(states: np.ndarray) -> np.ndarray:
    """Return melodies with all pitches made the same."""
    return np.where(states < HOLD, 0, states)


def steps(states: np.ndarray) -> float:
    """Return the mean over melodies of the share of one or two semitones among intervals that are not unisons."""
    shares = []
    for melody in states:
        leaps = np.abs(np.diff(melody[melody < HOLD].astype(int)))
        leaps = leaps[leaps > 0]
        if len(leaps):
            shares.append((leaps <= 2).mean())
    return float(np.mean(shares))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    corpus = Corpus(parser.parse_args().corpus)
    windows = TrainingWindows(corpus, "train")
    drawn_from = collections_of(windows.sources)
    states, sources = corpus.states(), corpus.sources()
    collections = collections_of(sources)
    rng = np.random.default_rng(0)
    print(f"{'source':<22}{'files':>7}{'windows':>9}{'apart':>8}", end="")
    print(f"{'in scale':>10}{'bars':>7}{'rhythms':>9}{'steps':>8}{'weight':>8}")
    bars_in_order = np.concatenate([table["bar"].to_numpy() for table in corpus.tables()])
    for name in dict.fromkeys(collections):
        members = np.flatnonzero(collections == name)
        _, file, size = np.unique(sources[members], return_inverse=True, return_counts=True)
        chance = 1 / size[file]
        few = rng.choice(members, min(AT_MOST, len(members)), replace=False, p=chance / chance.sum())
        measured = states[few]
        apart = (bars_in_order[members] % BARS == 0).sum()
        weight = windows.weights[drawn_from == name].sum()
        print(f"{name:<22}{len(size):>7,}{len(members):>9,}{apart:>8,}", end="")
        print(f"{best_scale_share(measured):>10.3f}{repeated_bars(measured).mean():>7.2f}", end="")
        print(f"{repeated_bars(rhythms(measured)).mean():>9.2f}{steps(measured):>8.3f}{weight:>8.1%}")


if __name__ == "__main__":
    main()

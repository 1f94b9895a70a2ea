"""How well draws in a style are told from others, and what of the files comes back, of several sources.

python benchmarks/style.py NAME=FOLDER NAME=FOLDER NAME=FOLDER [--seeds 3] [--files 100] [--draws 256]

Of each source, some files teach the style; half of the others teach a classifier of the sources, the rest is what draws
are compared with. A folder may be several, joined by commas.

told       share that the classifier calls by the name of the style: of real melodies of files it has not learned from,
           of draws in the style, and of draws without it
plausible  share of these draws, and of real melodies of the source, that are plausible
kept       share of draws in the style, asked for C major, that are in C major and plausible
copied     mean share of the eight-note stretches that are in the files of the style: of draws in it, the most of one
           draw, of real melodies of other files of the source, and of draws without it
seconds    that the style took
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

import melodylc
from melodylc import plausibility, rules
from melodylc.evaluation.told_apart import judge_features
from melodylc.extraction import Corpus, extract
from melodylc.style import in_style, style_of_files
from melodylc.vae.data import TrainingWindows
from melodylc.vae.metrics import held_out

MOST = 300  # melodies of each source for the classifier, and as many to compare with


def melodies_of(files: list[Path]) -> np.ndarray:
    """Return up to (300, 256) melodies of files, one of each in turn."""
    with tempfile.TemporaryDirectory() as folder:
        extract(files, Path(folder) / "corpus", progress=False)
        corpus = Corpus(Path(folder) / "corpus")
        splits = [split for split in ("train", "valid", "test") if len(corpus.states(split))]
        return np.concatenate([held_out(TrainingWindows(corpus, split), MOST) for split in splits])[:MOST]


def main() -> None:
    """Print a row for each source and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--draws", type=int, default=256)
    options = parser.parse_args()
    model = melodylc.load()
    bounds = plausibility.bounds(model)
    folders = dict(source.split("=", 1) for source in options.sources)
    files = {
        name: sorted(path for each in where.split(",") for path in Path(each).rglob("*.mid"))
        for name, where in folders.items()
    }
    columns = ["source", "seed", "melodies", "told: real", "in style", "without", "plausible", "real", "kept"]
    columns += ["copied", "most", "real", "without", "seconds"]
    widths = [max(len(column), 6) + 2 for column in columns]
    print("".join(column.rjust(width) for column, width in zip(columns, widths, strict=True)), flush=True)
    for seed in range(options.seeds):
        rng = np.random.default_rng(seed)
        taught, learned, compared = {}, {}, {}
        for name, paths in files.items():
            order = [paths[index] for index in rng.permutation(len(paths))]
            own = min(options.files, len(order) // 2)
            taught[name], others = order[:own], order[own:]
            learned[name], compared[name] = melodies_of(others[::2]), melodies_of(others[1::2])
        seen = np.concatenate([judge_features(states) for states in learned.values()])
        judge = HistGradientBoostingClassifier(
            max_features=0.3, class_weight="balanced", early_stopping=False, random_state=seed
        ).fit(seen, np.repeat(list(learned), [len(states) for states in learned.values()]))
        plain = model.sample(options.draws, seed=seed)
        for name, own_files in taught.items():
            began = time.monotonic()
            style = style_of_files(model, own_files, progress=False)
            seconds = time.monotonic() - began
            styled = in_style(model, style)
            draws, real = styled.sample(options.draws, seed=seed), compared[name]
            keyed = styled.decode(styled.prior(options.draws, seed, melodylc.Attributes("C major")), seed=seed)
            kept = rules.pitch_classes("C major").satisfied(keyed) & bounds.plausible(keyed)
            told = [(judge.predict(judge_features(states)) == name).mean() for states in (real, draws, plain)]
            plausible = [bounds.plausible(states).mean() for states in (draws, real)]
            copied = style.copied(draws)
            shares = [copied.mean(), copied.max(), style.copied(real).mean(), style.copied(plain).mean()]
            row = [name, seed, style.card["melodies"], *told, *plausible, kept.mean(), *shares, f"{seconds:.0f}"]
            cells = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
            print("".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)), flush=True)


if __name__ == "__main__":
    main()

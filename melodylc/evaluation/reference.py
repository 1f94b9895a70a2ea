"""What a model's melodies are measured against, stored beside it."""

from __future__ import annotations

from pathlib import Path

from melodylc.evaluation import histograms
from melodylc.extraction import Corpus
from melodylc.plausibility import Bounds
from melodylc.vae.data import TrainingWindows
from melodylc.vae.metrics import held_out

REFERENCE_MELODIES = 2048  # whose histograms are stored beside a model
BOUNDED_MELODIES = 8192  # and whose bounds; of 2,048 the outermost 0.5 % are ten melodies, which is chance


def write_reference(out: str | Path, corpus: str) -> None:
    """Write histograms and bounds of held-out melodies beside the model in a folder.

    The realism of its melodies is measured against the histograms; plausible is what lies within the bounds.
    """
    path = Path(out) / "model.safetensors"
    windows = TrainingWindows(Corpus(corpus), "valid")
    what = "melodies of held-out files (split valid)"
    melodies = held_out(windows, REFERENCE_MELODIES)
    histograms.write_reference(path, melodies, f"{len(melodies)} {what}")
    melodies = held_out(windows, BOUNDED_MELODIES)
    Bounds.of(melodies, f"{len(melodies)} {what}").save(path)

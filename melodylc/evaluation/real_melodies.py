"""The real melodies that a model's are measured against: of the held-out files of a corpus, or of the model's bank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from melodylc.base.errors import UserError
from melodylc.evaluation.histograms import Histograms, histograms, reference_histograms
from melodylc.evaluation.reference import REFERENCE_MELODIES
from melodylc.extraction import Corpus
from melodylc.model import Model
from melodylc.vae.data import TrainingWindows
from melodylc.vae.metrics import held_out


@dataclass(frozen=True)
class RealMelodies:
    """Two sets of real melodies that share none: those that are measured, and others to measure all sets against."""

    measured: TrainingWindows | np.ndarray  # windows of files, or (N, 256) without files
    others: TrainingWindows | np.ndarray
    reference: Histograms
    origin: str  # of the melodies measured and of the others, in words

    @classmethod
    def of_corpus(cls, corpus: str) -> RealMelodies:
        """Return melodies of held-out files: those of the split test are measured, against those of the split valid.

        Raises:
            UserError: if the corpus has no such files.
        """
        stored = Corpus(corpus)
        try:
            measured, others = (TrainingWindows(stored, split) for split in ("test", "valid"))
        except ValueError as error:
            raise UserError(f"evaluate: {error}") from error
        counted = held_out(others, REFERENCE_MELODIES)
        return cls(
            measured,
            others,
            histograms(counted),
            f"held-out files of the corpus {stored.folder.name}: melodies of the split test are measured, one a file; "
            f"they are told apart from melodies of the split valid, one a file; overlaps with {len(counted)} of it",
        )

    @classmethod
    def of_model(cls, model: Model) -> RealMelodies:
        """Return what a model carries with it: melodies of its bank, and histograms of held-out melodies."""
        reference, what = reference_histograms(model)
        states = model.bank.states
        half = np.random.default_rng(0).permutation(len(states)) < len(states) // 2
        return cls(
            states[half],
            states[~half],
            reference,
            "melodies of the model's bank, in place of held-out ones (it learned from them, transposed as here, and "
            f"some share a file: give --corpus); overlaps with {what}",
        )

    def draw(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return melodies that are measured and others, each (count or fewer, 256) at random and one a file."""
        return _one_a_file(self.measured, count, seed), _one_a_file(self.others, count, seed)


def _one_a_file(melodies: TrainingWindows | np.ndarray, count: int, seed: int) -> np.ndarray:
    if isinstance(melodies, np.ndarray):
        return melodies[np.random.default_rng(seed).permutation(len(melodies))[:count]]
    return held_out(melodies, min(count, len(np.unique(melodies.sources))), seed)

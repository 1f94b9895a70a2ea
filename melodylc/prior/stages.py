"""The whole of a prior: the flow is trained, distilled, and stored beside the model with what depends on it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from melodylc.attributes import LABELS
from melodylc.extraction.corpus import Corpus
from melodylc.model import Model, load
from melodylc.prior import realistic
from melodylc.prior.distilling import DistillingSettings, distil
from melodylc.prior.realistic import RealisticPrior
from melodylc.prior.training import PriorSettings, PriorTrainer, train_field
from melodylc.vae.model import HierarchicalEncoder

EQUAL_SHARE = 0.8  # of the pairs of bars nearer than the threshold, those that are equal in real melodies
DRAWN = 4096  # draws of the prior that travel with the weights


def train_prior(
    model_path: str | os.PathLike[str],
    corpus_folder: str | os.PathLike[str],
    *,
    settings: PriorSettings = PriorSettings(),
    distilling: DistillingSettings = DistillingSettings(),
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Model:
    """Train the realistic prior of a model on a corpus, and store it beside the model; checkpoints lie there too.

    Raises:
        UserError: for a model, corpus or checkpoint that cannot be used.
    """
    model = load(model_path, device)
    folder = model.path.parent
    trainer = train_field(
        model.vae, Corpus(corpus_folder), folder, settings, seed=seed, resume=resume, progress=progress
    )
    field = trainer.average.snapshot()
    student = distil(field, trainer.examples, distilling, seed=seed, progress=progress)
    encoder = model.vae.encoder
    assert isinstance(encoder, HierarchicalEncoder)
    card = {
        "sizes": asdict(field.sizes),
        "guidance": distilling.guidance,
        "student_steps": distilling.steps,
        "nearest": nearest_distance(trainer),
        "seed": seed,
        "steps": trainer.step,
        "hours": round(trainer.seconds / 3600, 2),
        "settings": asdict(settings),
        "distilling": asdict(distilling),
    }
    realistic.save(RealisticPrior(encoder, trainer.basis, field, student, card), model.path)
    return with_bank(load(model.path, device), seed)


def with_bank(model: Model, seed: int = 0) -> Model:
    """Store draws of the prior in the model's bank, in the place of those of N(0, I); returns the model with them."""
    assert model.realistic is not None
    noise = model.noise(DRAWN, seed)
    draws = model.realistic.draw(noise, torch.zeros(LABELS)).half().float()  # as they are stored
    model.bank.with_draws(model.vae, draws, model.temperature).save(model.path)
    return load(model.path, str(model.device))


def nearest_distance(trainer: PriorTrainer) -> float:
    """Return below which distance bars of one melody count as equal: of such pairs in real melodies four in five are."""
    bars = trainer.examples.bars[:4096].float()
    first, second = np.triu_indices(bars.shape[1], 1)
    distances = torch.cdist(bars, bars)[:, first, second].flatten().sort().values
    equal = (distances < 1e-3).sum()
    below = torch.arange(1, len(distances) + 1)
    good = torch.nonzero(equal / below >= EQUAL_SHARE)[:, 0]
    return float(distances[good[-1]]) if len(good) else 0.0



"""The whole of a prior: its flow is trained, distilled and refined, and stored with what depends on it."""

from __future__ import annotations

import os
from dataclasses import asdict

import numpy as np
import torch

from melodylc.attributes import LABELS
from melodylc.base.storage import write_card
from melodylc.extraction.corpus import Corpus
from melodylc.model import Model, load
from melodylc.prior import realistic
from melodylc.prior.distilling import DistillingSettings, distil
from melodylc.prior.realistic import RealisticPrior
from melodylc.prior.refining import RefiningSettings, refine
from melodylc.prior.training import PriorSettings, train_field
from melodylc.vae.data import TrainingWindows
from melodylc.vae.decoding import equal_within
from melodylc.vae.metrics import held_out
from melodylc.vae.model import HierarchicalEncoder
from melodylc.vae.storage import KIND

REPEATING = 512  # held-out melodies, whose repeated bars are counted
DRAWN = 4096  # draws of the prior that travel with the weights


def train_prior(
    model_path: str | os.PathLike[str],
    corpus_folder: str | os.PathLike[str],
    *,
    settings: PriorSettings = PriorSettings(),
    distilling: DistillingSettings = DistillingSettings(),
    refining: RefiningSettings = RefiningSettings(),
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    progress: bool = True,
) -> Model:
    """Train the realistic prior of a model on a corpus, and store it beside the model; checkpoints lie there too.

    Raises:
        UserError: for a model, corpus or checkpoint that cannot be used.
    """
    model, corpus = load(model_path, device), Corpus(corpus_folder)
    folder = model.path.parent
    trainer = train_field(model.vae, corpus, folder, settings, seed=seed, resume=resume, progress=progress)
    field = trainer.average.snapshot()
    student = distil(field, trainer.examples, distilling, seed=seed, progress=progress)
    encoder = model.vae.encoder
    assert isinstance(encoder, HierarchicalEncoder)
    card = {
        "sizes": asdict(field.sizes),
        "guidance": distilling.guidance,
        "student_steps": distilling.steps,
        "seed": seed,
        "steps": trainer.step,
        "hours": round(trainer.seconds / 3600, 2),
        "settings": asdict(settings),
        "distilling": asdict(distilling),
    }
    forms = trainer.examples.forms().to(torch.uint8)
    realistic.save(RealisticPrior(encoder, trainer.basis, field, student, forms, card), model.path)
    decoded_as_they_repeat(model, held_out(TrainingWindows(corpus, "valid"), REPEATING))
    return refine_prior(load(model.path, device), refining, seed=seed, progress=progress)


def refine_prior(
    model: Model, settings: RefiningSettings = RefiningSettings(), *, seed: int = 0, progress: bool = True
) -> Model:
    """Refine the draws of a model's prior and store it, with a bank of its draws; returns the model with them."""
    realistic.save(refine(model, settings, seed=seed, progress=progress), model.path)
    return with_bank(load(model.path, str(model.device)), seed)


def decoded_as_they_repeat(model: Model, melodies: np.ndarray) -> None:
    """Store within what distance bars are equal in the card: at it, melodies (B, 256) repeat bars as they did."""
    within = equal_within(model.vae, melodies, model.temperature)
    write_card(model.path, KIND, {**model.card, "equal_within": within})


def with_bank(model: Model, seed: int = 0) -> Model:
    """Store draws of the prior in the model's bank, in the place of those of N(0, I); returns the model with them."""
    assert model.realistic is not None
    noise = model.noise(DRAWN, seed)
    draws = model.realistic.draw(noise, torch.zeros(LABELS)).half().float()  # as they are stored
    model.bank.with_draws(model.vae, draws, model.temperature).save(model.path)
    return load(model.path, str(model.device))

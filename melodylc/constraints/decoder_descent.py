"""A given melody, moved to what is asked for by the gradient of the decoder (G_opt of section 5): as near as it gets.

An actor goes to where such melodies lie in one step, and takes less along. On the way to at least 130 notes,
`transform` keeps 75 % of the notes of 16 melodies, where it keeps 60 % with the conditional actor; once notes that need
not have changed are put back (`repairs`), 95 and 83 % of those of 8. It takes a second or two, the actor 0.2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.base.arrays import Vectors
from melodylc.latent import losses
from melodylc.latent.descent import optimise
from melodylc.melody import HOLD
from melodylc.model import Model
from melodylc.prior import decoder_cost
from melodylc.prior.asked_for import satisfied_by
from melodylc.vae.decoding import TEMPERATURE, free_run

STEPS, RATE = 80, 0.1
# Of the distance from where it began. With 0.005 and a rate of 0.06, 0.75 of melodies came to be satisfied in 60 steps
# where 0.85 do, hardly nearer; with a rate of 0.03 half.
DISTANCE_WEIGHT = 0.002


def descend_on_decoder(model: Model, z: Vectors, attributes: Attributes) -> Tensor:
    """Return where z (B, Z) decode to what is asked for, (B, Z), each left alone once it does and is plausible."""
    z = torch.as_tensor(z)
    bounds, device = plausibility.bounds(model), model.device
    labels = attributes.labels().expand(len(z), -1)
    notes = torch.from_numpy((_decoded(model, z) < HOLD).sum(axis=1)).float()
    on_device = labels.to(device), notes.to(device)

    def energy(moved: Tensor) -> Tensor:
        states, logits = free_run(model.vae, moved.to(device))
        cost = decoder_cost.cost(logits / TEMPERATURE, states, *on_device, bounds).to(z.device)
        return cost + DISTANCE_WEIGHT * losses.distances(moved, z, model.bank.sigma_bar)

    def done(moved: Tensor) -> Tensor:
        melodies = _decoded(model, moved)
        return torch.from_numpy(satisfied_by(melodies, labels) & bounds.plausible(melodies))

    return optimise(z, energy, steps=STEPS, learning_rate=RATE, done=done)


def _decoded(model: Model, z: Tensor) -> np.ndarray:
    return model.decode(z.detach(), temperature=0.0)

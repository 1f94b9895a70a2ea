"""Columns of figure 13c: the VAE of melodies, drawn from its networks."""

from __future__ import annotations

import torch

from melodylc.latent.diagrams import Box, layers_of
from melodylc.melody import BARS, REST, STATES, STEPS, STEPS_PER_BAR
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE

STATES_OF_LSTM = Box("step", "states h and c of both layers")


def columns_of_vae(vae: MelodyVAE) -> dict[str, list[Box]]:
    """Return the columns of figure 13c: encoder, conductor, and the decoder of each bar."""
    return {"encoder": _encoder(vae), "conductor": _conductor(vae), "decoder of each bar": _decoder(vae)}


def _encoder(vae: MelodyVAE) -> list[Box]:
    silence = torch.full((1, STEPS), REST, device=vae.decoder.out.weight.device)
    boxes = layers_of(vae.encoder, silence)
    if isinstance(vae.encoder, HierarchicalEncoder):  # its first two layers are of bars
        bars = Box("input", f"each bar: {STEPS_PER_BAR} x {STATES}")
        embeddings = Box("step", f"normalised, of all bars: {BARS} x {vae.sizes.embedding}")
        beside = Box("step", f"beside them: {BARS} x {2 * vae.sizes.encoder + vae.sizes.embedding}")
        boxes = [bars, *boxes[:2], embeddings, boxes[2], beside, *boxes[3:]]
    else:
        boxes = [Box("input", f"melody: {STEPS} x {STATES}"), *boxes]
    return [*boxes, Box("step", f"mean, softplus: sigma: 2 x {vae.sizes.latent}")]


def _conductor(vae: MelodyVAE) -> list[Box]:
    sizes = vae.sizes
    first, *others = layers_of(vae.conductor, torch.zeros(1, sizes.latent, device=vae.decoder.out.weight.device))
    boxes = [Box("input", f"z ~ N(mean, sigma): {sizes.latent}"), first, STATES_OF_LSTM]
    if vae.conductor.slices is not None:
        boxes += [others.pop(0), Box("step", f"inputs: {BARS} x {sizes.slice}")]
        others[-1:] = [Box("step", f"beside the inputs: {BARS} x {sizes.conductor + sizes.slice}"), others[-1]]
        others.append(Box("step", "normalised"))
    return [*boxes, *others]


def _decoder(vae: MelodyVAE) -> list[Box]:
    sizes, device = vae.sizes, vae.decoder.out.weight.device
    embedding = torch.zeros(1, sizes.embedding, device=device)
    first, *others = layers_of(vae.decoder, embedding, torch.full((1, STEPS_PER_BAR), REST, device=device))
    inputs = Box("step", f"embedding beside the state before: {STEPS_PER_BAR} x {sizes.embedding + STATES}")
    bar = [Box("input", f"embedding of a bar: {sizes.embedding}"), first, STATES_OF_LSTM, inputs]
    return [*bar, *others, Box("step", f"softmax: {STEPS_PER_BAR} x {STATES}")]

"""Metrics of a VAE on held-out melodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from melodylc.melody import HOLD, REST, repeated_bars
from melodylc.rules.key import SCALES
from melodylc.vae.data import TrainingWindows
from melodylc.vae.decoding import TEMPERATURE, decode
from melodylc.vae.model import MelodyVAE

ENCODED_AT_ONCE = 128  # melodies, which bounds the memory for activations
ACTIVE = 0.01  # variance of a dimension's mean above which it counts as active (Burda et al., 2016)


@dataclass(frozen=True)
class Metrics:
    """The metrics of a model: shares in [0, 1], KL in nats per melody.

    Reconstructions are free-running decodes of the mean of z by argmax, unless a comment says otherwise.
    """

    teacher_forced: float  # share of steps whose state is predicted, given the true states before it in the bar
    free_running: float  # share of steps whose state is reconstructed
    note: float  # share of the melody's notes that the reconstruction has at the same step and pitch
    note_sampled: float  # the same share for the decode of a draw of the posterior
    note_f1: float  # F1 of the notes, in which notes that the melody does not have count against the reconstruction
    kl: float
    active: int  # dimensions of z whose mean has a variance above 0.01 over the melodies
    prior_onsets: float  # notes per melody in draws of the prior, decoded by argmax
    data_onsets: float  # and in the melodies
    prior_rests: float  # share of steps that rest, in draws of the prior
    data_rests: float  # and in the melodies
    prior_in_scale: float  # mean share of notes in the best-fitting major scale, in draws of the prior
    data_in_scale: float  # and in the melodies
    repeats: float  # of 16 bars, those that repeat an earlier one exactly, in reconstructions
    repeats_warm: float  # in decodes of the mean of z at the default temperature
    prior_repeats: float  # in draws of the prior
    data_repeats: float  # and in the melodies
    melodies: int  # measured


def held_out(windows: TrainingWindows, count: int, seed: int = 0, by_file: bool = True) -> np.ndarray:
    """Return (count or fewer, 256) windows chosen at random.

    Args:
        by_file: give every file the same weight, so that long files do not dominate: one window of each file is taken
            in turn until there are enough. Otherwise every window has the same probability.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(windows.states))
    if not by_file:
        return windows.states[order[:count]]
    taken: dict[str, int] = {}
    turns = np.empty(len(order), int)  # how many windows of the same file come earlier in the order
    for position, index in enumerate(order):
        source = windows.sources[index]
        turns[position] = taken[source] = taken.get(source, -1) + 1
    return windows.states[order[np.argsort(turns, kind="stable")[:count]]]


@torch.no_grad()
def measure(model: MelodyVAE, states: np.ndarray, seed: int = 0) -> Metrics:
    """Measure a model on melodies (B, 256)."""
    device = next(model.parameters()).device
    means, sigmas, kls, right = [], [], [], []
    for part in np.array_split(states, -(-len(states) // ENCODED_AT_ONCE)):
        given = torch.from_numpy(part).to(device)
        posterior = model.encode(given)
        means.append(posterior.mean)
        sigmas.append(posterior.sigma)
        kls.append(posterior.kl().sum(dim=1))
        right.append((model.logits(posterior.mean, given).argmax(dim=-1) == given).float().mean())
    z = torch.cat(means)
    again = decode(model, z)
    onsets, again_onsets = states < HOLD, again < HOLD
    noise = torch.Generator().manual_seed(seed)
    sampled = decode(model, z + torch.cat(sigmas) * torch.randn(z.shape, generator=noise).to(z.device))
    warm = decode(model, z, temperature=TEMPERATURE, generator=noise)
    matched = (onsets & (states == again)).sum()
    prior = decode(model, torch.randn(z.shape, generator=noise).to(device))
    return Metrics(
        teacher_forced=float(torch.stack(right).mean()),
        free_running=float((states == again).mean()),
        note=float(matched / onsets.sum()),
        note_sampled=float((onsets & (states == sampled)).sum() / onsets.sum()),
        note_f1=float(2 * matched / (onsets.sum() + again_onsets.sum())),
        kl=float(torch.cat(kls).mean()),
        active=int((z.var(dim=0) > ACTIVE).sum()),
        prior_onsets=float((prior < HOLD).sum(axis=1).mean()),
        data_onsets=float(onsets.sum(axis=1).mean()),
        prior_rests=float((prior == REST).mean()),
        data_rests=float((states == REST).mean()),
        prior_in_scale=best_scale_share(prior),
        data_in_scale=best_scale_share(states),
        repeats=float(repeated_bars(again).mean()),
        repeats_warm=float(repeated_bars(warm).mean()),
        prior_repeats=float(repeated_bars(prior).mean()),
        data_repeats=float(repeated_bars(states).mean()),
        melodies=len(states),
    )


def best_scale_share(states: np.ndarray) -> float:
    """Return the mean over melodies (B, 256) of the share of notes in the major scale that fits each best."""
    return float(scale_shares(states).mean())


def scale_shares(states: np.ndarray) -> np.ndarray:
    """Return (B,) the share of notes of each melody (B, 256) in the major scale that fits it best, 0 without notes."""
    classes = np.stack([((states % 12 == c) & (states < HOLD)).sum(axis=1) for c in range(12)], axis=1)  # (B, 12)
    major = np.zeros(12)
    major[list(SCALES["major"])] = 1
    scales = np.stack([np.roll(major, root) for root in range(12)], axis=1)  # (12, 12)
    return np.asarray((classes @ scales).max(axis=1) / np.maximum(classes.sum(axis=1), 1))

"""What is measured of a VAE on held-out melodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from melodylc.melody import HOLD, REST, repeated_bars
from melodylc.vae.data import TrainingWindows
from melodylc.vae.decoding import TEMPERATURE, decode
from melodylc.vae.model import MelodyVAE


@dataclass(frozen=True)
class Metrics:
    """Shares in [0, 1], KL in nats per melody. Free-running decodes the mean of z by argmax."""

    teacher_forced: float  # steps whose state is predicted given the true states before it in the bar
    free_running: float  # steps whose state is reconstructed, free-running
    note: float  # onsets of the melody that the reconstruction has, same pitch and step
    note_sampled: float  # the same share for the decode of a draw of the posterior
    note_f1: float  # the same, with onsets the melody does not have counted against it
    kl: float
    active: int  # dimensions of z whose mean varies by more than 0.01 over melodies
    prior_onsets: float  # of decoded prior draws (argmax), beside the melodies' own:
    data_onsets: float
    prior_rests: float  # share of steps
    data_rests: float
    prior_in_scale: float  # mean share of notes in the best-fitting major scale
    data_in_scale: float
    repeats: float  # bars that repeat an earlier one exactly, of 16, in reconstructions (mean of z) by argmax,
    repeats_warm: float  # decoded at the default temperature,
    prior_repeats: float  # in decoded prior draws (argmax),
    data_repeats: float  # and in the melodies
    melodies: int


def held_out(windows: TrainingWindows, count: int, seed: int = 0, by_file: bool = True) -> np.ndarray:
    """(count or fewer, 256) windows chosen by the seed.

    By file, every file has the same say, so that one long file does not decide: one window of each is taken in turn,
    until there are enough.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(windows.states))
    if not by_file:
        return windows.states[order[:count]]
    seen: dict[str, int] = {}
    rounds = np.empty(len(order), int)
    for place, index in enumerate(order):
        source = windows.sources[index]
        rounds[place] = seen[source] = seen.get(source, -1) + 1
    return windows.states[order[np.argsort(rounds, kind="stable")[:count]]]


@torch.no_grad()
def measure(model: MelodyVAE, states: np.ndarray, seed: int = 0) -> Metrics:
    """Metrics of the model on melodies (B, 256)."""
    device = next(model.parameters()).device
    means, sigmas, kls, right = [], [], [], []
    for part in np.array_split(states, -(-len(states) // 128)):
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
        active=int((z.var(dim=0) > 0.01).sum()),
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
    """Mean over melodies (B, 256) of the share of notes in the major scale that fits each best."""
    classes = np.stack([((states % 12 == c) & (states < HOLD)).sum(axis=1) for c in range(12)], axis=1)  # (B, 12)
    major = np.zeros(12)
    major[[0, 2, 4, 5, 7, 9, 11]] = 1
    scales = np.stack([np.roll(major, root) for root in range(12)], axis=1)  # (12, 12)
    return float(((classes @ scales).max(axis=1) / np.maximum(classes.sum(axis=1), 1)).mean())

"""A tiny model, untrained, in the form users hold."""

import numpy as np


def make_tiny_model(preset, folder):
    """An untrained model in the form users hold."""
    import torch

    from melodylc.model import Model
    from melodylc.vae.bank import Bank
    from melodylc.vae.model import MelodyVAE

    torch.manual_seed(0)
    vae = MelodyVAE(preset.sizes).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    states = rng.integers(48, 84, (64, 256)).astype(np.uint8)
    states[rng.random(states.shape) < 0.7] = 128
    states[:, 0] = 60
    return Model(
        vae,
        {"temperature": 0.5},
        Bank.make(vae, states, 0.5, drawn=64),
        folder / "model.safetensors",
    )

"""What several tests need: melodies to draw from, MIDI bytes made by hand, a tiny model."""

import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from melodylc.vae import bank

settings.register_profile("here", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
torch.set_num_threads(1)  # the models here are small: threads would only wait for each other
bank.DRAWN = 128  # and those that are trained here are looked at, not learned on


@pytest.fixture
def every_core():
    """For what learns on the embedded model: there threads do not wait for each other."""
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(1)


@st.composite
def melodies(draw):
    """Canonical melodies (256,), from dense to empty."""
    from melodylc.melody import canonical

    onset, rest = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = draw(st.integers(0, 127))
    high = draw(st.integers(low, 127))
    kinds = rng.random(256)
    states = np.full(256, 128, np.uint8)
    states[kinds < rest * 0.5] = 129
    at = kinds >= 1 - onset
    states[at] = rng.integers(low, high + 1, at.sum())
    return canonical(states)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "big") + body


def midi(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    """A MIDI file of raw track bodies."""
    head = kind.to_bytes(2, "big") + len(tracks).to_bytes(2, "big") + division.to_bytes(2, "big")
    return chunk(b"MThd", head) + b"".join(chunk(b"MTrk", track) for track in tracks)


END = b"\x00\xff\x2f\x00"


def melody_bytes(seed, bars=24, division=96):
    """A MIDI file of one line of random eighths: bars - 15 windows."""
    rng = np.random.default_rng(seed)
    body = b""
    for _ in range(bars * 8):
        pitch = int(rng.integers(55, 80))
        body += bytes([0, 0x90, pitch, 80, division // 2, 0x80, pitch, 0])
    return midi(body + END, division=division)


def contents(corpus):
    """The bytes of each file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(corpus.iterdir())}


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory):
    """A small corpus of scales and arpeggios, extracted from files written for it."""
    from melodylc.extraction import extract
    from midi_io import files

    folder = tmp_path_factory.mktemp("midi") / "tunes"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(60):
        scale = np.array([0, 2, 4, 5, 7, 9, 11, 12]) + 55 + rng.integers(12)
        walk = np.clip(np.cumsum(rng.integers(-2, 3, 144)) % 8, 0, 7)
        notes = [files.Note(int(scale[w]), i / 2, i / 2 + 0.5) for i, w in enumerate(walk)]
        files.write(folder / f"tune{index:02d}.mid", notes, tempo=100)
    corpus = tmp_path_factory.mktemp("corpus") / "corpus"
    extract([folder], corpus, workers=1, progress=False)
    return corpus


@pytest.fixture(scope="session")
def tiny_preset():
    from melodylc.vae.presets import ModelPreset, Sizes, Stage

    return ModelPreset(
        name="tiny",
        sizes=Sizes(latent=8, encoder=12, conductor=10, embedding=14, decoder=16, bar_encoder=9, slice=5),
        stages=(
            Stage("bars", "bars", 6, 16, 1e-3, feedback_dropout=0.3, noise=0.5),
            Stage("phrases", "whole", 5, 4, 1e-3, bars_decoded=2, frozen_bars=True, embedding_loss=0.5),
            Stage("whole", "whole", 6, 4, 1e-3, bars_decoded=4, bar_loss=0.1, embedding_loss=0.1),
        ),
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_preset, tmp_path_factory):
    """An untrained model in the form users hold."""
    import torch

    from melodylc.model import Model
    from melodylc.vae.bank import Bank
    from melodylc.vae.model import MelodyVAE

    torch.manual_seed(0)
    vae = MelodyVAE(tiny_preset.sizes).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    states = rng.integers(48, 84, (64, 256)).astype(np.uint8)
    states[rng.random(states.shape) < 0.7] = 128
    states[:, 0] = 60
    return Model(
        vae,
        {"temperature": 0.5},
        Bank.make(vae, states, 0.5, drawn=64),
        tmp_path_factory.mktemp("tiny") / "model.safetensors",
    )

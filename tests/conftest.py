"""What several tests need: a tiny corpus, a tiny model."""

import functools
import os

# threads that wait for each other sleep: where another process has one of the cores, they would spin all along
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read where torch is imported, below

import numpy as np
import pytest
import torch
from filelock import FileLock
from hypothesis import HealthCheck, settings
from tiny import make_tiny_model

from melodylc.vae import bank, training

pytest_plugins = ["side_by_side"]

settings.register_profile("here", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
torch.set_num_threads(1)  # the models here are small: threads would only wait for each other
bank.DRAWN = training.BANK = 128  # and those that are trained here are looked at, not learned on


@pytest.fixture(scope="session", autouse=True)
def one_embedded_model():
    """The embedded model is read once, so that what is learned of it on first use is learned once."""
    from melodylc import model

    read = model.load
    embedded = functools.cache(read)

    @functools.wraps(read)
    def load(path=None, device=None):
        return embedded() if path is None and device is None else read(path, device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "load", load)
        yield


@pytest.fixture(scope="session", autouse=True)
def kernels_compiled_once(tmp_path_factory):
    """Where no kernel has been compiled yet, one process of the suite does, and the others take it from the cache."""
    from midi_io.compiled import Kernel, interpreting

    call, called = Kernel.__call__, set()
    base = tmp_path_factory.getbasetemp()
    # that of a process of pytest-xdist lies in the one they share; otherwise the parent is that of other runs too
    lock = FileLock((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels.lock")

    def alone_at_first(kernel, *arguments):
        if kernel in called or interpreting():
            return call(kernel, *arguments)
        called.add(kernel)
        with lock:
            return call(kernel, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "__call__", alone_at_first)
        yield


@pytest.fixture(autouse=True)
def own_draws():
    """Torch's own generator draws in each test what it would if no other had run before."""
    torch.manual_seed(0)


@pytest.fixture
def every_core():
    """For what learns on the embedded model: there threads do not wait for each other, where cores are free."""
    beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // beside))
    yield
    torch.set_num_threads(1)


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
    return make_tiny_model(tiny_preset, tmp_path_factory.mktemp("tiny"))

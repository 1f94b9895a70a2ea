import math
from dataclasses import replace

import pytest
import torch

from melodylc.extraction import Corpus
from melodylc.latent.processes import Processes
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import PRESETS
from melodylc.vae.trainer import WARM_UP, Trainer, learning_rate


def test_the_paper_preset_has_the_papers_sizes():
    """Section 9.2.3, every tensor. torch keeps two biases a gate; an LSTM has four gates."""
    with torch.device("meta"):
        vae = MelodyVAE(PRESETS["paper"].sizes)
    shapes = {name: tuple(value.shape) for name, value in vae.state_dict().items()}
    assert shapes == {
        # bidirectional LSTM of 2048 units over the 130 states
        "encoder.lstm.weight_ih_l0": (4 * 2048, 130),
        "encoder.lstm.weight_hh_l0": (4 * 2048, 2048),
        "encoder.lstm.bias_ih_l0": (4 * 2048,),
        "encoder.lstm.bias_hh_l0": (4 * 2048,),
        "encoder.lstm.weight_ih_l0_reverse": (4 * 2048, 130),
        "encoder.lstm.weight_hh_l0_reverse": (4 * 2048, 2048),
        "encoder.lstm.bias_ih_l0_reverse": (4 * 2048,),
        "encoder.lstm.bias_hh_l0_reverse": (4 * 2048,),
        # both final outputs to 1024 numbers: mean and softplus sigma of 512 dimensions
        "encoder.posterior.weight": (1024, 2 * 2048),
        "encoder.posterior.bias": (1024,),
        # z initialises h and c of two layers of 1024
        "conductor.initial.weight": (2 * 2 * 1024, 512),
        "conductor.initial.bias": (2 * 2 * 1024,),
        "conductor.lstm.weight_ih_l0": (4 * 1024, 1),  # a constant zero: the paper feeds this level nothing
        "conductor.lstm.weight_hh_l0": (4 * 1024, 1024),
        "conductor.lstm.bias_ih_l0": (4 * 1024,),
        "conductor.lstm.bias_hh_l0": (4 * 1024,),
        "conductor.lstm.weight_ih_l1": (4 * 1024, 1024),
        "conductor.lstm.weight_hh_l1": (4 * 1024, 1024),
        "conductor.lstm.bias_ih_l1": (4 * 1024,),
        "conductor.lstm.bias_hh_l1": (4 * 1024,),
        # 16 embeddings of 512
        "conductor.out.weight": (512, 1024),
        "conductor.out.bias": (512,),
        # each initialises the bar LSTM and is fed to it with the previous state
        "decoder.initial.weight": (2 * 2 * 1024, 512),
        "decoder.initial.bias": (2 * 2 * 1024,),
        "decoder.lstm.weight_ih_l0": (4 * 1024, 130 + 512),
        "decoder.lstm.weight_hh_l0": (4 * 1024, 1024),
        "decoder.lstm.bias_ih_l0": (4 * 1024,),
        "decoder.lstm.bias_hh_l0": (4 * 1024,),
        "decoder.lstm.weight_ih_l1": (4 * 1024, 1024),
        "decoder.lstm.weight_hh_l1": (4 * 1024, 1024),
        "decoder.lstm.bias_ih_l1": (4 * 1024,),
        "decoder.lstm.bias_hh_l1": (4 * 1024,),
        # softmax over 130 states
        "decoder.out.weight": (130, 1024),
        "decoder.out.bias": (130,),
    }
    encoder = 2 * (4 * 2048 * (130 + 2048) + 2 * 4 * 2048) + (1024 * 4096 + 1024)
    conductor = (4096 * 512 + 4096) + (4096 * (1 + 1024) + 8192) + (4096 * 2048 + 8192) + (512 * 1024 + 512)
    decoder = (4096 * 512 + 4096) + (4096 * (642 + 1024) + 8192) + (4096 * 2048 + 8192) + (130 * 1024 + 130)
    assert sum(p.numel() for p in vae.parameters()) == encoder + conductor + decoder == 72_605_314


def narrow(preset):
    """The preset with a sixteenth of its widths, its recipe with three examples a batch."""
    sizes = {name: max(width // 16, 1) if width else 0 for name, width in vars(preset.sizes).items()}
    stages = tuple(replace(stage, batch=3) for stage in preset.stages)
    return replace(preset, sizes=replace(preset.sizes, **sizes), stages=stages)


@pytest.mark.parametrize("name", PRESETS)
def test_every_stage_of_a_preset_trains(name, tiny_corpus, tmp_path, monkeypatch):
    """Each stage with all of its losses moves the weights it is there to train, and leaves the others."""
    monkeypatch.setattr("melodylc.vae.trainer.PRINCIPAL", 256)
    preset = narrow(PRESETS[name])
    trainer = Trainer(preset, Corpus(tiny_corpus), 0, Processes(torch.device("cpu")))
    for index, stage in enumerate(preset.stages):
        if index:
            trainer.enter(index)
        before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
        logged = [trainer.one_step() for _ in range(2)]  # outputs of zero weight pass no gradient on in the first
        assert all(math.isfinite(value) for row in logged for value in row.values())
        moved = {
            key.rsplit(".", 1)[0] for key, value in trainer.model.state_dict().items() if (value != before[key]).any()
        }
        modules = {key.rsplit(".", 1)[0] for key in before}
        upper = {key for key in modules if not key.startswith(("encoder.bar", "decoder"))}
        if stage.kind == "bars":
            assert moved == modules - upper
        else:
            assert moved == modules - {key for key in modules if stage.frozen_bars and key.startswith("encoder.bar")}


def test_the_papers_learning_rate_stays_and_ours_falls():
    """Adam at 3e-4 throughout, and a decay to a twentieth over the last steps of the small preset's stages."""
    (stage,) = PRESETS["paper"].stages
    rates = {learning_rate(stage, step) for step in range(WARM_UP, stage.steps, 97)}
    assert rates == {3e-4}
    for stage in PRESETS["small"].stages:
        at_peak, last = (learning_rate(stage, step) for step in (stage.steps // 2, stage.steps - 1))
        assert last == pytest.approx(at_peak / 20)


def test_the_small_preset_fits_in_24_megabytes_of_half_precision():
    with torch.device("meta"):
        vae = MelodyVAE(PRESETS["small"].sizes)
    assert 2 * sum(p.numel() for p in vae.parameters()) < 24e6

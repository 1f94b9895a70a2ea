import torch

from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import PRESETS


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


def test_the_paper_preset_trains_with_the_papers_optimiser():
    (stage,) = PRESETS["paper"].stages
    assert (stage.learning_rate, stage.bars_decoded, stage.feedback_dropout, stage.decay) == (3e-4, 16, 0.0, 0.0)


def test_the_small_preset_fits_in_24_megabytes_of_half_precision():
    with torch.device("meta"):
        vae = MelodyVAE(PRESETS["small"].sizes)
    assert 2 * sum(p.numel() for p in vae.parameters()) < 24e6

"""Figure 13c shows what the networks of melodies are: against the paper's text, and against their weights."""

import pytest
import torch
from PIL import Image

from melodylc.cli import main
from melodylc.evaluation.diagrams import columns_of_vae
from melodylc.runtime.sizes import Sizes
from melodylc.vae.model import MelodyVAE
from melodylc.vae.presets import PRESETS


def _texts(boxes):
    return [box.text for box in boxes]


def _weights(vae):
    return sum(weights.numel() for weights in vae.parameters())


def test_the_papers_melody_vae():
    """Section 9.2.3; its concatenated final outputs, 2 x 2048, are where the sequence ends."""
    vae = MelodyVAE(PRESETS["paper"].sizes)
    columns = columns_of_vae(vae)
    assert _texts(columns["encoder"]) == [
        "melody: 256 x 130",
        "bidirectional LSTM: 256 x 4096",
        "linear: 1024",
        "mean, softplus: sigma: 2 x 512",
    ]
    assert _texts(columns["conductor"]) == [
        "z ~ N(mean, sigma): 512",
        "linear: 4096",
        "states h and c of both layers",
        "LSTM, 2 layers: 16 x 1024",
        "linear: 16 x 512",
    ]
    assert _texts(columns["decoder of each bar"]) == [
        "embedding of a bar: 512",
        "linear: 4096",
        "states h and c of both layers",
        "embedding beside the state before: 16 x 642",
        "LSTM, 2 layers: 16 x 1024",
        "linear: 16 x 130",
        "softmax: 16 x 130",
    ]
    assert sum(box.parameters for boxes in columns.values() for box in boxes) == _weights(vae)


@pytest.mark.parametrize("slices", [0, 3])
def test_a_hierarchical_encoder_and_a_conductor_with_inputs(slices):
    # without slices the encoder of this size is flat, as the paper's
    sizes = Sizes(
        latent=4, encoder=5, conductor=6, embedding=7, decoder=8, bar_encoder=9 if slices else 0, slice=slices
    )
    vae = MelodyVAE(sizes)
    columns = columns_of_vae(vae)
    assert sum(box.parameters for boxes in columns.values() for box in boxes) == _weights(vae)
    if slices:
        assert _texts(columns["encoder"]) == [
            "each bar: 16 x 130",
            "bidirectional LSTM: 16 x 18",
            "linear: 7",
            "normalised, of all bars: 16 x 7",
            "bidirectional LSTM, 2 layers: 16 x 10",
            "beside them: 16 x 17",
            "linear: 16 x 3",
            "linear: 8",
            "mean, softplus: sigma: 2 x 4",
        ]
        assert _texts(columns["conductor"]) == [
            "z ~ N(mean, sigma): 4",
            "linear: 24",
            "states h and c of both layers",
            "linear: 48",
            "inputs: 16 x 3",
            "LSTM, 2 layers: 16 x 6",
            "beside the inputs: 16 x 9",
            "linear: 16 x 7",
            "normalised",
        ]


def test_drawing_leaves_the_networks_as_they_are():
    torch.manual_seed(0)
    vae = MelodyVAE(Sizes(latent=4, encoder=5, conductor=6, embedding=7, decoder=8))
    before = {name: weights.clone() for name, weights in vae.state_dict().items()}
    columns_of_vae(vae)
    assert all(torch.equal(before[name], weights) for name, weights in vae.state_dict().items())
    assert not any(module._forward_hooks for module in vae.modules())


def test_the_command_draws_the_embedded_model(tmp_path, capsys):
    assert main(["evaluate", "--networks", "--out", str(tmp_path / "out")]) == 0
    path = tmp_path / "out" / "figure13.png"
    assert str(path) in capsys.readouterr().out
    assert list((tmp_path / "out").iterdir()) == [path]
    with Image.open(path) as image:
        assert image.width > 600

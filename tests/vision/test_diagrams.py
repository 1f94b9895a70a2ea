"""Figures 12 and 13 show what the networks are: against the paper's text, and against their weights."""

import pytest
import torch

from melodylc.latent import adversarial
from melodylc.latent.diagrams import draw
from vision import diagrams
from vision.models import VAE
from vision.presets import CELEBA, MNIST


def _texts(boxes):
    return [box.text for box in boxes]


def _size(boxes):
    return sum(box.parameters for box in boxes)


def test_the_papers_actor_and_critic():
    with torch.device("meta"):
        actor, critic = adversarial.networks(1024, CELEBA["paper"].constraint("free"), 10)
        of_actor, of_critic = (diagrams.column_of_constraint(network, 1024) for network in (actor, critic))
    beginning = ["labels: 10", "linear: 2048", "beside z: 1024"] + ["linear: 2048, ReLU"] * 4
    assert _texts(of_actor) == [*beginning, "linear: 2048", "(1 - gate) z + gate dz, gate: sigmoid"]
    assert _texts(of_critic) == [*beginning, "linear: 1", "sigmoid: D(z)"]
    for network, boxes in ((actor, of_actor), (critic, of_critic)):
        assert _size(boxes) == sum(weights.numel() for weights in network.parameters())


def test_an_unlabelled_critic_begins_with_z():
    (_, critic) = adversarial.networks(8, MNIST["smoke"].constraint("realism"))
    assert _texts(diagrams.column_of_constraint(critic, 8)) == [
        "z: 8",
        "linear: 16, ReLU",
        "linear: 1",
        "sigmoid: D(z)",
    ]


def test_the_papers_vae_of_digits():
    with torch.device("meta"):
        columns = diagrams.columns_of_vae(VAE((1, 28, 28), MNIST["paper"].architecture, 0.1), (1, 28, 28))
    linear = ["linear: 1024, ReLU"] * 3
    assert _texts(columns["encoder"]) == [
        "image: 28 x 28 x 1",
        "flatten: 784",
        *linear,
        "linear: 2048",
        "mean, softplus: sigma: 2 x 1024",
    ]
    assert _texts(columns["decoder"]) == [
        "z ~ N(mean, sigma): 1024",
        *linear,
        "linear: 784",
        "reshape: 28 x 28 x 1",
        "sigmoid: 28 x 28 x 1",
    ]


@pytest.mark.parametrize("listed", [True, False])
def test_the_papers_vae_of_faces(listed):
    preset = CELEBA["paper"].as_listed() if listed else CELEBA["paper"]
    with torch.device("meta"):
        vae = VAE((3, 64, 64), preset.architecture, 0.1)
        columns = diagrams.columns_of_vae(vae, (3, 64, 64))
    widths, kernels = (2048, 1024, 512, 256), (3, 3, 5, 5)
    if not listed:
        widths, kernels = widths[::-1], kernels[::-1]
    assert _texts(columns["encoder"])[1:5] == [
        f"convolution {kernel} x {kernel}, stride 2: {side} x {side} x {width}, ReLU"
        for kernel, width, side in zip(kernels, widths, (32, 16, 8, 4), strict=True)
    ]
    assert _texts(columns["decoder"])[1:7] == [
        "linear: 32768",
        "reshape: 4 x 4 x 2048",
        "transposed convolution 5 x 5, stride 2: 8 x 8 x 1024, ReLU",
        "transposed convolution 5 x 5, stride 2: 16 x 16 x 512, ReLU",
        "transposed convolution 3 x 3, stride 2: 32 x 32 x 256, ReLU",
        "transposed convolution 3 x 3, stride 2: 64 x 64 x 3",
    ]
    assert sum(map(_size, columns.values())) == sum(weights.numel() for weights in vae.parameters())


def test_every_box_is_drawn_once_and_none_over_another():
    (actor, critic) = adversarial.networks(8, MNIST["smoke"].constraint("free"), 10)
    columns = {"actor": diagrams.column_of_constraint(actor, 8), "critic": diagrams.column_of_constraint(critic, 8)}
    figure = draw(columns)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [text for text in axes.texts if text.get_bbox_patch() is not None]
    assert [text.get_text() for text in boxes] == _texts(columns["actor"]) + _texts(columns["critic"])
    places = [text.get_window_extent() for text in boxes]
    assert not any(a.overlaps(b) for at, a in enumerate(places) for b in places[:at])

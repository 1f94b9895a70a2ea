"""What figures show: published rows, unmoved draws, one scale of colours, an axis on which an optimum is seen."""

import drawn
import pytest
import torch

from vision import figures, published
from vision.data import celeba, mnist
from vision.experiments import comparison, conditional, contours, coverage, likelihood
from vision.presets import CELEBA, MNIST
from vision.workspace import Workspace


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return Workspace(mnist.load(drawn.mnist(folder)), MNIST["smoke"], folder / "out", progress=False)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    return Workspace(celeba.load(drawn.celeba(folder / "celeba")), CELEBA["smoke"], folder / "out", progress=False)


def test_what_was_published_stands_in_the_tables_that_it_belongs_to(digits, faces):
    of_faces = published.TABLE_1.keys() | published.ICGAN.keys()
    for run in (conditional.run, comparison.run):
        assert of_faces <= run(faces)["rows"].keys()
        assert not of_faces & run(digits)["rows"].keys()
    table = likelihood.table(faces)
    assert table["rows"]["paper: 0.01"] == {"log_likelihood": 15680, "kl": 600, "elbo": 15080}
    assert table["best_sigma_x_squared"] in table["rows"].keys() - published.table_4(faces.data).keys()
    assert not any(name.startswith("paper") for name in likelihood.table(digits)["rows"])
    assert coverage.run(digits)["rows"].keys() >= published.COVERAGE.keys()


@pytest.mark.parametrize("name", published.TABLE_4)
def test_the_elbo_of_table_4_is_what_its_other_columns_say(name):
    row = published.TABLE_4[name]
    assert row["elbo"] == row["log_likelihood"] - row["kl"]


def test_the_first_column_of_conditional_samples_is_the_unmoved_draw(digits):
    vae, z = digits.vae(), torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    columns = digits.data.columns[1]
    shown = conditional.sheet(digits, lambda z, y: z + y[:, :8], z, columns)
    assert shown.shape == (3, 11, 1, 28, 28)
    torch.testing.assert_close(shown[:, 0], digits.decode(vae.decoder, z))
    torch.testing.assert_close(shown[:, 5], digits.decode(vae.decoder, z + columns[4, :8]))


def test_the_maps_of_figure_3_have_one_scale_of_colours(digits, monkeypatch):
    drawn_figures = []
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn_figures.append(figure))
    contours.run(digits)
    (figure,) = drawn_figures
    maps = [found for axes in figure.axes for found in axes.collections if hasattr(found, "levels")]
    assert [(found.levels[0], found.levels[-1], found.norm.vmin, found.norm.vmax) for found in maps] == [
        (0, 1, 0, 1),
        (0, 1, 0, 1),
    ]


@pytest.mark.parametrize("table", ["paper", "quick"])
def test_the_optimum_of_table_4_is_seen(table):
    quick = dict(zip(published.TABLE_4, (-742.4, 67.9, 251.7, -5112.0, -68_599.0), strict=True))  # of MNIST
    rows = {name: {"log_likelihood": elbo, "elbo": elbo} for name, elbo in quick.items()}
    size = 784
    if table == "paper":
        rows, size = published.TABLE_4, published.TABLE_4_DIMENSIONS
    figure = likelihood.curves(rows, size)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    height = [
        axes.transAxes.inverted().transform(axes.transData.transform((1, row["elbo"] / size)))[1]
        for row in rows.values()
    ]
    best, second = sorted(height, reverse=True)[:2]
    assert height.index(best) == list(rows).index("0.01")
    assert best - second > 0.015  # of the height: six pixels and more
    assert 0 <= min(height) < best <= 1

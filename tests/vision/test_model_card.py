"""The cards of trained networks: their metadata is YAML, and what they say of loading works."""

import json
import re

import drawn
import pytest
import torch

from vision.baselines import icgan, systems
from vision.data import celeba, mnist
from vision.experiments import coverage
from vision.presets import CELEBA, MNIST
from vision.priors import known
from vision.workspace import Workspace

NETWORKS = {
    "classifier": lambda workspace: workspace.classifier(),
    "vae-sigma0.1-steps4": lambda workspace: workspace.vae(),
    "vae-sigma0-steps4": lambda workspace: workspace.vae(0.0, training=workspace.preset.variants),
    "vae-sigma0.1-steps4-labels": lambda workspace: workspace.vae(conditional=True),
    "distance": lambda workspace: workspace._adversaries("distance", None),
    "inner": lambda workspace: workspace._adversaries("inner", None),  # a critic without an actor
    "attribute-critic": lambda workspace: workspace.attribute_critic(),
    "pixels-wgan-gp": lambda workspace: systems.trained(workspace, "WGAN-GP"),
    "icgan": lambda workspace: icgan.trained(workspace).encoder,
    "prior-vae": lambda workspace: known.trained(workspace, "VAE"),
    "coverage-cqf-residual": lambda workspace: coverage.model_of(workspace, "CQF, residual"),
}


@pytest.fixture(scope="module", params=["mnist", "celeba"])
def trained(request, tmp_path_factory):
    """A folder of networks, its data, and the networks as they were trained."""
    folder = tmp_path_factory.mktemp(request.param)
    root = getattr(drawn, request.param)(folder / "data")
    load, presets = {"mnist": (mnist.load, MNIST), "celeba": (celeba.load, CELEBA)}[request.param]
    workspace = Workspace(load(root), presets["smoke"], folder / "out", seed=3, progress=False)
    return request.param, folder, {name: make(workspace) for name, make in NETWORKS.items()}


def metadata(text):
    """The lines between the first two of dashes, each a name and a value in JSON, which YAML includes."""
    lines = text.split("---\n")[1].splitlines()
    return {name: json.loads(value) for name, value in (line.split(": ", 1) for line in lines)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_card_says_what_a_network_is(trained, name):
    data, folder, _ = trained
    text = (folder / "out" / "models" / f"{name}.md").read_text()
    found = metadata(text)
    assert found["datasets"] == [data]
    assert found["license"] == {"mnist": "cc-by-sa-3.0", "celeba": "other"}[data]
    assert f"# {name}\n" in text
    assert "Preset `smoke`, seed 3" in text
    for heading in ("Data", "Training", "Metrics", "How to load"):
        assert f"\n## {heading}\n" in text
    if name in ("classifier", "attribute-critic"):
        (result,) = found["model-index"][0]["results"]
        assert result["task"] == {"type": "image-classification"}
        metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
        assert 0 <= metrics["accuracy"] <= 1
        assert f"| accuracy | {metrics['accuracy']:.4g} |" in text


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_card_says_of_loading_gives_the_network(trained, name, monkeypatch):
    _, folder, networks = trained
    models = folder / "out" / "models"
    (code,) = re.findall(r"```python\n(.*?)```", (models / f"{name}.md").read_text(), re.DOTALL)
    monkeypatch.chdir(models)
    variables: dict[str, object] = {}
    exec(code, variables)
    loaded, trained_weights = variables["network"].state_dict(), networks[name].state_dict()
    assert loaded.keys() == trained_weights.keys()
    assert all(torch.equal(loaded[key], value) for key, value in trained_weights.items())

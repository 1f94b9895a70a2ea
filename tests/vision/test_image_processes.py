"""Several processes train the image networks: gloo averages their gradients, torchrun starts the commands."""

import json
import re

import drawn
import launched
import pytest
import torch
import train_images_together
from safetensors.torch import load_file

from melodylc.base import torchrun
from melodylc.latent.optimisers import adam
from melodylc.latent.processes import ALONE

KINDS = ",".join(train_images_together.KINDS)
CLOSE = 2e-3  # of weights that moved by some hundredths: sums of gradients are made in another order


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return drawn.mnist(tmp_path_factory.mktemp("digits"))


def train(processes, *arguments):
    return launched.forked(processes, train_images_together.__file__, *arguments)


@pytest.fixture(scope="module")
def alone(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("together") / "alone"
    ended = train(1, KINDS, digits, out)
    assert ended.returncode == 0, ended.stderr
    return out


def curves(out):
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in out.glob("*.curve")}


def same_curves(out, other):
    known = curves(other)
    for name, rows in curves(out).items():
        for row, expected in zip(rows, known[name], strict=True):
            assert row == pytest.approx(expected, rel=2e-3), name


def is_cancelled(name, tensors):
    """Whether a bias is taken out by the batch normalisation after it, or this is the mean that takes it out.

    The gradient of such a bias is nothing but rounding errors, by which Adam moves it all the same.
    """
    if name.endswith(".running_mean"):
        return True
    layer = re.fullmatch(r"(.+\.)(\d+)\.bias", name)
    return layer is not None and f"{layer[1]}{int(layer[2]) + 1}.running_mean" in tensors


def same_weights(out, other):
    written = sorted((out / "models").iterdir())
    assert written
    assert {path.suffix for path in written} == {".safetensors", ".md"}  # no checkpoint is left
    for path in [path for path in written if path.suffix == ".safetensors"]:
        found, known = load_file(path), load_file(other / "models" / path.name)
        assert found.keys() == known.keys()
        for name, value in known.items():
            if is_cancelled(name, known):
                assert found[name].isfinite().all()
                continue
            torch.testing.assert_close(found[name], value, rtol=0, atol=CLOSE, msg=lambda m, n=path.name: f"{n}: {m}")


def test_two_processes_follow_the_curves_of_one(digits, alone, tmp_path):
    ended = train(2, KINDS, digits, tmp_path / "two")
    assert ended.returncode == 0, ended.stderr
    assert len(curves(alone)) == len(train_images_together.KINDS)
    same_curves(tmp_path / "two", alone)
    same_weights(tmp_path / "two", alone)


def test_a_training_of_two_processes_is_stopped_by_one_and_resumed_by_four(digits, alone, tmp_path):
    ended = train(2, "actor", digits, tmp_path / "run", "--stop", 6)  # of the VAE's four steps and the actor's three
    assert ended.returncode != 0
    models = tmp_path / "run" / "models"
    vae = "vae-sigma0.1-steps4"
    left = ["distance.checkpoint", f"{vae}.md", f"{vae}.safetensors"]
    assert sorted(path.name for path in models.iterdir()) == left
    ended = train(4, "actor", digits, tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    same_curves(tmp_path / "run", alone)
    same_weights(tmp_path / "run", alone)


def test_the_command_in_several_processes_writes_and_says_what_it_does_in_one(digits, tmp_path):
    said = []
    for processes in (1, 2):
        arguments = ["scales", "--data", digits, "--out", "out", "--preset", "smoke", "--quiet", "--device", "cpu"]
        folder = tmp_path / str(processes)
        folder.mkdir()
        ended = launched.together(processes, "-m", "vision.mnist", *arguments, folder=folder)
        assert ended.returncode == 0, ended.stderr
        said.append(ended.stdout)
    one, two = (tmp_path / name / "out" for name in ("1", "2"))
    assert [path.relative_to(one) for path in sorted(one.rglob("*"))] == [
        path.relative_to(two) for path in sorted(two.rglob("*"))
    ]
    first, second = (json.loads((out / "scales.json").read_text())["result"] for out in (one, two))
    assert second["mean"] == pytest.approx(first["mean"], abs=CLOSE)
    assert len(said[1].splitlines()) == len(said[0].splitlines())


def test_more_processes_than_a_batch_can_be_shared_by(digits, tmp_path):
    ended = launched.together(
        3, "-m", "vision.mnist", "scales", "--data", digits, "--preset", "smoke", "--device", "cpu", folder=tmp_path
    )
    assert ended.returncode != 0
    expected = "vision.mnist: train: expected processes that share batches of 16 equally, got 3"
    assert ended.stderr.count(expected) == 1  # of three that all fail, the first says it
    assert list(tmp_path.iterdir()) == []


FAILING = """
import os, sys, time
from datetime import timedelta
from melodylc.base import torchrun
from melodylc.cli import main
from vision import mnist
if sys.argv[1] == "second alone":
    torchrun.PATIENCE = timedelta(seconds=1)
    if os.environ["RANK"] == "0":
        time.sleep(300)  # torchrun ends it
run = mnist.entry if sys.argv[2] == "vision" else main
sys.exit(run(sys.argv[3:]))
"""


@pytest.mark.parametrize("failing", ["second alone", "both"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("vision", "scales", "--data", "nowhere", "--device", "meta"), "vision.mnist: device: expected cpu, or cuda"),
        (("melodylc", "train", "nowhere", "--out", "run"), "melodylc: corpus: expected a folder"),
    ],
)
def test_an_error_is_said_once_whoever_has_it(arguments, expected, failing, tmp_path):
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    ended = launched.together(2, script, failing, *arguments, folder=tmp_path)
    assert ended.returncode != 0
    assert sum(line.startswith(expected) for line in ended.stderr.splitlines()) == 1, ended.stderr


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "1"}, True),  # left by another program
        ({"WORLD_SIZE": "2", "RANK": "1"}, False),
        ({"WORLD_SIZE": "2", "RANK": "0"}, True),
    ],
)
def test_the_first_process_is_known_from_what_torchrun_set(environment, first, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert torchrun.is_first() == first
    assert torchrun.tells_error()  # with nobody to ask, it is said


def test_one_process_descends_as_it_is():
    optimiser = adam(torch.nn.Linear(2, 1).parameters())
    with ALONE.averaging([optimiser]):
        assert optimiser.prepare is None
    rows = torch.arange(6.0).view(3, 2)
    assert ALONE.gathered(rows) is rows
    with ALONE.first_alone():
        pass

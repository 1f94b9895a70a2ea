"""The commands of the image experiments, on drawn digits and faces, in the smallest preset."""

import json
import os
import subprocess
import sys

import drawn
import pytest
import torch
from imports import imports_beyond

import vision
from melodylc.base.errors import UserError
from vision import celeba, mnist, training_loop
from vision.classifier_training import jittered
from vision.command import EXPERIMENTS
from vision.data import mnist as mnist_data
from vision.presets import MNIST
from vision.training_loop import TrainingRun
from vision.workspace import Workspace


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return drawn.mnist(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return drawn.celeba(tmp_path_factory.mktemp("faces") / "celeba")


def _run(command, data, out, *more):
    return command.entry([*more, "--data", str(data), "--out", str(out), "--preset", "smoke", "--quiet"])


@pytest.mark.parametrize("name", ["mnist", "celeba"])
def test_every_experiment_writes_its_numbers_and_its_figure(name, digits, faces, tmp_path, capsys):
    command, data = (mnist, digits) if name == "mnist" else (celeba, faces)
    assert _run(command, data, tmp_path, "all") == 0
    printed = capsys.readouterr().out
    expected = [key for key in EXPERIMENTS if key != "coverage" or name == "mnist"]
    for key in expected:
        written = json.loads((tmp_path / f"{key}.json").read_text())
        assert written["result"]
        assert (tmp_path / f"{key}.png").read_bytes()[:4] == b"\x89PNG"
        assert EXPERIMENTS[key][1] in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(f"{key}.json" for key in expected), *(f"{key}.png" for key in expected), "models"]
    )
    # what is there is not made again, only shown again
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert _run(command, data, tmp_path, "all") == 0
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_same_seed_gives_the_same_numbers(digits, tmp_path):
    found = []
    for out, seed in (("one", "5"), ("two", "5"), ("three", "6")):
        assert _run(mnist, digits, tmp_path / out, "conditional", "--seed", seed) == 0
        found.append(json.loads((tmp_path / out / "conditional.json").read_text())["result"])
    assert found[0] == found[1] != found[2]


def test_other_settings_in_the_same_folder_are_refused(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "scales") == 0
    for more in (["--seed", "1"], ["--objective", "beta:2"]):
        capsys.readouterr()
        assert _run(mnist, digits, tmp_path, "scales", *more) == 2
        error = capsys.readouterr().err
        assert "scales.json was made with other data, seed, preset or objective; name another --out" in error
        assert error.count("\n") == 1
    assert _run(mnist, digits, tmp_path, "sharpen", "--seed", "1") == 2
    assert "was made with another data" in capsys.readouterr().err  # the seed splits the data too


@pytest.mark.parametrize("text", ["", "{", "[]", '{"of": 1}'])
def test_a_damaged_result_is_named(text, digits, tmp_path, capsys):
    (tmp_path / "scales.json").write_text(text)
    assert _run(mnist, digits, tmp_path, "scales") == 2
    assert "scales.json: expected a result of an experiment" in capsys.readouterr().err


def test_damaged_weights_are_named(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "likelihood") == 0
    weights = next((tmp_path / "models").iterdir())
    os.truncate(weights, 100)
    assert _run(mnist, digits, tmp_path, "scales") == 2
    error = capsys.readouterr().err
    assert f"{weights.name}: expected weights of an experiment" in error
    assert error.count("\n") == 1


def test_broken_data_is_one_line(tmp_path, faces):
    run = subprocess.run(
        [sys.executable, "-m", "vision.mnist", "sharpen", "--data", str(tmp_path), "--preset", "smoke"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("vision.mnist: mnist: no train-images-idx3-ubyte")
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_images_of_labels_of_ones_own(digits, faces, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path / "m", "generate", "--ask", "7", "--ask", "3", "--actor", "free") == 0
    assert list(json.loads((tmp_path / "m" / "generate.json").read_text())["result"]["rows"]) == ["7", "3"]
    asks = ["--ask", "eyeglasses, hat, smiling", "--ask", "none"]
    assert _run(celeba, faces, tmp_path / "c", "generate", *asks) == 0
    assert (tmp_path / "c" / "generate.png").read_bytes()[:4] == b"\x89PNG"
    for command, data, text in ((mnist, digits, "ten"), (mnist, digits, "1, 2"), (celeba, faces, "hat, shoes")):
        capsys.readouterr()
        assert _run(command, data, tmp_path / "x", "generate", "--ask", text) == 2
        assert f"got {text!r}" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_what_is_missing_is_said_before_anything_is_made(digits, tmp_path, capsys, monkeypatch):
    from vision import command

    monkeypatch.setattr(command, "find_spec", lambda package: None)
    assert _run(mnist, digits, tmp_path / "x", "scales") == 2
    assert "pip install 'melodylc[vision]'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_device_that_is_not_there_is_one_line(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "scales", "--device", "nonsense") == 2
    assert "--device: nonsense cannot be used here" in capsys.readouterr().err


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    def run(folder, stop=None):
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 1)
        adam = training_loop.adam(net, 1e-2)

        def step(number):
            if number == stop:
                raise KeyboardInterrupt
            loss = (net(torch.randn(8, 3)) - 1).square().mean()
            training_loop.descend(adam, loss)
            return {"loss": loss.item()}

        parts = {"net": (net, adam)}
        checkpoint = folder / "net.checkpoint"
        folder.mkdir(exist_ok=True)
        training_loop.train(step, parts, 20, TrainingRun(checkpoint, {"width": 3}, 7, "net", progress=False))
        return net.weight.detach().clone()

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", stop=13)
    assert torch.equal(run(tmp_path / "cut"), whole)
    other = TrainingRun(tmp_path / "cut" / "net.checkpoint", {"width": 4}, 7, "net")
    with pytest.raises(UserError, match="made with other settings"):
        training_loop.train(lambda _: {}, {}, 20, other)


def test_a_workspace_interrupted_anywhere_ends_with_the_same_weights(digits, tmp_path, monkeypatch):
    data = mnist_data.load(digits)

    def actor(out):
        return Workspace(data, MNIST["smoke"], out, progress=False).actor("free").state_dict()

    whole = actor(tmp_path / "whole")
    from melodylc.latent import adversarial

    real = adversarial.train_adversaries

    def stopped(*args, on_step, **kwargs):
        def stop(row):
            on_step(row)
            raise KeyboardInterrupt

        return real(*args, on_step=stop, **kwargs)

    monkeypatch.setattr(adversarial, "train_adversaries", stopped)
    with pytest.raises(KeyboardInterrupt):  # the VAE is stored, the half-trained actor is not
        actor(tmp_path / "cut")
    assert not (tmp_path / "cut" / "models" / "free.safetensors").exists()
    monkeypatch.undo()
    again = actor(tmp_path / "cut")
    assert all(torch.equal(again[name], value) for name, value in whole.items())


def test_a_stopped_run_says_where_it_continues_from(digits, tmp_path, monkeypatch, capsys):
    def stop(workspace):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXPERIMENTS, "scales", (stop, "stopped"))
    assert mnist.entry(["scales", "--data", str(digits), "--preset", "smoke", "--quiet"]) == 130
    assert "the same command continues from mnist-smoke" in capsys.readouterr().err


def test_jitter_shifts_whole_images_and_no_further_than_its_reach():
    torch.manual_seed(0)
    x = torch.zeros(50, 2, 9, 9)
    x[:, 0, 4, 4], x[:, 1, 4, 4] = 1, 2
    moved = jittered(x, 2, mirror=False)
    for image in moved:
        (row, column) = (image[0] == 1).nonzero()[0].tolist()
        assert abs(row - 4) <= 2 and abs(column - 4) <= 2  # noqa: PT018
        assert image[1, row, column] == 2
        assert image.sum() == 3
    assert len({tuple((image[0] == 1).nonzero()[0].tolist()) for image in moved}) > 10
    x[:, 0, 4, 0] = 3
    flipped = (jittered(x, 0, mirror=True)[:, 0, 4, 8] == 3).float().mean()
    assert 0.2 < flipped < 0.8


def test_vision_takes_nothing_of_melodylc_but_its_base_and_its_latent_space():
    assert imports_beyond(vision, "vision", "melodylc.base", "melodylc.latent") == []


def test_the_commands_load_nothing_of_melodies():
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json, sys, vision.mnist, vision.celeba; "
            "print(json.dumps([n for n in sys.modules if n.split('.')[0] in ('melodylc', 'midi_io')]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    shared = ("melodylc.base", "melodylc.latent")
    modules = {name for name in json.loads(run.stdout) if not name.startswith(shared)}
    assert modules == {"melodylc", "midi_io", "midi_io.atomic"}

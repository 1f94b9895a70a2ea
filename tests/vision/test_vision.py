"""The commands of the image experiments, on drawn digits and faces, in the smallest preset."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace

import drawn
import pytest
import torch
from imports import imports_beyond
from PIL import Image
from safetensors import SafetensorError

import vision
from melodylc.base.errors import UserError
from melodylc.base.locks import held
from melodylc.base.signals import Stopped
from melodylc.latent.adversarial import AdversarialLearning, AttributeLearning
from vision import celeba, command, figures, mnist, network_store, training_loop
from vision.classifier_training import jittered
from vision.command import LOCK
from vision.data import celeba as celeba_data
from vision.data import mnist as mnist_data
from vision.experiments import pictures
from vision.experiments.catalogue import EXPERIMENTS, Experiment
from vision.presets import CELEBA, MNIST, ExperimentPreset
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
    asked, data = (mnist, digits) if name == "mnist" else (celeba, faces)
    assert _run(asked, data, tmp_path, "all") == 0
    printed = capsys.readouterr().out
    for key in EXPERIMENTS:
        written = json.loads((tmp_path / f"{key}.json").read_text())
        assert written["result"]
        assert (tmp_path / f"{key}.png").read_bytes()[:4] == b"\x89PNG"
        assert EXPERIMENTS[key].title in printed
    kept = [path.name for path in tmp_path.glob("images-*.npy")]  # decoded images, of faces only
    assert len(kept) == (2 if name == "celeba" else 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(f"{key}.json" for key in EXPERIMENTS), *(f"{key}.png" for key in EXPERIMENTS), "models", *kept, LOCK]
    )
    # what is there is not made again, only shown again
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != LOCK]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert _run(asked, data, tmp_path, "all") == 0
    assert capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert set(tmp_path.rglob("*.*")) == {*files, tmp_path / LOCK}


def test_the_same_seed_gives_the_same_numbers(digits, tmp_path):
    found = []
    for out, seed in (("one", "5"), ("two", "5"), ("three", "6")):
        assert _run(mnist, digits, tmp_path / out, "conditional", "--seed", seed) == 0
        found.append(json.loads((tmp_path / out / "conditional.json").read_text())["result"])
    assert found[0] == found[1] != found[2]


def test_other_settings_in_the_same_folder_are_refused(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "scales") == 0
    for more, other in ((["--seed", "1"], "data and seed"), (["--objective", "beta:2"], "objective (kl)")):
        capsys.readouterr()
        assert _run(mnist, digits, tmp_path, "scales", *more) == 2
        error = capsys.readouterr().err
        assert f"scales.json was made with another {other}; name another --out" in error
        assert error.count("\n") == 1
    assert _run(mnist, digits, tmp_path, "sharpen", "--seed", "1") == 2
    assert "was made with another data" in capsys.readouterr().err  # the seed splits the data too


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"of": {}, "seconds": 1, "result": {"rows": {"a": {"b": null}}}}',
        '{"of": {}, "seconds": 1, "result": {"a": 1' + "0" * 400 + "}}",
        "[]",
        '{"of": 1}',
        '{"of": {}, "seconds": 1, "result": {"rows": {"a": {"b": "c"}}}}',
        '{"of": {}, "seconds": Infinity, "result": {}}',
        '{"of": {}, "seconds": 1, "result": {"rows": {"a": {"b": 1' + "0" * 400 + "}}}}",
        "[" * 100_000,
    ],
)
def test_a_damaged_result_is_named(text, digits, tmp_path, capsys):
    (tmp_path / "scales.json").write_text(text)
    assert _run(mnist, digits, tmp_path, "scales") == 2
    assert "scales.json: expected a result of an experiment" in capsys.readouterr().err


def test_a_figure_that_is_gone_is_named_with_what_makes_it(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "networks") == 0
    figure, numbers = tmp_path / "networks.png", (tmp_path / "networks.json").read_bytes()
    first = figure.read_bytes()
    figure.unlink()
    capsys.readouterr()
    assert _run(mnist, digits, tmp_path, "networks") == 0
    assert "networks.png is gone (--again makes it)" in capsys.readouterr().out
    assert not figure.exists()
    assert (tmp_path / "networks.json").read_bytes() == numbers
    assert _run(mnist, digits, tmp_path, "networks", "--again") == 0
    assert figure.read_bytes() == first


def test_a_file_in_place_of_a_folder_is_one_line(digits, faces, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("mine")
    for asked, data, option in ((mnist, digits, "--out"), (celeba, faces, "--out"), (celeba, faces, "--decoded")):
        more = ["--decoded", str(file)] if option == "--decoded" else []
        assert _run(asked, data, tmp_path / "x" if more else file, "networks", *more) == 2
        assert f": {option}: expected a folder, {file} is a file; name another\n" in capsys.readouterr().err
    assert _run(celeba, faces, file / "below", "networks") == 2  # as the system says it
    said = capsys.readouterr().err
    what = f"Not a directory: {file / 'below'}; check the path, the permissions and the space left"
    assert said == f"vision.celeba: {what}\n"
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_text() == "mine"


def test_networks_of_another_version_are_refused(digits, tmp_path, monkeypatch):
    def workspace():
        return Workspace(mnist_data.load(digits), MNIST["smoke"], tmp_path, progress=False)

    workspace().classifier()
    monkeypatch.setattr(network_store, "__version__", "9.9")
    with pytest.raises(UserError, match=r'classifier.safetensors was made with another version \("0.1.0", now "9.9"\)'):
        workspace().classifier()


def test_of_two_runs_into_one_folder_the_later_one_is_refused(digits, tmp_path, capsys):
    with held(tmp_path / LOCK, "the first"):
        assert _run(mnist, digits, tmp_path, "scales") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"vision.mnist: mnist: another run is at work in {tmp_path}; wait until it has ended, or")
    assert not list(tmp_path.glob("scales*"))
    assert _run(mnist, digits, tmp_path, "scales") == 0


def test_networks_of_one_name_and_other_settings_are_told_apart(digits, tmp_path):
    """In memory as on disk: names have four to six digits of a setting."""
    workspace = Workspace(mnist_data.load(digits), MNIST["smoke"], tmp_path, progress=False)
    vae = workspace.vae(0.1)
    assert workspace.vae(0.1) is vae
    with pytest.raises(UserError, match="made with another sigma_x"):
        workspace.vae(0.10000001)


def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(digits, tmp_path):
    line = ["mnist", "networks", "--seeds", "1", "--data", str(digits), "--out", str(tmp_path), "--preset", "smoke"]
    reading, writing = os.pipe()
    os.close(reading)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    run = subprocess.run(
        [sys.executable, "-m", "vision.seeds", *line, "--quiet"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=buffered,
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (141, "")
    assert (tmp_path / "seeds.json").exists()


def test_a_polite_signal_stops_a_command_like_ctrl_c(digits, tmp_path, monkeypatch, capsys):
    def stopped(workspace):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setitem(EXPERIMENTS, "scales", Experiment(stopped, "stopped", ()))
    assert _run(mnist, digits, tmp_path, "scales") == 143
    assert capsys.readouterr().err == f"\nstopped; the same command continues from {tmp_path}\n"


def test_damaged_weights_are_named(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "likelihood") == 0
    weights = next((tmp_path / "models").glob("*.safetensors"))
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
    for asked, data, text in ((mnist, digits, "ten"), (mnist, digits, "1, 2"), (celeba, faces, "hat, shoes")):
        capsys.readouterr()
        assert _run(asked, data, tmp_path / "x", "generate", "--ask", text) == 2
        assert f"got {text!r}" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_pictures_of_ones_own_are_changed(digits, faces, tmp_path, capsys):
    face, sheet = tmp_path / "me.jpg", tmp_path / "seven.png"
    drawn.face((400, 300), dict.fromkeys(drawn.NAMES, False)).save(face)
    Image.fromarray(255 - drawn.digits(8)[0][7]).save(sheet)
    ask = ["--ask", "smiling", "--ask", "not male, Wearing_Hat"]
    assert _run(celeba, faces, tmp_path / "c", "generate", "--image", str(face), *ask) == 0
    written = json.loads((tmp_path / "c" / "generate.json").read_text())["result"]
    texts, methods = ("smiling", "not male, Wearing_Hat"), ("actor distance", "gradient")
    assert list(written["rows"]) == [f"{face}, {text}, {method}" for method in methods for text in texts]
    assert list(written["labels found in the pictures"]) == [str(face)]
    assert (tmp_path / "c" / "generate.png").read_bytes()[:4] == b"\x89PNG"
    # without --ask, each label in turn
    assert _run(mnist, digits, tmp_path / "m", "generate", "--image", str(sheet), "--actor", "free") == 0
    written = json.loads((tmp_path / "m" / "generate.json").read_text())["result"]
    assert list(written["rows"])[:10] == [f"{sheet}, {digit}, actor free" for digit in range(10)]
    for arguments, message in (
        (["generate", "--image", str(tmp_path / "none.png")], "no file"),
        (["generate", "--image", str(tmp_path)], "is no picture that can be read"),
        (["scales", "--image", str(sheet)], "--ask and --image are for generate"),
        (["scales", "--ask", "7"], "--ask and --image are for generate"),
    ):
        capsys.readouterr()
        assert _run(mnist, digits, tmp_path / "x", *arguments) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_what_is_not_asked_for_stays_as_it_is_in_a_picture(tmp_path, monkeypatch):
    """The labels that an actor is given, of a picture in which the classifier finds some."""
    data = celeba_data.load(drawn.celeba(tmp_path / "faces"))
    workspace = Workspace(data, CELEBA["smoke"], tmp_path, progress=False)
    has = torch.tensor([[0, 1, 0, 0, 1, 1, 0, 0, 0, 1]]).float()
    workspace.logits = lambda images: (2 * has - 1).repeat(len(images), 1)
    given = []
    actor = workspace.actor("free")
    workspace.actor = lambda kind: lambda z, y: (given.append(y), actor(z, y))[1]
    result = pictures.run(workspace, {"me": data.test.pixels[0]}, ["smiling", "blond hair", "not male"], "free")
    assert result["labels found in the pictures"] == {"me": "black hair, eyeglasses, male, young"}
    assert torch.cat(given).tolist() == [
        [0, 1, 0, 0, 1, 1, 0, 1, 0, 1],
        [0, 0, 1, 0, 1, 1, 0, 0, 0, 1],  # of the hair colours one
        [0, 1, 0, 0, 1, 0, 0, 0, 0, 1],
    ]
    assert result["rows"]["me, not male, actor free"]["found"] == 0
    given.clear()
    headed = []
    monkeypatch.setattr(figures, "show", lambda axes, sheet, rows, columns, title: headed.append(columns))
    pictures.run(workspace, {"me": data.test.pixels[0]}, [], "free")
    for place, labels in enumerate(torch.cat(given)):  # each in turn, as it is not
        assert labels[place] == 1 - has[0, place]
    # and by that the columns are headed, of another picture otherwise
    has = 1 - has
    pictures.run(workspace, {"you": data.test.pixels[1]}, [], "free")
    removed = {"black hair", "eyeglasses", "male", "young"}
    for columns, signs in zip(headed, ("+-", "-+"), strict=True):
        heads = [f"{signs[name in removed]}{name}" for name in data.attributes]
        assert columns == ["as cut", "reconstruction", *heads]


def test_other_attributes_are_another_data_set(faces, tmp_path, capsys):
    chosen = ["--attributes", "wearing_hat, PALE_SKIN, Gray Hair,no_beard,blond hair"]
    assert _run(celeba, faces, tmp_path, "conditional", "generate", "--ask", "pale skin, Gray_Hair", *chosen) == 0
    rows = json.loads((tmp_path / "generate.json").read_text())["result"]["rows"]
    assert list(rows) == ["pale skin, Gray_Hair"]
    for other in ([], ["--attributes", "hat, pale skin"]):
        capsys.readouterr()
        assert _run(celeba, faces, tmp_path, "conditional", *other) == 2
        assert "conditional.json was made with another data; name another --out" in capsys.readouterr().err
    for text, message in (
        ("hat, shoes", "expected names of CelebA's attributes between commas, got 'shoes'; they are 5_o_Clock_Shadow"),
        ("hat, Wearing_Hat", "hat is named twice"),
    ):
        assert _run(celeba, faces, tmp_path / "x", "conditional", "--attributes", text) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_one_attribute_is_enough(faces, tmp_path):
    assert _run(celeba, faces, tmp_path, "transform", "compare", "--attributes", "smiling") == 0


def test_what_is_missing_is_said_before_anything_is_made(digits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda package: None)
    assert _run(mnist, digits, tmp_path / "x", "scales") == 2
    assert "pip install 'melodylc[vision]'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e300", "1e-300", "much"])
def test_a_sigma_x_that_cannot_be_computed_with(digits, tmp_path, capsys, value):
    with pytest.raises(SystemExit) as stop:
        _run(mnist, digits, tmp_path / "x", "scales", "--sigma-x", value)
    assert stop.value.code == 2
    assert f"expected a number from 1e-06 to 1e+06, got '{value}'" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_a_device_that_is_not_there_is_one_line(digits, tmp_path, capsys):
    assert _run(mnist, digits, tmp_path, "scales", "--device", "nonsense") == 2
    assert "device: expected cpu, or cuda where there is a GPU, got 'nonsense'" in capsys.readouterr().err
    assert _run(mnist, digits, tmp_path, "scales", "--device", "meta") == 2
    assert "got 'meta'" in capsys.readouterr().err
    assert _run(mnist, digits, tmp_path, "scales", "--device", "vulkan") == 2
    assert len(capsys.readouterr().err) < 250  # torch goes on with all that it has


@pytest.mark.parametrize("own_generator", [False, True])
def test_a_stopped_training_ends_with_the_same_weights(tmp_path, own_generator):
    def run(folder, stop=None):
        torch.manual_seed(0)
        net, average = torch.nn.Linear(3, 1), torch.nn.Linear(3, 1)
        adam = training_loop.adam(net, 1e-2)
        generator = torch.Generator().manual_seed(5) if own_generator else None

        def step(number):
            if number == stop:
                os.kill(os.getpid(), signal.SIGTERM)  # the step is made none the less
            loss = (net(torch.randn(8, 3, generator=generator)) - 1).square().mean()
            training_loop.descend(adam, loss)
            with torch.no_grad():
                average.weight.lerp_(net.weight, 0.1)
            return {"loss": loss.item()}

        parts = {"net": (net, adam), "average": (average, None)}
        checkpoint = folder / "net.checkpoint"
        folder.mkdir(exist_ok=True)
        settings = TrainingRun(checkpoint, {"width": 3}, 7, "net", progress=False)
        training_loop.train(step, parts, 20, settings, generator)
        return torch.cat([net.weight.detach(), average.weight.detach()])

    whole = run(tmp_path / "whole")
    with pytest.raises(Stopped):
        run(tmp_path / "cut", stop=13)
    assert torch.equal(run(tmp_path / "cut"), whole)
    other = TrainingRun(tmp_path / "cut" / "net.checkpoint", {"width": 4}, 7, "net")
    with pytest.raises(UserError, match="made with other settings"):
        training_loop.train(lambda _: {}, {}, 20, other)


@pytest.mark.parametrize("of", ["actor", "inner", "attributes"])
def test_a_workspace_stopped_in_the_middle_goes_on_from_there(digits, tmp_path, monkeypatch, of):
    """Actors, the critic of the inner loop and the attribute critic are not learned from the beginning again."""
    data = mnist_data.load(digits)

    def learned(out):
        workspace = Workspace(data, MNIST["smoke"], out, progress=False)
        made = {
            "actor": lambda: workspace.actor("distance"),
            "inner": lambda: workspace.critic("inner"),
            "attributes": workspace.attribute_critic,
        }[of]()
        return made.state_dict()

    whole = learned(tmp_path / "whole")
    made = []
    for learning, name in ((AdversarialLearning, "step"), (AttributeLearning, "step")):
        real = getattr(learning, name)

        def step(self, *number, real=real):
            made.append(number)
            if len(made) == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return real(self, *number)

        monkeypatch.setattr(learning, name, step)
    with pytest.raises(Stopped):
        learned(tmp_path / "cut")
    assert len(made) == 2
    names = {"actor": "distance", "inner": "inner", "attributes": "attribute-critic"}
    assert not (tmp_path / "cut" / "models" / f"{names[of]}.safetensors").exists()
    again = learned(tmp_path / "cut")
    assert len(made) == {"actor": 3, "inner": 3, "attributes": 4}[of]  # of the smoke preset: none is made twice
    assert all(torch.equal(again[name], value) for name, value in whole.items())
    assert not list((tmp_path / "cut" / "models").glob("*.checkpoint"))


def test_other_labels_or_test_images_are_other_data(digits, tmp_path):
    data = mnist_data.load(digits)
    labels = replace(data.train, labels=data.train.labels.roll(1, dims=1))
    inverted = replace(data.test, pixels=255 - data.test.pixels)
    last = data.train.pixels.clone()
    last[-1, 0, 13, 13] += 1
    changed = [
        replace(data, train=labels),
        replace(data, test=inverted),
        replace(data, train=replace(data.train, pixels=last)),
        replace(data, valid=data.test),
    ]
    known = {each.fingerprint() for each in (data, *changed)}
    assert len(known) == 5
    assert mnist_data.load(digits).fingerprint() == data.fingerprint()
    Workspace(data, MNIST["smoke"], tmp_path, progress=False).classifier()
    with pytest.raises(UserError, match="made with another data"):
        Workspace(changed[0], MNIST["smoke"], tmp_path, progress=False).classifier()


def test_a_result_depends_on_the_parts_of_the_preset_that_it_reads(digits, faces, tmp_path):
    """Each experiment alone, in a preset that notes what is read of it."""
    names = {field.name for field in fields(ExperimentPreset)}
    read = set()

    class Noting(ExperimentPreset):
        def __getattribute__(self, name):
            if name in names:
                read.add(name)
            return super().__getattribute__(name)

    data = mnist_data.load(digits)
    smoke = MNIST["smoke"]
    preset = Noting(**{name: getattr(smoke, name) for name in names})
    for key, experiment in EXPERIMENTS.items():
        (tmp_path / key).mkdir()
        workspace = Workspace(data, preset, tmp_path / key, progress=False)
        read.clear()
        experiment.run(workspace)
        assert read - {"name"} <= set(experiment.fields), key


def test_a_change_elsewhere_in_the_preset_leaves_a_result_current(digits, tmp_path, capsys, monkeypatch):
    assert _run(mnist, digits, tmp_path, "scales") == 0
    shown = capsys.readouterr().out
    monkeypatch.setitem(MNIST, "smoke", replace(MNIST["smoke"], draws=41))
    assert _run(mnist, digits, tmp_path, "scales") == 0
    assert capsys.readouterr().out == shown
    monkeypatch.setattr(command, "__version__", "0.0")
    assert _run(mnist, digits, tmp_path, "scales") == 2
    assert "made with another version of melodylc; name another --out" in capsys.readouterr().err


def test_sharpening_at_sigma_1_keeps_all_rows(digits, tmp_path):
    assert _run(mnist, digits, tmp_path, "sharpen", "--sigma-x", "1") == 0
    rows = json.loads((tmp_path / "sharpen.json").read_text())["result"]["rows"]
    assert len(rows) == 7


def test_a_stopped_run_says_where_it_continues_from(digits, tmp_path, monkeypatch, capsys):
    def stop(workspace):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EXPERIMENTS, "scales", Experiment(stop, "stopped", ()))
    assert mnist.entry(["scales", "--data", str(digits), "--preset", "smoke", "--quiet"]) == 130
    assert "the same command continues from mnist-smoke" in capsys.readouterr().err


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_too_little_memory_is_one_line(digits, tmp_path, monkeypatch, capsys, error):
    def exhaust(workspace):
        raise error("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setitem(EXPERIMENTS, "scales", Experiment(exhaust, "too large", ()))
    assert _run(mnist, digits, tmp_path, "scales") == 2
    said = capsys.readouterr().err
    assert "the memory is not enough for --preset smoke; take a smaller preset, or --device cpu" in said
    assert said.count("\n") == 1


def test_a_disk_without_space_is_one_line(digits, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    assert _run(mnist, digits, tmp_path, "scales") == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "check the permissions and the space left" in said
    assert said.count("\n") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / LOCK]


def test_what_a_kill_left_half_written_is_swept(digits, tmp_path):
    (tmp_path / "models").mkdir()
    names = (".vae-abcdefgh.unfinished.checkpoint", ".vae-12345678.unfinished.png", ".my-settings.json")
    old, new, mine = (tmp_path / "models" / name for name in names)
    for path in (old, new, mine):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(mine, (0, 0))
    Workspace(mnist_data.load(digits), MNIST["smoke"], tmp_path, progress=False)
    assert sorted((tmp_path / "models").iterdir()) == sorted([new, mine])  # the new one may be another process's


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
            "import json, sys, vision.command, vision.data.mnist, vision.data.celeba, vision.presets; "
            "print(json.dumps([n for n in sys.modules if n.split('.')[0] in ('melodylc', 'midi_io')]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    shared = ("melodylc.base", "melodylc.latent")
    modules = {name for name in json.loads(run.stdout) if not name.startswith(shared)}
    assert modules == {"melodylc", "midi_io", "midi_io.atomic"}

"""What a training is continued from is refused where it does not fit, before anything of it is used."""

import drawn
import pytest
import torch
from safetensors.torch import save_file

from melodylc.base import storage
from melodylc.base.errors import UserError
from vision import checkpoint, training_loop
from vision.data import mnist as mnist_data
from vision.presets import MNIST
from vision.workspace import Workspace

SETTINGS = {"width": 3}
STEPS = 9


def training():
    """A network, its moving average and a generator, a few steps into a training."""
    torch.manual_seed(0)
    net, average = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    adam = training_loop.adam(net, 1e-2)
    for _ in range(2):
        training_loop.descend(adam, net(torch.randn(4, 3)).square().mean())
    return {"net": (net, adam), "average": (average, None)}, torch.Generator().manual_seed(5)


def doctored(path, change=lambda tensors: tensors, of_card=lambda card: card):
    tensors, card = storage.read_tensors_and_card(path, "weights")
    storage.write_tensors(path, change(tensors), of_card(card))


@pytest.fixture
def written(tmp_path):
    parts, generator = training()
    path = tmp_path / "net.checkpoint"
    checkpoint.save(path, parts, generator, SETTINGS, 4)
    return path, parts


def test_what_was_saved_is_restored(written):
    path, saved = written
    parts, generator = training()
    for module, _ in parts.values():
        for weights in module.parameters():
            weights.data.fill_(7)
    torch.rand(3, generator=generator)
    assert checkpoint.restore(path, parts, generator, SETTINGS, STEPS) == 4
    for name, (module, adam) in parts.items():
        was = saved[name]
        assert all(torch.equal(a, b) for a, b in zip(module.parameters(), was[0].parameters(), strict=True))
        if adam is not None:
            assert str(adam.state_dict()["state"]) == str(was[1].state_dict()["state"])
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(5).get_state())


DOCTORED = {
    "another shape": (lambda t: t | {"net.module.weight": torch.zeros(1)}, "weight: expected torch.float32"),
    "another type": (lambda t: t | {"net.module.bias": torch.zeros(2, dtype=torch.int32)}, "got torch.int32"),
    "weights missing": (lambda t: {n: v for n, v in t.items() if n != "average.module.bias"}, "bias is missing"),
    "weights too much": (lambda t: t | {"net.module.more": torch.zeros(1)}, "more is missing or too much"),
    "not a number": (lambda t: t | {"net.module.bias": torch.full((2,), torch.nan)}, "bias is not finite"),
    "no optimiser": (lambda t: {n: v for n, v in t.items() if ".adam." not in n}, "optimiser's state is missing"),
    "half of an optimiser": (lambda t: {n: v for n, v in t.items() if n != "net.adam.0.exp_avg"}, "is not whole"),
    "an optimiser of other shapes": (lambda t: t | {"net.adam.0.exp_avg": torch.zeros(1)}, "exp_avg: expected"),
    "an optimiser of more": (lambda t: t | {"net.adam.9.step": torch.zeros(())}, "9.step is too much"),
    "names of no optimiser": (lambda t: t | {"net.adam.x.y.z": torch.zeros(())}, "x.y.z is too much"),
    "no generator": (lambda t: {n: v for n, v in t.items() if n != "generator"}, "no state of the random numbers"),
    "a short generator": (lambda t: t | {"generator": t["generator"][:9]}, "no state of the random numbers"),
}


@pytest.mark.parametrize("case", DOCTORED)
def test_tensors_that_do_not_fit_are_refused(written, case):
    path, _ = written
    change, message = DOCTORED[case]
    doctored(path, change)
    parts, generator = training()
    with pytest.raises(UserError, match=message) as error:
        checkpoint.restore(path, parts, generator, SETTINGS, STEPS)
    assert str(error.value).startswith(f"{path}: expected weights of an experiment")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("done", ["4", None, 0, -1, STEPS + 1, 1.5, [1], True])
def test_a_step_that_is_none_is_refused(written, done):
    path, _ = written
    doctored(path, of_card=lambda card: card | {"done": done})
    with pytest.raises(UserError, match="it is of step"):
        checkpoint.restore(path, *training(), SETTINGS, STEPS)


@pytest.mark.parametrize("card", ["[1]", '"x"', "null", "[" * 100_000])
def test_a_card_that_is_none_is_refused(written, card):
    path, _ = written
    save_file({"x": torch.zeros(1)}, path, {"card": card})
    with pytest.raises(UserError, match="expected weights of an experiment"):
        checkpoint.restore(path, *training(), SETTINGS, STEPS)


def test_networks_that_do_not_fit_are_refused_and_a_diverged_one_is_not_stored(tmp_path):
    data = mnist_data.load(drawn.mnist(tmp_path / "digits"))

    def classifier(preset=MNIST["smoke"]):
        return Workspace(data, preset, tmp_path / "out", progress=False).classifier()

    classifier()
    path = tmp_path / "out" / "models" / "classifier.safetensors"
    whole = path.read_bytes()
    for change, message in (
        (lambda t: {name: value[:1] for name, value in t.items()}, "expected torch.float32"),
        (lambda t: dict(list(t.items())[1:]), "is missing or too much"),
        (lambda t: {name: value * torch.inf for name, value in t.items()}, "is not finite"),
    ):
        doctored(path, change)
        with pytest.raises(UserError, match=message):
            classifier()
        path.write_bytes(whole)
    left = path.with_suffix(".checkpoint")  # by a kill between the two
    left.write_bytes(b"")
    classifier()
    assert not left.exists()
    other = Workspace(data, MNIST["smoke"], tmp_path / "diverged", progress=False)
    with pytest.raises(UserError, match="its training has diverged"):
        other.vae(1e-30)
    assert not list((tmp_path / "diverged").rglob("*.safetensors"))


def test_a_checkpoint_of_another_version_is_refused(written):
    path, _ = written
    doctored(path, of_card=lambda card: card | {"version": "9.9"})
    with pytest.raises(UserError, match="made with another version of melodylc; name another --out, or remove it"):
        checkpoint.restore(path, *training(), SETTINGS, STEPS)

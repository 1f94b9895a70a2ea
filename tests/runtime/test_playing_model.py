"""The embedded model without torch: the same melodies as with it, from the same seeds, and no import of torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import melodylc
from melodylc import Attributes, UserError
from melodylc.constraints import decoder_descent
from melodylc.live.control_values import ControlValues
from melodylc.live.inference import Inference
from melodylc.live.protocol import Request, Setup
from melodylc.runtime import model as runtime

WITHOUT = """
import sys
class Nothing:  # stands in for an environment that has no torch
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
from importlib import util
found = util.find_spec
util.find_spec = lambda name, package=None: None if name == "torch" else found(name, package)
from melodylc.cli import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules
sys.exit(code)
"""


@pytest.fixture(scope="module")
def playing():
    return runtime.load()


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


@pytest.mark.parametrize("temperature", [0.0, None, 1.0])
def test_melodies_are_those_of_torch(playing, model, temperature):
    asked = Attributes("E blues", notes=100, low=50)
    noise = playing.noise(100, seed=3)
    np.testing.assert_allclose(noise, model.noise(100, seed=3), atol=1e-6)
    z, expected = playing.from_noise(noise, asked), model.from_noise(noise, asked)
    np.testing.assert_allclose(z, expected, atol=1e-4)
    np.testing.assert_array_equal(
        playing.decode(z, temperature=temperature, seed=5), model.decode(expected, temperature=temperature, seed=5)
    )


def test_melodies_are_transformed_by_the_decoder_s_gradient_as_with_torch(playing, model, monkeypatch):
    monkeypatch.setattr(decoder_descent, "STEPS", 3)
    melody, asked = model.bank.states[3], Attributes("D major", notes=120)
    made, expected = (melodylc.transform(each, melody, asked, seed=1) for each in (playing, model))
    assert (made.melodies == expected.melodies).all()
    assert made.ways == expected.ways


def test_encodings_are_those_of_torch(playing, model):
    melodies = model.bank.states[:20]
    found, expected = playing.encode(melodies), model.encode(melodies)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-4)
    np.testing.assert_allclose(found.sigma, expected.sigma, atol=1e-4)
    assert playing.encode(melodies[0]).mean.shape == (1, playing.latent)
    np.testing.assert_allclose(
        playing.logits(found.mean[:1], melodies[0]), model.logits(expected.mean[:1], melodies[0]), atol=1e-3
    )
    np.testing.assert_array_equal(playing.bank.states, model.bank.states)
    np.testing.assert_array_equal(playing.bank.mean, model.bank.mean)


def test_infills_lie_where_they_do_with_torch(playing, model):
    known, where = playing.realistic.bars(model.bank.states[:2]), np.arange(16) < np.array([[8], [12]])
    np.testing.assert_allclose(known, model.realistic.bars(model.bank.states[:2]), atol=1e-4)
    noise, asked = playing.noise(2, seed=1).reshape(2, 16, -1), Attributes("A minor").as_numbers()
    found, expected = (each.realistic.complete(noise, known, where, asked, each.source(0)) for each in (playing, model))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_noise_lies_between_as_with_torch(playing, model):
    one, other = playing.noise(4, seed=1), playing.noise(4, seed=2)
    for amount in (0.2, 0.5, 0.9):
        expected = model.noise_between(torch.from_numpy(one), torch.from_numpy(other), amount)
        np.testing.assert_allclose(playing.noise_between(one, other, amount), expected, atol=1e-4)


def test_longer_draws_begin_with_shorter_ones(playing):
    np.testing.assert_array_equal(playing.noise(5, seed=2)[:3], playing.noise(3, seed=2))
    np.testing.assert_array_equal(playing.sample(3, seed=7)[:2], playing.sample(2, seed=7))
    assert (playing.noise(3, seed=2) != playing.noise(3, seed=4)).any()
    assert (playing.noise(1) != playing.noise(1)).any()
    assert playing.sample(0).shape == (0, 256)


@pytest.mark.parametrize(
    "asked",
    [
        ["--key", "C major", "--notes", "80", "--strict"],
        ["--rule", "contour('arch')", "--how", "search"],
        ["--rule", "contour('arch')", "--seconds", "2"],
        ["--bars", "4", "--seconds", "2"],
        ["--bars", "20", "--count", "1", "--seconds", "2"],
    ],
)
def test_melodies_are_generated_where_there_is_no_torch(tmp_path, asked):
    out = tmp_path / "melodies"
    command = ["generate", "--seed", "1", "--count", "2", "--out", str(out), *asked]
    done = subprocess.run([sys.executable, "-c", WITHOUT, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (out / "01.mid").exists()


def test_the_command_writes_what_it_writes_with_torch(tmp_path, monkeypatch, capsys):
    command = ["generate", "--seed", "4", "--key", "A minor", "--count", "3"]
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    shutil.move("melodies", "without")
    monkeypatch.setattr(runtime, "runs", lambda path: False)
    from melodylc.cli import main

    assert main(command) == 0
    assert capsys.readouterr().out == done.stdout
    for name in ("01.mid", "02.mid", "03.mid"):
        assert Path("melodies", name).read_bytes() == Path("without", name).read_bytes()


def copied(folder):
    for path in runtime.WEIGHTS.iterdir():
        shutil.copy(path, folder)
    return folder


def test_what_does_not_fit_is_said_in_one_line(tmp_path):
    folder = copied(tmp_path)
    card = json.loads((folder / "prior.json").read_text())
    for change in (
        {"sizes": {**card["sizes"], "units": 96}},
        {"sizes": {}},
        {"guidance": "much"},
        {"student_steps": 0},
    ):
        (folder / "prior.json").write_text(json.dumps({**card, **change}))
        with pytest.raises(UserError, match=r"do not fit the model .*; train the prior again"):
            runtime.load(folder)
    (folder / "prior.json").write_text(json.dumps(card))
    model = json.loads((folder / "model.json").read_text())
    for change in ({"sizes": {**model["sizes"], "decoder": 32}}, {"sizes": {"latent": 9**9}}, {"sizes": None}):
        (folder / "model.json").write_text(json.dumps({**model, **change}))
        with pytest.raises(UserError, match=r"the card and the weights at .* do not fit each other"):
            runtime.load(folder)
    (folder / "model.json").write_text(json.dumps(model))
    (folder / "bank.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="expected safetensors weights"):
        _ = runtime.load(folder).bank.states
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:10_000])
    with pytest.raises(UserError, match="model: expected safetensors weights"):
        runtime.load(folder)


def test_models_of_other_kinds_are_left_to_torch(tmp_path):
    folder = copied(tmp_path)
    assert runtime.runs(folder)
    assert runtime.runs(folder / "model.safetensors")
    (folder / "prior.safetensors").unlink()
    assert not runtime.runs(folder)
    with pytest.raises(UserError, match="expected weights at"):
        runtime.runs(folder / "another.safetensors")


def test_vectors_of_another_width_are_refused(playing):
    with pytest.raises(UserError, match=r"z: expected shape \(B, 512\), got \(1, 5\)"):
        playing.decode(np.zeros((1, 5), np.float32))
    with pytest.raises(UserError, match="temperature: expected a number from 0 to 10"):
        playing.sample(1, temperature=11)


def test_a_session_hears_what_it_would_with_torch(model):
    """Melodies of requests that only draw: new ones, on the way to another, near one, and answers to a phrase."""
    setup = Setup(initial=ControlValues(Attributes("C major")))
    without, with_torch = Inference(setup, tasks=False), Inference(setup)
    assert isinstance(without.model, runtime.PlayingModel)
    assert with_torch.model is model
    asked = ControlValues(Attributes("E dorian", notes=60))
    phrase = model.bank.states[5].tobytes()
    first = without.answer(Request(1, asked, seed=3))
    for request in (
        Request(2, asked, seed=3),
        Request(3, asked, seed=3, toward=4, amount=0.6),
        Request(4, asked, seed=5, toward=6, amount=0.2, z=first.z),
        Request(5, asked, seed=7, phrase=phrase),
    ):
        found, expected = without.answer(request), with_torch.answer(request)
        assert (found.states, found.way, found.tried) == (expected.states, expected.way, expected.tried)
        z, other = (np.frombuffer(each.z, np.float16).astype(float) for each in (found, expected))
        np.testing.assert_allclose(z, other, atol=5e-3)  # half precision

"""The default install, which has no torch, numba and pyarrow: what plays makes the same melodies, what learns says so.

Every command runs in a process in which these packages, and what comes with them, cannot be imported; so do the
processes that it starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import melodylc
from melodylc import Attributes, rules
from melodylc.base import extras
from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.constraints import playing_actor
from melodylc.latent.budget import Budget
from melodylc.runtime import model as runtime
from melodylc.style import in_style, learn_style, load_style

MISSING = ("torch", "numba", "llvmlite", "pyarrow", "scipy", "sklearn")
SITE = f"import sys\nsys.modules.update(dict.fromkeys({MISSING}))\n"  # None: as if they were not installed
FEW = Budget(rounds=1, fresh=16, tried=8, bank_steps=0, critic_steps=4, actor_steps=4)


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """What runs Python in a folder without the packages, and returns the process when it has ended."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(SITE)
    path = os.pathsep.join([str(site), str(Path(melodylc.__file__).parents[1])])

    def run(folder, *arguments):
        environment = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)

    return run


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


@pytest.fixture(scope="module")
def own(tmp_path_factory, model):
    """A folder with two melodies, a style, a taste and an actor, made with torch."""
    folder = tmp_path_factory.mktemp("own")
    for name, states in zip(("one", "other"), model.bank.states[[5, 7]], strict=True):
        melodylc.write_midi(folder / f"{name}.mid", states)
    learn_style(model, model.bank.states[:8], progress=False).save(folder / "style.safetensors")
    liked, disliked = model.bank.states[:6], model.bank.states[6:12]
    melodylc.prefer(model, liked, disliked).save(folder / "taste.safetensors")
    melodylc.learn(model, rules.syncopation(), budget=FEW, progress=False).save(folder / "actor.safetensors")
    return folder


DRAWN = {
    "generate": ["generate", "--key", "C major", "--notes", "80", "--range", "C4-C6", "--count", "2"],
    "strict": ["generate", "--key", "0,2,4,7,9", "--strict", "--count", "2"],
    "style": ["generate", "--style", "style.safetensors", "--key", "A minor", "--count", "2"],
    "some style": ["generate", "--style", "style.safetensors", "--style-amount", "0.5", "--count", "2"],
    "actor": ["generate", "--rule", "syncopation", "--actor", "actor.safetensors", "--tries", "1", "--count", "2"],
    "transform": ["transform", "one.mid", "--key", "D major"],
    "moved": ["transform", "one.mid", "--key", "D major", "--how", "actor"],
    "interpolate": ["interpolate", "one.mid", "other.mid", "--count", "3"],
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_melodies_as_with_torch(name, own, without, monkeypatch, capsys):
    """To the last byte of the files, and the same words about them."""
    command = [*DRAWN[name], "--seed", "3", "--out", name]
    done = without(own, "-m", "melodylc", *command)
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_bytes() for path in (own / name).glob("*.mid")}
    assert len(made) >= 2
    monkeypatch.chdir(own)
    monkeypatch.setattr(runtime, "runs", lambda path: False)  # so that torch makes them
    assert main(command) == 0
    assert capsys.readouterr().out == done.stdout
    assert {path.name: path.read_bytes() for path in (own / name).glob("*.mid")} == made


@pytest.mark.parametrize(
    "command",
    [
        ["infill", "one.mid", "--bars", "5-8", "--count", "1", "--seconds", "1"],
        ["infill", "one.mid", "--keep", "rhythm", "--style", "style.safetensors", "--count", "1", "--seconds", "1"],
        ["continue", "one.mid", "--bars", "20", "--count", "1", "--seconds", "1"],
        ["generate", "--taste", "taste.safetensors", "--how", "search", "--seconds", "1", "--count", "1"],
        ["interpolate", "one.mid", "other.mid", "--key", "C major", "--count", "2"],
        ["transform", "one.mid", "--key", "C major", "--notes", "150"],
        ["generate", "--chords", "Am F C G", "--with-chords", "--how", "search", "--seconds", "1", "--count", "1"],
        ["generate", "--form", "AABA", "--count", "1", "--key", "C major"],
    ],
)
def test_what_searches_and_moves_does_so(command, own, without, tmp_path):
    done = without(own, "-m", "melodylc", *command, "--seed", "1", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert melodylc.select_melody(tmp_path / "out" / "01.mid").states.shape == (256,)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        (["learn", "--rule", "syncopation", "--out", "a.safetensors"], "torch"),
        (["style", "one.mid", "--out", "a.safetensors"], "torch, numba and pyarrow"),
        (["extract", ".", "--out", "corpus"], "numba and pyarrow"),
        (["train", "corpus", "--out", "run"], "torch, numba and pyarrow"),
        (["prior", "corpus", "--model", "run"], "torch, numba and pyarrow"),
        (["condition", "--model", "run", "--corpus", "corpus"], "torch"),
        (["evaluate"], "torch"),
        (["generate", "--device", "cuda"], "torch"),
        (["generate", "--rule", "syncopation", "--how", "learn"], "torch"),
        (["transform", "one.mid", "--rule", "syncopation"], "torch"),
        (["transform", "one.mid", "--key", "D major", "--how", "gradient"], "torch"),
    ],
)
def test_what_learns_says_what_is_missing_in_one_line(command, missing, own, without):
    done = without(own, "-m", "melodylc", *command)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if "took bars" not in line]
    assert f"needs {missing}, " in line
    assert line.endswith("not installed; install it with: pip install 'melodylc[train]'")
    assert not {path.name for path in own.iterdir()} & {"corpus", "run", "a.safetensors"}


@pytest.mark.parametrize("data", ["mnist", "celeba", "seeds"])
def test_image_experiments_say_what_is_missing(data, own, without):
    done = without(own, "-m", f"vision.{data}", "sharpen")
    assert done.returncode == 2
    assert done.stderr == (
        f"vision.{data}: the experiments need torch; install it with: pip install 'melodylc[vision]'\n"
    )


PYTHON = """
import numpy as np
import melodylc
from melodylc import RuleActor, UserError, learn, rules

assert all(getattr(melodylc, name) is not None for name in melodylc.__all__)
help(melodylc)
model = melodylc.load()
made = melodylc.generate(model, melodylc.Attributes(key="C major", notes=100), count=4, seed=1)
melodylc.write_midi("c-major.mid", made.melodies[0])
assert (melodylc.select_melody("c-major.mid").states == made.melodies[0]).all()
melodylc.show(made.melodies)
np.save("made.npy", np.concatenate([made.melodies, model.sample(8, seed=0), model.decode(model.encode(made.melodies))]))
assert not isinstance(made, RuleActor)
for use in (
    lambda: learn(model, rules.syncopation()),
    lambda: melodylc.learn_style(model, made.melodies),
    lambda: melodylc.style_of_files(model, ["c-major.mid"]),
    lambda: melodylc.extract(["c-major.mid"], "corpus"),
    lambda: melodylc.compose(),
    lambda: melodylc.load(device="cuda"),
    lambda: melodylc.transform(model, made.melodies[0], rules=rules.syncopation(0.9), seed=1),
):
    try:
        use()
    except UserError as error:
        assert "pip install 'melodylc[train]'" in str(error), error
    else:
        raise AssertionError("nothing was missing")
"""


def test_python_without_the_extra(tmp_path, without, model):
    done = without(tmp_path, "-c", PYTHON)
    assert done.returncode == 0, done.stderr
    made = melodylc.generate(model, Attributes("C major", notes=100), count=4, seed=1).melodies
    expected = [made, model.sample(8, seed=0), model.decode(model.encode(made), seed=None)]
    found = np.load(tmp_path / "made.npy")
    np.testing.assert_array_equal(found[:12], np.concatenate(expected[:2]))


def test_tastes_are_those_of_torch(own, model):
    """But for the precision of embeddings, which torch computes in bf16 where the processor can."""
    melodies = model.bank.states[100:160]
    playing = runtime.load()
    tastes = [melodylc.load_preference(own / "taste.safetensors", each) for each in (playing, model)]
    found, expected = (taste.probability(melodies) for taste in tastes)
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert expected.std() > 0.05
    for mine, theirs in zip(playing.bank.known(), model.bank.known(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_styles_move_noise_as_with_torch(own, model):
    playing = runtime.load()
    styled, expected = (in_style(each, load_style(own / "style.safetensors", each), 0.7) for each in (playing, model))
    noise = playing.noise(6, seed=2)
    np.testing.assert_allclose(styled.from_noise(noise), expected.from_noise(noise), atol=1e-3)
    np.testing.assert_array_equal(styled.realistic.forms, expected.realistic.forms)
    assert styled.plain is playing
    assert in_style(styled, load_style(own / "style.safetensors", styled), 0) is playing


def test_an_actor_that_does_not_fit_is_one_line(own, tmp_path, monkeypatch):
    monkeypatch.setattr(playing_actor, "installed", lambda package: False)
    playing = runtime.load()
    assert playing_actor.load_actor(own / "actor.safetensors", playing).sample(2, seed=1).shape == (2, 256)
    for suffix in ("safetensors", "json"):
        (tmp_path / f"a.{suffix}").write_bytes((own / f"actor.{suffix}").read_bytes())
    card = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(card.replace('"actor_hidden": [', '"actor_hidden": [7, '))
    with pytest.raises(UserError, match=r"actor: the card and the weights at .* do not fit each other"):
        playing_actor.load_actor(tmp_path / "a.safetensors", playing)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda package: None if package == "numba" else package)
    extras.need("this", "torch", "pyarrow")
    with pytest.raises(UserError, match=r"^this: needs numba, which is not installed; .*melodylc"):
        extras.need("this", *extras.TRAIN)
    with pytest.raises(ModuleNotFoundError, match="another"):
        extras.stand_in("learn", ModuleNotFoundError("No module named 'another'", name="another"))


def test_tasks_of_the_bridge_and_the_panel_are_performed(tmp_path, without):
    """In one's own process where no bridge runs, as in that of the panel: drawn, and over chords, which searches."""
    for asked in ({"key": "C major"}, {"chords": "Am F C G"}):
        (tmp_path / "question.json").write_text(json.dumps({"do": "generate", "count": 1, "seed": 1, **asked}))
        command = ["bridge", "--ask", "question.json", "--answer", "answer.json", "--port", "1"]  # where none listens
        done = without(tmp_path, "-m", "melodylc", *command)
        assert (done.returncode, done.stderr) == (0, "")
        answer = json.loads((tmp_path / "answer.json").read_text())
        assert "error" not in answer
        (made,) = answer["melodies"]
        assert made["notes"]

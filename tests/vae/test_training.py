import csv
import json
import os
import signal
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from melodylc.base.errors import UserError
from melodylc.base.signals import Stopped
from melodylc.model import load
from melodylc.vae import trainer, training
from melodylc.vae.presets import PRESETS
from melodylc.vae.trainer import KL_WEIGHTS, Trainer, average_decay, learning_rate, next_kl_weight
from melodylc.vae.training import train


def principal_preset(preset):
    bars, phrases, whole = preset.stages
    return replace(preset, stages=(bars, replace(phrases, principal=True), whole))


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LOG_EVERY", 2)
        patch.setattr(trainer, "PRINCIPAL", 512)
        yield


def run(tiny_corpus, preset, out, **options):
    return train(tiny_corpus, preset, out, progress=False, device="cpu", **options)


def test_a_run_gives_a_model_a_card_and_logs(tiny_corpus, tiny_preset, tmp_path):
    card = run(tiny_corpus, principal_preset(tiny_preset), tmp_path / "run")
    model = load(tmp_path / "run")
    assert model.card["held_out"] == card["held_out"]
    assert model.sample(2, seed=0).shape == (2, 256)
    with (tmp_path / "run" / "log.csv").open() as file:
        stages = {row[0] for row in csv.reader(file)} - {"stage"}
    assert stages == {"bars", "phrases", "whole"}
    with (tmp_path / "run" / "metrics.csv").open() as file:
        header, *rows = csv.reader(file)
    assert {"teacher_forced", "free_running", "note", "kl", "active", "prior_onsets"} <= set(header)
    assert [row[0] for row in rows] == ["phrases", "whole"]


@pytest.fixture(scope="module")
def unbroken(small, tiny_corpus, tiny_preset, tmp_path_factory):
    """The weights of a run that nothing stopped."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run(tiny_corpus, principal_preset(tiny_preset), out)
    return load_file(out / "model.safetensors")


@pytest.mark.parametrize("stopped_at", [3, 8, 13])
def test_a_stopped_run_ends_as_an_unbroken_one(tiny_corpus, tiny_preset, unbroken, tmp_path, monkeypatch, stopped_at):
    preset = principal_preset(tiny_preset)
    steps = 0
    one_step = Trainer.one_step

    def interrupted(self):
        nonlocal steps
        if steps == stopped_at:
            os.kill(os.getpid(), signal.SIGTERM)  # in the middle of a step, which is made none the less
        steps += 1
        return one_step(self)

    monkeypatch.setattr(Trainer, "one_step", interrupted)
    with pytest.raises(Stopped) as stopped:
        run(tiny_corpus, preset, tmp_path / "stopped")
    assert (stopped.value.number, steps) == (signal.SIGTERM, stopped_at + 1)
    monkeypatch.setattr(Trainer, "one_step", one_step)
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    run(tiny_corpus, preset, tmp_path / "stopped", resume=True)
    resumed = load_file(tmp_path / "stopped" / "model.safetensors")
    for name in unbroken:
        torch.testing.assert_close(unbroken[name], resumed[name], msg=name)


def test_a_finished_run_can_be_made_longer(tiny_corpus, tiny_preset, tmp_path):
    run(tiny_corpus, tiny_preset, tmp_path / "run")
    card = run(tiny_corpus, tiny_preset, tmp_path / "run", resume=True, steps={"whole": 9})
    assert card["steps"]["whole"] == 9


def test_a_run_can_begin_with_a_trained_model(tiny_corpus, tiny_preset, tmp_path, monkeypatch):
    run(tiny_corpus, tiny_preset, tmp_path / "first")
    first = tmp_path / "first" / "model.safetensors"
    began = []
    one_step = Trainer.one_step

    def watched(self):
        began.append({name: value.clone() for name, value in self.model.state_dict().items()})
        return one_step(self)

    monkeypatch.setattr(Trainer, "one_step", watched)
    card = run(tiny_corpus, tiny_preset, tmp_path / "second", start=first, kl_target=5.0)
    assert len(began) == tiny_preset.stages[-1].steps  # the last stage alone
    for name, value in load_file(first).items():
        torch.testing.assert_close(began[0][name], value.float())
    assert card["steps"] == {"whole": 6}
    assert card["start"]["steps"] == {"bars": 6, "phrases": 5, "whole": 6}
    for options in ({"kl_target": 5.0}, {"start": first}, {"start": first, "kl_target": 6.0}):  # not as it was begun
        with pytest.raises(UserError, match=r"as it was begun|say it again"):
            run(tiny_corpus, tiny_preset, tmp_path / "second", resume=True, **options)
    with pytest.raises(UserError, match="this run has the stages whole"):
        run(tiny_corpus, tiny_preset, tmp_path / "third", start=first, steps={"bars": 1})
    other = replace(tiny_preset, sizes=replace(tiny_preset.sizes, latent=9))
    with pytest.raises(UserError, match="--start expected a model of the preset"):
        run(tiny_corpus, other, tmp_path / "third", start=first)


def test_the_weight_of_kl_follows_its_target(tiny_corpus, tiny_preset, tmp_path):
    weights = []
    for target in (1e-6, 1e6):
        out = tmp_path / f"{target}"
        run(tiny_corpus, tiny_preset, out, kl_target=target)
        with safe_open(out / "checkpoint.safetensors", "pt") as file:
            weights.append(json.loads(file.metadata()["position"])["kl_weight"])
    assert weights[0] > tiny_preset.kl_weight > weights[1]


def test_the_flat_encoder_of_the_paper_trains_too(tiny_corpus, tmp_path):
    paper = PRESETS["paper"]
    sizes = replace(paper.sizes, latent=8, encoder=10, conductor=10, embedding=8, decoder=12)
    preset = replace(paper, sizes=sizes, stages=(replace(paper.stages[0], steps=4, batch=4),))
    assert run(tiny_corpus, preset, tmp_path / "run")["held_out"]["melodies"] > 0


def test_fewer_examples_than_a_batch_are_enough(tiny_corpus, tiny_preset, tmp_path):
    bars, phrases, whole = tiny_preset.stages
    preset = replace(tiny_preset, stages=(bars, phrases, replace(whole, batch=200, steps=1)))
    run(tiny_corpus, preset, tmp_path / "run")


def test_learning_rate_warms_up_stays_and_falls(tiny_preset):
    stage = replace(tiny_preset.stages[2], steps=1000, learning_rate=1.0, decay=0.3)
    assert learning_rate(stage, 0) == pytest.approx(1 / 200)
    assert learning_rate(stage, 500) == 1.0
    assert learning_rate(stage, 850) == pytest.approx(0.5)
    assert learning_rate(stage, 999) == pytest.approx(0.05)


def test_the_moving_average_forgets_its_beginning_and_then_slows_down():
    decays = [average_decay(0.999, step) for step in range(20_000)]
    assert decays[0] == 0.1
    assert decays == sorted(decays)
    assert decays[-1] == 0.999


@pytest.mark.parametrize("kl", [0.0, 5.0, 20.0, 1e6])
def test_the_weight_of_kl_moves_slowly_and_within_bounds(kl):
    weights = [0.35]
    for _ in range(2000):
        weights.append(next_kl_weight(weights[-1], kl, target=10.0))
    assert weights == sorted(weights, reverse=kl < 10)
    assert all(abs(b / a - 1) < 0.011 for a, b in pairwise(weights))
    assert weights[-1] == KL_WEIGHTS[0 if kl < 10 else 1]


def test_a_checkpoint_holds_what_earlier_versions_wrote(tiny_corpus, tiny_preset, tmp_path):
    run(tiny_corpus, tiny_preset, tmp_path / "run")
    with safe_open(tmp_path / "run" / "checkpoint.safetensors", "pt") as file:
        position = json.loads(file.metadata()["position"])
        kinds = {name.split(".")[0] for name in file.keys()}  # noqa: SIM118 - no mapping
        steps = {name for name in file.keys() if name.startswith("adam.0.")}  # noqa: SIM118
    assert kinds == {"model", "average", "adam"}
    assert steps == {"adam.0.step", "adam.0.exp_avg", "adam.0.exp_avg_sq"}
    assert (position["stage"], position["step"], position["stages"]) == ("whole", 6, ["bars", "phrases", "whole"])
    assert {"preset", "sizes", "kl_target", "seconds", "kl_weight", "seed"} <= set(position)


def test_what_the_user_got_wrong(tiny_corpus, tiny_preset, tmp_path):
    with pytest.raises(UserError, match="expected a folder made by"):
        run(tmp_path, tiny_preset, tmp_path / "run")
    with pytest.raises(UserError, match="has the stages"):
        run(tiny_corpus, tiny_preset, tmp_path / "run", steps={"nothing": 3})
    with pytest.raises(UserError, match="expected a checkpoint"):
        run(tiny_corpus, tiny_preset, tmp_path / "run", resume=True)
    run(tiny_corpus, tiny_preset, tmp_path / "run", steps={"bars": 1, "phrases": 1, "whole": 1})
    with pytest.raises(UserError, match="holds a run already"):
        run(tiny_corpus, tiny_preset, tmp_path / "run")
    other = replace(tiny_preset, sizes=replace(tiny_preset.sizes, latent=9))
    with pytest.raises(UserError, match="other sizes"):
        run(tiny_corpus, other, tmp_path / "run", resume=True)
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="expected a checkpoint"):
        run(tiny_corpus, tiny_preset, tmp_path / "run", resume=True)

"""A prior, trained on a small corpus for a few steps, and what it is in the form users hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import melodylc
from melodylc import plausibility
from melodylc.attributes import LABELS, Attributes
from melodylc.base.errors import UserError
from melodylc.latent.flow import euler, form_of
from melodylc.model import load
from melodylc.prior import examples, realistic, refining, stages, training
from melodylc.prior.distilling import DistillingSettings
from melodylc.prior.refining import RefiningSettings, refine
from melodylc.prior.training import PriorSettings
from melodylc.vae.training import train

SETTINGS = PriorSettings(steps=6, batch=8, pool=64, fresh=4, units=12, layers=2, heads=2)
DISTILLING = DistillingSettings(draws=12, training=4, batch=4, flow_steps=2)
REFINING = RefiningSettings(steps=2, batch=4, pool=8, fresh=4)


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "PRINCIPAL", 512)
        yield


@pytest.fixture(scope="module")
def run(small, tiny_corpus, tiny_preset, tmp_path_factory):
    """A folder with a model and its prior."""
    folder = tmp_path_factory.mktemp("prior") / "run"
    train(tiny_corpus, tiny_preset, folder, progress=False, device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "DRAWN", 32)
        patch.setattr(training, "LOG_EVERY", 2)
        stages.train_prior(
            folder,
            tiny_corpus,
            settings=SETTINGS,
            distilling=DISTILLING,
            refining=REFINING,
            seed=1,
            progress=False,
        )
    return folder


def test_a_model_draws_from_its_prior(run):
    model = load(run)
    assert model.realistic is not None
    assert model.noise(3, seed=0).shape == (3, model.realistic.noise_width)
    longer, shorter = model.prior(5, seed=2), model.prior(3, seed=2)
    torch.testing.assert_close(longer[:3], shorter)
    asked = model.prior(3, seed=2, attributes=Attributes("C major", notes=40))
    assert asked.shape == shorter.shape
    assert not torch.equal(asked, shorter)
    assert model.sample(4, seed=0).shape == (4, 256)
    np.testing.assert_array_equal(model.bank.draws().shape, (32, model.latent))
    assert (run / "prior-log.csv").read_text().count("\n") == 3


def test_draws_have_the_forms_of_melodies(run):
    model = load(run)
    prior = model.realistic
    known = {tuple(form) for form in prior.forms.tolist()}
    noise = model.noise(16, seed=3)
    assert {tuple(form) for form in form_of(noise.reshape(16, 16, -1)).tolist()} <= known
    bars = prior.bars(model.bank.states[:8])
    same = (model.bank.states[:8].reshape(8, 16, 1, 16) == model.bank.states[:8].reshape(8, 1, 16, 16)).all(axis=-1)
    np.testing.assert_array_equal(form_of(bars).numpy(), same.argmax(axis=-1))


def test_noise_on_the_way_has_the_form_of_the_nearer_end(run):
    model = load(run)
    one, other = model.noise(1, seed=4), model.noise(1, seed=5)
    torch.testing.assert_close(model.noise_between(one, other, 0.0), one)
    torch.testing.assert_close(model.noise_between(one, other, 1.0), other)
    for amount, end in ((0.3, one), (0.7, other)):
        between = model.noise_between(one, other, amount).reshape(1, 16, -1)
        assert torch.equal(form_of(between), form_of(end.reshape(1, 16, -1)))


def test_refining_is_repeatable_and_keeps_forms(run):
    model = load(run)
    noise, labels = model.noise(6, seed=6), Attributes("C major").labels()
    one, other = (refine(model, replace(REFINING, steps=3), seed=2, progress=False) for _ in range(2))
    assert torch.equal(one.draw(noise, labels), other.draw(noise, labels))
    assert not torch.equal(one.draw(noise, labels), model.realistic.draw(noise, labels))
    bars = euler(one.student, noise.reshape(6, 16, -1), labels.expand(6, -1), steps=one.card["student_steps"])
    assert torch.equal(form_of(bars), form_of(noise.reshape(6, 16, -1)))
    assert one.card["refining"]["steps"] == 3


def test_refined_draws_decode_to_what_they_are_drawn_for(monkeypatch):
    model = melodylc.load()
    asked = Attributes("C whole tone")  # of what is asked for most, what the embedded prior is refined for least
    monkeypatch.setattr(refining, "random_attributes", lambda rng: asked)
    settings = RefiningSettings(steps=16, batch=12, pool=48, fresh=8, learning_rate=5e-4, average=0.5, free=0.0)
    noise = model.noise(48, seed=6)

    def kept(prior):
        melodies = model.decode(prior.draw(noise, asked.labels()), seed=7)
        satisfied = asked.rules()[0].satisfied(melodies)
        return (satisfied & plausibility.bounds(model).plausible(melodies)).mean()

    assert kept(refine(model, settings, seed=2, progress=False)) > kept(model.realistic) + 0.1


def test_bars_go_back_to_their_noise_and_come_again(run):
    prior = load(run).realistic
    nothing = torch.zeros(4, LABELS)
    bars = prior.bars(load(run).bank.states[:4])
    noise = prior.invert(bars)
    again = realistic.integrate(prior.field, noise, nothing, steps=24)
    torch.testing.assert_close(again, bars, rtol=1e-2, atol=1e-2)
    assert prior.surprise(bars).shape == (4,)
    assert (prior.surprise(bars) < prior.surprise(10 * bars)).all()


def test_training_continues_where_it_stopped(run, tiny_corpus, tmp_path):
    for steps in (3, 6):
        model = load(run)
        trained = training.train_field(
            model.vae,
            stages.Corpus(tiny_corpus),
            tmp_path,
            replace(SETTINGS, steps=steps),
            resume=True,
            progress=False,
        )
    assert trained.step == 6
    with pytest.raises(UserError, match="go on with --resume"):
        training.train_field(model.vae, stages.Corpus(tiny_corpus), tmp_path, SETTINGS, progress=False)
    assert (tmp_path / training.CHECKPOINT).exists()


def test_a_prior_that_is_damaged_or_of_another_model_is_refused(run, tmp_path):
    for file in run.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = (tmp_path / "prior.json").read_text()
    (tmp_path / "prior.json").write_text(card.replace('"width": ', '"width": 1'))
    with pytest.raises(UserError, match=r"do not fit the model .* train the prior again"):
        load(tmp_path)
    (tmp_path / "prior.json").write_text(card)
    (tmp_path / "prior.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="expected safetensors"):
        load(tmp_path)
    (tmp_path / "prior.safetensors").unlink()
    (tmp_path / "prior.json").unlink()
    model = load(tmp_path)  # a model of an earlier version
    assert model.realistic is None
    assert model.noise(2, seed=0).shape == (2, model.latent)

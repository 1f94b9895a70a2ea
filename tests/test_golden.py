"""What fixed seeds give: melodies, actors, trainings and image experiments, as they were when stored.

A change of structure must leave them as they are. Processors differ in the last bits of a sum, so numbers are compared
to one part in a thousand, and melodies to a few steps. After a change that means to change results, write the file
again: `MELODYLC_GOLDEN=write pytest tests/test_golden.py`; on one machine, `git diff` then shows the last bits too.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_tiny_model

import melodylc
from melodylc import rules
from melodylc.attributes import Attributes
from melodylc.constraints import decoder_descent
from melodylc.constraints.composition import compose
from melodylc.constraints.conditional_training import ConditionalSettings, train_conditional_actor
from melodylc.constraints.rule_actor import learn
from melodylc.constraints.transformation import descend
from melodylc.evaluation.histograms import reference_histograms
from melodylc.evaluation.methods import CommonDraws
from melodylc.generation import generate
from melodylc.latent import adversarial
from melodylc.latent.rewards import PAPER_BUDGET, Budget
from melodylc.rules import Key
from melodylc.transforming import interpolate, transform
from melodylc.vae.training import train
from vision.data import mnist
from vision.presets import MNIST
from vision.workspace import Workspace

STORED = Path(__file__).with_name("golden.json")
DESCENT = 8  # steps on the decoder: eighty give the same melodies
SMALL = Budget(rounds=3, fresh=32, tried=16, bank_steps=20, critic_steps=6, actor_steps=6)


def weights(network):
    """A few figures that depend on every parameter of a network."""
    total = torch.cat([p.detach().double().flatten() for p in network.state_dict().values()])
    wave = torch.cos(torch.arange(len(total), dtype=torch.float64))
    return [float(total.abs().sum()), float(total @ wave)]


def melodies(states):
    """Melodies as they are stored: one text each."""
    return ["melody " + row.tobytes().hex() for row in np.atleast_2d(states)]


def curve(rows):
    """A curve of named tuples or dicts, without its times."""
    rows = [row if isinstance(row, dict) else row._asdict() for row in rows]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def embedded():
    """What the embedded model makes."""
    model = melodylc.load()
    made = {"sample": melodies(model.sample(3, seed=0))}
    for name, attributes in {
        "C major": Attributes(Key.parse("C major")),
        "E blues": Attributes(Key.parse("E blues"), 120, 60, 84),
        "few notes": Attributes(notes=40),
    }.items():
        given = generate(model, attributes, 3, seed=1, tries=4)
        made[name] = [*melodies(given.melodies), given.draws, given.ways]
    given = generate(model, Attributes(Key.parse("D dorian")), 3, seed=2, strict=True, tries=1)
    made["strict"] = melodies(given.melodies)
    mine, other = model.bank.states[3], model.bank.states[4]
    given = transform(model, mine, Attributes(Key.parse("A minor")), seed=3)
    made["transform"] = [*melodies(given.melodies), given.ways]
    given = interpolate(model, mine, other, 3, Attributes(Key.parse("C major")), seed=4)
    made["interpolate"] = [*melodies(given.melodies), given.ways]
    draws = CommonDraws.of(model, reference_histograms(model)[0], 64, 0, model.temperature)
    made["prior"] = {name: x for name, x in draws.measure_method("prior").as_json().items() if not isinstance(x, str)}
    return made


def learned(model):
    """Actors, critics and what they are used for, on the tiny model."""
    first = learn(model, rules.pitch_classes("C major"), budget=SMALL, seed=5, progress=False)
    second = learn(model, rules.notes(at_least=60) & rules.repetition(), budget=SMALL, seed=6, progress=False)
    paper = replace(PAPER_BUDGET, rounds=2, fresh=32, tried=16, critic_steps=10, actor_steps=5)
    as_in_paper = learn(model, rules.pitch_classes("C major"), budget=paper, seed=7, progress=False)
    small = ConditionalSettings(
        rounds=2, fresh=8, critic_start=4, critic_steps=4, actor_steps=3, batch=16, hidden=(16,), label_units=8
    )
    conditional = train_conditional_actor(model, settings=small, seed=8, progress=False)
    z = model.prior(4, 9)
    return {
        "curves": [curve(actor.card["curve"]) for actor in (first, second, as_in_paper, conditional)],
        "moved": [actor.move(z).tolist() for actor in (first, second, as_in_paper, compose(first, second))]
        + [conditional.move(z, Attributes(Key.parse("A minor"), notes=60)).tolist()],
        "descended": descend(first, second)(z).tolist(),
        "critics": [weights(critic) for critic in first.critics],
        "nearest": melodies(first.examples),
        "generated": melodies(
            generate(
                model, Attributes(), 3, rules=[rules.notes(at_least=60)], actors=[second], seed=10, tries=2
            ).melodies
        ),
        "preference": melodylc.prefer(model, liked=model.bank.states[:6], disliked=model.bank.states[6:12])
        .probability(model.bank.states[12:20])
        .tolist(),
    }


def constraints():
    """The loops of sections 3 and 4 on encodings drawn here."""
    source = torch.Generator().manual_seed(0)
    z = torch.randn(64, 4, generator=source) * 0.5 + 0.3
    labels = (torch.rand(64, 3, generator=source) < 0.5).float()
    small = adversarial.AdversarialSettings(
        steps=4, critic_steps=2, batch=16, actor_hidden=(16,), critic_hidden=(16,), label_units=8, penalty=0.1
    )
    kinds = {
        "realism": (small, None),
        "inner": (replace(small, actor_hidden=None, inner_steps=3), None),
        "conditional": (small, labels),
        "auxiliary": (replace(small, auxiliary=True, average=0.5, decay=0.5), labels),
    }
    found = {}
    for name, (settings, given) in kinds.items():
        made = adversarial.train_adversaries(
            z, torch.ones(4), settings, sigma=torch.full_like(z, 0.1), labels=given, seed=1
        )
        networks = [made.critic] if made.actor is None else [made.actor, made.critic]
        found[name] = [curve(made.curve), *(weights(network) for network in networks)]
    attributes = adversarial.train_attribute_critic(z, labels, hidden=(16,), steps=5, batch=16, seed=2)
    return {**found, "attributes": weights(attributes)}


def trained(corpus, preset, folder):
    """A model trained on a tiny corpus."""
    card = train(corpus, preset, folder / "run", progress=False, device="cpu")
    return {"held out": card["held_out"], "log": (folder / "run" / "log.csv").exists()}


def images(folder):
    """A classifier, a VAE and constraints on digits drawn by the program."""
    import drawn

    workspace = Workspace(mnist.load(drawn.mnist(folder / "digits")), MNIST["smoke"], folder / "out", progress=False)
    vae = workspace.vae()
    z = workspace.prior(4, vae.latent)
    return {
        "classifier": weights(workspace.classifier()),
        "vae": weights(vae),
        "encodings": workspace.encodings(vae).mean[:4].tolist(),
        "decoded": workspace.decode(vae.decoder, z).mean(dim=(1, 2, 3)).tolist(),
        "realism": weights(workspace.actor("realism")),
        "critic": weights(workspace.critic("realism")),
        "attributes": weights(workspace.attribute_critic()),
    }


PARTS = ("embedded", "learned", "constraints", "trained", "images")


def compute(part, request, folder):
    """One part of what is stored."""
    if part == "learned":
        return learned(make_tiny_model(request.getfixturevalue("tiny_preset"), folder))  # made in full precision
    if part == "trained":
        return trained(request.getfixturevalue("tiny_corpus"), request.getfixturevalue("tiny_preset"), folder)
    return {"embedded": embedded, "constraints": constraints, "images": lambda: images(folder)}[part]()


def compare(found, stored, where):
    """Equal but for the last bits."""
    if isinstance(stored, dict):
        assert set(found) == set(stored), where
        for name, value in stored.items():
            compare(found[name], value, f"{where}, {name}")
    elif isinstance(stored, list):
        assert len(found) == len(stored), where
        for index, (value, other) in enumerate(zip(found, stored, strict=True)):
            compare(value, other, f"{where}, {index}")
    elif isinstance(stored, str) and stored.startswith("melody "):
        assert isinstance(found, str)
        same = sum(a == b for a, b in zip(found, stored, strict=True)) / len(stored)
        assert same > 0.95, where
    elif isinstance(stored, float):
        assert found == pytest.approx(stored, rel=1e-3, abs=1e-4, nan_ok=True), where
    else:
        assert found == stored, where


@pytest.fixture
def exact(monkeypatch):
    """Full precision, whatever the processor has."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


@pytest.fixture
def brief(monkeypatch):
    """Descend on the decoder in a few steps, not in nine tenths of the time that all of this takes."""
    monkeypatch.setattr(decoder_descent, "STEPS", DESCENT)


@pytest.mark.usefixtures("exact", "brief")
@pytest.mark.parametrize("part", PARTS)
def test_fixed_seeds_give_what_they_gave(part, request, tmp_path):
    found = json.loads(json.dumps(compute(part, request, tmp_path)))
    stored = json.loads(STORED.read_text())
    if os.environ.get("MELODYLC_GOLDEN") == "write":
        STORED.write_text(json.dumps({**stored, part: found}, indent=1) + "\n")
    else:
        compare(found, stored[part], part)

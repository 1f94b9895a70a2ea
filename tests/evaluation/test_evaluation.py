"""The evaluation's figures against values worked out by hand, and the whole of it on a tiny model."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from small_budgets import descend_briefly, learn_briefly

import melodylc
from melodylc import rules
from melodylc.attributes import Attributes
from melodylc.constraints import realism
from melodylc.constraints.conditional_training import ConditionalSettings, train_conditional_actor
from melodylc.constraints.preference import prefer
from melodylc.constraints.realism import held_out, realism_critic
from melodylc.evaluation import conditioning, listeners, similarity
from melodylc.evaluation.histograms import divergence, histograms, overlap, reference_histograms, write_reference
from melodylc.evaluation.methods import CommonDraws
from melodylc.evaluation.naturalness import measure_naturalness
from melodylc.evaluation.report import evaluate
from melodylc.evaluation.table_text import table_text
from melodylc.evaluation.transformations import measure_transformations
from melodylc.plausibility import Bounds


def test_pairwise_distance_by_hand():
    same = np.zeros((4, 256), np.uint8)
    assert similarity.pairwise_distance(same) == 0
    half = same.copy()
    half[:2, :128] = 1
    # of the pairs of different melodies, two in three differ, in half their steps
    assert similarity.pairwise_distance(half) == pytest.approx(1 / 3, abs=0.01)


def test_identity_by_hand():
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 128, (50, 256)).astype(np.uint8)
    assert similarity.nearest_to_own_start(starts, starts) == 1
    assert (
        similarity.nearest_to_own_start(starts, np.roll(starts, 1, axis=0)) < 0.15
    )  # each is nearest to another's start
    assert similarity.nearest_to_own_start(starts, np.zeros_like(starts)) < 0.3
    nearly = starts.copy()
    nearly[:, :200] = 0  # a quarter of each is left, which no other has
    assert similarity.nearest_to_own_start(starts, nearly) > 0.9


def test_rows_measure_what_they_say(tiny_model):
    held_out = histograms(tiny_model.bank.states)
    draws = CommonDraws.of(tiny_model, held_out, 64, 1, 0.5)
    prior = draws.measure_method("prior")
    assert prior.pitch_mean == pytest.approx(rules.pitch_classes("C major")(draws.prior_melodies).mean())
    np.testing.assert_array_equal(draws.prior_melodies, CommonDraws.of(tiny_model, held_out, 64, 1, 0.5).prior_melodies)
    assert (prior.z_mse, prior.distance, prior.identity, prior.selection) == (0, 1, 1, "")
    moved = draws.measure_method("moved", lambda z: z + 0.5)
    assert moved.z_mse == pytest.approx(0.25)
    weighted = float((0.25 / tiny_model.bank.sigma_bar**2).mean())
    assert moved.z_mse_weighted == pytest.approx(weighted, rel=1e-4)
    best = draws.measure_method("prior", tries=4)
    assert best.pitch_mean >= prior.pitch_mean
    assert best.selection == "best of 4"
    strict = draws.measure_method(
        "prior", allowed_states=np.array([p % 12 in (0, 2, 4, 5, 7, 9, 11) or p > 127 for p in range(130)])
    )
    assert (strict.pitch_satisfied == 1) or strict.onsets < 1
    text = table_text([prior, best, strict])
    assert "paper: prior" in text
    assert "prior [best of 4]" in text
    assert "prior [strict]" in text
    assert set(prior.as_json()) >= {
        "name",
        "pitch_kept",
        "pitch_satisfied",
        "z_mse",
        "unique",
        "distance",
        "identity",
        "realism",
    }


def test_kept_is_satisfied_and_plausible(tiny_model):
    """Four melodies by hand: of one note, which is in C major and not plausible, and of a scale, which is both."""
    scale = np.tile(np.array([60, 62, 64, 65, 67, 69, 71, 72], np.uint8), 32)
    chromatic = np.where(scale == 65, 66, scale).astype(np.uint8)
    melodies = np.stack([np.full(256, 60, np.uint8), scale, scale, chromatic])
    draws = replace(
        CommonDraws.of(tiny_model, histograms(tiny_model.bank.states), 4, 1, 0.5),
        bounds=Bounds.of(np.stack([scale, chromatic]), "by hand"),
    )
    row = draws.measure_melodies("by hand", draws.z, melodies)
    assert (row.pitch_satisfied, row.pitch_kept, row.plausible) == (0.75, 0.5, 0.75)
    assert (row.density_satisfied, row.density_kept) == (1, 0.75)  # 256 notes each
    assert (row.both_satisfied, row.both_kept) == (0.75, 0.5)
    line = table_text([row]).splitlines()[-1]
    assert line.split("|")[1].split() == ["50.0%", "75.0%", f"{row.pitch_mean:.3f}"]
    paper = next(line for line in table_text([row]).splitlines() if line.startswith("paper: C major "))
    assert paper.split("|")[1].split() == ["-", "70.8%", "0.991"]


def test_conditioning_counts_what_is_kept(complete, monkeypatch):
    table = conditioning.measure_conditioning(complete, draws=2)
    assert (table.kept <= np.minimum(table.in_key, table.enough_notes)).all()

    def in_c_major(z, **_):
        step = np.resize([60, 62, 64, 65, 67, 69, 71, 72], 256)
        held = np.arange(256) % 4 > 0  # 64 notes
        return np.tile(np.where(held, 128, step).astype(np.uint8), (len(z), 1))

    monkeypatch.setattr(complete, "decode_quickly", in_c_major, raising=False)
    monkeypatch.setattr(conditioning, "COUNTS", (64, 72))
    for known, share in (
        (Bounds.of(in_c_major([0]), "these"), 1.0),
        (Bounds.of(np.full((1, 256), 60), "one note"), 0.0),
    ):
        monkeypatch.setattr(conditioning.plausibility, "bounds", lambda _, known=known: known)
        table = conditioning.measure_conditioning(complete, draws=2)
        assert (table.in_key[0, 0].tolist(), table.kept[0, 0].tolist()) == ([1, 1], [share, 0])
    assert table.as_json()["kept, overall"] == 0
    assert conditioning.conditioning_text(table).startswith("kept")


def melody(*states):
    return np.array([*states, *[129] * (256 - len(states))], np.uint8)


def test_histograms_by_hand():
    found = histograms(np.stack([melody(60, 128, 64, 129, 62), melody(70, 70)]))
    # medians 62 and 70: notes at -2, +2, 0 and 0, 0
    assert {at - 24: share for at, share in enumerate(found["pitch"]) if share} == {-2: 0.2, 2: 0.2, 0: 0.6}
    assert {at - 24: round(share, 3) for at, share in enumerate(found["interval"]) if share} == {
        4: 0.333, -2: 0.333, 0: 0.333,
    }  # fmt: skip
    assert {at + 1: share for at, share in enumerate(found["duration"]) if share} == {1: 0.8, 2: 0.2}
    assert found["repetition"][0] == 1  # silent bars are no repetition
    four = np.tile([60, *[128] * 15], 16).astype(np.uint8)[None]
    assert histograms(four)["repetition"][15] == 1
    for shares in found.values():
        assert shares.sum() == pytest.approx(1)


def test_overlap_and_divergence_by_hand():
    a, b = {"x": np.array([0.5, 0.5, 0])}, {"x": np.array([0.25, 0.5, 0.25])}
    assert overlap(a, b)["x"] == 0.75
    assert overlap(a, a)["x"] == 1
    assert divergence(a, a)["x"] == pytest.approx(0)
    assert divergence(a, b)["x"] == pytest.approx(0.5 * np.log(2), abs=0.01)


def test_silence_has_histograms(tiny_model):
    found = histograms(np.full((3, 256), 129, np.uint8))
    assert found["pitch"].sum() == 0
    assert found["repetition"][0] == 1


def test_the_reference_is_stored_beside_a_model(tmp_path):
    model = melodylc.load()
    shares, what = reference_histograms(model)
    assert "held-out" in what
    assert set(shares) == {"pitch", "interval", "duration", "repetition"}
    write_reference(tmp_path / "model.safetensors", model.bank.states[:100], "a hundred")
    stored = json.loads((tmp_path / "held-out.json").read_text())
    assert (stored["melodies"], stored["what"]) == (100, "a hundred")
    np.testing.assert_allclose(stored["interval"], histograms(model.bank.states[:100])["interval"], atol=1e-6)


def test_realism_tells_unseen_encodings_from_noise_and_hardly_from_the_prior():
    model = melodylc.load()
    critic = realism_critic(model)
    noise = torch.randn(512, model.latent, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        real, noise, drawn = (critic(z)[:, 0] for z in (held_out(model), noise, model.prior(512, 3)))
    from_noise, from_prior = (float((real[:, None] > z).float().mean()) for z in (noise, drawn))
    assert from_noise > 0.6
    assert 0.4 < from_prior < from_noise


def test_preferences_agree_with_a_listener_and_ask():
    """A listener who likes many notes: forty answers order nearly all unseen pairs as they would."""
    model = melodylc.load()
    _, states = model.bank.known()
    states = states[np.random.default_rng(0).permutation(len(states))[:400]]
    count = (states < 128).sum(axis=1)
    likes = count > np.median(count)
    asked, unseen = np.arange(40), np.arange(40, 400)
    preference = prefer(model, states[asked][likes[asked]], states[asked][~likes[asked]])
    first, second = unseen[:180], unseen[180:]
    differ = count[first] != count[second]
    agreed = preference.preferred(states[first], states[second]) == (count[first] > count[second])
    assert agreed[differ].mean() > 0.85
    rewards = preference(states[unseen])
    assert ((rewards >= 0) & (rewards <= 1)).all()
    assert preference.satisfied(states[unseen][likes[unseen]]).mean() > 0.5
    assert (preference & rules.notes(at_least=50)).parts[0] is preference
    questions = preference.ask(3, among=states[unseen[:100]], seed=0)
    assert len(np.unique(questions, axis=0)) == 3
    more = preference.answered(liked=questions[:1], disliked=questions[1:])
    assert (len(more.liked), len(more.disliked)) == (len(preference.liked) + 1, len(preference.disliked) + 2)
    nothing = prefer(model)
    np.testing.assert_allclose(nothing.probability(states[:3]), 0.5)
    with pytest.raises(ValueError, match="expected shape"):
        prefer(model, np.zeros((2, 5), np.uint8))


@pytest.fixture
def complete(tiny_model, monkeypatch):
    """The tiny model with a conditional actor beside it; few listeners, attributes and melodies: seconds of work."""
    settings = ConditionalSettings(
        rounds=1, fresh=8, critic_start=1, critic_steps=2, actor_steps=1, batch=8, hidden=(8,), label_units=4
    )
    train_conditional_actor(tiny_model, settings=settings, progress=False).save(
        tiny_model.path.with_name("knobs.safetensors")
    )
    monkeypatch.setattr(conditioning, "SCALES", conditioning.SCALES[:2])
    monkeypatch.setattr("melodylc.evaluation.figures.SCALES", conditioning.SCALES[:2])
    monkeypatch.setattr("melodylc.evaluation.report.MELODIES", 8)
    monkeypatch.setattr(realism, "SETTINGS", replace(realism.SETTINGS, steps=5))
    monkeypatch.setattr("melodylc.evaluation.report.measure_naturalness", partial(measure_naturalness, seeds=1))
    monkeypatch.setattr(listeners, "POOL", 24)
    monkeypatch.setattr(listeners, "UNSEEN", 40)
    monkeypatch.setattr(listeners, "LISTENERS", 1)
    monkeypatch.setattr(listeners, "ANSWERS", (8, 16))
    return tiny_model


@pytest.mark.usefixtures("every_core")
def test_the_whole_evaluation(complete, tmp_path, monkeypatch):
    learn_briefly(monkeypatch)
    descend_briefly(monkeypatch)
    printed = []
    found = evaluate(complete, tmp_path / "out", draws=24, rounds=1, seed=3, say=printed.append)
    stored = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert stored == json.loads(json.dumps(found))
    assert {
        "naturalness",
        "table 2",
        "realism",
        "conditional actor",
        "transformations to C major",
        "preferences",
        "learning",
    } <= set(stored)
    names = [row["name"] + row["selection"] for row in stored["table 2"]]
    assert {"prior", "priorstrict", "C majorbest of 8", "C major, 192 notes, composed"} <= set(names)
    for name in ("figure3", "figure6", "figure11", "figure13", "trade-off", "conditional-actor", "realism"):
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            colours = image.convert("RGB").getcolors(1 << 24)
            assert len(colours) > 5, name
            assert image.width > 400
    assert any("paper: C major" in text for text in printed)
    equal = {card["curve"][-1]["rewarded"] for card in stored["learning"].values()}
    assert len(equal) == 1  # methods are compared at equal decodes


def test_transformations_begin_with_the_melody_itself(tiny_model):
    rule = rules.pitch_classes("C major")
    budget = melodylc.latent.rewards.Budget(rounds=1, fresh=8, tried=4, bank_steps=5, critic_steps=3, actor_steps=3)
    actor = melodylc.learn(tiny_model, rule, budget=budget, progress=False)
    table = measure_transformations(tiny_model, tiny_model.bank.states[:6], rule, actor, Attributes("C major"))
    assert (table[0].method, table[0].kept, table[0].satisfied, table[0].pitches_kept) == ("unchanged", 0, 0, 1)
    assert all(row.kept <= row.satisfied for row in table)
    assert {row.method for row in table} >= {"decoder gradient", "actor", "gradient", "actor [strict]"}
    assert next(row for row in table if row.method == "actor [strict]").satisfied == 1

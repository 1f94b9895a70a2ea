import numpy as np
import pytest
import torch

import melodylc
from melodylc import plausibility
from melodylc.attributes import LABELS, Attributes
from melodylc.base.errors import UserError
from melodylc.constraints import conditional
from melodylc.constraints.attribute_critic import PLAUSIBLE, critic_loss, energy, measure, predictions, satisfied_shares
from melodylc.constraints.conditional_training import ConditionalSettings, returning, train_conditional_actor
from melodylc.plausibility import Bounds
from melodylc.prior.requests import random_attributes
from melodylc.rules import Key


def test_what_is_measured():
    states = np.full((1, 256), 129, np.uint8)
    states[0, :4] = [60, 128, 67, 72]
    measured = measure(states, Bounds.of(states, "itself"))[0]
    assert measured[:12].tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]  # only C and G sound
    assert measured[12:].tolist() == [1, 3, 60, 72]
    others = Bounds.of(np.full((1, 256), 60, np.uint8), "one note on every step")
    assert measure(states, others)[0, PLAUSIBLE] == 0


def test_labels_say_what_is_requested():
    y = Attributes(Key.parse("D major"), notes=128, low=72, at_most=160).labels()
    assert y[:12].tolist() == [1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0]  # forbidden
    assert y[12:24].tolist() == [0, 0, 1, *[0] * 9]  # the tonic
    assert y[24:28].tolist() == [1, 2, 1, 0]  # 128 and 160 are one and two units above 96, 72 is one above 60; no high
    assert y[28:].tolist() == [1, 1, 1, 0]
    assert not Attributes().labels().any()
    assert Attributes("C,D,E,G,A").labels()[12:24].sum() == 0  # pitch classes alone have no tonic


def test_attributes_say_the_same_as_their_rules():
    rng = np.random.default_rng(0)
    for _ in range(50):
        attributes = random_attributes(rng)
        states = rng.integers(40, 90, (4, 256)).astype(np.uint8)
        allowed_states = attributes.pitches()[states].all(axis=1)
        pitch_rules = [rule for rule in attributes.rules() if "notes" not in rule.name]
        satisfied = np.all([rule.satisfied(states) for rule in pitch_rules] or [np.ones(4, bool)], axis=0)
        np.testing.assert_array_equal(allowed_states, satisfied)
    assert Attributes(Key.parse("C major"), 100, 60, 72).pitches().sum() == 8


def test_shares_satisfied_agree_with_the_rules():
    rng = np.random.default_rng(1)
    requests = [random_attributes(rng) for _ in range(60)]
    states = rng.integers(50, 75, (60, 256)).astype(np.uint8)
    states[rng.random(states.shape) < 0.6] = 128
    states[:, 0] = 60
    measured = measure(states, Bounds.of(states, "themselves"))
    shares = satisfied_shares(measured, torch.stack([attributes.labels() for attributes in requests]))
    for index, attributes in enumerate(requests):
        if attributes.key is not None:
            in_key = melodylc.rules.pitch_classes(attributes.key).satisfied(states[index : index + 1])[0]
            assert bool(shares["key"][index]) == in_key
        count = int((states[index] < 128).sum())
        if attributes.notes is not None:
            assert bool(shares["at least"][index]) == (count >= attributes.notes)
        if attributes.at_most is not None:
            assert bool(shares["at most"][index]) == (count <= attributes.at_most)
        for name, limit in (("low", attributes.low), ("high", attributes.high)):
            if limit is None:
                assert shares[name][index].isnan()


def output(absent=0.0, count=96.0, low=60.0, high=76.0, deviation=0.1, plausible=6.0):
    """Outputs of a critic, all pitch classes alike."""
    numbers = torch.tensor([(count - 96) / 32, (low - 60) / 12, (high - 76) / 12])
    return torch.cat(
        [torch.full((12,), absent), torch.tensor([plausible]), numbers, torch.full((3,), deviation).log()]
    )[None]


def test_predictions_are_in_notes_and_pitches():
    absent, means, sigma = predictions(output(count=120, low=55, high=80, deviation=0.5))
    torch.testing.assert_close(means, torch.tensor([[120.0, 55, 80]]))
    torch.testing.assert_close(sigma, torch.tensor([[16.0, 6, 6]]))
    assert absent.shape == (1, 13)


def test_the_loss_of_a_critic_is_least_where_it_is_right():
    states = np.full((1, 256), 129, np.uint8)
    states[0, :96:1] = np.tile([60, 62, 64, 65], 24)
    measured = measure(states, Bounds.of(states, "itself"))
    right = output(count=96, low=60, high=65)
    right[:, :12] = torch.where(measured[:, :12] == 1, 5.0, -5.0)
    for wrong in (output(count=60, low=60, high=65), output(count=96, low=40, high=65), -right):
        assert critic_loss(right, measured) < critic_loss(wrong, measured)


def test_the_energy_falls_as_attributes_come_to_be_satisfied():
    least_notes = torch.tensor([70.0])

    def cost(attributes, **said):
        return float(energy(output(**said), attributes.labels()[None], least_notes, enough=5.0))

    in_c = Attributes(Key.parse("C major"))
    assert cost(in_c, absent=4.0) < cost(in_c, absent=0.0) < cost(in_c, absent=-4.0)
    assert cost(in_c, absent=5.0) == cost(in_c, absent=50.0)  # beyond enough nothing more is gained
    many = Attributes(notes=150)
    assert cost(many, count=150) < cost(many, count=130) < cost(many, count=90)
    assert cost(many, count=180) < cost(many, count=150) < 1  # one-sided
    few = Attributes(at_most=60)
    assert cost(few, count=55) < cost(few, count=70) < cost(few, count=90)
    assert cost(few, count=55) < cost(few, count=20)  # not by falling silent
    assert cost(Attributes(), plausible=6) < cost(Attributes(), plausible=0) < cost(Attributes(), plausible=-6)
    narrow = Attributes(low=55, high=70)
    assert cost(narrow, low=56, high=69) < cost(narrow, low=50, high=69)
    assert cost(narrow, low=56, high=69) < cost(narrow, low=56, high=75)
    assert cost(in_c, absent=4.0, count=90) < cost(in_c, absent=4.0, count=30)  # not by falling silent
    assert cost(Attributes(), count=90) == pytest.approx(0, abs=0.02)


def test_bars_that_were_equal_are_to_stay_so_and_others_are_not():
    bars = 10 * torch.eye(4)[None]  # four bars, far from each other
    bars[0, 1] = bars[0, 0]
    assert returning(bars, bars, within=2.5) == 0
    assert returning(bars, bars + 3, within=2.5) == 0  # all of them moved together
    apart, together = bars.clone(), bars.clone()
    apart[0, 1, 3] = 5.0  # twice the distance below which they decode as equal: one pair, 1.2 too far
    assert float(returning(bars, apart, within=2.5)) == pytest.approx(1.2**2)
    together[0, 3] = together[0, 2]  # one pair of the five that were not equal
    assert float(returning(bars, together, within=2.5)) == pytest.approx(1.2**2 / 5)
    assert returning(bars, together, within=0) == 0


def test_a_conditional_actor_is_learned_saved_and_loaded(tiny_model, tmp_path):
    settings = ConditionalSettings(
        rounds=2, fresh=8, critic_start=2, critic_steps=2, actor_steps=2, batch=8, hidden=(8,), label_units=4
    )
    learned = train_conditional_actor(tiny_model, settings=settings, progress=False)
    assert len(learned.card["curve"]) == 2
    path = tmp_path / "knobs.safetensors"
    learned.save(path)
    again = conditional.load_conditional_actor(path, tiny_model)
    z, attributes = tiny_model.prior(4, seed=0), Attributes(Key.parse("A minor"), notes=60)
    torch.testing.assert_close(again.move(z, attributes), learned.move(z, attributes), atol=1e-2, rtol=1e-2)
    assert again.network.labels == LABELS
    with pytest.raises(UserError, match="another model"):
        conditional.load_conditional_actor(path, melodylc.load())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="expected safetensors"):
        conditional.load_conditional_actor(path, tiny_model)
    with pytest.raises(UserError, match="melodylc condition --model"):
        conditional.load_conditional_actor(tmp_path / "none.safetensors", tiny_model)


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(Key.parse("E blues"), notes=100, low=60, high=84),
        Attributes(Key.parse("F# dorian")),
        Attributes(notes=170),
        Attributes(Key.parse("Bb lydian"), notes=60),
        Attributes(low=48, high=67),
    ],
)
def test_the_embedded_conditional_actor_satisfies_attributes_it_was_never_taught(attributes):
    model = melodylc.load()
    actor = conditional.load_conditional_actor(model.path.with_name("knobs.safetensors"), model)
    melodies = model.decode(actor.move(model.bank.mean[:48].float(), attributes), seed=5)
    shares = satisfied_shares(measure(melodies, plausibility.bounds(model)), attributes.labels().expand(48, -1))
    for name, share in shares.items():
        if not share.isnan().all():
            assert float(share.mean()) > 0.75, name
    assert len(np.unique(melodies, axis=0)) == 48

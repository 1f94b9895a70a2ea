"""The losses and options of generators in pixels, against what their papers say, computed in another way."""

import math
import os
import signal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melodylc.base.signals import Stopped
from melodylc.latent.processes import Processes
from vision import metrics
from vision.baselines import gan_training
from vision.baselines.encoding_gans import InferenceGan, VaeGan
from vision.baselines.gan import Examples, Gan, GanSettings
from vision.baselines.gan_losses import (
    LOSSES,
    clip_weights,
    cross_entropy,
    feature_matching,
    label_loss,
    non_saturating,
    wasserstein,
    wasserstein_generator,
)
from vision.baselines.gan_training import rounds, train_gan
from vision.baselines.icgan import InvertedGan, inversion_loss
from vision.baselines.labelled_gans import AuxiliaryGan, ConditionalGan, InfoGan
from vision.baselines.pixel_critic import Judgement, MinibatchDiscrimination
from vision.batch_norm import BatchNorm
from vision.data.images import Images
from vision.models import Architecture, Encoder
from vision.presets import TrainingSettings
from vision.training_loop import TrainingRun

SHAPE = (1, 4, 4)
SIZES = Architecture(3, hidden=(8,))
logits = st.lists(st.floats(-8, 8), min_size=1, max_size=6)


def _column(values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def _sigmoid(value):
    return 1 / (1 + math.exp(-value))


@given(logits, logits, st.floats(0.5, 1.0))
def test_the_critic_of_a_gan_descends_the_cross_entropy_with_smooth_targets_of_real_images(real, made, target):
    of_real = [-target * math.log(_sigmoid(v)) - (1 - target) * math.log(1 - _sigmoid(v)) for v in real]
    of_made = [-math.log(1 - _sigmoid(v)) for v in made]  # made images keep the target 0: one-sided
    found = float(cross_entropy(_column(real), _column(made), target))
    assert found == pytest.approx(sum(of_real) / len(real) + sum(of_made) / len(made), abs=1e-9)


@given(logits, logits)
def test_the_generators_losses_and_the_wasserstein_critics_by_hand(real, made):
    assert float(non_saturating(_column(made))) == pytest.approx(
        sum(-math.log(_sigmoid(v)) for v in made) / len(made), abs=1e-9
    )
    means = sum(real) / len(real), sum(made) / len(made)
    assert float(wasserstein(_column(real), _column(made), 0.9)) == pytest.approx(means[1] - means[0], abs=1e-9)
    assert float(wasserstein_generator(_column(made))) == pytest.approx(-means[1], abs=1e-9)


def test_an_optimal_smooth_critic_is_the_papers():
    """Where real and made images are as dense, D = target / 2 (Salimans et al. 2016, section 3.4)."""
    grid = torch.linspace(-3, 3, 2001, dtype=torch.float64)
    found = torch.stack([cross_entropy(v[None, None], v[None, None], 0.9) for v in grid]).argmin()
    assert _sigmoid(float(grid[found])) == pytest.approx(0.45, abs=2e-3)


@pytest.mark.parametrize("settings", [GanSettings(kernels=4), GanSettings(matched=True), GanSettings(noise=0.1)])
def test_losses_are_of_full_precision_where_networks_compute_in_bf16(settings):
    torch.manual_seed(0)
    sizes = Architecture(3, channels=(4, 8), kernels=(3, 3))
    gan, x, y = Gan(SHAPE, sizes, settings), torch.rand(6, *SHAPE), torch.zeros(6, 2)
    found = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses = gan.critic_loss(x, y), gan.generator_loss(x, y)
            judgement = gan.critic(x)
        assert {part.dtype for part in (*losses, *judgement)} == {torch.float32}
        for loss in losses:
            loss.backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in gan.makers.parameters())
        found.append(torch.stack(losses).detach())
    assert not torch.equal(*found)  # bf16 has three digits
    torch.testing.assert_close(*found, rtol=0.05, atol=0.02)


@pytest.mark.parametrize(("penalty", "expected"), [(0.0, True), (10.0, False)])
def test_a_gradient_penalty_is_learned_in_full_precision(penalty, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(gan_training, "half_precision", lambda device: torch.autocast(device.type, torch.bfloat16))
    gan, seen = Gan(SHAPE, SIZES, GanSettings(gradient_penalty=penalty)), []
    for name in ("critic_loss", "generator_loss"):

        def watched(*batch, loss=getattr(gan, name)):
            seen.append(torch.is_autocast_enabled("cpu"))
            return loss(*batch)

        monkeypatch.setattr(gan, name, watched)
    images = Images(torch.randint(0, 256, (20, *SHAPE), dtype=torch.uint8), torch.zeros(20, 1))
    run = TrainingRun(tmp_path / "gan.checkpoint", {}, 0, "gan", progress=False)
    train_gan(gan, images, TrainingSettings(1, batch=8), run)
    assert seen == [expected, expected]


def test_near_neighbours_are_told_from_none_in_bf16():
    torch.manual_seed(0)
    layer, f = MinibatchDiscrimination(features=3, kernels=2, width=4), 3 * torch.randn(5, 3)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(f)
    assert found.dtype == torch.float32
    few = layer(f) < 2**-8  # which bf16 cannot add to one
    assert few.any()
    assert (found[few] > 0).all()


def test_batch_normalisation_of_two_shares_in_bf16_is_that_of_the_whole_in_full_precision():
    torch.manual_seed(0)
    x = (torch.randn(8, 3, 4, 4) + 5).bfloat16()
    of_shares = []

    class Two(Processes):
        def gathered(self, rows):
            of_shares.append(rows[0])
            return torch.stack([of_shares[0], of_shares[-1]])

    layer, whole = BatchNorm(3), torch.nn.BatchNorm2d(3)
    layer.processes = Two(torch.device("cpu"), rank=0, count=2)
    layer(x[0::2])  # the first share tells its moments, the second has those of both
    second = layer(x[1::2])
    expected = whole(x.float())[1::2]
    assert {part.dtype for part in of_shares} == {torch.float32}
    assert second.dtype == torch.bfloat16
    torch.testing.assert_close(second.float(), expected, rtol=0.02, atol=0.02)


def test_clipped_weights_are_within_their_bound_and_small_ones_as_they_were():
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -0.5], [0.01, -0.02]]))
        layer.bias.copy_(torch.tensor([3.0, 0.0]))
    clip_weights(layer, 0.03)
    assert layer.weight.flatten().tolist() == pytest.approx([0.03, -0.03, 0.01, -0.02])
    assert layer.bias.tolist() == pytest.approx([0.03, 0.0])


@given(st.integers(0, 1000))
def test_features_match_where_their_means_do(seed):
    rng = np.random.default_rng(seed)
    real, made = rng.normal(size=(5, 3)), rng.normal(size=(7, 3))
    expected = sum((real[:, k].mean() - made[:, k].mean()) ** 2 for k in range(3))
    assert float(feature_matching(torch.from_numpy(real), torch.from_numpy(made))) == pytest.approx(expected)
    moved = torch.from_numpy(made + real.mean(axis=0) - made.mean(axis=0))
    assert float(feature_matching(torch.from_numpy(real), moved)) == pytest.approx(0, abs=1e-12)


@given(st.integers(0, 1000))
def test_minibatch_discrimination_is_the_papers_sum(seed):
    """o(x_i)_b = sum over the others of exp(-|M_i,b - M_j,b|_1)."""
    torch.manual_seed(seed)
    layer = MinibatchDiscrimination(features=3, kernels=2, width=4)
    f = torch.randn(5, 3)
    found = layer(f).detach().numpy()
    tensor = layer.tensor.detach().numpy()
    for i in range(5):
        for b in range(2):
            rows = [f[j].numpy() @ tensor[:, b] for j in range(5)]
            expected = sum(np.exp(-np.abs(rows[i] - rows[j]).sum()) for j in range(5) if j != i)
            assert found[i, b] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert layer(f[:1].expand(5, -1)).detach().numpy() == pytest.approx(4.0)  # all alike: each has four others


@given(st.integers(0, 1000))
def test_labels_are_said_by_a_softmax_or_by_a_sigmoid_each(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(4, 3)) * 2
    classes = np.eye(3)[rng.integers(0, 3, 4)]
    softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = -np.log((softmax * classes).sum(axis=1)).mean()
    assert float(label_loss(torch.from_numpy(scores), torch.from_numpy(classes), True)) == pytest.approx(expected)
    flags = rng.integers(0, 2, (4, 3)).astype(float)
    sigmoid = 1 / (1 + np.exp(-scores))
    expected = -np.log(np.where(flags == 1, sigmoid, 1 - sigmoid)).sum(axis=1).mean()
    assert float(label_loss(torch.from_numpy(scores), torch.from_numpy(flags), False)) == pytest.approx(expected)


@given(st.integers(0, 1000))
def test_the_classifier_score_is_salimans_formula(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(20, 4)) * 3
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean())
    assert metrics.classifier_score(torch.from_numpy(scores)) == pytest.approx(expected)


def test_the_classifier_score_is_1_of_one_class_and_the_number_of_classes_of_all():
    sure = 100 * torch.eye(5)
    assert metrics.classifier_score(sure) == pytest.approx(5)
    assert metrics.classifier_score(sure[:1].expand(9, -1)) == pytest.approx(1)
    assert metrics.classifier_score(torch.zeros(9, 5)) == pytest.approx(1)


def _batch(labels=3):
    return torch.rand(6, *SHAPE), torch.nn.functional.one_hot(torch.arange(6) % labels, labels).float()


@pytest.mark.parametrize("loss", list(LOSSES))
def test_what_a_gan_descends_is_its_losses_of_its_own_images(loss):
    torch.manual_seed(0)
    settings = GanSettings(loss=loss, real_target=0.8, gradient_penalty=3.0)
    gan, (x, y) = Gan(SHAPE, SIZES, settings), _batch()
    torch.manual_seed(1)
    found = gan.critic_loss(x, y)
    torch.manual_seed(1)
    made = gan.generator(torch.randn(6, 3)).detach()
    share = torch.rand(6, 1)[:, :, None, None]
    between = (x + share * (made - x)).requires_grad_(True)
    slope = torch.autograd.grad(gan.critic(between).logit.sum(), between)[0].flatten(1).norm(dim=1)
    real, fake = gan.critic(x).logit, gan.critic(made).logit
    expected = LOSSES[loss].critic(real, fake, 0.8) + 3 * (slope - 1).square().mean()
    torch.testing.assert_close(found, expected)
    torch.manual_seed(1)
    torch.testing.assert_close(gan.generator_loss(x, y), LOSSES[loss].generator(fake))


def test_each_side_moves_its_own_networks_only():
    torch.manual_seed(0)
    gan, (x, y) = Gan(SHAPE, SIZES, GanSettings()), _batch()
    gan.critic_loss(x, y).backward()
    assert all(parameter.grad is None for parameter in gan.makers.parameters())
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in gan.critic.parameters())
    gan.generator_loss(x, y).backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in gan.makers.parameters())


def test_matched_features_take_the_place_of_deception():
    torch.manual_seed(0)
    gan, (x, y) = Gan(SHAPE, SIZES, GanSettings(matched=True)), _batch()
    torch.manual_seed(1)
    found = gan.generator_loss(x, y)
    torch.manual_seed(1)
    made = gan.generator(torch.randn(6, 3))
    torch.testing.assert_close(found, feature_matching(gan.critic(x).features, gan.critic(made).features))


def test_noise_reaches_real_and_made_images_alike():
    torch.manual_seed(0)
    gan = Gan(SHAPE, SIZES, GanSettings(noise=0.5))
    x = torch.zeros(2000, *SHAPE)
    seen = []
    gan.critic.forward = lambda images, beside: seen.append(images)
    gan.judge(x, None)
    assert float(seen[0].std()) == pytest.approx(0.5, abs=0.01)


def test_labels_reach_what_reads_them():
    torch.manual_seed(0)
    x, y = _batch()
    z = torch.randn(6, 3)
    conditional = ConditionalGan(SHAPE, SIZES, GanSettings(), labels=3)
    auxiliary = AuxiliaryGan(SHAPE, SIZES, GanSettings(), labels=3, exclusive=True)
    other = y.roll(1, dims=0)
    for gan in (conditional, auxiliary):
        assert not torch.isclose(gan(z, y), gan(z, other)).all()
    assert not torch.isclose(conditional.critic(x, y).logit, conditional.critic(x, other).logit).all()
    assert auxiliary.critic(x).others.shape == (6, 3)
    # right labels cost the critic of the conditional GAN less once it has learned to read them
    terms = conditional.critic_terms(conditional.examples(x, y), None, None)
    expected = 0.5 * torch.nn.functional.softplus(conditional.critic(x, other).logit).mean()
    torch.testing.assert_close(terms, expected)


def test_wrong_labels_are_of_another_image_of_the_whole_batch(monkeypatch):
    torch.manual_seed(0)
    gan, (x, y) = ConditionalGan(SHAPE, SIZES, GanSettings(), labels=3), _batch()
    monkeypatch.setattr(Processes, "gathered", lambda self, rows: y)
    gan.processes = Processes(torch.device("cpu"), rank=1, count=2)
    own, wrong = slice(1, None, 2), y.roll(1, dims=0)[1::2]
    found = gan.critic_terms(Examples(x[own], y[own], x[own], y[own], y[own]), None, None)
    torch.testing.assert_close(found, 0.5 * torch.nn.functional.softplus(gan.critic(x[own], wrong).logit).mean())


def test_labels_that_another_image_has_as_well_are_not_wrong(monkeypatch):
    torch.manual_seed(0)
    gan, (x, _) = ConditionalGan(SHAPE, SIZES, GanSettings(), labels=2), _batch()
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    # rolled by one, images 2 and 5 are given labels of another kind, the others their own
    wrong = [2, 5]
    expected = 0.5 * torch.nn.functional.softplus(gan.critic(x[wrong], y[[1, 4]]).logit).mean()
    torch.testing.assert_close(gan.critic_terms(Examples(x, y, x, y, y), None, None), expected)
    # the mean over processes is that of the whole batch
    monkeypatch.setattr(Processes, "gathered", lambda self, rows: y)
    found = []
    for rank in range(2):
        gan.processes, own = Processes(torch.device("cpu"), rank=rank, count=2), slice(rank, None, 2)
        found.append(gan.critic_terms(Examples(x[own], y[own], x[own], y[own], y[own]), None, None))
    torch.testing.assert_close(torch.stack(found).mean(), expected)
    # and where all have the same labels, there is nothing to learn, and no division by zero
    gan.processes = Processes(torch.device("cpu"))
    same = torch.ones(6, 2)
    monkeypatch.setattr(Processes, "gathered", lambda self, rows: rows)
    assert gan.critic_terms(Examples(x, same, x, same, same), None, None) == 0


def test_ac_gan_adds_the_cross_entropy_of_labels_to_both_sides():
    torch.manual_seed(0)
    (x, y), gan = _batch(), AuxiliaryGan(SHAPE, SIZES, GanSettings(), labels=3, exclusive=True)
    examples = gan.examples(x, y)
    real, made = gan.critic(x), gan.critic(examples.made)
    of_real, of_made = (torch.nn.functional.cross_entropy(each.others, y.argmax(dim=1)) for each in (real, made))
    torch.testing.assert_close(gan.critic_terms(examples, real, made), of_real + of_made)
    torch.testing.assert_close(gan.generator_terms(examples, real, made), of_made)


def test_the_information_of_a_code_is_between_none_and_all_of_it():
    torch.manual_seed(0)
    gan = InfoGan(SHAPE, SIZES, GanSettings())
    codes = gan.codes(torch.empty(40, 3))
    assert codes.sum(dim=0).tolist() == [4.0] * 10
    with torch.no_grad():
        gan.critic.head.weight.zero_()
        gan.critic.head.bias.zero_()
        assert gan.information(torch.rand(40, *SHAPE), codes) == pytest.approx(0, abs=1e-5)  # it says nothing
        gan.critic.forward = lambda x: Judgement(codes[:, :1], 100 * codes, codes, codes)
        assert gan.information(torch.rand(40, *SHAPE), codes) == pytest.approx(math.log(10), abs=1e-5)


@pytest.mark.parametrize("clip", [0.0, 0.01])
def test_a_stopped_training_of_a_gan_ends_with_the_same_weights(tmp_path, clip):
    """Batch normalisation has running means beside its weights, which are kept as well."""
    images = Images(torch.randint(0, 256, (20, *SHAPE), dtype=torch.uint8), torch.zeros(20, 1))
    training = TrainingSettings(6, batch=4, learning_rate=1e-2)

    def trained(folder, stop=None):
        torch.manual_seed(0)
        settings = GanSettings(critic_steps=2, clip=clip, loss="wasserstein" if clip else "non-saturating")
        gan = Gan(SHAPE, Architecture(3, channels=(2, 4), kernels=(3, 3)), settings)
        loss, calls = gan.generator_loss, []

        def counted(x, y):
            calls.append(1)
            if len(calls) == stop:
                os.kill(os.getpid(), signal.SIGTERM)  # the step is made none the less
            return loss(x, y)

        gan.generator_loss = counted
        folder.mkdir(exist_ok=True)
        run = TrainingRun(folder / "gan.checkpoint", {}, 3, "gan", progress=False)
        train_gan(gan, images, training, run)
        return gan.state_dict(), max(float(p.detach().abs().max()) for p in gan.critic.parameters())

    whole, largest = trained(tmp_path / "whole")
    with pytest.raises(Stopped):
        trained(tmp_path / "cut", stop=2)
    again, _ = trained(tmp_path / "cut")
    assert all(torch.equal(again[name], value) for name, value in whole.items())
    assert (largest <= clip) == bool(clip)


def test_all_systems_make_as_many_steps_in_all():
    training = TrainingSettings(120)
    assert rounds(training, 1) == 120
    assert rounds(training, 5) == 40
    assert rounds(training, 9999) == 1


def test_vae_gan_descends_larsens_three_losses():
    torch.manual_seed(0)
    gan, (x, y) = VaeGan(SHAPE, SIZES, GanSettings()), _batch()
    torch.manual_seed(1)
    found = gan.generator_loss(x, y)
    torch.manual_seed(1)
    mean, sigma = gan.posterior(x[:3])
    made = gan.generator(torch.cat([mean + sigma * torch.randn(3, 3), torch.randn(3, 3)]))
    deception = torch.nn.functional.softplus(-gan.critic(made).logit).mean()
    mean, sigma = gan.posterior(x)
    rebuilt = gan.generator(mean + sigma * torch.randn(6, 3))
    normal = torch.distributions.Normal
    inner = torch.nn.Sequential(gan.critic.encoder.trunk, torch.nn.Flatten())
    likelihood = normal(inner(rebuilt), 1.0).log_prob(inner(x)).sum(dim=1)
    constant = normal(torch.tensor(0.0), 1.0).log_prob(torch.tensor(0.0)) * inner(x).shape[1]
    kl = torch.distributions.kl_divergence(normal(mean, sigma), normal(0.0, 1.0)).sum(dim=1)
    expected = deception + 1e-3 * (kl - likelihood + constant).mean()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_critics_have_the_layers_of_dcgan_and_a_penalty_takes_their_normalisation():
    """Radford et al. 2015: LeakyReLU of slope 0.2, batch normalisation of all convolutions but the first."""
    sizes = Architecture(3, channels=(2, 4), kernels=(3, 3))
    names = {0.0: "Conv2d LeakyReLU Conv2d BatchNorm LeakyReLU", 1.0: "Conv2d LeakyReLU Conv2d LeakyReLU"}
    for penalty, expected in names.items():
        trunk = Gan(SHAPE, sizes, GanSettings(gradient_penalty=penalty)).critic.encoder.trunk
        assert " ".join(type(layer).__name__ for layer in trunk) == expected
        assert all(layer.negative_slope == 0.2 for layer in trunk if isinstance(layer, torch.nn.LeakyReLU))


def test_what_the_critic_of_vae_gan_thinks_does_not_reach_the_encoder():
    torch.manual_seed(0)
    gan, (x, y) = VaeGan(SHAPE, SIZES, GanSettings()), _batch()
    gan.critic(gan.examples(x, y).made).logit.sum().backward()
    assert all(parameter.grad is None for parameter in gan.makers["encoder"].parameters())
    assert any(parameter.grad is not None for parameter in gan.generator.parameters())


def test_inference_is_learned_from_pairs_of_images_and_vectors():
    torch.manual_seed(0)
    gan, (x, y) = InferenceGan(SHAPE, SIZES, GanSettings()), _batch()
    torch.manual_seed(1)
    found = gan.generator_loss(x, y)
    torch.manual_seed(1)
    z = torch.randn(6, 3)
    mean, sigma = gan.posterior(x)
    encoded = mean + sigma * torch.randn(6, 3)
    softplus = torch.nn.functional.softplus
    real, made = gan.critic(x, encoded).logit, gan.critic(gan.generator(z), z).logit
    torch.testing.assert_close(found, softplus(real).mean() + softplus(-made).mean())
    found.backward()
    assert any(parameter.grad.any() for parameter in gan.makers["encoder"].parameters())
    assert not torch.isclose(gan.critic(x, z).logit, gan.critic(x, z + 1).logit).all()


def test_icgan_inverts_the_generator_and_reads_labels_off_real_images():
    torch.manual_seed(0)
    gan, (x, y) = ConditionalGan(SHAPE, SIZES, GanSettings(), labels=3), _batch()
    encoder = Encoder(SHAPE, SIZES, 3 + 3)
    torch.manual_seed(1)
    found = inversion_loss(encoder, gan, x, y, exclusive=True)
    torch.manual_seed(1)
    z = torch.randn(6, 3)
    squared = (encoder(gan.generator(z, y))[:, :3] - z).square().sum(dim=1).mean()
    entropy = torch.nn.functional.cross_entropy(encoder(x)[:, 3:], y.argmax(dim=1))
    torch.testing.assert_close(found, squared + entropy)
    found.backward()
    assert all(parameter.grad is None for parameter in gan.parameters())
    # changing an image to its own labels is rebuilding it
    inverted = InvertedGan(gan, encoder, exclusive=True)
    _, own = inverted.encode(x)
    assert own.sum(dim=1).tolist() == [1.0] * 6
    torch.testing.assert_close(inverted.change(x, own), inverted.rebuild(x))
    other = InvertedGan(gan, encoder, exclusive=False).encode(x)[1]
    assert torch.equal(other, (encoder(x)[:, 3:] > 0).float())

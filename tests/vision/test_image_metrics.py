"""How images are judged, against counts by hand, closed forms, and scipy."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from vision import metrics


def test_table_ones_columns_by_hand():
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    logits = torch.tensor([[2.0, 1.0], [-1.0, 3.0], [-2.0, -2.0], [1.0, 5.0]])
    # said: 1 1 | 0 1 | 0 0 | 1 1; wrong are (0, 1), (1, 0), (3, 0)
    found = metrics.label_scores(logits, labels, exclusive=False)
    assert found["accuracy"] == pytest.approx(5 / 8)
    # of the first, 1 right of 2 said and 2 true; of the second, 2 right of 3 said and 2 true
    assert found["precision"] == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 3)
    assert found["recall"] == pytest.approx(0.5 * 1 / 2 + 0.5 * 2 / 2)
    assert found["f1"] == found["f1_mean"] == pytest.approx(((2 * 1) / (2 + 2) + (2 * 2) / (3 + 2)) / 2)
    assert found["pooled_precision"] == pytest.approx(3 / 5)
    assert found["pooled_f1"] == pytest.approx(2 * 3 / (5 + 4))


@given(st.integers(0, 10_000))
def test_attributes_are_averaged_by_support_as_scikit_learn_does(seed):
    """The authors' notebook prints scikit-learn's report, whose last line is that average."""
    from sklearn.metrics import precision_recall_fscore_support  # seconds, in the one process that has this test

    rng = np.random.default_rng(seed)
    images, attributes = rng.integers(1, 30), rng.integers(2, 6)
    true = rng.random((images, attributes)) < rng.random(attributes)  # some are rare, some are in no image
    logits = rng.normal(size=true.shape) + true
    found = metrics.label_scores(torch.from_numpy(logits), torch.from_numpy(true), exclusive=False)
    for average, prefix in (("weighted", ""), ("micro", "pooled_")):
        precision, recall, f1, _ = precision_recall_fscore_support(true, logits > 0, average=average, zero_division=0)
        assert found[f"{prefix}precision"] == pytest.approx(precision)
        assert found[f"{prefix}f1"] == pytest.approx(f1)
        assert found["recall"] == pytest.approx(recall)
    assert found["accuracy"] == pytest.approx((true == (logits > 0)).mean())


def test_an_average_by_support_is_not_the_harmonic_mean():
    """The first is in 3 images and never found, the second in 1 and always said: 0 and 2 * 1/4 / (1 + 1/4)."""
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = metrics.label_scores(torch.tensor([[-1.0, 1.0]]).expand(4, 2), labels, exclusive=False)
    assert [found[name] for name in ("precision", "recall", "f1")] == pytest.approx([1 / 16, 1 / 4, 1 / 10])
    assert [found[name] for name in ("pooled_precision", "pooled_f1")] == pytest.approx([1 / 4, 1 / 4])


def test_classes_are_right_by_their_highest_logit():
    labels = torch.eye(3)
    logits = torch.tensor([[-1.0, -2.0, -3.0], [0.0, 1.0, 2.0], [5.0, 5.0, 6.0]])
    assert metrics.label_scores(logits, labels, exclusive=True)["accuracy"] == pytest.approx(2 / 3)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_auc_is_the_share_of_pairs_in_order(positive, negative):
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    found = metrics.auc(torch.tensor(positive).float(), torch.tensor(negative).float())
    assert found == pytest.approx(sum(pairs) / len(pairs))


@given(st.integers(0, 1000))
def test_frechet_is_the_formula_with_scipys_root(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(50, 4)) + rng.normal(size=4)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    expected = np.square(a.mean(axis=0) - b.mean(axis=0)).sum() + np.trace(cov_a + cov_b - 2 * root.real)
    found = metrics.frechet(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert metrics.frechet(torch.from_numpy(a), torch.from_numpy(a)) == pytest.approx(0, abs=1e-6)


def test_frechet_of_one_dimension_is_in_closed_form():
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [9.0]])
    # means 1 and 6, standard deviations sqrt 2 and 3 sqrt 2
    assert metrics.frechet(a, b) == pytest.approx(25 + (3 * 2**0.5 - 2**0.5) ** 2)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 64, 64)])
def test_likeness_falls_and_spread_grows_as_images_differ(shape):
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(6, shape[0], 7, 7), shape[1:], mode="bilinear")
    pairs = lambda noise: torch.stack(  # noqa: E731
        [smooth, (smooth + noise * torch.randn_like(smooth)).clamp(0, 1)], dim=1
    ).flatten(0, 1)
    assert metrics.likeness(pairs(0.0)) == pytest.approx(1.0, abs=1e-4)
    assert metrics.spread(pairs(0.0)) == 0
    assert metrics.likeness(pairs(0.0)) > metrics.likeness(pairs(0.05)) > metrics.likeness(pairs(0.3)) > 0
    assert metrics.spread(torch.stack([torch.zeros(shape), torch.full(shape, 0.5)])) == pytest.approx(0.5)

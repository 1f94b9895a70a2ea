"""What is counted in draws, against what the judge of the evaluation sees of the same melodies."""

import numpy as np
import pytest
import torch
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from melodylc.evaluation.told_apart import judge_features, repeated_rhythms
from melodylc.melody import HOLD, STATES, repeated_bars
from melodylc.plausibility import FEATURES, features
from melodylc.prior.likeness import Likeness, counts, intervals, returning

CPU = torch.device("cpu")
INTERVALS, LENGTHS, POSITIONS, REST = (len(FEATURES) + width for width in (0, 25, 41, 57))  # columns of the judge


def numbers(states):
    return torch.from_numpy(states).long()


def taken(states):
    return F.one_hot(numbers(states), STATES).float()


def logits(states, sure=20.0):
    return (sure * taken(states)).requires_grad_(True)


@given(st.lists(melodies(), min_size=1, max_size=4))
def test_counts_are_what_the_judge_sees(drawn):
    states = np.stack(drawn)
    found, judged = counts(taken(states), numbers(states)).numpy(), judge_features(states)
    single = dict(zip(FEATURES, features(states).T, strict=True))
    within = slice(INTERVALS + 1, LENGTHS - 1)  # the widest bins of the judge hold wider intervals too
    notes = np.maximum(single["notes"], 1)
    share = np.maximum(single["notes"] - 1, 1) / notes  # of intervals among notes
    np.testing.assert_allclose(found[:, 1:24], judged[:, within] * share[:, None], atol=1e-5)
    np.testing.assert_allclose(found[:, 26], single["returns"], atol=1e-5)
    np.testing.assert_allclose(found[:, 27:43], judged[:, LENGTHS:POSITIONS], atol=1e-5)
    np.testing.assert_allclose(found[:, 43:59], judged[:, POSITIONS:REST], atol=1e-5)
    np.testing.assert_allclose(found[:, 59], single["commonest pitch"], atol=1e-5)
    np.testing.assert_allclose(found[:, 61], judged[:, REST], atol=1e-5)  # in the best scale


def test_bars_that_return_are_counted():
    rng = np.random.default_rng(0)
    states = rng.integers(60, 64, (1, 256)).astype(np.uint8)
    states[0, 64:96] = states[0, :32]  # bars 5 and 6 are 1 and 2 again
    states[0, 240:] = states[0, :16]
    found = returning(taken(states))[0]
    assert float(found[0]) * 16 == pytest.approx(float(repeated_bars(states)[0])) == 3
    rhythm = torch.stack([(numbers(states) < HOLD).float(), (numbers(states) == HOLD).float()], dim=-1)
    assert float(returning(rhythm)[0, 0]) * 16 == pytest.approx(float(repeated_rhythms(states)[0])) == 15


def test_intervals_look_across_rests_and_holds():
    states = np.full((1, 256), HOLD, np.uint8)
    states[0, [0, 7, 30, 200]] = [60, 64, 60, 80]
    states[0, 10:30] = 129
    found = intervals(taken(states)[..., :HOLD], numbers(states))[0]
    assert {int(index) - 12: float(found[index]) for index in found[:25].nonzero()} == {4: 1.0, -4: 1.0}
    assert found[25] == 1  # twenty semitones
    assert found[26] == 1  # 60 after 60, 64


def test_others_like_them_are_at_no_distance_and_different_ones_are():
    rng = np.random.default_rng(1)

    def walks(count, step):
        return (72 + np.cumsum(rng.integers(-step, step + 1, (count, 256)), axis=1)).clip(40, 100).astype(np.uint8)

    likeness = Likeness(walks(256, 2), CPU)

    def distance(states):
        return float(likeness.distance(numbers(states), logits(states)).detach())

    alike, leaping, one = distance(walks(64, 2)), distance(walks(64, 5)), distance(np.tile(walks(1, 2), (64, 1)))
    assert abs(alike) < 0.05
    assert leaping > alike + 0.2
    assert one > alike + 0.05  # nor is one real melody, over and over, like real melodies


def test_its_gradient_leads_to_more_likeness():
    """Rises of a fifth, which could as well be the semitones that real melodies rise by."""
    rng = np.random.default_rng(2)
    real = np.full((64, 256), HOLD, np.uint8)
    real[:, ::4] = 60 + rng.integers(0, 2, (64, 64))
    states = np.full((8, 256), HOLD, np.uint8)
    states[:, ::4] = np.tile([60, 67], 32)
    said = 6.0 * taken(states)
    said[:, 4::8, 61] = 6.0
    said.requires_grad_(True)
    Likeness(real, CPU).distance(numbers(states), said).backward()
    assert torch.isfinite(said.grad).all()
    assert (said.grad[:, 4::8, 61] < said.grad[:, 4::8, 67]).all()

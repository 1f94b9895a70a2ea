"""Bars that are nearly equal are decoded as equal ones."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from melodylc.base.storage import read_card, write_card
from melodylc.melody import repeated_bars
from melodylc.vae import storage
from melodylc.vae.decoding import DISTANCES, decode, equal_within, merged


@given(st.integers(0, 1000), st.floats(0.01, 3.0))
def test_merged_bars_are_bars_that_were_there_and_near(seed, distance):
    bars = torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(seed))
    for row, before in zip(merged(bars, distance), bars, strict=True):
        assert (torch.cdist(row, before).min(dim=1).values == 0).all()
        assert ((row - before).norm(dim=-1) < distance).all()
        assert torch.equal(row[0], before[0])


def test_nothing_is_merged_at_0():
    bars = torch.randn(2, 16, 3)
    assert merged(bars, 0.0) is bars


def test_the_distance_that_repeats_as_many_bars_is_found(tiny_model):
    """Whatever an untrained model makes of melodies, all bars are equal at a distance that is beyond all of them."""
    vae, z = tiny_model.vae, tiny_model.prior(8, seed=0)
    known = equal_within(vae, tiny_model.bank.states[:8], 0.5)
    assert known in DISTANCES
    assert vae.equal_within == 0
    vae.equal_within = 1e3
    try:
        states = decode(vae, z, temperature=0.5, generator=torch.Generator().manual_seed(0))
    finally:
        vae.equal_within = 0.0
    sounding = repeated_bars(states)
    assert (states.reshape(8, 16, 16) == states.reshape(8, 16, 16)[:, :1]).all()
    assert set(np.unique(sounding)) <= {0, 15}


def test_the_card_holds_the_distance(tiny_model, tmp_path):
    path = tmp_path / "model.safetensors"
    storage.save(tiny_model.vae, path, {})
    assert storage.load(path)[0].equal_within == 0
    card = read_card(path, storage.KIND)
    write_card(path, storage.KIND, {**card, "equal_within": 2.4})
    assert storage.load(path)[0].equal_within == 2.4
    write_card(path, storage.KIND, {**card, "equal_within": "near"})
    with pytest.raises(UserError, match="equal_within: expected a number"):
        storage.load(path)

"""What the gradient of the decoder makes of one's own melody, on the embedded model."""

import numpy as np
import pytest
import torch

import melodylc
from melodylc import plausibility
from melodylc.attributes import Attributes
from melodylc.constraints.decoder_descent import descend_on_decoder
from melodylc.constraints.transformation import pitches_kept
from melodylc.melody import HOLD
from melodylc.transforming import transform


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


def test_it_keeps_most_of_a_melody(model):
    shares, melodies = {}, [each for each in model.bank.states[100:] if 80 < (each < HOLD).sum() < 120][:4]
    for how in (None, "actor"):
        changed = [transform(model, melody, Attributes(notes=130), how=how) for melody in melodies]
        assert sum(each.ways == ["actor" if how else "decoder gradient"] for each in changed) >= 3
        assert not any(each.implausible[0] for each in changed)
        kept = [pitches_kept(before, each.melodies)[0] for before, each in zip(melodies, changed, strict=True)]
        shares[how] = np.mean(kept)
    assert shares[None] > max(0.85, shares["actor"] - 0.05)


@pytest.mark.parametrize("attributes", [Attributes(notes=130), Attributes(low="C4", high="C6")])
def test_what_it_reaches_is_what_was_asked_for(model, attributes):
    z = model.encode(model.bank.states[100:104]).mean
    moved = model.decode(descend_on_decoder(model, z, attributes), temperature=0.0)
    (rule,) = attributes.rules()
    assert rule.satisfied(moved).mean() >= 0.75


def test_what_is_so_already_stays_where_it_is(model):
    z = model.encode(model.bank.states[:8]).mean
    melodies = model.decode(z, temperature=0.0)
    z = z[torch.from_numpy(plausibility.bounds(model).plausible(melodies))]
    few = int((melodies < HOLD).sum(axis=1).min())
    assert len(z) > 4
    assert torch.equal(descend_on_decoder(model, z, Attributes(notes=few)), z)

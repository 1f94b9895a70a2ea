import numpy as np
import pytest
import torch
from generated import melodies
from hypothesis import given, settings
from hypothesis import strategies as st

from melodylc.melody import HOLD, canonical
from melodylc.runtime.choosing import states_for
from melodylc.vae.data import transposed
from melodylc.vae.decoding import decode
from melodylc.vae.metrics import best_scale_share
from melodylc.vae.model import MelodyVAE, previous_states
from melodylc.vae.presets import Sizes

FLAT = Sizes(latent=6, encoder=11, conductor=10, embedding=7, decoder=9)
DEEP = Sizes(latent=6, encoder=11, conductor=10, embedding=7, decoder=9, bar_encoder=8, slice=5)


@pytest.fixture(params=[FLAT, DEEP], ids=["flat", "hierarchical"])
def vae(request):
    torch.manual_seed(1)
    model = MelodyVAE(request.param).eval().requires_grad_(False)
    for parameter in model.parameters():  # larger than at the start, so that outputs differ
        parameter.mul_(3)
    return model


def raw_decode(vae, z):
    """Free-running argmax by torch's own LSTM, bar by bar and step by step."""
    out = []
    for embeddings in vae.conductor(z):
        melody = []
        for embedding in embeddings:
            bar = torch.full((1, 16), -1)
            for step in range(16):
                previous = previous_states(bar)
                previous[0, step + 1 :] = -1
                bar[0, step] = vae.decoder(embedding[None], previous)[0, step].argmax()
            melody.append(bar[0])
        out.append(torch.cat(melody))
    return torch.stack(out).numpy().astype(np.uint8)


def test_decoding_side_by_side_is_decoding_one_after_the_other(vae):
    z = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(decode(vae, z), canonical(raw_decode(vae, z)))


def test_teacher_forced_logits_do_not_see_the_present_or_other_bars(vae):
    z = torch.randn(1, 6)
    states = torch.randint(0, 130, (1, 256))
    other = states.clone()
    other[0, 40] = (other[0, 40] + 1) % 130
    differs = (vae.logits(z, states) != vae.logits(z, other)).any(dim=-1)[0]
    assert differs[41:48].all()  # bar 3 after the changed step
    differs[41:48] = False
    assert not differs.any()


def test_a_seed_means_the_same_draws_whatever_the_batch(vae):
    z = torch.randn(4, 6)

    def drawn(seed):
        return decode(vae, z, temperature=1.0, generator=torch.Generator().manual_seed(seed))

    np.testing.assert_array_equal(drawn(3), drawn(3))
    assert (drawn(3) != drawn(4)).any()


def test_temperature_draws_from_the_softmax(vae):
    """The first step of many decodes of one z follows softmax(logits / t)."""
    z = torch.randn(1, 6).expand(4000, 6)
    temperature = 1.5
    drawn = decode(vae, z, temperature=temperature, generator=torch.Generator().manual_seed(0))[:, 0]
    start = torch.full((1, 256), 0)
    probabilities = torch.softmax(vae.logits(z[:1], start)[0, 0] / temperature, dim=-1).numpy()
    probabilities = np.append(probabilities[:128], probabilities[128:].sum())  # an opening HOLD is made a REST
    counts = np.bincount(np.minimum(drawn, 128), minlength=129)
    error = np.abs(counts / 4000 - probabilities)
    assert (error < 5 * np.sqrt(probabilities / 4000) + 1e-3).all()


@given(st.sets(st.integers(0, 127)), st.floats(0, 3))
@settings(max_examples=20)
def test_the_mask_holds_by_construction(pitches, temperature):
    torch.manual_seed(0)
    vae = MelodyVAE(DEEP).requires_grad_(False)
    wanted = np.isin(np.arange(128), list(pitches))
    made = decode(vae, torch.randn(3, 6) * 5, temperature=temperature, allowed_states=states_for(wanted))
    assert set(made[made < HOLD].tolist()) <= pitches


def test_no_z_decodes_to_no_melodies(vae):
    assert decode(vae, torch.empty(0, 6)).shape == (0, 256)


@given(melodies(), st.integers(-12, 12))
def test_transposition_moves_notes_and_nothing_else(states, semitones):
    moved = transposed(states[None], np.array([semitones]))[0]
    notes = states < HOLD
    np.testing.assert_array_equal(moved[~notes], states[~notes])
    steps = moved[notes].astype(int) - states[notes]
    assert (steps == semitones).all() or (steps == 0).all()
    assert (moved[notes] < HOLD).all()


def test_best_scale_of_a_major_and_of_a_chromatic_melody():
    scale = np.full((1, 256), HOLD, np.uint8)
    scale[0, :7] = 62 + np.array([0, 2, 4, 5, 7, 9, 11])
    chromatic = np.full((1, 256), HOLD, np.uint8)
    chromatic[0, :12] = 60 + np.arange(12)
    assert best_scale_share(scale) == 1
    assert best_scale_share(chromatic) == pytest.approx(7 / 12)

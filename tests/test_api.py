import subprocess
import sys

import numpy as np
import pytest

import melodylc
from melodylc import plausibility
from melodylc.base.errors import UserError
from melodylc.evaluation.histograms import histograms, overlap, reference_histograms
from melodylc.melody import canonical, repeated_bars


def test_public_names():
    assert sorted(melodylc.__all__) == [
        "Attributes",
        "Budget",
        "ComposedActor",
        "Corpus",
        "Filters",
        "Generated",
        "Key",
        "Melody",
        "MelodyModel",
        "Model",
        "PAPER_BUDGET",
        "PlayingActor",
        "Preference",
        "Rule",
        "RuleActor",
        "SearchBudget",
        "SelectedMelody",
        "Style",
        "UserError",
        "compose",
        "continue_melody",
        "exchange",
        "extract",
        "generate",
        "in_style",
        "infill",
        "interpolate",
        "learn",
        "learn_style",
        "live",
        "load",
        "load_actor",
        "load_preference",
        "load_style",
        "melody",
        "notation",
        "prefer",
        "rules",
        "select_melody",
        "show",
        "style_of_files",
        "transform",
        "write_midi",
    ]
    for name in melodylc.__all__:
        assert getattr(melodylc, name) is not None
    assert set(melodylc.__all__) < set(dir(melodylc))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        melodylc.nothing  # noqa: B018


def test_the_import_is_light():
    """What takes its time (torch, numba, plotting, note-seq) is loaded on first use."""
    heavy = "torch", "numba", "pyarrow", "note_seq", "pretty_midi", "matplotlib", "PIL", "numpy"
    code = f"import melodylc, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_generating_leaves_the_compiler_of_torch_alone():
    """Which takes a second to import, and comes with whatever torch has to decompose, such as draws on no device."""
    code = """
import sys, melodylc
melodylc.generate(melodylc.load(), melodylc.Attributes("C major"), 1, seed=0)
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


def test_the_embedded_model_samples(model):
    melodies = model.sample(8, seed=0)
    assert melodies.shape == (8, 256)
    assert melodies.dtype == np.uint8
    np.testing.assert_array_equal(melodies, canonical(melodies))
    np.testing.assert_array_equal(melodies, model.sample(8, seed=0))
    assert len(np.unique(melodies, axis=0)) == 8
    assert (melodies != model.sample(8, seed=1)).any()


def test_draws_are_like_real_melodies(model):
    """Unconstrained, one draw each: plausible, with bars that return, and notes as real melodies have them."""
    melodies = model.sample(256, seed=5)
    assert plausibility.bounds(model).plausible(melodies).mean() > 0.9
    assert repeated_bars(melodies).mean() > 1.8  # real ones 2.9; of N(0, I) 0.05
    real, _ = reference_histograms(model)
    areas = overlap(histograms(melodies), real)
    assert np.mean(list(areas.values())) > 0.87, areas  # real ones 0.95; of N(0, I) 0.74
    assert len(np.unique(melodies, axis=0)) == 256


def test_the_embedded_model_reconstructs_its_bank(model):
    states = model.bank.states[:64]
    posterior = model.encode(states)
    again = model.decode(posterior, temperature=0)
    np.testing.assert_array_equal(again, model.decode(posterior.mean, temperature=0))
    assert (again == states).mean() > 0.85
    np.testing.assert_allclose(posterior.mean[:4].numpy(), model.bank.mean[:4].numpy(), atol=0.02)


def test_the_bank_knows_what_the_prior_decodes_to(model):
    """Draws are made again from a seed: what they decode to is what was stored, but for the temperature's draws."""
    bank = model.bank
    z, states = bank.known()
    assert len(z) == len(states) == len(bank.states) + len(bank.drawn)
    again = model.decode(bank.draws()[:64], temperature=0)
    assert (again == bank.drawn[:64]).mean() > 0.7
    assert (again == bank.drawn[64:128]).mean() < 0.6


def test_all_weights_together_stay_small(model):
    assert sum(path.stat().st_size for path in model.path.parent.rglob("*.safetensors")) <= 48e6


def test_the_embedded_card_says_where_it_comes_from(model):
    card = model.card
    assert card["held_out"]["note"] >= 0.91
    assert card["licence"]
    assert {"openewld", "cre_corpus", "polish_scores"} <= set(card["sources"])
    assert all({"licence", "attribution"} <= set(source) for source in card["sources"].values())


def test_between_two_melodies(model):
    first, last = model.bank.states[:2]
    z = model.between(first, last, 5)
    ends = model.encode(np.stack([first, last])).mean
    np.testing.assert_allclose(z[[0, -1]].numpy(), ends.numpy(), atol=1e-4)
    middle = z[2] - ends.mean(dim=0)
    assert float(z[2].norm()) > 0.8 * float(ends.norm(dim=1).min())
    assert np.isfinite(middle.numpy()).all()


def test_what_the_user_got_wrong(model, tmp_path):
    with pytest.raises(UserError, match="temperature: expected a number from 0 to 10, got -1"):
        model.sample(1, temperature=-1)
    with pytest.raises(UserError, match=r"z: expected shape"):
        model.decode(model.prior(2)[:, :5])
    with pytest.raises(UserError, match="JSON card"):
        melodylc.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="expected shape"):
        model.encode(np.zeros(5, np.uint8))
    with pytest.raises(UserError, match="count: expected a whole number from 2"):
        model.between(model.bank.states[0], model.bank.states[1], 1)


def test_a_damaged_model_is_refused(model, tmp_path):
    for name in ("model.safetensors", "model.json", "bank.safetensors"):
        (tmp_path / name).write_bytes(model.path.with_name(name).read_bytes())
    melodylc.load(tmp_path)
    (tmp_path / "bank.safetensors").write_bytes(b"short")
    with pytest.raises(UserError, match=r"bank\.safetensors"):
        melodylc.load(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        melodylc.load(tmp_path)
    (tmp_path / "model.json").write_text('{"kind": "melodylc.vae", "version": 1, "sizes": {"latent": 1000000000}}')
    with pytest.raises(UserError, match="do not fit"):
        melodylc.load(tmp_path)

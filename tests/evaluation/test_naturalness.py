"""How much melodies are like real ones: figures against values worked out by hand, and the table of a tiny model."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from melodylc.base.errors import UserError
from melodylc.cli import main
from melodylc.evaluation.field_figures import FIGURES as FIELD
from melodylc.evaluation.field_figures import field_figures
from melodylc.evaluation.histograms import histograms
from melodylc.evaluation.naturalness import (
    FIGURES,
    Figure,
    Naturalness,
    measure_naturalness,
    measure_set,
    naturalness_text,
)
from melodylc.evaluation.real_melodies import RealMelodies
from melodylc.extraction import Corpus
from melodylc.melody import HOLD, REST
from melodylc.plausibility import Bounds


def test_figures_of_the_field_by_hand():
    """Two bars' worth of C, C, E, G in turn, one quarter note a bar: worked out on paper."""
    melody = np.full(256, REST, np.uint8)
    for bar in range(16):
        melody[16 * bar : 16 * bar + 4] = (60, 60, 64, 79)[bar % 4], HOLD, HOLD, HOLD
    found = field_figures(np.stack([melody, np.full(256, REST, np.uint8)]))  # silence has no figures and does not count
    assert tuple(found) == FIELD
    assert found["pitch entropy"] == pytest.approx(1.5)  # half, a quarter, a quarter
    assert found["pitch class entropy"] == pytest.approx(1.5)
    assert found["scale consistency"] == 1
    assert found["groove consistency"] == 1
    # of the 62 beats to the last note's end MusPy takes those in which a note sounds or ends for full, two a bar
    assert found["empty beat rate"] == pytest.approx(1 - 32 / 62)


def test_the_field_s_figures_need_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "muspy", None)
    with pytest.raises(ImportError, match=r"pip install 'melodylc\[evaluate\]'"):
        field_figures(np.full((1, 256), 60, np.uint8))


def test_figures_of_a_set_by_hand():
    """One tune over and over: C4, then D5, by turns, a note on every beat."""
    tune = np.tile(np.array([60, HOLD, HOLD, HOLD, 74, HOLD, HOLD, HOLD], np.uint8), 32)[None]
    real = np.repeat(tune, 8, axis=0)
    found = measure_set(real, real, histograms(real), Bounds.of(real, "these"), seed=0)
    assert tuple(found) == FIGURES
    assert (found["plausible"], found["overlap"], found["leaps"], found["in best scale"]) == (1, 1, 1, 1)
    assert (found["bars repeated"], found["rhythms repeated"]) == (15, 15)
    assert found["told apart"] == 0.5  # they are the same
    half = real.copy()
    half[:4] = REST
    found = measure_set(half, real, histograms(real), Bounds.of(real, "these"), seed=0)
    assert (found["plausible"], found["bars repeated"]) == (0.5, 7.5)


def test_mean_and_spread_by_hand():
    assert Figure.of([1.0, 2.0, 3.0]) == Figure(2.0, 1.0)
    assert Figure.of([4.0]) == Figure(4.0, 0.0)


def test_real_melodies_come_one_a_file_and_are_not_their_own_measure(tiny_corpus):
    real = RealMelodies.of_corpus(str(tiny_corpus))
    corpus = Corpus(tiny_corpus)
    for seed in range(3):
        measured, others = real.draw(1000, seed)
        for melodies, split in ((measured, "test"), (others, "valid")):
            sources = corpus.sources(split)
            known = {states.tobytes(): source for states, source in zip(corpus.states(split), sources)}
            files = [known[states.tobytes()] for states in melodies]
            assert sorted(files) == sorted(set(sources))
    assert len(real.draw(1, 0)[0]) == 1


def test_a_bank_stands_in_for_held_out_melodies(tiny_model):
    real = RealMelodies.of_model(tiny_model)
    measured, others = real.draw(1000, 0)
    assert len(measured) + len(others) == len(tiny_model.bank.states)
    assert not {states.tobytes() for states in measured} & {states.tobytes() for states in others}
    assert "bank" in real.origin


def test_the_table_of_a_model(tiny_model):
    real = RealMelodies.of_model(tiny_model)
    table = measure_naturalness(tiny_model, real, draws=16, seed=4, seeds=2)
    assert isinstance(table, Naturalness)
    assert list(table.rows) == ["draws", "reconstructions", "held-out melodies"]
    assert table.seeds == (4, 5)
    assert table == measure_naturalness(tiny_model, real, draws=16, seed=4, seeds=2)
    stored = json.loads(json.dumps(table.as_json()))
    assert stored["rows"]["draws"]["told apart"]["mean"] == table.rows["draws"]["told apart"].mean
    assert stored["melodies"] == {"draws": 16, "reconstructions": 16, "held-out melodies": 16}
    text = naturalness_text(table)
    for figure in FIGURES:
        assert f"\n{figure} " in text
    with pytest.raises(UserError, match="draws: expected a whole number from 4"):
        measure_naturalness(tiny_model, real, draws=3)


def test_the_command_measures_the_prior_only(tmp_path, capsys):
    path = tmp_path / "prior.json"
    assert main(["evaluate", "--prior", "--draws", "48", "--json", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "told apart" in capsys.readouterr().out
    with Image.open(tmp_path / "out" / "draws.png") as image:
        assert len(image.convert("RGB").getcolors(1 << 24)) > 5
    rows = json.loads(path.read_text())["rows"]
    assert set(rows["draws"]) == set(FIGURES)
    assert rows["held-out melodies"]["plausible"]["mean"] > 0.75
    assert rows["draws"]["bars repeated"]["mean"] < rows["held-out melodies"]["bars repeated"]["mean"]


def test_a_corpus_without_held_out_files_is_said(tmp_path, capsys):
    assert main(["evaluate", "--prior", "--corpus", str(tmp_path / "nothing")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1

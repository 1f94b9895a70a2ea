"""Plausibility: features by hand, bounds as they are stored, and what the README promises at its default settings."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

import melodylc
from melodylc import generation, plausibility, transforming
from melodylc.attributes import Attributes
from melodylc.cli import main, parser
from melodylc.cli.arguments import attributes_and_rules
from melodylc.constraints import sampling
from melodylc.constraints.lengths import rewards, sixteens
from melodylc.evaluation.reference import write_reference
from melodylc.melody import BEATS, HOLD, REST, canonical, from_notes, to_notes
from melodylc.plausibility import FEATURES, WITH_LOW_BOUND, Bounds, features
from melodylc.rules import Key, form
from midi_io import files

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    example
    for example in re.findall(r"^(?:.*&& )?melodylc (generate .*)$", README, re.MULTILINE)
    if not {"--actor", "--model", "--keep", "--style", "--taste"}
    & set(example.split())  # those that need nothing made before
]
OWN_RULE = """
from melodylc import rules

@rules.per_melody
def ends_where_it_began(melody):
    return float(bool(melody.notes) and melody.notes[0].pitch % 12 == melody.notes[-1].pitch % 12)
"""


@pytest.fixture(scope="module")
def model():
    return melodylc.load()


@pytest.fixture(scope="module")
def bounds(model):
    return plausibility.bounds(model)


def melody(*states):
    return np.array([*states, *[REST] * (256 - len(states))], np.uint8)


def played(pitches, length=2):
    """Pitches, one after the other, over and over, each so many steps long."""
    states = np.full(256, HOLD, np.uint8)
    states[::length] = np.resize(pitches, len(states[::length]))
    return states


def test_features_by_hand():
    # six notes: 60 for 2 steps, 60 for 1, a rest of 2, 62, 60 and 74 for 1, 60 for 3
    (found,) = features(melody(60, HOLD, 60, REST, REST, 62, 60, 74, 60, HOLD, HOLD))
    assert dict(zip(FEATURES, found.tolist(), strict=True)) == pytest.approx(
        {
            "notes": 6,
            "pitches": 3,
            "pitch classes": 2,  # 62 and 74 are both D
            "commonest pitch": 4 / 6,
            "two commonest pitches": 5 / 6,
            "longest run": 2,
            "repeated pitches": 1 / 5,
            "returns": 2 / 6,  # 60 62 60 and 60 74 60
            "steps": 2 / 5,
            "leaps": 2 / 5,
            "span": 14,
            "rests": (2 + 245) / 256,
            "longest rest": 245,
            "mean length": 9 / 6,
            "longest note": 3,
            "equal bars": 14,  # fifteen silent ones
        }
    )


def test_features_of_a_batch_are_those_of_each():
    batch = np.stack([melody(), played([60]), played([60, 64, 67], 4), melody(*[60] * 9), melody(60, *[HOLD] * 255)])
    np.testing.assert_array_equal(features(batch), np.concatenate([features(each) for each in batch]))
    by_name = dict(zip(FEATURES, features(batch).T.tolist(), strict=True))
    assert by_name["longest run"] == [0, 128, 1, 9, 1]  # a run ends with its melody
    assert by_name["longest rest"] == [256, 0, 0, 247, 0]
    assert by_name["longest note"] == [0, 2, 4, 1, 256]
    assert features(batch[:0]).shape == (0, len(FEATURES))


@given(melodies(), st.integers(-127, 127))
def test_features_are_finite_and_the_same_in_every_register(states, semitones):
    found = features(states)
    assert found.shape == (1, len(FEATURES))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    onset = states < HOLD
    moved = states + np.where(onset, semitones, 0)
    if not onset.any() or 0 <= moved[onset].min() <= moved[onset].max() <= 127:
        np.testing.assert_array_equal(features(moved), found)


@given(melodies())
def test_widened_bounds_let_what_widened_them_through(states):
    narrow = Bounds.of(np.stack([played([60, 62]), played([60, 62, 64])]), "scales")
    assert narrow.including(states).plausible(states[None])[0]
    assert narrow.including(states).violated(states) == ()
    assert not (narrow.including(states).violations(played([60, 62])[None])).any()


@given(pitch=st.integers(0, 127), rhythm=melodies())
def test_one_repeated_note_is_never_plausible(bounds, pitch, rhythm):
    states = np.where(rhythm < HOLD, pitch, rhythm).astype(np.uint8)
    assert not bounds.plausible(states[None])[0]
    assert {"pitches", "pitch classes", "span"} <= set(bounds.violated(states))


SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
TUNE = [60, 64, 62, 67, 65, 64, 69, 67, 72, 71, 67, 69, 64, 65, 62, 64, 67, 64, 60]
DEGENERATE = {
    "notes": melody(*(state for pitch in TUNE[:9] for state in (pitch, *[HOLD] * 15))),
    "pitches": played([60, 67]),
    "pitch classes": played([60, 67, 72, 79, 48, 55]),
    "commonest pitch": played([*[60] * 6, 64, *[60] * 6, 67, *[60] * 6, 62]),
    "two commonest pitches": played([*[60, 64] * 20, 62, 67]),
    "longest run": np.concatenate([played(TUNE)[:96], played([60])[:160]]),
    "repeated pitches": played(np.repeat(TUNE, 25)),
    "returns": played([60, 64, 60, 64, 60, 64, 60, 64, 62, 65, 62, 65, 62, 65]),
    "steps": played([*SCALE, *SCALE[-2:0:-1]]),
    "leaps": played([60, 74, 64, 79, 62, 76, 65, 81]),
    "span": played([*TUNE, 110, 30]),
    "rests": np.where(np.arange(256) % 8 < 1, played(TUNE, 8), REST).astype(np.uint8),
    "longest rest": np.where(abs(np.arange(256) - 100) < 30, REST, played(TUNE)).astype(np.uint8),
    "mean length": played(TUNE, 22),
    "longest note": np.where(abs(np.arange(256) - 150) < 30, HOLD, played(TUNE)).astype(np.uint8),
    "equal bars": np.tile(played(TUNE)[:16], 16),
}


def test_a_tune_is_plausible(bounds):
    assert bounds.violated(played(TUNE)) == ()
    assert bounds.violated(played(TUNE, 3)) == ()


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_catches_a_melody(name, bounds):
    assert name in bounds.violated(canonical(DEGENERATE[name]))


def test_what_the_model_learned_from_is_plausible_and_its_prior_often(model, bounds):
    assert 0.9 < bounds.plausible(model.bank.states).mean() < 0.99
    assert bounds.plausible(model.bank.drawn).mean() > 0.93
    assert "split valid" in bounds.origin


def test_bounds_are_stored_rounded_outwards(model, tmp_path):
    of_bank = Bounds.of(model.bank.states, "some melodies")
    assert Bounds.of(model.bank.states, "").plausible(model.bank.states).mean() > 0.9
    of_bank.save(tmp_path / "model.safetensors")
    beside = melodylc.model.Model(model.vae, model.card, model.bank, tmp_path / "model.safetensors")
    stored = plausibility.bounds(beside)
    assert stored.origin == "some melodies"
    assert (np.less_equal(stored.low, of_bank.low)).all()
    assert (np.greater_equal(stored.high, of_bank.high)).all()
    np.testing.assert_allclose([stored.low, stored.high], [of_bank.low, of_bank.high], atol=1e-4)
    assert all(low == 0 for name, low in zip(FEATURES, of_bank.low, strict=True) if name not in WITH_LOW_BOUND)


def test_without_a_file_the_bank_decides(tiny_model):
    assert "bank" in plausibility.bounds(tiny_model).origin


def test_training_leaves_bounds_beside_the_model(tiny_corpus, tmp_path):
    write_reference(tmp_path, str(tiny_corpus))
    stored = json.loads((tmp_path / "plausible.json").read_text())
    assert set(stored["bounds"]) == set(FEATURES)
    assert (tmp_path / "held-out.json").exists()


@pytest.mark.parametrize(
    "bounds",
    [
        None,
        [],
        {},
        {name: [0, 1] for name in FEATURES[1:]},  # of a version with fewer features
        {name: [0, float("nan")] for name in FEATURES},
        {name: [2, 1] for name in FEATURES},
        {name: [0, "many"] for name in FEATURES},
        {name: [0, [1, 2]] for name in FEATURES},
        {name: [0, 1, 2] for name in FEATURES},
    ],
)
def test_a_damaged_file_is_one_line(bounds, model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model.safetensors", "model.json", "bank.safetensors", "prior.safetensors", "prior.json"):
        (tmp_path / name).symlink_to(model.path.with_name(name))
    text = json.dumps({"what": "melodies", "bounds": bounds})
    (tmp_path / "plausible.json").write_text(text if bounds is not None else text[:20])
    assert main(["generate", "--model", str(tmp_path), "--key", "C major"]) == 2
    error = capsys.readouterr().err
    assert "plausible.json" in error
    assert error.count("\n") == 1


SEARCHED = {"--form": 6, "--chords": 6, "--rule": 4, "--bars": 2}  # melodies of each seed, which take long


def kept(model, bounds, arguments, count=16):
    """Of melodies at default settings, two seeds: the share satisfied and plausible, and what they are."""
    options = parser().parse_args(arguments)
    attributes, rules = attributes_and_rules(options)
    how = "search" if rules else "auto"
    taken = {"rules": rules, "strict": options.strict, "tries": options.tries, "form": options.form, "how": how}
    taken["bars"] = options.bars
    made = [generation.generate(model, attributes, count, seed=seed, **taken) for seed in (11, 12)]
    asked = [*attributes.rules(), *rules, *([form(options.form)] if options.form else [])]
    states = np.concatenate([each.melodies for each in made])
    windows = sixteens(states)
    if len(windows) == 1:
        assert [names for each in made for names in each.implausible] == [bounds.violated(each) for each in states]
    satisfied = np.all([rewards(rule, states) == 1 for rule in asked], axis=0)
    plausible = np.all([bounds.plausible(window) for window in windows], axis=0)
    return (satisfied & plausible).mean(), states, [way for each in made for way in each.ways]


def test_the_examples_are_found():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.usefixtures("every_core")
def test_the_examples_of_the_readme_are_kept(example, model, bounds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_rules.py").write_text(OWN_RULE)
    arguments = shlex.split(example, comments=True)
    count = min((number for option, number in SEARCHED.items() if option in arguments), default=16)
    share, states, ways = kept(model, bounds, arguments, count)
    assert share >= 0.95
    assert len(np.unique(states, axis=0)) == len(states)
    if example.startswith('generate --key "C major"'):
        assert ways.count("prior") >= 0.8 * len(ways)  # what is kept stays as it was drawn


@pytest.mark.parametrize(
    "attributes",
    [
        ["--key", "A minor pentatonic"],
        ["--key", "Bb harmonic minor"],
        ["--key", "C whole tone"],
        ["--range", "C4-C5"],
        ["--notes", "40"],
        ["--key", "G minor", "--at-most", "40"],
    ],
)
def test_rare_wishes_are_kept(attributes, model, bounds):
    share, states, _ = kept(model, bounds, ["generate", *attributes])
    assert share >= 0.9
    assert len(np.unique(states, axis=0)) == len(states)


def test_one_try_may_still_go_the_second_way(model, bounds):
    share, _, _ = kept(model, bounds, ["generate", "--key", "E blues", "--notes", "120", "--tries", "1"])
    assert share >= 0.8


def test_a_wish_that_nothing_plausible_grants_gives_the_best(model):
    attributes, _ = attributes_and_rules(parser().parse_args(["generate", "--key", "0", "--range", "C4-C4"]))
    made = generation.generate(model, attributes, 4, seed=0, tries=2)
    assert set(made.melodies[made.melodies < HOLD].tolist()) == {60}
    assert all("pitches" in names for names in made.implausible)


def test_the_score_of_what_is_not_kept(bounds, model):
    in_key = melodylc.rules.pitch_classes("C major")
    wrong = played(TUNE)
    wrong[0] = 61
    wide = played([*TUNE, 96, 40])  # one feature a little outside
    scores = sampling.score(np.stack([played(TUNE), wide, wrong, played([60])]), [in_key], bounds)
    assert scores[0] == 1
    assert np.all(np.diff(scores) < 0)
    assert sampling.score(np.stack([wrong, played([60])]), [], bounds)[0] == 1


def own(model, count):
    """Melodies such as a user has."""
    drawn = model.sample(4 * count, seed=5)
    return drawn[plausibility.bounds(model).plausible(drawn)][:count]


@pytest.mark.parametrize("key", ["C major", "E blues"])
def test_one_s_own_melody_keeps_what_is_asked_and_stays_a_melody(key, model, bounds):
    attributes, _ = attributes_and_rules(parser().parse_args(["generate", "--key", key]))
    for states in own(model, 4):
        made = transforming.transform(model, states, attributes)
        assert attributes.rules()[0].satisfied(made.melodies)[0]
        assert made.implausible == [()]
        assert bounds.plausible(made.melodies)[0]
        assert made.ways[0] in ("your melody", "single notes", "decoder gradient", "actor", "masked encoding")


def test_the_transformations_of_the_readme(model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, states in zip(("mine.mid", "one.mid", "other.mid"), own(model, 3), strict=True):
        files.write(tmp_path / name, to_notes(states), beats=BEATS)
    examples = re.findall(r"^melodylc ((?:transform|interpolate) .*)$", README, re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        assert main(shlex.split(example, comments=True)) == 0
        said = capsys.readouterr().out
        assert "taken from" in said
        rows = [line for line in said.splitlines() if line.startswith("melodies/")]
        assert len(rows) in (2, 7)
        if "--amount" not in example:
            assert all("  yes" in row for row in rows)
        for row in rows:
            (found,) = files.read(tmp_path / row.split()[0]).values()
            assert (from_notes(found) < HOLD).any()


def test_what_is_odd_about_ones_own_melody_is_allowed(model):
    drone = melody(*(state for pitch in (60, 61, 67, 72) for state in (pitch, *[HOLD] * 31)))
    attributes, _ = attributes_and_rules(parser().parse_args(["generate", "--key", "C major"]))
    made = transforming.transform(model, drone, attributes)
    assert attributes.rules()[0].satisfied(made.melodies)[0]
    assert made.implausible == [()]
    assert (made.melodies[0] == drone).mean() > 0.6


def test_on_the_way_between_two_melodies_key_and_plausibility_are_kept(model):
    first, last = own(model, 2)
    attributes, _ = attributes_and_rules(parser().parse_args(["generate", "--key", "E blues"]))
    made = transforming.interpolate(model, first, last, 7, attributes)
    assert attributes.rules()[0].satisfied(made.melodies).mean() > 0.8
    assert sum(not names for names in made.implausible) >= 6
    assert made.summary.startswith("made for E blues; taken from")


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "attributes", [Attributes(Key.parse("C major"), None, 72, 84), Attributes(Key.parse("0,2,4,7,9"))]
)
def test_a_transformation_keeps_what_the_mask_promises(model, attributes, strict):
    """No bar of one's own that breaks key or range comes back to mend something else."""
    for seed in range(6):
        made = transforming.transform(model, model.bank.states[40 * seed], attributes, strict=strict, seed=seed)
        assert all(rule(made.melodies)[0] == 1 for rule in attributes.rules()), made.summary

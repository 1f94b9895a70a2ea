from functools import partial

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.base.errors import UserError
from melodylc.melody import HOLD, REST
from melodylc.rules import Key
from melodylc.rules.key import ALIASES, COMMON_SCALES, SCALES
from melodylc.rules.notes import parse_range


def melody(*states):
    return np.array([*states, *[REST] * (256 - len(states))], np.uint8)


def test_pitch_classes_of_melodies_a_musician_knows():
    in_c = rules.pitch_classes("C major")
    assert in_c(melody(60, 62, 64, 65, 67, 69, 71, 72)) == 1
    assert in_c(melody(60, 61, HOLD, HOLD)) == 0.5  # holds are not notes
    assert in_c(melody(61, 63, 66)) == 0
    assert in_c(melody()) == 0  # a melody without notes


def test_notes_counts_starts():
    dense = rules.notes(at_least=4)
    assert dense(melody(60, HOLD, 60, REST, 62)) == 0.75
    assert dense(melody(60, 60, 60, 60, 60)) == 1
    assert dense(melody()) == 0


def test_pitch_range():
    rule = rules.pitch_range(60, 72)
    assert rule(melody(60, 72)) == 1
    assert rule(melody(59, 60, 72, 73)) == 0.5
    assert rules.pitch_range(0, 127)(melody(127, HOLD)) == 1


@given(melodies(), st.sampled_from(["C major", "F# dorian", "Bb harmonic minor", "A minor pentatonic"]))
def test_pitch_classes_is_equation_4(states, name):
    onsets = [int(s) for s in states if s < 128]
    classes = Key.parse(name).classes
    expected = sum(p % 12 in classes for p in onsets) / len(onsets) if onsets else 0
    assert rules.pitch_classes(name)(states) == pytest.approx(expected)
    assert rules.pitch_classes(sorted(classes))(states) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("C major", {0, 2, 4, 5, 7, 9, 11}),
        ("c", {0, 2, 4, 5, 7, 9, 11}),
        ("Am", {9, 11, 0, 2, 4, 5, 7}),
        ("a minor", {9, 11, 0, 2, 4, 5, 7}),
        ("Bb dorian", {10, 0, 1, 3, 5, 7, 8}),
        ("E harmonic minor", {4, 6, 7, 9, 11, 0, 3}),
        ("F♯ minor-pentatonic", {6, 9, 11, 1, 4}),
        ("Cb major", {11, 1, 3, 4, 6, 8, 10}),
        ("0,2,4,7,9", {0, 2, 4, 7, 9}),
        ("CM", {0, 2, 4, 5, 7, 9, 11}),
        ("Cm", {0, 2, 3, 5, 7, 8, 10}),
        ("cm", {0, 2, 3, 5, 7, 8, 10}),
        ("A min", {9, 11, 0, 2, 4, 5, 7}),
        ("AMINOR", {9, 11, 0, 2, 4, 5, 7}),
        ("Bb", {10, 0, 2, 3, 5, 7, 9}),
        ("B♭ maj", {10, 0, 2, 3, 5, 7, 9}),
        ("C sharp minor", {1, 3, 4, 6, 8, 9, 11}),
        ("G-flat", {6, 8, 10, 11, 1, 3, 5}),
        ("Bblues", {11, 2, 4, 5, 6, 9}),
        ("Bb major blues", {10, 0, 1, 2, 5, 7}),
        ("C,D,E,F,G", {0, 2, 4, 5, 7}),
        ("c, e♭, f sharp", {0, 3, 6}),
        ("C Eb Gb", {0, 3, 6}),
        ("C octatonic", {0, 2, 3, 5, 6, 8, 9, 11}),
        ("C half-whole diminished", {0, 1, 3, 4, 6, 7, 9, 10}),
        ("A Hirajoshi", {9, 11, 0, 4, 5}),
        ("E phrygian dominant", {4, 5, 8, 9, 11, 0, 2}),
        ("D in sen", {2, 3, 7, 9, 0}),
        ("C dorian ♯4", {0, 2, 3, 6, 7, 9, 10}),
    ],
)
def test_keys(text, classes):
    assert Key.parse(text).classes == classes


@pytest.mark.parametrize("text", ["H major", "C majr", "", "12,3", "C#m major", "Cmaj7", "AB", "A b", "C-", ",", "C,H"])
def test_no_key(text):
    with pytest.raises(UserError, match="key: expected"):
        Key.parse(text)


def test_a_minor_is_the_relative_of_c_major():
    assert Key.parse("A minor").classes == Key.parse("C major").classes
    assert Key.parse("C major").transposed(7).classes == Key.parse("G major").classes


@pytest.mark.parametrize(("text", "pitches"), [("C4-G5", (60, 79)), ("60-79", (60, 79)), ("Bb-1 - c#0", (10, 13))])
def test_ranges(text, pitches):
    assert parse_range(text) == pitches


@pytest.mark.parametrize("text", ["G5-C4", "C4", "0-128", "low-high", "60-"])
def test_no_range(text):
    with pytest.raises(UserError, match="range: expected"):
        parse_range(text)


@given(st.lists(melodies(), min_size=1, max_size=4))
def test_the_algebra_has_its_laws(batch):
    states = np.stack(batch)
    a, b, c = rules.pitch_classes("C major"), rules.notes(at_least=100), rules.pitch_range(50, 70)

    def same(x, y):
        np.testing.assert_allclose(x(states), y(states))

    same(a & b, b & a)
    same(a | b, b | a)
    same((a & b) & c, a & (b & c))
    same(a & (b | c), (a & b) | (a & c))
    same(~(a & b), ~a | ~b)
    same(~~a, a)
    same(a & a, a)
    np.testing.assert_array_equal((a & b).satisfied(states), a.satisfied(states) & b.satisfied(states))


def test_a_conjunction_knows_its_parts():
    a, b, c = rules.pitch_classes("C major"), rules.notes(at_least=100), rules.pitch_range(50, 70)
    assert [part.name for part in (a & b & c).parts] == ["C major", "100 notes", "pitches 50 to 70"]
    either = a | b
    assert either.parts == (either,)


def test_rules_of_ones_own():
    @rules.rule
    def starts_on_the_beat(states):
        """The first step is a note."""
        return (states[:, 0] < HOLD).astype(float)

    @rules.per_melody
    def ends_on_c(melody):
        return float(bool(melody.notes) and melody.notes[-1].pitch % 12 == 0)

    batch = np.stack([melody(60), melody(REST, 62)])
    assert starts_on_the_beat.name == "starts_on_the_beat"
    assert starts_on_the_beat.doc.startswith("The first")
    np.testing.assert_array_equal(starts_on_the_beat(batch), [1, 0])
    np.testing.assert_array_equal(ends_on_c(batch), [1, 0])


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda states: np.full(len(states), 1.5), "1.5"),
        (lambda states: np.full(len(states), np.nan), "nan"),
        (lambda states: np.full(len(states), -0.1), "-0.1"),
        (lambda states: 0.5, "shape"),
        (lambda states: np.zeros((len(states), 2)), "shape"),
        (lambda states: ["a"] * len(states), "numbers"),
        (lambda states: states[:, 300], "IndexError"),
    ],
)
def test_nonsense_is_refused_by_name(result, said):
    with pytest.raises(UserError, match=f"rule 'odd'.*{said}"):
        rules.Rule("odd", result)(melody(60)[None])


def test_parameters_are_checked():
    with pytest.raises(UserError, match="at_least: expected a whole number from 1 to 256, got 300"):
        rules.notes(at_least=300)
    with pytest.raises(UserError, match="range"):
        rules.pitch_range(70, 60)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), True, "much"])
def test_weights_are_numbers_above_0(weight):
    with pytest.raises(UserError, match="weighted: expected pairs of a rule and a weight above 0"):
        rules.weighted((rules.notes(at_least=4), weight))


def test_what_a_controller_turns_through_and_the_knobs_are_learned_on_stays_as_it_is():
    assert tuple(COMMON_SCALES)[:3] == ("major", "minor", "ionian")
    assert (len(COMMON_SCALES), tuple(COMMON_SCALES)[-1]) == (16, "chromatic")
    assert tuple(SCALES)[:16] == tuple(COMMON_SCALES)


def test_scales_are_spelt_once_and_upwards():
    for name, steps in SCALES.items():
        assert steps[0] == 0, name
        assert list(steps) == sorted(set(steps)), name
        assert steps[-1] < 12, name
        assert Key.parse(f"C {name}").classes == frozenset(steps)
        assert Key.parse(f"eb{name.upper()}").classes == Key.parse(f"E♭ {name.replace(' ', '-')}").classes
    for alias, name in ALIASES.items():
        assert Key.parse(f"D {alias}").name == f"D {name}"
    modes = [
        ("altered", "melodic minor", 11),
        ("lydian dominant", "melodic minor", 5),
        ("hungarian minor", "double harmonic", 5),
    ]
    for mode, of, at in modes:
        assert Key.parse(f"C {of}").classes == frozenset((c + at) % 12 for c in SCALES[mode]), mode


def test_a_near_miss_is_named():
    with pytest.raises(UserError, match=r"did you mean hirajoshi\?"):
        Key.parse("C hirajoshy")


@pytest.mark.parametrize(
    "write",
    [
        lambda states: states.__setitem__((slice(None), 0), 0),
        lambda states: states.sort(axis=1),
        lambda states: np.add(states, 1, out=states),
    ],
)
def test_a_rule_that_writes_into_its_melodies_is_refused_and_harms_none(write):
    given = np.stack([melody(60, 62), melody(61)])
    before = given.copy()
    seen = []

    @rules.rule
    def writes(states):
        write(states)
        return np.ones(len(states))

    @rules.rule
    def looks(states):
        seen.append(states.copy())
        return np.ones(len(states))

    with pytest.raises(UserError, match=r"rule 'writes': .* it writes into them; copy them first"):
        (looks & writes)(given)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(seen[0], before)


def test_what_a_rule_writes_past_the_flag_stays_its_own():
    @rules.rule
    def forces(states):
        states.flags.writeable = True
        states[:] = 0
        return np.ones(len(states))

    count = rules.notes(at_least=4)
    assert (forces & count)(melody(60, 62)) == 0.5
    assert rules.weighted((forces, 1), (count, 1))(melody(60, 62)) == 0.75

    @rules.per_melody
    def one(melody):
        melody.states[0] = 0
        return 1.0

    with pytest.raises(UserError, match=r"rule 'one': .* writes into them"):
        one(melody(60))


def test_a_plain_function_is_told_how_to_become_a_rule():
    def plain(states):
        return np.ones(len(states))

    for combine in (
        lambda: rules.notes(at_least=4) & plain,
        lambda: rules.notes(at_least=4) | plain,
        lambda: rules.weighted((plain, 1)),
    ):
        with pytest.raises(UserError, match=r"expected a rule, got the plain function 'plain'; put @rules\.rule above"):
            combine()
    with pytest.raises(UserError, match=r"@rules\.rule: expected a function, got the rule '4 notes'"):
        rules.rule(rules.notes(at_least=4))
    with pytest.raises(UserError, match=r"@rules\.per_melody: expected a function, got a value of type int"):
        rules.per_melody(4)
    assert rules.rule(partial(plain)).name == "partial"


@pytest.mark.parametrize("called", ["plain", "plain()", "constant", "gives"])
def test_a_plain_function_of_a_file_is_told_the_same(called, tmp_path):
    (tmp_path / "my.py").write_text(
        "def plain(states):\n    return states[:, 0] * 0.0\n\n\nconstant = 3\n\n\ndef gives(x=1):\n    return x\n"
    )
    with pytest.raises(UserError, match=r"put @rules\.rule above" if called != "plain()" else "cannot be made"):
        rules.find(f"{tmp_path}/my.py:{called}")

import numpy as np
import pytest
from conftest import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.errors import UserError
from melodylc.melody import HOLD, REST
from melodylc.rules import Key
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
    ],
)
def test_keys(text, classes):
    assert Key.parse(text).classes == classes


@pytest.mark.parametrize("text", ["H major", "C majr", "", "12,3", "C#m major", "Cmaj7"])
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
    with pytest.raises(UserError, match="at_least 300"):
        rules.notes(at_least=300)
    with pytest.raises(UserError, match="range"):
        rules.pitch_range(70, 60)

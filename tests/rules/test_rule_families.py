"""Each rule on melodies whose value is obvious to a musician, and what all of them have in common."""

import itertools

import numpy as np
import pytest
from generated import melodies
from hypothesis import given
from hypothesis import strategies as st

from melodylc import rules
from melodylc.base.errors import UserError
from melodylc.melody import HOLD, REST, canonical, to_notes
from melodylc.rules.features import melody_features
from melodylc.rules.find import BUILT_IN, find
from melodylc.rules.harmony import chord, chords


def melody(*states):
    return np.array([*states, *[REST] * (256 - len(states))], np.uint8)


def song(*bars):
    """Sixteen bars: each a list of up to 16 states, filled with rests; the last is repeated."""
    filled = [[*bar, *[REST] * (16 - len(bar))] for bar in bars]
    filled += [filled[-1]] * (16 - len(filled))
    return np.array(filled, np.uint8).reshape(256)


QUARTERS = [60, HOLD, HOLD, HOLD] * 4
SCALE_UP = [[48 + bar, *[HOLD] * 15] for bar in range(16)]


def test_notes_between_bounds():
    between = rules.notes(at_least=2, at_most=4)
    assert between(melody(60)) == 0.5
    assert between(melody(60, 62, 64)) == 1
    assert between(melody(*[60] * 8)) == 0.5
    assert rules.notes(at_most=10)(melody(*[60] * 40)) == 0.25
    assert rules.notes(at_most=10)(melody()) == 0  # silence is no melody with few notes


def test_tessitura():
    rule = rules.tessitura(60, 72, at_least=0.75)
    assert rule(melody(60, 65, 72, 90)) == 1  # three of four lie there
    assert rule(melody(60, 90, 90, 90)) == pytest.approx(1 / 3)


def test_syncopation():
    rule = rules.syncopation(at_least=1.0)
    assert rule(song(QUARTERS)) == 0
    # off-beat eighths held over the beat, as in every pop song
    assert rule(song([REST, REST, 60, HOLD, HOLD, HOLD, 62, HOLD, HOLD, HOLD, 64, HOLD, HOLD, HOLD])) == 1
    # off-beat eighths that end before the beat are not syncopated
    assert rule(song([REST, REST, 60, HOLD, REST, REST, 62, HOLD])) == 0
    # a note on beat four held over the bar line is
    assert rule(song([*[REST] * 12, 60, HOLD, HOLD, HOLD], [HOLD, HOLD], [REST])) == 1
    assert rule(melody()) == 0


def test_longest_rest():
    rule = rules.longest_rest(16)
    assert rule(song(QUARTERS)) == 1
    gap = song(QUARTERS, [REST], [REST], QUARTERS)
    assert rule(gap) == 0.5
    assert rules.longest_rest(0)(song(QUARTERS)) == 1
    assert rule(melody()) == 0


def test_note_lengths():
    eighths = [60, HOLD] * 8
    assert rules.note_lengths(2, 2)(song(eighths)) == 1
    assert rules.note_lengths(2, 2)(song(QUARTERS)) == 0
    assert rules.note_lengths(1, 2, at_least=0.5)(song([60, HOLD, 62, HOLD, HOLD, HOLD])) == 1
    assert rules.note_lengths(16, 256)(song([60, *[HOLD] * 15], [HOLD] * 16, [62, *[HOLD] * 15])) == 1


def test_swing():
    rule = rules.swing(at_least=1.0)
    assert rule(song([60, HOLD, HOLD, 62] * 4)) == 1
    assert rule(song([60, HOLD, 62, HOLD] * 4)) == 0
    assert rule(song([60, HOLD, HOLD, 62, 60, HOLD, 62, HOLD] * 2)) == 0.5
    assert rule(song(QUARTERS)) == 0  # nothing that could swing


def test_on_the_beat():
    assert rules.on_the_beat(1.0)(song(QUARTERS)) == 1
    assert rules.on_the_beat(1.0)(song([REST, REST, 60])) == 0
    assert rules.on_the_beat(0.5)(song([60])) == 0.5  # one beat of four; half are asked for


def test_leaps_and_steps():
    up = melody(60, 62, 64, 65, 67)
    assert rules.leaps(2)(up) == 1
    assert rules.stepwise(1.0)(up) == 1
    jump = melody(60, 72, 60, 61)  # two octaves' leaps, one step
    assert rules.leaps(7)(jump) == pytest.approx(1 / 3)
    assert rules.stepwise(1.0)(jump) == pytest.approx(1 / 3)
    assert rules.stepwise(1.0)(melody(60, 60, 60)) == 0  # repeated notes are no steps
    assert rules.leaps(12)(melody(60)) == 0


def test_contours():
    rise = song(*SCALE_UP)
    assert rules.contour("rising", 1.0)(rise) == pytest.approx(1)
    assert rules.contour("falling")(rise) == 0
    arch = song(*([60 + min(bar, 15 - bar), HOLD] for bar in range(16)))
    assert rules.contour("arch", 0.9)(arch) == 1
    assert rules.contour("valley")(arch) == 0
    assert rules.contour("arch")(song(QUARTERS)) == 0  # one level
    assert rules.contour("rising")(song([60], [70], [REST])) == 0  # two bars make no line
    assert rules.contour("rising", 1.0)(song([50], [REST], [52], [REST], [54], [REST])) == pytest.approx(1)


def test_repetition_and_motifs():
    assert rules.repetition(1.0)(song(QUARTERS)) == 15 / 16  # the first bar repeats nothing
    assert rules.repetition()(song(*SCALE_UP)) == 0
    assert rules.repetition()(song([REST])) == 0  # silent bars are no repetition
    moved = song(*[[60 + bar, HOLD, 64 + bar, HOLD] for bar in range(16)])
    assert rules.motif(15 / 16, of="rhythm")(moved) == 1
    assert rules.motif(15 / 16, of="intervals")(moved) == 1
    assert rules.motif(of="notes")(moved) == 0
    turned = song(*[[60, HOLD, 60 + bar, HOLD] for bar in range(1, 17)])
    assert rules.motif(of="rhythm")(turned) == 1
    assert rules.motif(of="intervals")(turned) == 0
    assert rules.motif()(song(*SCALE_UP)) == 0  # a single note is no motif


def test_call_and_response():
    call, answer = [60, HOLD, 62, HOLD, 64, HOLD], [67, HOLD, 65, HOLD, 60, HOLD]
    rule = rules.call_and_response(1, at_least=1.0)
    assert rule(song(*[call, answer] * 8)) == 1
    assert rule(song(call)) == 0  # an echo is no answer
    assert rule(song(*[call, [REST]] * 8)) == 0
    half = [67, HOLD, 65, REST, REST, REST]  # two of the call's three onsets
    assert rule(song(*[call, half] * 8)) == pytest.approx(2 / 3)
    assert rules.call_and_response(2, 1.0)(song(*[call, call, answer, call] * 4)) == 1


def test_phrase_endings():
    on_c = rules.phrase_endings([0])
    ends_well = song([62], [64], [67], [60, HOLD], *[[62], [64], [67], [72]] * 3)
    assert on_c(ends_well) == 1
    assert on_c(song([62], [64], [67], [60], *[[62]] * 12)) == 0.25
    assert on_c(song([REST])) == 0
    assert rules.phrase_endings("0,4,7", every=16)(song([62], [64])) == 1  # the last bar, E, is repeated
    long_end = rules.phrase_endings([0], every=16, shortest=8)
    assert long_end(song(*[[62]] * 15, [60, *[HOLD] * 7])) == 1
    assert long_end(song(*[[62]] * 15, [60, HOLD])) == 0


def test_chord_tones():
    progression = "C | Am | F | G7"
    arpeggios = song(*[[60, 62, 62, 62, 64], [57, 58, 58, 58, 64], [65, 66, 66, 66, 69], [67, 68, 68, 68, 65]] * 4)
    assert rules.chord_tones(progression)(arpeggios) == 1  # only notes on beats count
    assert rules.chord_tones(progression, strong=False)(arpeggios) == pytest.approx(0.4)
    assert rules.chord_tones("C")(song([61, HOLD, 60])) == 0
    assert rules.chord_tones("C", at_least=0.5)(song([60, HOLD, HOLD, HOLD, 61])) == 1
    two = chords("C G | Am")
    assert two[0].nonzero()[0].tolist() == [0, 4, 7]
    assert two[8].nonzero()[0].tolist() == [2, 7, 11]
    assert two[16].nonzero()[0].tolist() == [0, 4, 9]
    assert (two[32] == two[0]).all()


@pytest.mark.parametrize(
    ("symbol", "tones"),
    [
        ("C", {0, 4, 7}),
        ("F#m", {6, 9, 1}),
        ("Bb7", {10, 2, 5, 8}),
        ("Ebmaj7", {3, 7, 10, 2}),
        ("Dm7b5", {2, 5, 8, 0}),
        ("Gsus4", {7, 0, 2}),
        ("A♭dim7", {8, 11, 2, 5}),
        ("Am/G", {9, 0, 4, 7}),
        ("CM7", {0, 4, 7, 11}),
        ("Cmin7", {0, 3, 7, 10}),
    ],
)
def test_chords_are_spelt_right(symbol, tones):
    assert chord(symbol) == tones


def test_weighted():
    in_c, dense = rules.pitch_classes("C major"), rules.notes(at_least=4)
    states = melody(60, 61)  # half in C, half of the notes
    assert rules.weighted((in_c, 3), (dense, 1))(states) == pytest.approx(0.5)
    assert rules.weighted((in_c, 1), (dense, 3))(melody(60, 62)) == pytest.approx((1 + 3 * 0.5) / 4)
    thirds = rules.weighted((in_c, 0.1), (dense, 0.1), (rules.leaps(12), 0.1))
    assert thirds(melody(60, 62, 64, 65)) == 1  # exactly, whatever the rounding
    with pytest.raises(UserError, match="weighted: expected pairs of a rule and a weight above 0"):
        rules.weighted((in_c, 0))
    with pytest.raises(UserError, match="weighted"):
        rules.weighted()


MADE = [
    rules.pitch_classes("D dorian"),
    rules.notes(at_least=30, at_most=90),
    rules.pitch_range(50, 70),
    rules.tessitura(55, 67),
    rules.syncopation(),
    rules.longest_rest(6),
    rules.note_lengths(1, 4),
    rules.swing(),
    rules.on_the_beat(),
    rules.leaps(5),
    rules.stepwise(),
    rules.contour("arch"),
    rules.repetition(),
    rules.motif(of="intervals"),
    rules.call_and_response(),
    rules.phrase_endings("C major"),
    rules.chord_tones("C | Dm G7"),
]


@given(st.lists(melodies(), min_size=1, max_size=5))
def test_every_rule_is_within_bounds_and_judges_each_melody_alone(batch):
    states = np.stack(batch)
    for rule in [*MADE, rules.weighted((MADE[0], 1), (MADE[4], 2)), ~MADE[1], MADE[2] | MADE[3]]:
        rewards = rule(states)
        assert ((rewards >= 0) & (rewards <= 1)).all()
        np.testing.assert_allclose(rewards, [rule(melody) for melody in states], rtol=0, atol=1e-12)


@given(melodies(), st.integers(-20, 20))
def test_what_does_not_name_pitches_does_not_hear_transposition(states, semitones):
    pitches = states[states < HOLD].astype(int)
    if len(pitches) and not 0 <= pitches.min() + semitones <= pitches.max() + semitones < 128:
        return
    moved = np.where(states < HOLD, states.astype(int) + semitones, states).astype(np.uint8)
    named = ("D dorian", "pitches", "tessitura", "phrases", "chord tones")
    for rule in MADE:
        if not rule.name.startswith(named):
            assert rule(moved) == pytest.approx(rule(states)), rule.name


@given(melodies())
def test_rhythm_rules_agree_with_the_notes_one_by_one(states):
    """The vectorised rules against plain loops over timed notes, written for nothing but this."""
    notes = to_notes(states)
    starts = [round(note.start * 4) for note in notes]
    ends = [round(note.end * 4) for note in notes]

    def share(true, among):
        return sum(true) / len(among) if among else 0

    def strength(step):
        return next(4 - k for k, unit in enumerate((16, 8, 4, 2, 1)) if step % unit == 0)

    syncopated = [
        any(strength(step) > strength(start) for step in range(start + 1, end)) if end - start > 1 else False
        for start, end in zip(starts, ends)
    ]
    # only the next stronger step counts, and it is stronger than the start whenever any of them is
    assert rules.syncopation(1.0)(states) == pytest.approx(share(syncopated, notes))
    lengths = [end - start for start, end in zip(starts, ends)]
    assert rules.note_lengths(2, 5)(states) == pytest.approx(share([2 <= n <= 5 for n in lengths], notes))
    late = [start % 4 for start in starts if start % 4 >= 2]
    assert rules.swing(1.0)(states) == pytest.approx(share([step == 3 for step in late], late))
    jumps = [abs(b.pitch - a.pitch) for a, b in itertools.pairwise(notes)]
    assert rules.leaps(5)(states) == pytest.approx(share([jump <= 5 for jump in jumps], jumps))
    rest = max((len(list(run)) for sounds, run in itertools.groupby(states == REST) if sounds), default=0)
    assert rules.longest_rest(6)(states) == pytest.approx((min(1, 6 / rest) if rest else 1) * bool(notes))


def test_the_strict_mode_knows_which_pitches_are_allowed():
    in_c, low = rules.pitch_classes("C major"), rules.pitch_range(48, 60)
    both = in_c & low & rules.notes(at_least=5)
    assert both.allowed_pitches.nonzero()[0].tolist() == [48, 50, 52, 53, 55, 57, 59, 60]
    for rule in (rules.notes(at_least=5), in_c | low, ~in_c):
        assert rule.allowed_pitches is None


def test_rules_are_found_by_name():
    assert find("syncopation").name == "syncopation 0.25"
    assert find("leaps(5)")(melody(60, 64)) == 1
    assert find("chord_tones('C | F', at_least=0.5)").name == "chord tones of C | F"
    assert find("pitch_classes('E blues')").allowed_pitches is not None
    made = {name for name in rules.__all__ if name in BUILT_IN}
    assert made == set(BUILT_IN)


def test_rules_are_found_in_files(tmp_path):
    (tmp_path / "my.py").write_text(
        "from melodylc import rules\n"
        "@rules.rule\ndef starts(states):\n    return (states[:, 0] < 128).astype(float)\n"
        "def many(n):\n    return rules.notes(at_least=n)\n"
        "def bare(states):\n    return states[:, 0] * 0.0\n"
    )
    assert find(f"{tmp_path / 'my.py'}:starts")(melody(60)) == 1
    assert find(f"{tmp_path / 'my.py'}:many(2)")(melody(60)) == 0.5
    for text, said in (
        (f"{tmp_path / 'my.py'}:nothing", "has no 'nothing'; its rules: starts"),
        (f"{tmp_path / 'my.py'}:starts(3)", "takes no arguments"),
        (f"{tmp_path / 'my.py'}:bare", r"put @rules\.rule above .*, or call one that makes a rule: bare\(\.\.\.\)"),
        (f"{tmp_path / 'none.py'}:x", "there is none"),
    ):
        with pytest.raises(UserError, match=said):
            find(text)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UserError, match=r"cannot be run \(ZeroDivisionError"):
        find(f"{tmp_path / 'broken.py'}:x")


def test_rules_are_found_in_other_packages(tmp_path, monkeypatch):
    (tmp_path / "theirs.py").write_text("from melodylc import rules\nquiet = rules.notes(at_most=20)\n")
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[melodylc.rules]\nquiet = theirs:quiet\nlost = theirs:lost\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("quiet")(melody(*[60] * 40)) == 0.5
    with pytest.raises(UserError, match="lost of theirs:lost cannot be loaded"):
        find("lost")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sinkopation", "expected one of pitch_classes, notes"),
        ("leaps(", "expected a name, a call"),
        ("leaps(__import__('os'))", "expected a name, a call"),
        ("leaps(5, 6, 7)", "cannot be made"),
        ("leaps(500)", "leaps: at_most: expected a whole number from 0 to 127 semitones, got 500"),
        ("contour('zigzag')", "contour: expected one of rising, falling, arch, valley"),
        ("motif(of='chords')", "motif: expected of as one of"),
        ("call_and_response(3)", "length of 1, 2, 4 or 8 bars"),
        ("phrase_endings([0], every=5)", "expected every 1, 2, 4, 8 or 16"),
        ("phrase_endings([0], shortest=0)", "shortest: expected a whole number from 1 to 256"),
        ("chord_tones('H7')", "chords: expected a root"),
        ("chord_tones('C D E')", "1, 2 or 4 chords"),
        ("longest_rest(-1)", "from 0 to 256"),
        ("note_lengths(5, 2)", "1 <= shortest <= longest"),
        ("swing(0)", "above 0 and up to 1"),
        ("notes(at_least=9, at_most=3)", "at_least <= at_most"),
        ("notes()", "expected at_least or at_most, got neither"),
        ("notes(at_least=True)", "notes: at_least: expected a whole number from 1 to 256, got True"),
        ("notes(at_most=2.5)", "got 2.5"),
        ("leaps('x')", "got 'x'"),
        ("tessitura(50, 60, at_least='most')", "expected a number from 0 to 1, got 'most'"),
        ("longest_rest(1e999)", "got inf"),
        ("chord_tones(7)", "expected a text such as"),
    ],
)
def test_what_is_no_rule_is_said(text, said):
    with pytest.raises(UserError, match=said):
        find(text)


@given(st.lists(melodies(), min_size=1, max_size=3))
def test_features_are_finite_and_of_each_melody_alone(batch):
    states = canonical(np.stack(batch))
    numbers = melody_features(states)
    assert numbers.shape == (len(states), 50)
    assert np.isfinite(numbers).all()
    np.testing.assert_allclose(numbers[0], melody_features(states[:1])[0])
    assert numbers[0, 0] == (states[0] < HOLD).sum()

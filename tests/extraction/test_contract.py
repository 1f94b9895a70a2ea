"""Each sentence of docs/extraction.md that musicians' files forced on it, as a tune of quarter notes."""

import os
from pathlib import Path

import mido
import numpy as np
import pytest
from generated import END, midi

from melodylc.extraction.windows import LINE_REASONS, Filters, extract_windows
from melodylc.melody import HOLD
from midi_io import smf

CASES = Path(os.environ.get("MELODYLC_CASES", Path(__file__).parents[3] / "shared/cases/midi"))
QUARTER = 480
TUNE = [60, 65, 71, 62, 67, 72, 64, 69] * 8


def file_of(notes, *others, signatures=()):
    """A parsed file of one track of (pitch, onset tick, offset tick) and further mido messages with absolute times."""
    events = [
        *others,
        *(mido.MetaMessage("time_signature", numerator=n, denominator=d, time=t) for t, n, d in signatures),
    ]
    for pitch, onset, offset in notes:
        events.append(mido.Message("note_on", note=pitch, velocity=80, time=onset))
        events.append(mido.Message("note_off", note=pitch, time=offset))
    track, now = mido.MidiTrack(), 0
    for event in sorted(events, key=lambda e: (e.time, e.type == "note_on")):
        track.append(event.copy(time=event.time - now))
        now = event.time
    import io

    raw = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=QUARTER, tracks=[track]).save(file=raw)
    return smf.parse(raw.getvalue())


def quarters(pitches=TUNE, first=0, overlap=0):
    return [(p, first + i * QUARTER, first + (i + 1) * QUARTER + overlap) for i, p in enumerate(pitches)]


def first_window(parsed, filters=Filters()):
    return extract_windows(parsed, filters).states[0]


def pitches(states):
    return states[states < HOLD].tolist()


@pytest.mark.parametrize("overlap", [0, 59, 70, 120, 230])
@pytest.mark.parametrize("tune", [TUNE, list(range(99, 35, -1)), list(range(36, 100))])
def test_a_line_played_legato_keeps_every_note(tune, overlap):
    states = first_window(file_of(quarters(tune, overlap=overlap)))
    assert pitches(states) == tune
    assert np.flatnonzero(states < HOLD).tolist() == list(range(0, 256, 4))


def test_a_lower_note_is_dropped_where_the_higher_goes_on_through_half_of_it():
    higher = quarters([72] * 64)
    # from the middle of a quarter: as long again is half covered, longer is not
    lenient = Filters(min_unique_pitches=1)
    half = first_window(file_of([*higher, (60, 240, 720)]), lenient)
    assert pitches(half) == [72] * 64
    longer = first_window(file_of([higher[0], (60, 240, 960), *higher[2:]]), lenient)
    assert pitches(longer)[:3] == [72, 60, 72]
    assert np.flatnonzero(longer < HOLD)[:3].tolist() == [0, 2, 8]


def test_an_ornament_gives_way_to_its_main_note():
    grace = [(p + 2, i * QUARTER, i * QUARTER + 40) for i, p in enumerate(TUNE)]
    main = [(p, i * QUARTER + 40, (i + 1) * QUARTER) for i, p in enumerate(TUNE)]
    assert pitches(first_window(file_of(grace + main))) == TUNE


def test_without_a_main_note_the_highest_ornament_is_a_note():
    brief = [(p + up, i * QUARTER, i * QUARTER + 30) for i, p in enumerate(TUNE) for up in (0, 12)]
    assert pitches(first_window(file_of(brief))) == [p + 12 for p in TUNE]


def test_a_program_change_does_not_split_a_line():
    programs = [mido.Message("program_change", program=p, time=t) for p, t in ((5, 0), (9, 20 * QUARTER))]
    found = extract_windows(file_of(quarters(), *programs), Filters())
    assert found.places.tolist() == [[0, 0, 5, 0]]


@pytest.mark.parametrize("tick", [1, 3, 15])
def test_a_signature_a_few_ticks_off_belongs_to_the_bar_line(tick):
    found = extract_windows(
        file_of(quarters(), signatures=[(tick, 3, 4), (QUARTER * 3 + tick, 4, 4)]), Filters(min_notes=4)
    )
    assert found.signatures == {(3, 4): 3, (4, 4): 61}
    again = extract_windows(file_of(quarters(), signatures=[(tick, 4, 4)]), Filters())
    assert again.places[:, 3].tolist() == [0]


def test_a_signature_further_off_begins_a_stretch_of_its_own():
    found = extract_windows(file_of(quarters(TUNE + TUNE), signatures=[(16, 4, 4)]), Filters())
    assert found.places[0, 3] == 1


def test_pairs_of_bars_of_2_4_are_read_where_that_is_asked_for():
    parsed = file_of(quarters(TUNE * 2), signatures=[(0, 2, 4)])
    assert len(extract_windows(parsed, Filters()).states) == 0
    found = extract_windows(parsed, Filters(pair_2_4=True))
    assert pitches(found.states[0]) == TUNE
    assert found.places[:3, 3].tolist() == [0, 2, 4]  # bars of the file


def test_a_nonsense_signature_costs_only_what_follows():
    nonsense = midi(b"\x00\xff\x58\x04\x04\x21\x18\x08" + b"\x00\x90\x3c\x40\x60\x3c\x00" + END)
    assert extract_windows(smf.parse(nonsense), Filters()).signatures == {(0, 0): 1}


def test_the_limit_of_bars_counts_from_a_lines_first_onset_and_costs_only_that_line():
    far = 130_000 * 4 * QUARTER
    tune = first_window(file_of(quarters()))
    late = extract_windows(file_of(quarters(first=far)), Filters())
    assert (late.states == tune).all(axis=1).any()
    absurd = [mido.Message("note_on", note=60, velocity=9, time=0, channel=1)]
    absurd.append(mido.Message("note_off", note=60, time=far, channel=1))
    found = extract_windows(file_of(quarters(), *absurd), Filters())
    assert (found.states[0] == tune).all()
    assert [(track, channel, LINE_REASONS[reason]) for track, channel, reason in found.rejected_lines] == [
        (0, 1, "more than 125,000 bars")
    ]


def test_windows_without_a_note_are_counted():
    """Two tunes with 1,000 bars between them: the slow implementation says the same of what random files hold."""
    parsed = file_of(quarters() + quarters(first=1_016 * 4 * QUARTER))
    found = extract_windows(parsed, Filters())
    assert [pitches(states) for states in found.states[[0, -1]]] == [TUNE, TUNE]
    assert found.places[[0, -1], 3].tolist() == [0, 1_016]
    assert len(found.states) + found.rejected_windows.sum() == 1_016 + 16 - 15


@pytest.mark.parametrize("interpreted", [False, True])
def test_far_notes_and_many_signatures_take_no_longer_than_near_and_few(interpreted):
    """By what they allocate and walk, not by the clock: read as they are written, these would take minutes."""
    import contextlib

    from midi_io import compiled

    far = 120_000 * 4 * QUARTER
    voices = [
        mido.Message(kind, note=60, time=tick, channel=channel, velocity=64)
        for channel in range(8)
        for kind, tick in (("note_on", 0), ("note_off", QUARTER), ("note_on", far), ("note_off", far + QUARTER))
    ]
    voices += [
        mido.Message("note_on", note=40, time=0, channel=8),
        mido.Message("note_off", note=40, time=far, channel=8),
    ]
    with compiled.interpreted() if interpreted else contextlib.nullcontext():
        for filters in (Filters(), Filters(1, 1, 16)):
            found = extract_windows(file_of([], *voices), filters)
            assert len(found.rejected_lines) == 0
            each = 120_001 - 15
            assert found.rejected_windows.sum() + len(found.states) == 8 * each + 120_000 - 15


@pytest.mark.skipif(
    not CASES.exists(), reason=f"no cases at {CASES}; their kinds are made by hand above and in test_smf"
)
def test_files_that_failed_elsewhere_are_read_as_expected():
    def found(name):
        return extract_windows(smf.parse((CASES / f"{name}.mid").read_bytes()), Filters())

    names = sorted(path.stem for path in CASES.glob("*.mid"))
    for name in names:
        if name == "08_timesig_dd33":
            assert found(name).signatures == {(0, 0): 64}
        else:
            assert (found(name).states[0] < HOLD).sum() == 64, name
    assert (found("22_doubled_noteon_one_off").states == found("22b_clean_twin_of_22").states).all()
    assert found("33_program_mid_melody").places.shape == (1, 4)

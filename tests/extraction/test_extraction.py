import dataclasses
import json
import os

import mido
import numpy as np
import pyarrow
import pytest
import slow_extraction as slow
from generated import END, contents, melody_bytes, midi
from hypothesis import given
from hypothesis import strategies as st

from melodylc.base.errors import UserError
from melodylc.extraction import Corpus, Filters, compiling, extract, plan, unique, writing
from melodylc.extraction.stretches import STRETCH_REASON
from melodylc.extraction.windows import LINE_REASONS, WINDOW_REASONS, extract_windows
from midi_io import smf

LENIENT = Filters(min_notes=2, min_unique_pitches=2, max_rest_bars=3, pair_2_4=True)


def fast(path, filters=Filters()):
    """What `extract_windows` finds, in the form of the slow implementation."""
    found = extract_windows(smf.parse(path.read_bytes()), filters)
    kept = [
        (tuple(place[:2]), place[2], place[3], states.tobytes())
        for place, states in zip(found.places.tolist(), found.states)
    ]
    lines = np.bincount(found.rejected_lines[:, 2], minlength=len(LINE_REASONS))
    counts = dict(zip(WINDOW_REASONS + LINE_REASONS, [*found.rejected_windows, *lines]))
    counts = {name: n for name, n in {**counts, STRETCH_REASON: found.other_stretches}.items() if n}
    return kept, counts, found.signatures


def slowly(path, filters=Filters()):
    kept, counts, signatures = slow.windows(path, **dataclasses.asdict(filters))
    return kept, {name: n for name, n in counts.items() if n}, signatures


@st.composite
def pieces(draw):
    """MIDI files with all that the specification speaks of: chords, overlaps, signatures on and off the bar line."""
    division = draw(st.sampled_from([4, 6, 10, 24, 96, 480]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    file = mido.MidiFile(type=1, ticks_per_beat=division)
    bar = 4 * division
    near = max(division // 32, 1)
    for _ in range(draw(st.integers(1, 3))):
        events = []
        for _ in range(draw(st.integers(0, 3))):
            tick = int(rng.integers(0, 20)) * bar + int(rng.choice([0, 0, 0, 1, near, near + 1, division // 2]))
            n, d = [(4, 4), (2, 2), (3, 4), (2, 4), (8, 8), (6, 8), (1, 32), (5, 16)][rng.integers(8)]
            events.append((tick, 2, mido.MetaMessage("time_signature", numerator=n, denominator=d)))
        for _ in range(int(rng.integers(0, 4))):
            message = mido.Message("program_change", channel=int(rng.integers(3)), program=int(rng.integers(3)))
            events.append((int(rng.integers(0, 30 * bar)), 1, message))
        grid = max(division // 4, 1) if rng.random() < 0.5 else 1
        for _ in range(int(rng.integers(0, 300))):
            channel = int(rng.choice([0, 0, 0, 1, 9]))
            pitch = int(rng.integers(55, 67))
            on = int(rng.integers(0, 34 * bar // grid)) * grid
            off = on + int(rng.choice([0, 1, division // 8, division // 4, division, bar, 3 * bar]))
            events.append((on, 3, mido.Message("note_on", channel=channel, note=pitch, velocity=64)))
            if rng.random() < 0.97:
                events.append((off, 0 if off > on else 4, mido.Message("note_off", channel=channel, note=pitch)))
        track, now = mido.MidiTrack(), 0
        for tick, _, message in sorted(events, key=lambda event: event[:2]):
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    return file


@given(pieces(), st.sampled_from([Filters(), LENIENT]))
def test_agrees_with_the_slow_implementation(tmp_path_factory, piece, filters):
    path = tmp_path_factory.mktemp("piece") / "piece.mid"
    piece.save(path)
    assert fast(path, filters) == slowly(path, filters)


@pytest.fixture
def folder(tmp_path):
    """Good files and every kind of bad one."""
    root = tmp_path / "music"
    (root / "deep" / "er").mkdir(parents=True)
    for index in range(300):
        (root / "deep" / f"{index:03d}.mid").write_bytes(melody_bytes(index % 250))
    (root / "deep" / "er" / "last.MIDI").write_bytes(melody_bytes(999))
    (root / "truncated.mid").write_bytes(melody_bytes(1)[:-20])
    (root / "empty.mid").write_bytes(b"")
    (root / "header.mid").write_bytes(b"MThx" + melody_bytes(1)[4:])
    (root / "running.mid").write_bytes(midi(b"\x00\x3c\x40\x00\x3c" + END))
    (root / "billions.mid").write_bytes(midi((b"\xff\xff\xff\x7f\x90\x3c\x40" * 20 + b"\x00\x80\x3c\x40" * 20) + END))
    (root / "million.mid").write_bytes(midi(b"\x00\x90\x3c\x40" * 1_000_000 + END))
    (root / "folder.mid").mkdir()
    (root / "loop").symlink_to(root)
    (root / "itself.mid").symlink_to(root / "itself.mid")
    (root / "gone.mid").symlink_to(root / "nowhere.mid")
    os.mkfifo(root / "pipe.mid")
    (root / os.fsdecode(b"latin\xe9.mid")).write_bytes(melody_bytes(500))
    (root / "notes.txt").write_text("no music")
    return root


def test_every_bad_file_is_counted_and_none_stops_the_run(folder, tmp_path):
    card = extract([folder], tmp_path / "corpus", workers=2, progress=False)
    reasons = card["rejected"]["files"]
    assert reasons == {
        "no notes": 1,
        "no window kept": 1,
        "empty file": 1,
        "not a MIDI file (no MThd header)": 1,
        "more than 200,000 notes": 1,
        "a folder named like a MIDI file": 1,
        "symlink loop": 2,
        "unreadable": 1,
        "not a regular file": 1,
    }
    assert card["files"] == 300 + 3 + sum(reasons.values())
    # 250 different tunes, each 24 bars, so 9 windows; the two on their own; and one that lacks its last two notes
    assert card["windows"] == 252 * 9 + 1 == len(Corpus(tmp_path / "corpus").states())
    assert card["rejected"]["windows"]["duplicate"] == 50 * 9 + 8
    assert card["rejected"]["lines"] == {"more than 125,000 bars": 1}
    assert card["read past"] == {"ended early": 1, "data bytes without a status": 1}
    assert card["signatures"] == {"4/4": 302 * 24 * 8 + 24 * 8 - 2 + 20}


def test_the_first_of_equal_windows_keeps_its_provenance_in_path_order(folder, tmp_path):
    extract([folder], tmp_path / "corpus", workers=1, progress=False)
    sources = Corpus(tmp_path / "corpus").sources()
    assert list(dict.fromkeys(sources)) == sorted(set(sources))
    assert "music/deep/249.mid" in sources
    assert "music/deep/250.mid" not in sources  # the same tune as 000


def test_any_number_of_workers_gives_the_same_bytes(folder, tmp_path):
    corpora = [tmp_path / f"corpus{workers}" for workers in (1, 2, 3)]
    for corpus, workers in zip(corpora, (1, 2, 3)):
        extract([folder], corpus, workers=workers, progress=False)
    assert contents(corpora[0]) == contents(corpora[1]) == contents(corpora[2])


def test_the_split_is_by_file(folder, tmp_path):
    extract([folder], tmp_path / "corpus", workers=1, progress=False)
    corpus = Corpus(tmp_path / "corpus")
    by_split = {split: set(corpus.sources(split)) for split in ("train", "valid", "test")}
    assert sum(len(sources) for sources in by_split.values()) == len(set(corpus.sources()))
    assert all(by_split.values())


def test_columns(folder, tmp_path):
    extract([folder / "deep" / "001.mid"], tmp_path / "corpus", workers=1, progress=False)
    (table,) = Corpus(tmp_path / "corpus").tables()
    assert table.schema.names == ["states", "source", "track", "bar", "split"]
    assert str(table.schema.field("states").type) == "fixed_size_binary[256]"
    assert table["bar"].to_pylist() == list(range(9))
    assert set(table["source"].to_pylist()) == {"001.mid"}


@pytest.mark.parametrize("workers", [1, 3])
def test_many_small_groups_buckets_and_files_are_one_corpus(folder, tmp_path, monkeypatch, workers):
    extract([folder], tmp_path / "one", workers=1, progress=False)
    for module, name, value in (
        (plan, "FILES_PER_CHUNK", 10),
        (unique, "WINDOWS_PER_GROUP", 300),
        (writing, "FILES_PER_JOB", 1),
        (compiling, "COLD_BYTES", 0),
        (compiling, "WARM_BYTES", 0),
    ):
        monkeypatch.setattr(module, name, value)
    assert len(unique.groups_of([100] * 20)) == 7
    extract([folder], tmp_path / "many", workers=workers, progress=False)
    assert contents(tmp_path / "one") == contents(tmp_path / "many")


def test_rows_that_span_files_jobs_and_groups(folder, tmp_path, monkeypatch):
    extract([folder], tmp_path / "whole", workers=1, progress=False)
    monkeypatch.setattr(plan, "FILES_PER_CHUNK", 10)
    monkeypatch.setattr(unique, "WINDOWS_PER_GROUP", 300)
    monkeypatch.setattr("melodylc.extraction.corpus.ROWS_PER_FILE", 70)
    monkeypatch.setattr(writing, "FILES_PER_JOB", 2)
    extract([folder], tmp_path / "cut", workers=1, progress=False)
    tables = list(Corpus(tmp_path / "cut").tables())
    assert {len(table) for table in tables[:-1]} == {70}
    assert 0 < len(tables[-1]) <= 70
    (whole,) = Corpus(tmp_path / "whole").tables()
    assert pyarrow.concat_tables(tables).equals(whole)


def test_what_the_user_got_wrong(folder, tmp_path):
    with pytest.raises(UserError, match="found nothing at"):
        extract([tmp_path / "nowhere"], tmp_path / "corpus", progress=False)
    other = tmp_path / "other" / "music"
    other.mkdir(parents=True)
    with pytest.raises(UserError, match="both called 'music'"):
        extract([folder, other], tmp_path / "corpus", progress=False)
    (tmp_path / "exists").mkdir()
    with pytest.raises(UserError, match="exists already"):
        extract([folder], tmp_path / "exists", progress=False)
    with pytest.raises(UserError, match=r"no good corpus\.json"):
        Corpus(tmp_path)


def test_no_files_make_an_empty_corpus_that_says_so(tmp_path):
    (tmp_path / "nothing").mkdir()
    card = extract([tmp_path / "nothing"], tmp_path / "corpus", progress=False)
    assert (card["files"], card["windows"]) == (0, 0)
    assert Corpus(tmp_path / "corpus").states().shape == (0, 256)
    assert json.loads((tmp_path / "corpus" / "corpus.json").read_text()) == card

"""The commands as a user types them, on the embedded model."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_budgets import learn_briefly, learn_in_small_batches, learn_realism_briefly

from melodylc import plausibility
from melodylc.cli import main
from melodylc.extraction.selection import select_melody
from melodylc.melody import BEATS, HOLD, from_notes, to_notes
from melodylc.model import load
from melodylc.rules import find, notes, pitch_classes, pitch_range
from melodylc.vae import trainer
from midi_io import files


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(path):
    (found,) = files.read(path).values()
    return from_notes(found)


@pytest.fixture
def chromatic(tmp_path):
    """A melody of one's own with notes outside C major."""
    scale = [60, 62, 64, 65, 66, 67, 69, 70, 72, 70, 69, 67, 66, 64, 62, 61]
    tune = [files.Note(scale[i % 16], i / 2, i / 2 + 0.5) for i in range(160)]
    files.write(tmp_path / "own.mid", tune)
    return tmp_path / "own.mid"


def test_generate_begins_with_how_many_are_kept(tmp_path, capsys):
    """With one draw each, some are and some are not: those that satisfy the key, and are called plausible."""
    attributes = ["--key", "E blues", "--range", "C4-C5"]
    assert main(["generate", *attributes, "--count", "12", "--tries", "1", "--seed", "2"]) == 0
    headline, head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["file", "notes", "kept"]
    model = load()
    melodies = np.stack([read(tmp_path / "melodies" / f"{index:02d}.mid") for index in range(1, 13)])
    kept = (pitch_classes("E blues") & pitch_range(60, 72)).satisfied(melodies)
    kept &= plausibility.bounds(model).plausible(melodies)
    assert headline.startswith(f"{kept.sum()} of 12 kept; ")
    assert [row.split()[2] for row in rows] == ["yes" if each else "no" for each in kept]


@pytest.mark.parametrize("command", [["generate"], ["learn", "--rule", "syncopation", "--out", "a.safetensors"]])
def test_a_device_that_is_not_there_is_one_line(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*command, "--device", "nonsense"]) == 2
    said = capsys.readouterr().err
    assert "device: expected cpu, or cuda where there is a GPU, got 'nonsense'" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_generate_writes_numbered_files_and_says_what_is_satisfied(tmp_path, capsys):
    assert main(["generate", "--key", "C major", "--count", "3", "--seed", "7", "--tempo", "90"]) == 0
    out = capsys.readouterr().out
    for index in range(1, 4):
        melody = read(tmp_path / "melodies" / f"{index:02d}.mid")
        line = next(line for line in out.splitlines() if f"{index:02d}.mid" in line)
        satisfied = pitch_classes("C major").satisfied(melody[None])[0]
        assert line.endswith("yes") == satisfied
        assert str(int((melody < HOLD).sum())) in line.split()
        with Image.open(tmp_path / "melodies" / f"{index:02d}.png") as image:
            assert image.width > image.height > 100
    assert sorted(path.name for path in (tmp_path / "melodies").iterdir()) == [
        "01.mid", "01.png", "02.mid", "02.png", "03.mid", "03.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "attributes", [[], ["--key", "F# dorian"], ["--notes", "120"], ["--key", "E blues", "--range", "C4-C6"]]
)
def test_one_seed_gives_the_same_files(tmp_path, attributes):
    for out in ("a", "b"):
        assert main(["generate", *attributes, "--seed", "5", "--count", "2", "--tries", "2", "--out", out]) == 0
    for name in ("01.mid", "02.mid", "01.png", "02.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_strict_guarantees_key_and_range_and_says_so(tmp_path, capsys):
    attributes = ["--key", "Bb harmonic minor", "--range", "55-75", "--temperature", "2"]
    assert main(["generate", *attributes, "--strict", "--seed", "1", "--count", "4"]) == 0
    assert "strict: the decoder was masked" in capsys.readouterr().out
    for index in range(1, 5):
        melody = read(tmp_path / "melodies" / f"{index:02d}.mid")
        assert pitch_classes("Bb harmonic minor")(melody) == 1
        assert pitch_range(55, 75)(melody) == 1


def test_knobs_are_turned_without_learning(tmp_path, capsys):
    attributes = ["--key", "E blues", "--notes", "110", "--range", "C4-C6"]
    assert main(["generate", *attributes, "--seed", "3", "--count", "8", "--tries", "1"]) == 0
    assert "made for E blues, at least 110 notes, pitches 60 to 84; one draw each" in capsys.readouterr().out
    melodies = np.stack([read(tmp_path / "melodies" / f"{i:02d}.mid") for i in range(1, 9)])
    rule = pitch_classes("E blues") & notes(at_least=110) & pitch_range(60, 84)
    assert rule.satisfied(melodies).mean() > 0.5


def test_a_rule_out_of_reach_says_so_and_leaves_the_nearest(tmp_path, monkeypatch, capsys):
    learn_briefly(monkeypatch)
    (tmp_path / "my.py").write_text(
        "from melodylc import rules\n\n@rules.rule\ndef high(states):\n"
        "    return ((states > 120) & (states < 128)).mean(axis=1)\n"
    )
    assert main(["learn", "--rule", "my.py:high", "--rounds", "1", "--out", "high.safetensors"]) == 0
    out = capsys.readouterr().out
    assert "high: out of reach, kept in 0% of single draws (satisfied 0%); prior: kept 0.0% (satisfied 0.0%)" in out
    assert "the nearest melodies met:" in out
    assert len(list(tmp_path.glob("high-nearest-*.mid"))) == 3


def test_transform_says_what_it_took_and_keeps_what_it_can(chromatic, tmp_path, capsys):
    assert main(["transform", str(chromatic), "--key", "C major", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "took bars 1 to 16 of track 2, channel 1" in out
    before, after = (read(tmp_path / "melodies" / f"{i:02d}.mid") for i in (1, 2))
    np.testing.assert_array_equal(before, select_melody(chromatic).states)
    in_key = pitch_classes("C major")
    assert in_key(after) > in_key(before)
    kept = ((before == after) & (before < HOLD)).sum() / (before < HOLD).sum()
    assert kept > 0.3
    assert "onsets kept" in out


def test_transform_by_amount(chromatic, tmp_path):
    for amount in ("0", "0.5", "1"):
        assert main(["transform", str(chromatic), "--key", "C major", "--amount", amount, "--out", amount]) == 0
    none, half, whole = (read(tmp_path / amount / "02.mid") for amount in ("0", "0.5", "1"))
    np.testing.assert_array_equal(none, read(tmp_path / "0" / "01.mid"))
    assert (half == none).mean() >= (whole == none).mean()


def test_transform_strictly(chromatic, tmp_path):
    assert main(["transform", str(chromatic), "--key", "C major", "--strict", "--bar", "2"]) == 0
    assert pitch_classes("C major")(read(tmp_path / "melodies" / "02.mid")) == 1


def test_transform_leaves_a_melody_that_is_right_alone(tmp_path):
    tune = [files.Note([60, 64, 67, 72][i % 4], i, i + 1) for i in range(64)]
    files.write(tmp_path / "own.mid", tune)
    assert main(["transform", "own.mid", "--key", "C major"]) == 0
    np.testing.assert_array_equal(read(tmp_path / "melodies" / "02.mid"), read(tmp_path / "melodies" / "01.mid"))


def test_interpolate(chromatic, tmp_path, capsys):
    tune = [files.Note([60, 64, 67, 72][i % 4], i, i + 1) for i in range(64)]
    files.write(tmp_path / "other.mid", tune)
    assert main(["interpolate", str(chromatic), "other.mid", "--count", "5", "--out", "way"]) == 0
    assert capsys.readouterr().out.count("took bars") == 2
    way = [read(tmp_path / "way" / f"{i:02d}.mid") for i in range(1, 6)]
    first, last = select_melody(chromatic).states, select_melody("other.mid").states
    assert (way[0] == first).mean() > (way[0] == last).mean()
    assert (way[4] == last).mean() > (way[4] == first).mean()


@pytest.mark.usefixtures("every_core")
def test_evaluate_writes_the_rows(tmp_path, capsys, monkeypatch):
    learn_in_small_batches(monkeypatch)
    assert main(["evaluate", "--table2", "--draws", "32", "--rounds", "2", "--json", "rows.json"]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    default = rows[0]["temperature"]
    assert [(row["name"], row["temperature"]) for row in rows] == [
        (name, temperature)
        for temperature in (default, 1.0, 0.0)
        for name in ("prior", "C major", "C major, 192 notes")
    ]
    by_name = {row["name"]: row for row in rows[:3]}
    assert by_name["C major"]["pitch_satisfied"] > 0.5
    assert by_name["prior"]["pitch_satisfied"] < 0.2
    assert "paper: C major" in capsys.readouterr().out


def test_evaluate_reconstruction_on_a_corpus(tiny_corpus, capsys):
    arguments = ["evaluate", "--reconstruction", str(tiny_corpus), "--draws", "8", "--json", "figures.json"]
    assert main(arguments) == 0
    assert "valid, by file" in capsys.readouterr().out
    with open("figures.json") as file:
        assert 0 < json.load(file)["valid, by window"]["note"] <= 1


@pytest.mark.usefixtures("every_core")
def test_the_rules_of_the_readme_are_learned_kept_and_composed(tmp_path, monkeypatch, capsys):
    """Its commands, in smaller steps: an arch, syncopated, in A minor, in melodies that are plausible too."""
    learn_in_small_batches(monkeypatch)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    learn, generate = re.findall(r"^melodylc ((?:learn|generate) .*arch.safetensors.*)$", readme, re.MULTILINE)
    assert main([*shlex.split(learn), "--rounds", "18"]) == 0
    assert "arch contour and syncopation 0.25): reached" in capsys.readouterr().out
    assert (tmp_path / "arch.json").exists()
    assert main([*shlex.split(generate), "--count", "16", "--seed", "1"]) == 0
    melodies = np.stack([read(tmp_path / "melodies" / f"{i:02d}.mid") for i in range(1, 17)])
    satisfied = np.all([find(text).satisfied(melodies) for text in ("contour('arch')", "syncopation")], axis=0)
    satisfied &= pitch_classes("A minor").satisfied(melodies)
    assert (satisfied & plausibility.bounds(load()).plausible(melodies)).mean() >= 0.85

    # a rule of one's own, which most draws satisfy, learned and kept by generate, then composed with the first
    learn_briefly(monkeypatch)
    learn_realism_briefly(monkeypatch)
    (tmp_path / "my_rules.py").write_text(
        "from melodylc import rules\n\n@rules.rule\n"
        "def ends_where_it_began(states):\n    return (states[:, 0] < 128).astype(float)\n"
    )
    (own,) = re.findall(r"^melodylc (generate .*--keep.*)$", readme, re.MULTILINE)
    asked = shlex.split(own, comments=True)
    assert main([*asked, "--rounds", "1", "--count", "1", "--tries", "1"]) == 0
    assert "--rounds and --seconds bound it, kept in home.safetensors" in capsys.readouterr().err
    with open("home.json") as card:
        assert len(json.load(card)["curve"]) == 1
    rules = ["--rule", "my_rules.py:ends_where_it_began", "--rule", "contour('arch')", "--key", "G major"]
    actors = ["--actor", "home.safetensors", "--actor", "arch.safetensors"]
    assert main(["generate", *rules, *actors, "--count", "4", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "made for G major, then actor of ends_where_it_began composed with actor of (arch contour" in out
    assert out.count("yes") >= 6


@pytest.mark.usefixtures("every_core")
def test_extract_and_train_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(trainer, "PRINCIPAL", 1024)
    (tmp_path / "midi").mkdir()
    rng = np.random.default_rng(0)
    for index in range(40):
        pitches = 60 + rng.integers(0, 12, 64)
        files.write(tmp_path / "midi" / f"{index}.mid", [files.Note(int(p), i, i + 1) for i, p in enumerate(pitches)])
    assert main(["extract", "midi", "--out", "corpus", "--workers", "1"]) == 0
    assert "40 windows from 40 files" in capsys.readouterr().out
    steps = ["--steps", "bars=1", "--steps", "phrases=1", "--steps", "whole=1"]
    assert main(["train", "corpus", "--preset", "small", "--out", "run", "--device", "cpu", *steps]) == 0
    assert json.loads(capsys.readouterr().out)["melodies"] > 0
    assert main(["generate", "--model", "run", "--count", "1", "--seed", "0"]) == 0
    assert main(["generate", "--model", "run", "--count", "1", "--notes", "20"]) == 2
    assert "melodylc condition --model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generate", "--key", "H major"], "key: expected a tonic and a scale"),
        (["generate", "--range", "C6-C4"], "range: expected LOW-HIGH"),
        (["generate", "--key", "C major", "--range", "61-61"], "no pitch of C major lies in 61 to 61"),
        (["generate", "--model", "nothing.safetensors"], "JSON card"),
        (["transform", "nothing.mid", "--key", "C major"], "nothing.mid: cannot be read"),
        (["transform", "nothing.mid"], "expected what to change"),
        (["extract", "nothing", "--out", "corpus"], "found nothing at"),
        (["train", "nothing", "--out", "run"], "expected a folder made by"),
        (["train", "nothing", "--out", "run", "--steps", "bars"], "STAGE=N"),
        (["prior", "nothing", "--model", "none.safetensors"], "model: expected weights at none"),
        (["generate", "--notes", "50", "--at-most", "40"], "notes: expected the least not above the most"),
        (["learn", "--out", "a.safetensors"], "expected a rule"),
        (["learn", "--rule", "sinkopation", "--out", "a.safetensors"], "rule: expected one of"),
        (["generate", "--rule", "my.py:x"], "there is none at my.py"),
        (["generate", "--strict", "--notes", "50"], "strict: expected a rule on pitches"),
        (["generate", "--rule", "syncopation", "--actor", "none.safetensors"], "actor: expected weights at none"),
        (["generate", "--actor", "missing"], "melodylc learn --out FILE.safetensors makes one"),
        (["generate", "--key", ""], "key: expected some text, got ''"),
        (["generate", "--range", " "], "range: expected some text"),
        (["generate", "--rule", ""], "rule: expected some text"),
        (["live", "--key", ""], "key: expected some text"),
        (["live", "--style-amount", "0.5"], "--style-amount: expected --style"),
        (["live", "--mode", "continue", "--seconds", "10"], "seconds: mode continue searches for eight bars at a time"),
        (["generate", "--style-amount", "0.5"], "--style-amount: expected --style"),
        (["extract", "", "--out", "corpus"], "paths: expected some text"),
        (["generate", "--keep", "a.safetensors"], "--keep: nothing is learned without --rule"),
        (["interpolate", "a.mid", "b.mid", "--rounds", "3"], "--rounds: nothing is learned without --rule"),
        (["transform", "a.mid", "--rule", "leaps(5)", "--keep", "a.json"], "--keep: expected a .safetensors file"),
        (["generate", "--rule", "leaps(5)", "--actor", "x", "--seconds", "3"], "--seconds: an --actor is learned"),
        (["train", "nothing", "--out", "run", "--steps", "bars=²"], "STAGE=N"),
        (["transform", "nothing.mid", "--rule", "leaps('x', 2, 3)"], "cannot be made (TypeError"),
        (["learn", "--key", "C", "--out", "nowhere/a.safetensors"], "in a folder that exists"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(arguments, said, capsys, tmp_path):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--count", "0"],
        ["generate", "--notes", "257"],
        ["generate", "--tempo", "fast"],
        ["generate", "--temperature", "-1"],
        ["generate", "--temperature", "nan"],
        ["generate", "--temperature", "inf"],
        ["generate", "--seed", "-1"],
        ["generate", "--seed", "1.5"],
        ["generate", "--seed", str(2**63)],
        ["generate", "--count", "1000000000000"],
        ["learn", "--out", "a.safetensors", "--seconds", "nan"],
        ["learn", "--out", "a.safetensors", "--seconds", "inf"],
        ["learn", "--out", "a.safetensors", "--rounds", "0"],
        ["generate", "--rule", "leaps(5)", "--rounds", "-1"],
        ["train", "corpus", "--out", "run", "--kl", "inf"],
        ["extract", "midi", "--out", "corpus", "--min-notes", "257"],
        ["nonsense"],
    ],
)
def test_bad_options_are_argparses(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert re.search("expected a (whole )?number from", said) or arguments == ["nonsense"]


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["generate", "--count", "1", "--out", "file"]) == 2
    assert "file" in capsys.readouterr().err


def test_midi_files_last_sixteen_bars(tmp_path):
    import mido

    assert main(["generate", "--count", "1", "--seed", "2", "--tempo", "60"]) == 0
    assert mido.MidiFile(tmp_path / "melodies" / "01.mid").length == pytest.approx(BEATS, abs=0.01)
    assert to_notes(read(tmp_path / "melodies" / "01.mid"))


def test_a_pipe_is_refused_in_one_line(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.mid")
    assert main(["transform", "pipe.mid", "--notes", "100"]) == 2
    assert main(["interpolate", "pipe.mid", "pipe.mid"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all("not a regular file" in line for line in errors)


@pytest.mark.parametrize("arguments", [["generate", "--count", "1", "--seed", "1"], ["--help"]])
def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(arguments, tmp_path):
    """As `melodylc ... | head` does: the files are there all the same."""
    reading, writing = os.pipe()
    os.close(reading)
    entry = [sys.executable, "-c", "from melodylc.cli import entry; entry()", *arguments]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(entry, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    assert (tmp_path / "melodies" / "01.mid").exists() == ("generate" in arguments)

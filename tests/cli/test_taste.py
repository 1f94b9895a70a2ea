"""The command taste, answered by a listener who likes many notes, and melodies to that taste."""

import io
import os
import re
import sys

import mido
import numpy as np
import pytest
from jackd import eventually

import melodylc
from melodylc import UserError, load_preference
from melodylc.cli import main, taste
from melodylc.melody import HOLD


def files_of(folder, number):
    return [folder / f"{number:02d}-{name}.mid" for name in "ab"]


def notes_in(path):
    return sum(message.type == "note_on" and message.velocity > 0 for message in mido.MidiFile(path))


def answers(folder, monkeypatch, typed=()):
    """Answer each pair as it is written, after what is typed first."""
    state = {"pair": 0}
    typed = list(typed)

    class Typing(io.StringIO):
        def readline(self):
            if typed:
                return typed.pop(0)
            state["pair"] += 1
            a, b = (notes_in(path) > 80 for path in files_of(folder, state["pair"]))
            return {(True, False): "a", (False, True): "b", (True, True): "both"}.get((a, b), "neither") + "\n"

    monkeypatch.setattr("sys.stdin", Typing())


def test_a_taste_is_learned_pair_by_pair_and_melodies_are_to_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    answers(tmp_path / "taste", monkeypatch, ["what\n"])
    assert main(["taste", "--out", "mine.safetensors", "--pairs", "12", "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.err.count("expected a, b, both") == 1
    assert re.search(r"preference of \d+ likes and \d+ dislikes; \d+% of known melodies .* as --taste", said.out)
    assert (tmp_path / "taste" / "12-b.png").exists()
    model = melodylc.load()
    preference = load_preference("mine.safetensors", model)
    assert len(preference.liked) + len(preference.disliked) == 24
    states = model.bank.states[:400]
    many = (states < HOLD).sum(axis=1) > 80
    assert preference.probability(states)[many].mean() > preference.probability(states)[~many].mean() + 0.3
    command = [
        "generate",
        "--taste",
        "mine.safetensors",
        "--key",
        "C major",
        "--count",
        "2",
        "--seed",
        "1",
        "--how",
        "search",
    ]
    assert main([*command, "--out", "out"]) == 0
    assert np.mean([notes_in(tmp_path / "out" / f"{n:02d}.mid") for n in (1, 2)]) > 70


def test_a_taste_goes_on_where_it_was_and_stops_when_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for typed in (["a\n", "q\n"], ["\n", "b\n"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(typed)))
        assert main(["taste", "--out", "mine.safetensors", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "preference of 2 likes and 2 dislikes" in said
    assert said.count("run the command again") == 2  # nothing can be generated to so young a taste
    assert "--taste" not in said
    monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
    assert main(["taste", "--out", "other.safetensors", "--quiet"]) == 0
    assert not (tmp_path / "other.safetensors").exists()


def test_the_second_of_a_pair_plays_when_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr(taste, "open_in_player", lambda file: opened.append(file.name))
    monkeypatch.setattr("sys.stdin", io.StringIO("\nagain\n\nb\nq\n"))
    assert main(["taste", "--out", "mine.safetensors"]) == 0
    assert opened == ["01-a.mid", "01-b.mid", "01-b.mid", "01-a.mid", "02-a.mid"]
    assert "Enter plays the other one" in capsys.readouterr().out


def there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def player(folder, monkeypatch, script):
    """Make xdg-open a script, and wait for it as long as it takes."""
    monkeypatch.setattr(taste, "OPENING", 60.0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    (folder / "xdg-open").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "xdg-open").chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="xdg-open is a script")
def test_a_file_is_opened_with_what_opens_midi_files(tmp_path, monkeypatch, capsys):
    player(tmp_path, monkeypatch, f'echo "$1" >> {tmp_path}/opened')
    taste.open_in_player(tmp_path / "a.mid")
    assert (tmp_path / "opened").read_text() == f"{tmp_path / 'a.mid'}\n"
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"opened {tmp_path / 'a.mid'}\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="xdg-open is a script")
def test_a_player_that_goes_on_is_not_waited_for(tmp_path, monkeypatch, capsys):
    player(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; until [ -e {tmp_path}/over ]; do sleep 0.05; done")
    monkeypatch.setattr(taste, "OPENING", 0.3)
    taste.open_in_player(tmp_path / "a.mid")
    assert "opened" in capsys.readouterr().out
    file = tmp_path / "pid"
    assert eventually(lambda: file.exists() and file.read_text())
    pid = int(file.read_text())
    assert there(pid)  # it plays
    (tmp_path / "over").touch()
    assert eventually(lambda: not there(pid))  # it has ended, and was waited for


@pytest.mark.skipif(sys.platform == "win32", reason="xdg-open is a script")
def test_where_no_player_works_the_file_is_named(tmp_path, monkeypatch, capsys):
    player(tmp_path, monkeypatch, "exit 3")  # as without a handler
    taste.open_in_player(tmp_path / "a.mid")
    monkeypatch.setenv("PATH", "")
    taste.open_in_player(tmp_path / "b.mid")
    said = capsys.readouterr()
    lines = [f"no player opens {tmp_path / name}; open it yourself, or --quiet" for name in ("a.mid", "b.mid")]
    assert (said.out, said.err.splitlines()) == ("", lines)


def test_what_is_no_taste_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--taste", "none.safetensors"]) == 2
    assert main(["taste", "--out", "mine.mid"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    model = melodylc.load()
    melodylc.prefer(model, model.bank.states[:2]).save("mine.safetensors")
    (tmp_path / "mine.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="taste"):
        load_preference("mine.safetensors", model)

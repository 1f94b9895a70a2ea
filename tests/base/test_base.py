"""What everything else stands on: storage of weights, cards and JSON, and what base imports."""

import errno
import json
import re
import sys

import pytest
import torch
from imports import imports_beyond

import melodylc.base
from melodylc.base import storage
from melodylc.base.errors import UserError, told
from melodylc.base.locks import held
from melodylc.base.signals import BROKEN_PIPE, until_closed
from melodylc.base.storage import FileKind

TUNES = FileKind("tests.tune", "tune", "a tune; whistle makes one")


def test_base_needs_no_melodies_no_images_and_no_latent_space():
    assert imports_beyond(melodylc.base, "melodylc.base", "midi_io.atomic") == []


def test_weights_come_back_in_float32_with_the_card_beside_them(tmp_path):
    path = tmp_path / "a.safetensors"
    storage.write_tensors(path, {"x": torch.tensor([[0.5, 2.0]]).half().T})
    storage.write_card(path, TUNES, {"length": 3})
    assert json.loads((tmp_path / "a.json").read_text()) == {"kind": "tests.tune", "version": 1, "length": 3}
    assert storage.read_card(path, TUNES)["length"] == 3
    torch.testing.assert_close(storage.read_tensors(path)["x"], torch.tensor([[0.5], [2.0]]), rtol=0, atol=0)


def test_weights_come_back_as_they_were_with_the_card_inside_them(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {"half": torch.ones(2).half(), "steps": torch.tensor(7)}
    storage.write_tensors(path, tensors, {"seed": 1})
    found, card = storage.read_tensors_and_card(path, "weights")
    assert card == {"seed": 1}
    assert {name: value.dtype for name, value in found.items()} == {"half": torch.float16, "steps": torch.int64}
    assert all(torch.equal(found[name], value) for name, value in tensors.items())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.safetensors"]


def test_what_is_missing_damaged_or_another_is_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(UserError, match=r"^tune: expected weights at .*whistle makes one$"):
        storage.read_card(path, TUNES)
    with pytest.raises(UserError, match=r"^tune: expected safetensors weights at"):
        storage.read_tensors(path, "tune")
    storage.write_card(path, FileKind("tests.song", "song", "a song"), {})
    with pytest.raises(UserError, match=r"^tune: expected tests.tune version 1, .* is of tests.song version 1; name"):
        storage.read_card(path, TUNES)
    path.write_bytes(b"no weights")
    with pytest.raises(UserError, match="expected weights of a test"):
        storage.read_tensors_and_card(path, "weights of a test")
    storage.write_tensors(path, {"x": torch.ones(1)})  # without a card
    with pytest.raises(UserError, match="expected weights of a test"):
        storage.read_tensors_and_card(path, "weights of a test")
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        storage.weights_path(tmp_path / "a.json")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    storage.write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        storage.write_json(path, {"new": object()})
    assert json.loads(path.read_text()) == {"old": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UserError("expected a key"), "expected a key"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.mid"), "No such file: a.mid; check the path, the "),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; check the path, the "),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "Connection reset by peer"),
        (OSError("cannot identify image file"), "cannot identify image file"),
    ],
)
def test_an_error_of_storage_comes_with_what_to_look_at_and_no_other(error, said):
    found = told(error)
    assert found.startswith(said)
    assert ("check the path" in found) == ("check the path" in said)


@pytest.mark.parametrize("has_output", [True, False])
def test_a_reader_that_has_seen_enough_ends_a_command_in_silence(has_output, monkeypatch, tmp_path):
    def main():
        raise BrokenPipeError

    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output if has_output else None)  # none under pythonw
        assert until_closed(main) == BROKEN_PIPE


def test_a_lock_is_held_by_one_and_free_afterwards(tmp_path):
    said = f"^extract: another run is at work in {re.escape(str(tmp_path))}; wait until it has ended"
    with held(tmp_path / "lock", "extract"), pytest.raises(UserError, match=said), held(tmp_path / "lock", "extract"):
        pass
    with held(tmp_path / "lock", "extract"):
        pass

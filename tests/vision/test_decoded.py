"""Decoded images on disk: used as long as the files are the same, and never otherwise."""

import errno
import os

import drawn
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vision.data import celeba, decoded
from vision.data.images import Images, image_hash

PARTS = ("train", "valid", "test")


@pytest.fixture
def faces(tmp_path):
    return drawn.celeba(tmp_path / "faces", count=12)


def pixels(data):
    return torch.cat([getattr(data, part).pixels for part in PARTS])


def decodes(monkeypatch):
    """The images that are decoded from now on."""
    real, seen = celeba._image, []

    def counting(files, line):
        seen.append(line.image)
        return real(files, line)

    monkeypatch.setattr(celeba, "_image", counting)
    return seen


def test_images_are_decoded_once(faces, tmp_path, monkeypatch):
    plain = celeba.load(faces)
    first = celeba.load(faces, keep=tmp_path / "kept")
    seen = decodes(monkeypatch)
    again = celeba.load(faces, keep=tmp_path / "kept", seed=3)
    assert seen == []
    for data in (first, again):
        assert torch.equal(pixels(data), pixels(plain))
        assert data.fingerprint() == plain.fingerprint()
    hashes, images = sorted(map(np.load, (tmp_path / "kept").iterdir()), key=np.size)  # files that numpy reads
    assert images.shape == (12, 3, 64, 64)
    assert [bytes(row) for row in hashes] == [image_hash(torch.from_numpy(image)) for image in images]


def test_what_has_changed_is_decoded_anew(faces, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    before = celeba.load(faces, keep=kept)
    seen = decodes(monkeypatch)
    path = faces / "img_align_celeba" / "000005.jpg"
    old = path.stat()
    Image.new("RGB", (89, 109), (9, 200, 9)).save(path)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1))
    after = celeba.load(faces, keep=kept)
    assert len(seen) == 12
    assert after.fingerprint() != before.fingerprint()
    assert after.fingerprint() == celeba.load(faces).fingerprint()
    assert len(list(kept.iterdir())) == 2  # what nothing uses any more is gone


def test_other_labels_use_the_same_images(faces, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    before = celeba.load(faces, keep=kept)
    seen = decodes(monkeypatch)
    lists = faces / "list_attr_celeba.txt"
    lines = lists.read_text().splitlines()
    lines[2] = lines[2].replace("-1", " 1").replace("  1", " -1", 3)
    lists.write_text("\n".join(lines) + "\n")
    after = celeba.load(faces, keep=kept)
    assert seen == []
    assert after.fingerprint() != before.fingerprint()


@pytest.mark.parametrize("left", [0, 50, 200])
@pytest.mark.parametrize("pattern", ["*-hashes.npy", "images-????????????????.npy"])
def test_an_array_cut_short_is_decoded_anew(faces, tmp_path, pattern, left):
    kept = tmp_path / "kept"
    whole = pixels(celeba.load(faces, keep=kept)).clone()
    (path,) = kept.glob(pattern)
    os.truncate(path, left)
    assert torch.equal(pixels(celeba.load(faces, keep=kept)), whole)


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_array_with_a_damaged_header_is_none(tmp_path, changes):
    path, shape = tmp_path / "images.npy", (2, 3, 4, 4)
    np.save(path, np.arange(96, dtype=np.uint8).reshape(shape))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    for at, value in changes:
        damaged[at] = value
    path.write_bytes(damaged)
    found = decoded._mapped(path, shape)
    assert (found is not None) == (damaged == whole)
    path.write_bytes(b"PK\3\4" + whole)  # numpy would take it for an archive
    assert decoded._mapped(path, shape) is None


def test_a_folder_of_ones_own_keeps_its_files(faces, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    others, half = [kept / "images-train.npy", kept / ".my-settings.json"], kept / ".images-abcdefgh.unfinished.npy"
    for path in (*others, half):
        path.write_bytes(b"mine")
        os.utime(path, (0, 0))
    celeba.load(faces, keep=kept)
    assert all(path.read_bytes() == b"mine" for path in others)
    assert not half.exists()
    assert len(list(kept.iterdir())) == 4


def test_what_is_not_written_whole_is_not_there(faces, tmp_path, monkeypatch):
    def full(image):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(decoded, "image_hash", full)
    with pytest.raises(OSError, match="No space left"):
        celeba.load(faces, keep=tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


@given(count=st.integers(3, 9), first=st.integers(0, 8), length=st.integers(1, 9), rows=st.randoms())
@settings(max_examples=50, deadline=None)
def test_a_subset_has_the_rows_it_was_asked_for_and_copies_none_that_follow_each_other(count, first, length, rows):
    images = Images(torch.randint(0, 256, (count, 1, 2, 2), dtype=torch.uint8), torch.rand(count, 2))
    first = min(first, count - 1)
    asked = torch.arange(first, min(count, first + length))
    run = images.subset(asked)
    assert torch.equal(run.pixels, images.pixels[asked])
    assert torch.equal(run.labels, images.labels[asked])
    assert run.pixels.data_ptr() == images.pixels[first].data_ptr()
    mixed = torch.tensor(rows.sample(range(count), rows.randint(1, count)))
    assert torch.equal(images.subset(mixed).pixels, images.pixels[mixed])


def test_a_fingerprint_is_of_all_pixels_and_labels_in_their_order():
    torch.manual_seed(0)
    images = Images(torch.randint(0, 256, (4, 1, 3, 3), dtype=torch.uint8), torch.eye(4))
    known = Images.hashed(
        images.pixels, images.labels, torch.tensor([list(image_hash(image)) for image in images.pixels]).byte()
    )
    assert known.fingerprint() == images.fingerprint()
    order = torch.tensor([1, 0, 2, 3])
    others = [
        Images(images.pixels[order], images.labels),
        Images(images.pixels, images.labels[order]),
        images.subset(order),
        known.subset(order),
    ]
    assert len({other.fingerprint() for other in (images, *others)}) == 4  # the last two are the same

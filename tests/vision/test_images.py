"""MNIST and CelebA as users have them, whole and broken. The images are drawn, the layouts are the real ones'."""

import gzip
import io
import os
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import drawn
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from melodylc.base.errors import UserError
from vision.data import celeba, mnist
from vision.data.download import download
from vision.data.images import split


@given(
    st.integers(1, 3).flatmap(
        lambda dimensions: arrays.arrays(np.uint8, arrays.array_shapes(min_dims=dimensions, max_dims=dimensions))
    ),
    st.booleans(),
)
@settings(deadline=None, max_examples=30)
def test_an_idx_file_is_the_array_it_was_written_from(tmp_path_factory, array, packed):
    path = tmp_path_factory.mktemp("idx") / "file"
    data = drawn.idx(array)
    path.write_bytes(gzip.compress(data) if packed else data)
    assert np.array_equal(mnist.read_idx(path, array.ndim).numpy(), array)


@given(st.integers(0, 200))
@settings(deadline=None, max_examples=30)
def test_an_idx_file_cut_anywhere_is_refused(tmp_path_factory, left):
    path = tmp_path_factory.mktemp("idx") / "cut"
    data = drawn.idx(np.zeros((3, 8, 8), np.uint8))
    path.write_bytes(data[: min(left, len(data) - 1)])
    with pytest.raises(UserError, match="fetch it again"):
        mnist.read_idx(path, 3)
    packed = gzip.compress(data)
    path.write_bytes(packed[: 2 + min(left, len(packed) - 3)])
    with pytest.raises(UserError, match="fetch it again"):
        mnist.read_idx(path, 3)


def test_an_idx_file_is_read_no_further_than_its_header_says(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(drawn.idx(np.zeros((2, 3), np.uint8)) + bytes(10)))
    with pytest.raises(UserError, match="expected 6 bytes after the header"):
        mnist.read_idx(path, 2)
    path.write_bytes(b"\x00\x00\x08\x02" + b"\xff" * 8)
    with pytest.raises(UserError, match="says to hold"):
        mnist.read_idx(path, 2)


@pytest.mark.parametrize(("folder", "packed"), [("", True), ("mnist", False), ("MNIST/raw", True)])
def test_mnist_is_found_as_it_is_laid_out(tmp_path, folder, packed):
    drawn.mnist(tmp_path / folder, packed=packed)
    data = mnist.load(tmp_path)
    images, labels = drawn.digits(40, seed=40)
    assert data.shape == (1, 28, 28)
    assert np.array_equal(data.test.pixels[:, 0].numpy(), images)
    assert data.test.labels.argmax(dim=1).tolist() == labels.tolist()
    assert (len(data.train), len(data.valid), len(data.test)) == (30, 30, 40)
    assert float(data.test.at(slice(None))[0].max()) == pytest.approx(230 / 255)
    # another seed holds out other images; the same seed the same
    assert torch.equal(mnist.load(tmp_path).valid.pixels, data.valid.pixels)
    assert not torch.equal(mnist.load(tmp_path, seed=1).valid.pixels, data.valid.pixels)


def test_what_mnist_lacks_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no train-images-idx3-ubyte .*put the four files there, from https://"):
        mnist.load(tmp_path)
    drawn.mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(drawn.idx(np.zeros(39, np.uint8))))
    with pytest.raises(UserError, match=r"40 images.*39 labels"):
        mnist.load(tmp_path)
    labels = np.zeros(40, np.uint8)
    labels[7] = 10
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(drawn.idx(labels)))
    with pytest.raises(UserError, match="label 7 is 10"):
        mnist.load(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"not an idx file")
    with pytest.raises(UserError, match="expected an IDX file of bytes in 1 dimensions"):
        mnist.load(tmp_path)


@given(st.integers(3, 500), st.data())
def test_a_split_takes_each_row_once(count, data):
    first = data.draw(st.integers(0, count))
    second = data.draw(st.integers(0, count - first))
    parts = split(count, (first, second), seed=3)
    assert [len(part) for part in parts] == [first, second, count - first - second]
    assert sorted(torch.cat(parts).tolist()) == list(range(count))


def test_the_ten_attributes_of_the_paper(tmp_path):
    data = celeba.load(drawn.celeba(tmp_path / "data"))
    rows = drawn.attributes(30)
    # image n is in part n % 3: training 0, validation 1, test 2
    for images, part in ((data.train, 0), (data.valid, 1), (data.test, 2)):
        of = [row for number, row in enumerate(rows, start=1) if number % 3 == part]
        assert images.labels[:, data.attributes.index("facial hair")].tolist() == [not row["No_Beard"] for row in of]
        assert images.labels[:, data.attributes.index("young")].tolist() == [row["Young"] for row in of]
        assert images.labels[:, data.attributes.index("hat")].tolist() == [row["Wearing_Hat"] for row in of]
    assert len(data.attributes) == 10
    assert data.shape == (3, 64, 64)
    assert "official partition" in data.source


def test_an_image_is_the_centre_square_of_128_halved(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=6, size=(178, 218))
    data = celeba.load(root)
    for images, first in ((data.train, 3), (data.valid, 1), (data.test, 2)):
        whole = np.asarray(Image.open(root / "img_align_celeba" / f"{first:06}.jpg"), dtype=np.float64)
        square = whole[45 : 45 + 128, 25 : 25 + 128].reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(images.pixels[0].permute(1, 2, 0).numpy() - square).max() <= 1
    half = celeba.load(drawn.celeba(tmp_path / "half", count=6))
    whole = np.asarray(Image.open(tmp_path / "half" / "img_align_celeba" / "000003.jpg"))
    assert np.array_equal(half.train.pixels[0].permute(1, 2, 0).numpy(), whole[22:86, 12:76])


def _zip(root: Path) -> None:
    """As the release and torchvision have it: lists beside a packed folder of images."""
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as packed:
        for path in sorted((root / "img_align_celeba").iterdir()):
            packed.write(path, f"img_align_celeba/{path.name}")
            path.unlink()


def _tar(root: Path) -> None:
    with tarfile.open(root / "celeba_half_10k.tar", "w") as packed:
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix != ".tar":
                packed.add(path, f"celeba_half_10k/{path.relative_to(root)}")
                path.unlink()


def _release(root: Path) -> None:
    """Folders of the official drive."""
    for folder, name in (
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
        (root / folder).mkdir()
        (root / name).rename(root / folder / name)


def _torchvision(root: Path) -> None:
    (root / "celeba").mkdir()
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"):
        (root / name).rename(root / "celeba" / name)


def _kaggle(root: Path) -> None:
    rows = [line.split() for line in (root / "list_attr_celeba.txt").read_text().splitlines()[1:]]
    text = "\n".join([",".join(["image_id", *rows[0]]), *(",".join(row) for row in rows[1:])]) + "\n"
    (root / "list_attr_celeba.csv").write_text(text)
    parts = (root / "list_eval_partition.txt").read_text().replace(" ", ",")
    (root / "list_eval_partition.csv").write_text("image_id,partition\n" + parts)
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (root / name).unlink()
    images = root / "img_align_celeba"
    images.rename(root / "inner")
    images.mkdir()
    (root / "inner").rename(images / "img_align_celeba")


@pytest.mark.parametrize("arrange", [_zip, _tar, _release, _torchvision, _kaggle])
def test_every_layout_gives_the_same(tmp_path, arrange):
    plain = celeba.load(drawn.celeba(tmp_path / "plain", count=9))
    root = drawn.celeba(tmp_path / "other", count=9)
    arrange(root)
    found = celeba.load(root)
    for name in ("train", "valid", "test"):
        assert torch.equal(getattr(found, name).pixels, getattr(plain, name).pixels)
        assert torch.equal(getattr(found, name).labels, getattr(plain, name).labels)
    if arrange is _tar:  # an archive may be named itself
        assert torch.equal(celeba.load(root / "celeba_half_10k.tar").train.pixels, plain.train.pixels)


def test_without_all_three_parts_the_split_is_seeded(tmp_path):
    root = drawn.celeba(tmp_path / "data", parts=False)
    data = celeba.load(root, seed=4)
    assert (len(data.train), len(data.valid), len(data.test)) == (24, 3, 3)
    assert "seed 4" in data.source
    (root / "list_eval_partition.txt").unlink()
    assert torch.equal(celeba.load(root, seed=4).train.pixels, data.train.pixels)


def _change(path: Path, number: int, change) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines) + "\n")


BROKEN = {
    "a short line": (
        lambda root: _change(root / "list_attr_celeba.txt", 5, lambda line: line[:40]),
        "line 5: expected an",
    ),
    "a wrong value": (
        lambda root: _change(root / "list_attr_celeba.txt", 4, lambda line: line.replace("-1", "0", 1)),
        "line 4: expected values 1 and -1, got '0'",
    ),
    "lines missing": (
        lambda root: (root / "list_attr_celeba.txt").write_text(
            "\n".join((root / "list_attr_celeba.txt").read_text().splitlines()[:-2]) + "\n"
        ),
        "line 9 is the last, of image 7; line 1 says 9",
    ),
    "no number": (
        lambda root: _change(root / "list_attr_celeba.txt", 1, lambda _: "many"),
        "line 1: expected the number",
    ),
    "no such attribute": (
        lambda root: _change(root / "list_attr_celeba.txt", 2, lambda line: line.replace("Smiling", "Frowning")),
        "line 2: expected the attribute Smiling",
    ),
    "a number without end": (
        lambda root: _change(root / "list_attr_celeba.txt", 1, lambda _: "9" * 5000),
        "line 1: expected the number",
    ),
    "an attribute named twice": (
        lambda root: _change(root / "list_attr_celeba.txt", 2, lambda line: line.replace("Bangs", "Bald")),
        "line 2: names Bald twice",
    ),
    "an image in two parts": (
        lambda root: _change(root / "list_eval_partition.txt", 4, lambda line: "000001.jpg 2"),
        "list_eval_partition.txt line 4: 000001.jpg is there twice",
    ),
    "a test part of one image": (
        lambda root: (root / "list_eval_partition.txt").write_text(
            "".join(f"{number:06}.jpg {2 if number == 5 else number % 2}\n" for number in range(1, 10))
        ),
        "expected at least 2 images in the part test, got 1",
    ),
    "a page in place of a list": (
        lambda root: (root / "list_attr_celeba.txt").write_text("<!DOCTYPE html><title>Quota exceeded</title>"),
        "is a web page: Google sends one",
    ),
    "an image that is far too large": (
        lambda root: os.truncate(root / "img_align_celeba" / "000002.jpg", 6 << 30),
        "the image 000002.jpg is damaged or cut short .it has 6442450944 bytes",
    ),
    "an image twice": (
        lambda root: _change(root / "list_attr_celeba.txt", 6, lambda line: line.replace("000004", "000003")),
        "line 6: 000003.jpg is there twice",
    ),
    "a part unknown": (
        lambda root: _change(root / "list_eval_partition.txt", 3, lambda line: line[:-1] + "7"),
        "list_eval_partition.txt line 3: expected",
    ),
    "a partition cut short": (
        lambda root: (root / "list_eval_partition.txt").write_text("000001.jpg 0\n"),
        "ends with line 1 without 000002.jpg, which list_attr_celeba.txt line 4 has",
    ),
    "an image missing": (
        lambda root: (root / "img_align_celeba" / "000008.jpg").unlink(),
        "list_attr_celeba.txt line 10: no image 000008.jpg",
    ),
    "an image cut short": (
        lambda root: os.truncate(root / "img_align_celeba" / "000002.jpg", 700),
        "list_attr_celeba.txt line 4: the image 000002.jpg is damaged or cut short",
    ),
    "no image at all": (
        lambda root: (root / "img_align_celeba" / "000002.jpg").write_bytes(b"hello"),
        "line 4: the image 000002.jpg is damaged",
    ),
    "an image of another size": (
        lambda root: Image.new("RGB", (64, 64)).save(root / "img_align_celeba" / "000002.jpg"),
        "expected an aligned image of 178 x 218 or 89 x 109, got 64 x 64",
    ),
    "no list": (lambda root: (root / "list_attr_celeba.txt").unlink(), "no list_attr_celeba.txt .*get CelebA's"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named_by_line(tmp_path, case):
    root = drawn.celeba(tmp_path / "data", count=9)
    breaking, message = BROKEN[case]
    breaking(root)
    with pytest.raises(UserError, match=message):
        celeba.load(root)


def test_a_broken_archive_is_named(tmp_path):
    with pytest.raises(UserError, match="does not exist; get CelebA's"):
        celeba.load(tmp_path / "nothing")
    root = drawn.celeba(tmp_path / "data", count=9)
    _tar(root)
    tar = root / "celeba_half_10k.tar"
    os.truncate(tar, tar.stat().st_size // 2)
    with pytest.raises(UserError):
        celeba.load(root)
    tar.write_bytes(b"no archive")
    with pytest.raises(UserError, match="damaged or no archive") as error:
        celeba.load(root)
    assert "\n" not in str(error.value)


def test_a_sparse_file_whose_map_is_no_number_is_refused(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=9)
    with tarfile.open(root / "celeba_half_10k.tar", "w", format=tarfile.PAX_FORMAT) as packed:
        info = tarfile.TarInfo("000001.jpg")
        info.pax_headers = {"GNU.sparse.map": "0,a", "GNU.sparse.size": "9"}
        packed.addfile(info)
    with pytest.raises(UserError, match=r"celeba_half_10k\.tar is damaged or no archive"):
        celeba.load(root)


def test_a_damaged_lzma_archive_is_refused(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=9)
    path = root / "img_align_celeba.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as packed:
        packed.write(root / "img_align_celeba" / "000001.jpg", "000001.jpg")
    whole = path.read_bytes()
    start = 30 + len("000001.jpg") + 4 + 5  # of the compressed data: local header, name, LZMA's own header
    path.write_bytes(whole[:start] + bytes([0xFF] * 40) + whole[start + 40 :])
    (root / "img_align_celeba" / "000001.jpg").unlink()
    with pytest.raises(UserError, match=r"000001\.jpg is damaged or cut short"):
        celeba.load(root)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_with_an_image_twice_is_refused(tmp_path, kind):
    root = drawn.celeba(tmp_path / "data", count=9)
    other = (root / "img_align_celeba" / "000001.jpg").read_bytes()
    if kind == "zip":
        with zipfile.ZipFile(root / "img_align_celeba.zip", "w") as packed:
            for path in sorted((root / "img_align_celeba").iterdir()):
                packed.write(path, f"img_align_celeba/{path.name}")
            packed.writestr("copy/000003.jpg", other)
    else:
        _tar(root)
        with tarfile.open(root / "celeba_half_10k.tar", "a") as packed:  # as `tar -r` puts a newer one after it
            info = tarfile.TarInfo("celeba_half_10k/img_align_celeba/000003.jpg")
            info.size = len(other)
            packed.addfile(info, io.BytesIO(other))
    with pytest.raises(UserError, match=r"has two files 000003\.jpg"):
        celeba.load(root)


def test_zeros_that_unpack_to_gigabytes_are_not_unpacked(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=9)
    with zipfile.ZipFile(root / "img_align_celeba.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted((root / "img_align_celeba").iterdir()):
            if path.name == "000004.jpg":
                with packed.open(path.name, "w") as file:
                    for _ in range(64):
                        file.write(bytes(1 << 20))
            else:
                packed.write(path, path.name)
            path.unlink()
    with pytest.raises(UserError, match=r"000004\.jpg is damaged or cut short .it has 67108864 bytes"):
        celeba.load(root)


def test_googles_page_in_place_of_the_archive(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=9)
    (root / "img_align_celeba.zip").write_text("\n<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>")
    with pytest.raises(UserError, match=r"img_align_celeba\.zip is a web page: Google sends one"):
        celeba.load(root)


def test_a_test_part_that_nothing_can_be_measured_on(tmp_path):
    with pytest.raises(UserError, match="mnist: expected at least 2 images in the part test, got 1"):
        mnist.load(drawn.mnist(tmp_path / "one", test=1))


@pytest.mark.parametrize("name", ["mnist", "celeba"])
def test_what_is_there_is_not_downloaded(tmp_path, name):
    root = getattr(drawn, name)(tmp_path / "data")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    download(name, root)  # there is no network in the tests
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_download_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    torchvision = types.ModuleType("torchvision")

    def fail(root, **options):
        (Path(root) / "MNIST" / "raw").mkdir(parents=True)
        (Path(root) / "MNIST" / "raw" / "half").write_bytes(b"half")
        raise RuntimeError("Too many users have viewed or downloaded this file recently. " * 20)

    torchvision.datasets = types.SimpleNamespace(MNIST=fail)
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    (tmp_path / "mine.txt").write_text("mine")
    for root in (tmp_path, tmp_path / "new"):
        with pytest.raises(UserError, match=r"--download: mnist could not be fetched.*Too many users") as raised:
            download("mnist", root)
        assert len(str(raised.value)) < 500
    assert [path.name for path in tmp_path.rglob("*")] == ["mine.txt"]


def test_downloading_needs_a_torchvision_that_fits(tmp_path, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nand more")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"nms does not exist\).*pip install 'melodylc\[vision\]'"):
        download("mnist", tmp_path)

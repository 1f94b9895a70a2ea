"""Pictures of one's own: every format and mode, upright, cut as the data set's are, or refused in one line."""

import io
import struct
import zlib

import drawn
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from melodylc.base.errors import UserError
from vision.data import celeba, pictures

# red above, blue below: tells whether a picture is upright
RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(size=(178, 218)):
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0], size[1] // 2))
    return image


def colours(pixels):
    """The mean colours of the upper and the lower third of (3, 64, 64)."""
    return [pixels[:, rows].double().mean(dim=(1, 2)).tolist() for rows in (slice(20), slice(-20, None))]


FORMATS = [
    ("PNG", "RGB", {}),
    ("JPEG", "RGB", {"quality": 95}),
    ("JPEG", "CMYK", {"quality": 95}),
    ("TIFF", "CMYK", {}),
    ("BMP", "RGB", {}),
    ("WEBP", "RGB", {"lossless": True}),
    ("PNG", "P", {}),
    ("PNG", "RGBA", {}),
    ("TIFF", "YCbCr", {}),
    ("GIF", "P", {}),
]


@pytest.mark.parametrize(("form", "mode", "options"), FORMATS)
def test_a_picture_of_any_format(tmp_path, form, mode, options):
    path = tmp_path / "picture"
    halves().convert(mode).save(path, form, **options)
    above, below = colours(pictures.prepared(path, "celeba"))
    assert above == pytest.approx(RED, abs=8)
    assert below == pytest.approx(BLUE, abs=8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright(tmp_path, orientation):
    """As a camera stores it: turned or mirrored, with a note of how to undo that."""
    undone = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = halves() if undone is None else halves().transpose(undone)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    above, below = colours(pictures.prepared(tmp_path / "photo.jpg", "celeba"))
    assert above == pytest.approx(RED, abs=8)
    assert below == pytest.approx(BLUE, abs=8)


def test_a_face_of_celeba_is_cut_as_the_data_set_cuts_it(tmp_path):
    root = drawn.celeba(tmp_path / "data", count=6, size=(178, 218))
    data = celeba.load(root)
    for part, number in ((data.train, 3), (data.valid, 1), (data.test, 2)):
        path = root / "img_align_celeba" / f"{number:06}.jpg"
        assert torch.equal(pictures.prepared(path, "celeba"), part.pixels[0])


@given(width=st.integers(16, 400), height=st.integers(16, 400))
@settings(max_examples=40, deadline=None)
def test_the_middle_of_a_picture_of_any_size_is_the_middle_of_the_face(width, height):
    image = Image.new("RGB", (width, height), BLUE)
    frame = min(width / 178, height / 218)  # of a picture this wide and high, pixels of its own to one of CelebA's
    square = 128 * frame
    box = [width / 2 - square / 4, height / 2 - square / 4, width / 2 + square / 4, height / 2 + square / 4]
    ImageDraw.Draw(image).rectangle(box, fill=RED)
    pixels = pictures.face(image)
    assert pixels.shape == (3, 64, 64)
    red = (pixels[0].int() > pixels[2].int()).double()
    edge = 64 / square + 1.5  # a pixel of the picture, in pixels of the result
    assert red.sum(dim=0).max() == pytest.approx(32, abs=2 * edge)
    assert red.sum(dim=1).max() == pytest.approx(32, abs=2 * edge)
    rows, columns = red.nonzero(as_tuple=True)
    assert rows.double().mean() == pytest.approx(31.5, abs=edge)
    assert columns.double().mean() == pytest.approx(31.5, abs=edge)


def test_the_first_of_several_pictures(tmp_path):
    frames = [halves(), Image.new("RGB", (178, 218), "green")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    above, _ = colours(pictures.prepared(tmp_path / "moving.gif", "celeba"))
    assert above == pytest.approx(RED, abs=8)


def test_what_is_transparent_is_white(tmp_path):
    image = halves().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    image.save(tmp_path / "clear.png")
    assert pictures.prepared(tmp_path / "clear.png", "celeba").min() == 255


@pytest.mark.parametrize(("mode", "top"), [("I;16", 65535), ("I", 65535), ("F", 1.0), ("F", 255.0), ("I", 255)])
def test_sixteen_bits_keep_the_upper_eight(tmp_path, mode, top):
    ramp = np.linspace(0, 1, 218)[:, None].repeat(178, axis=1)
    kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    Image.fromarray((ramp * top).astype(kind)).save(tmp_path / "deep.tiff")
    pixels = pictures.prepared(tmp_path / "deep.tiff", "celeba").double()
    expected = torch.from_numpy(ramp[45 : 45 + 128, :128].reshape(64, 2, 64, 2).mean(axis=(1, 3)) * 255)
    assert (pixels - expected).abs().max() <= 1.5


def claiming(side: int) -> bytes:
    """A PNG of a few bytes whose header says that it is so large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))


def encoded(size, form="PNG") -> bytes:
    file = io.BytesIO()
    halves(size).save(file, form)
    return file.getvalue()


REFUSED = {
    "nothing": (b"", "is no picture that can be read"),
    "text": (b"my face", "is no picture that can be read"),
    "a page": (b"<html><body>not found</body></html>", "is no picture that can be read"),
    "one pixel": (encoded((1, 1)), "expected at least 16 x 16 pixels, got 1 x 1"),
    "a line": (encoded((900, 3)), "expected at least 16 x 16 pixels, got 900 x 3"),
    "60,000 x 60,000": (claiming(60_000), "expected at most 89 million pixels"),
    "10,000 x 10,000": (claiming(10_000), "expected at most 89 million pixels"),
    "5,000 x 5,000, of which little is there": (claiming(5_000), "is no picture that can be read"),
    "cut short": (encoded((178, 218), "JPEG")[:900], "is no picture that can be read"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("data", ["mnist", "celeba"])
def test_what_is_no_picture_is_one_line(tmp_path, case, data):
    content, message = REFUSED[case]
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        pictures.prepared(tmp_path / "x.png", data)
    assert "\n" not in str(raised.value)
    assert "x.png" in str(raised.value)


def test_a_path_without_a_picture_is_one_line(tmp_path):
    with pytest.raises(UserError, match="--image: no file "):
        pictures.prepared(tmp_path / "missing.png", "celeba")
    with pytest.raises(UserError, match="is no picture that can be read"):
        pictures.prepared(tmp_path, "celeba")


@given(st.binary(max_size=400), st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"]), st.randoms())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_picture_or_one_line(tmp_path_factory, noise, form, random):
    content = bytearray(encoded((40, 50), form))
    at = random.randrange(len(content))
    content[at : at + len(noise)] = noise
    path = tmp_path_factory.mktemp("damaged") / "x"
    path.write_bytes(content)
    try:
        shape, said = pictures.prepared(path, "celeba").shape, ""
    except UserError as error:
        shape, said = (3, 64, 64), str(error)
    assert shape == (3, 64, 64)
    assert "\n" not in said


def stroke(side=200, ink=0, paper=255, width=14, shift=(0, 0)):
    """A seven, drawn by hand as it were."""
    image = Image.new("L", (side, side), paper)
    points = [(60 + shift[0], 50 + shift[1]), (130 + shift[0], 50 + shift[1]), (85 + shift[0], 150 + shift[1])]
    ImageDraw.Draw(image).line(points, fill=ink, width=width)
    return image.convert("RGB")


def test_a_digit_lies_as_those_of_mnist():
    """In 20 x 20, bright on black, its centre of mass at pixel 14: so they are described, and so they are."""
    made = pictures.digit(stroke())
    assert made.shape == (1, 28, 28)
    rows, columns = (made[0] > 0).nonzero(as_tuple=True)
    assert max(rows.max() - rows.min(), columns.max() - columns.min()) == 19
    weights = made[0].double() / made[0].sum()
    assert (weights.sum(dim=1) * torch.arange(28)).sum() == pytest.approx(14, abs=0.5)
    assert (weights.sum(dim=0) * torch.arange(28)).sum() == pytest.approx(14, abs=0.5)
    assert made.max() == 255


@given(st.integers(-50, 60), st.integers(-40, 40), st.sampled_from([(0, 255), (255, 0), (60, 200), (240, 10)]))
@settings(max_examples=30, deadline=None)
def test_place_and_colours_of_a_digit_do_not_matter(right, down, colours):
    ink, paper = colours
    assert torch.equal(pictures.digit(stroke(ink=ink, paper=paper, shift=(right, down))), pictures.digit(stroke()))


def test_a_digit_of_mnist_stays_as_it_is():
    made = pictures.digit(stroke())
    again = pictures.digit(Image.fromarray(made[0].numpy()).convert("RGB"))
    assert (again.int() - made.int()).abs().double().mean() < 1


def test_a_picture_without_a_digit_is_refused(tmp_path):
    Image.new("RGB", (50, 50), "white").save(tmp_path / "empty.png")
    with pytest.raises(UserError, match=r"empty\.png: expected a digit, got a picture of one colour"):
        pictures.prepared(tmp_path / "empty.png", "mnist")

"""Small data sets drawn by a program, laid out as users have the real ones."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

# the 40 of CelebA, in its order
NAMES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair
    Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
    Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
    Wearing_Necktie Young
""".split()  # noqa: SIM905 - forty words are easier to read without their quotes


def idx(array: np.ndarray) -> bytes:
    """An array of uint8 in the IDX format."""
    return struct.pack(f">I{array.ndim}I", 0x800 | array.ndim, *array.shape) + array.tobytes()


def digits(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bars whose place says the digit, with noise: images (N, 28, 28) and labels (N,)."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = rng.integers(0, 40, (count, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4:24, 3 + 2 * label : 6 + 2 * label] = 230
    return images, labels


def mnist(folder: Path, train: int = 60, test: int = 40, packed: bool = True) -> Path:
    """The four files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        images, labels = digits(count, seed=count)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name, data = f"{part}-{kind}-ubyte", idx(array)
            (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return folder


def face(size: tuple[int, int], attributes: dict[str, bool]) -> Image.Image:
    """A face of a few strokes."""
    width, height = size
    image = Image.new("RGB", size, (70, 110, 150))
    draw = ImageDraw.Draw(image)
    hair = (230, 200, 90) if attributes["Blond_Hair"] else (60, 40, 30)
    if not attributes["Bald"]:
        draw.ellipse((width * 0.25, height * 0.2, width * 0.75, height * 0.6), fill=hair)
    draw.ellipse((width * 0.3, height * 0.3, width * 0.7, height * 0.75), fill=(225, 180, 150))
    if attributes["Eyeglasses"]:
        draw.rectangle((width * 0.34, height * 0.44, width * 0.66, height * 0.5), outline=(0, 0, 0), width=2)
    if not attributes["No_Beard"]:
        draw.rectangle((width * 0.38, height * 0.66, width * 0.62, height * 0.74), fill=hair)
    mouth = (0, 180) if attributes["Smiling"] else (180, 360)
    draw.arc((width * 0.42, height * 0.58, width * 0.58, height * 0.66), *mouth, fill=(150, 30, 30), width=2)
    return image


def attributes(count: int, seed: int = 0) -> list[dict[str, bool]]:
    """Of each image, all forty."""
    rng = np.random.default_rng(seed)
    return [dict(zip(NAMES, (rng.random(len(NAMES)) < 0.4).tolist(), strict=True)) for _ in range(count)]


def celeba(folder: Path, count: int = 30, size: tuple[int, int] = (89, 109), parts: bool = True) -> Path:
    """Images and lists as CelebA's release has them, in one folder."""
    images = folder / "img_align_celeba"
    images.mkdir(parents=True)
    rows = attributes(count)
    lines, partition = [], []
    for number, row in enumerate(rows, start=1):
        name = f"{number:06}.jpg"
        face(size, row).save(images / name, quality=95)
        lines.append(f"{name} " + " ".join(" 1" if row[attribute] else "-1" for attribute in NAMES))
        partition.append(f"{name} {number % 3 if parts else 0}")
    text = "\n".join([str(count), " ".join(NAMES) + " ", *lines]) + "\n"
    (folder / "list_attr_celeba.txt").write_text(text)
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return folder

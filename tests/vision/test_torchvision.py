"""The readers, cuts and grids here beside torchvision's, where one that fits this torch is installed."""

import drawn
import pytest
import torch
from torch.utils.data import DataLoader

from vision import figures
from vision.data import celeba, mnist

try:
    import torchvision  # noqa: F401
    from torchvision import datasets
    from torchvision.transforms import v2
    from torchvision.utils import make_grid
except (ImportError, RuntimeError) as error:  # RuntimeError: its operators do not fit the torch beside it
    pytest.skip(f"no torchvision that fits this torch ({error})", allow_module_level=True)


def test_digits_are_torchvisions(tmp_path):
    drawn.mnist(tmp_path / "MNIST" / "raw", packed=False)
    data = mnist.load(tmp_path)
    theirs = datasets.MNIST(str(tmp_path), train=False)
    assert torch.equal(data.test.pixels[:, 0], theirs.data)
    assert torch.equal(data.test.labels.argmax(dim=1), theirs.targets)


@pytest.mark.parametrize("size", list(celeba.SQUARES))
def test_faces_are_torchvisions(tmp_path, monkeypatch, size):
    root = drawn.celeba(tmp_path / "celeba", count=12, size=size)
    for name in ("identity_CelebA", "list_bbox_celeba", "list_landmarks_align_celeba"):  # which only its reader needs
        (root / f"{name}.txt").write_text((root / "list_attr_celeba.txt").read_text())
    lines = "".join(f"{number:06}.jpg {number}\n" for number in range(1, 13))
    (root / "identity_CelebA.txt").write_text(lines)
    monkeypatch.setattr(datasets.CelebA, "_check_integrity", lambda self: True)  # these are not the released images
    cut = v2.Compose(
        [
            v2.PILToTensor(),
            v2.CenterCrop(celeba.SQUARES[size]),
            v2.Resize(celeba.SIZE, v2.InterpolationMode.BILINEAR, antialias=False),
        ]
    )
    data = celeba.load(tmp_path)
    for split, images in (("train", data.train), ("valid", data.valid), ("test", data.test)):
        theirs = datasets.CelebA(str(tmp_path), split=split, transform=cut)
        names = {name: at for at, name in enumerate(theirs.attr_names) if name}
        assert len(theirs) == len(images)
        for row, (pixels, labels) in enumerate(theirs):
            # at half the size, bilinear is the mean of four pixels; a difference of one is rounding
            assert (pixels.int() - images.pixels[row].int()).abs().max() <= 1
            assert images.labels[row, data.attributes.index("smiling")] == labels[names["Smiling"]]
            assert images.labels[row, data.attributes.index("facial hair")] == 1 - labels[names["No_Beard"]]


def test_images_go_through_its_transforms_and_torchs_loader(tmp_path):
    data = celeba.load(drawn.celeba(tmp_path / "faces", count=12), keep=tmp_path)
    batches = list(DataLoader(data.train, batch_size=3))
    assert torch.equal(torch.cat([pixels for pixels, _ in batches]), data.train.pixels)
    assert torch.equal(torch.cat([labels for _, labels in batches]), data.train.labels)
    scaled = v2.ToDtype(torch.float32, scale=True)(batches[0][0])
    assert torch.allclose(scaled, data.train.at(slice(3))[0], atol=1e-7)  # one divides, the other multiplies


def test_a_grid_is_torchvisions():
    """But for its frame: the lines here are on the right and below, theirs on all sides."""
    torch.manual_seed(0)
    images = torch.rand(2, 3, 3, 5, 7)
    theirs = make_grid(images.flatten(0, 1), nrow=3, padding=1, pad_value=1.0)
    assert torch.equal(torch.from_numpy(figures.mosaic(images)).permute(2, 0, 1), theirs[:, 1:, 1:])

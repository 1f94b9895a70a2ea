"""What tests of the image experiments share."""

import pytest

from vision import figures
from vision.experiments import comparison, generation


@pytest.fixture(autouse=True)
def small_figures(monkeypatch):
    """A thirtieth of the pixels: that they are drawn is what is looked at."""
    monkeypatch.setattr(figures, "DPI", 20)


@pytest.fixture(autouse=True)
def few_images_judged(monkeypatch):
    """Beside the presets' draws, which are few in `smoke`: networks of four steps make noise."""
    monkeypatch.setattr(comparison, "ALIKE", 8)
    monkeypatch.setattr(generation, "JUDGED", 16)

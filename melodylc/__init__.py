"""Melodies that keep the rules you state: Latent Constraints over a hierarchical LSTM VAE.

import melodylc
model = melodylc.load()
melodies = model.sample(8, seed=0)          # (8, 256) uint8, see melodylc.melody
actor = melodylc.learn(model, melodylc.rules.pitch_classes("C major"))
actor.sample(8, seed=0)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from melodylc import melody, rules
    from melodylc.composition import compose
    from melodylc.control import Control, learn, load_control
    from melodylc.errors import UserError
    from melodylc.extraction import Corpus, Filters, extract
    from melodylc.melody import Melody
    from melodylc.model import Model, load
    from melodylc.preference import Preference, prefer
    from melodylc.rules import Rule
    from melodylc.transformation import transform

__version__ = "0.1.0"

# Loaded on first use: torch takes a second, and most of a session with files does not need it.
_HOMES = {
    "Control": "melodylc.control",
    "Corpus": "melodylc.extraction",
    "Filters": "melodylc.extraction",
    "Melody": "melodylc.melody",
    "Model": "melodylc.model",
    "Preference": "melodylc.preference",
    "Rule": "melodylc.rules",
    "UserError": "melodylc.errors",
    "compose": "melodylc.composition",
    "extract": "melodylc.extraction",
    "learn": "melodylc.control",
    "load": "melodylc.model",
    "load_control": "melodylc.control",
    "melody": None,
    "prefer": "melodylc.preference",
    "rules": None,
    "transform": "melodylc.transformation",
}

__all__ = [
    "Control",
    "Corpus",
    "Filters",
    "Melody",
    "Model",
    "Preference",
    "Rule",
    "UserError",
    "compose",
    "extract",
    "learn",
    "load",
    "load_control",
    "melody",
    "prefer",
    "rules",
    "transform",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'melodylc' has no attribute {name!r}")
    home = _HOMES[name]
    return import_module(f"melodylc.{name}") if home is None else getattr(import_module(home), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

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

from midi_io.compiled import use_cache_folder as _use_cache_folder

if TYPE_CHECKING:
    from melodylc import melody, rules
    from melodylc.base.errors import UserError
    from melodylc.constraints.composition import compose
    from melodylc.constraints.preference import Preference, prefer
    from melodylc.constraints.rule_actor import RuleActor, learn, load_actor
    from melodylc.constraints.transformation import transform
    from melodylc.extraction import Corpus, Filters, extract
    from melodylc.melody import Melody
    from melodylc.model import Model, load
    from melodylc.rules import Rule

__version__ = "0.1.0"

_use_cache_folder("melodylc")  # before any kernel is compiled: midi_io does not know our name

# Loaded on first use: torch takes a second, and most of a session with files does not need it.
_HOMES = {
    "RuleActor": "melodylc.constraints.rule_actor",
    "Corpus": "melodylc.extraction",
    "Filters": "melodylc.extraction",
    "Melody": "melodylc.melody",
    "Model": "melodylc.model",
    "Preference": "melodylc.constraints.preference",
    "Rule": "melodylc.rules",
    "UserError": "melodylc.base.errors",
    "compose": "melodylc.constraints.composition",
    "extract": "melodylc.extraction",
    "learn": "melodylc.constraints.rule_actor",
    "load": "melodylc.model",
    "load_actor": "melodylc.constraints.rule_actor",
    "melody": None,
    "prefer": "melodylc.constraints.preference",
    "rules": None,
    "transform": "melodylc.constraints.transformation",
}

__all__ = [
    "Corpus",
    "Filters",
    "Melody",
    "Model",
    "Preference",
    "Rule",
    "RuleActor",
    "UserError",
    "compose",
    "extract",
    "learn",
    "load",
    "load_actor",
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

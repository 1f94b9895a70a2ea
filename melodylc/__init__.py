"""Melodies that keep the rules you state: Latent Constraints over a hierarchical LSTM VAE.

    import melodylc
    from melodylc import Attributes, rules

    model = melodylc.load()
    made = melodylc.generate(model, Attributes(key="E blues", notes=120), count=4, seed=1)
    made.melodies                                   # (4, 256) uint8: 16 bars of 16 steps, see melodylc.melody
    made.summary, made.ways, made.implausible       # how they came about
    melodylc.generate(model, rules=rules.contour("arch"))    # any rule: searched for

    actor = melodylc.learn(model, rules.contour("arch") & rules.syncopation())
    melodylc.generate(model, Attributes(key="A minor"), rules=rules.contour("arch"), actors=actor)
    melodylc.write_midi("arch.mid", made.melodies[0])

The commands generate, transform, infill, interpolate, learn and extract are the functions of the same names here,
continue is `continue_melody`, and live is `melodylc.live.Session`. A rule is any function of melodies to [0, 1]: see
`melodylc.rules`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from melodylc.base.extras import stand_in
from melodylc.base.version import __version__ as __version__

if TYPE_CHECKING:
    from melodylc import exchange, live, melody, notation, rules
    from melodylc.attributes import Attributes
    from melodylc.base.errors import UserError
    from melodylc.constraints.composition import ComposedActor, compose
    from melodylc.constraints.playing_actor import PlayingActor, load_actor
    from melodylc.constraints.preference import Preference, load_preference, prefer
    from melodylc.constraints.rule_actor import RuleActor, learn
    from melodylc.constraints.search import SearchBudget
    from melodylc.continuing import continue_melody
    from melodylc.exchange import write_midi
    from melodylc.extraction import Corpus, Filters, extract
    from melodylc.extraction.selection import SelectedMelody, select_melody
    from melodylc.generated import Generated
    from melodylc.generation import generate
    from melodylc.infilling import infill
    from melodylc.latent.budget import PAPER_BUDGET, Budget
    from melodylc.loading import load
    from melodylc.melody import Melody
    from melodylc.model import Model
    from melodylc.notebook import show
    from melodylc.rules import Key, Rule
    from melodylc.runtime.interface import MelodyModel
    from melodylc.style import Style, in_style, learn_style, load_style, style_of_files
    from melodylc.transforming import interpolate, transform

# Where each public name lives: it is loaded on first use, since torch takes a second, and most of a session with files
# does not need it. None: the name is a module of its own.
_HOMES = {
    "Attributes": "melodylc.attributes",
    "Budget": "melodylc.latent.budget",
    "ComposedActor": "melodylc.constraints.composition",
    "Corpus": "melodylc.extraction",
    "Filters": "melodylc.extraction",
    "Generated": "melodylc.generated",
    "Key": "melodylc.rules",
    "Melody": "melodylc.melody",
    "MelodyModel": "melodylc.runtime.interface",
    "Model": "melodylc.model",
    "PAPER_BUDGET": "melodylc.latent.budget",
    "PlayingActor": "melodylc.constraints.playing_actor",
    "Preference": "melodylc.constraints.preference",
    "Rule": "melodylc.rules",
    "RuleActor": "melodylc.constraints.rule_actor",
    "SearchBudget": "melodylc.constraints.search",
    "SelectedMelody": "melodylc.extraction.selection",
    "Style": "melodylc.style",
    "UserError": "melodylc.base.errors",
    "compose": "melodylc.constraints.composition",
    "continue_melody": "melodylc.continuing",
    "exchange": None,
    "extract": "melodylc.extraction",
    "generate": "melodylc.generation",
    "in_style": "melodylc.style",
    "infill": "melodylc.infilling",
    "interpolate": "melodylc.transforming",
    "learn": "melodylc.constraints.rule_actor",
    "learn_style": "melodylc.style",
    "live": None,
    "load": "melodylc.loading",
    "load_actor": "melodylc.constraints.playing_actor",
    "load_preference": "melodylc.constraints.preference",
    "load_style": "melodylc.style",
    "melody": None,
    "notation": None,
    "prefer": "melodylc.constraints.preference",
    "rules": None,
    "select_melody": "melodylc.extraction.selection",
    "show": "melodylc.notebook",
    "style_of_files": "melodylc.style",
    "transform": "melodylc.transforming",
    "write_midi": "melodylc.exchange",
}

__all__ = [
    "PAPER_BUDGET",
    "Attributes",
    "Budget",
    "ComposedActor",
    "Corpus",
    "Filters",
    "Generated",
    "Key",
    "Melody",
    "MelodyModel",
    "Model",
    "PlayingActor",
    "Preference",
    "Rule",
    "RuleActor",
    "SearchBudget",
    "SelectedMelody",
    "Style",
    "UserError",
    "compose",
    "continue_melody",
    "exchange",
    "extract",
    "generate",
    "in_style",
    "infill",
    "interpolate",
    "learn",
    "learn_style",
    "live",
    "load",
    "load_actor",
    "load_preference",
    "load_style",
    "melody",
    "notation",
    "prefer",
    "rules",
    "select_melody",
    "show",
    "style_of_files",
    "transform",
    "write_midi",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'melodylc' has no attribute {name!r}")
    home = _HOMES[name]
    if home is None:
        return import_module(f"melodylc.{name}")
    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        globals()[name] = found = stand_in(name, error)
        return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

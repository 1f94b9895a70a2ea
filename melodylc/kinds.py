"""The kinds of weights with a card beside them, by the names that files keep."""

from __future__ import annotations

from melodylc.base.storage import FileKind

MODEL = FileKind(
    "melodylc.vae", "model", "a model; melodylc train makes one, and without a name the embedded one is taken"
)
PRIOR = FileKind("melodylc.prior", "prior", "a prior; melodylc train makes one with the model")
RULE_ACTOR = FileKind("melodylc.actor", "actor", "an actor; melodylc learn --out FILE.safetensors makes one")
CONDITIONAL_ACTOR = FileKind(  # with the name of earlier versions
    "melodylc.knobs", "conditional actor", "a conditional actor; melodylc condition --model FILE makes one"
)

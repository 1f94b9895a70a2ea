"""One actor for all attributes: conditioned on those requested, it need not learn for a new request (section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc import kinds
from melodylc.attributes import LABELS, Attributes
from melodylc.base import storage
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.runtime import actors
from melodylc.runtime.bank import fingerprint
from melodylc.runtime.interface import MelodyModel
from melodylc.runtime.model import PlayingModel

if TYPE_CHECKING:
    from melodylc.latent.networks import Actor

KIND = kinds.CONDITIONAL_ACTOR
WORD = KIND.word  # of messages
FILE = "knobs.safetensors"  # beside a model, with the name of earlier versions
CURVE_EVERY = 10  # of the rounds of the curve, those that a saved card holds


@dataclass(frozen=True)
class ConditionalActor:
    """An actor that moves draws of the prior to melodies with the attributes it is given."""

    network: Actor | actors.Actor
    card: dict[str, Any]

    def move(self, z: Vectors, attributes: Attributes) -> Vectors:
        """Return where z (B, Z) has the attributes, (B, Z)."""
        return self.network.moved(z, attributes.as_numbers())

    def save(self, path: Path) -> None:
        """Write the network (half precision) and its card.

        Raises:
            UserError: unless the path ends in .safetensors.
        """
        path = storage.weights_path(path)
        assert not isinstance(self.network, actors.Actor), "what plays is not saved"
        storage.write_tensors(path, {name: value.half() for name, value in self.network.state_dict().items()})
        curve = self.card["curve"][CURVE_EVERY - 1 :: CURVE_EVERY]
        storage.write_card(path, KIND, {**self.card, "curve": curve})


def find_conditional_actor(model: MelodyModel) -> ConditionalActor | None:
    """Return the conditional actor beside a model; None where there is none and the prior knows attributes itself.

    Raises:
        UserError: see `load_conditional_actor`.
    """
    path = model.path.with_name(FILE)
    if model.realistic is not None and not path.exists():
        return None
    return load_conditional_actor(path, model)


def conditioned(model: MelodyModel, noise: Any, attributes: Attributes) -> Any:
    """Return z (B, Z) for noise (B, N), drawn for attributes; the conditional actor moves it if the prior knows none.

    Raises:
        UserError: see `load_conditional_actor`.
    """
    if model.realistic is not None:
        return model.from_noise(noise, attributes)
    return load_conditional_actor(model.path.with_name(FILE), model).move(noise, attributes)


def load_conditional_actor(path: Path, model: MelodyModel) -> ConditionalActor:
    """Load the conditional actor saved beside a model.

    Raises:
        UserError: if it is missing (with the command that makes one), damaged, or of another model.
    """
    if not path.exists():
        raise UserError(f"{WORD}: there is none at {path}; make one with: melodylc condition --model {model.path}")
    card = storage.read_card(path, KIND)
    if card.get("model") != fingerprint(model):
        raise UserError(f"{WORD}: {path} was learned on another model; learn it again: melodylc condition --model ...")
    if card.get("labels") != LABELS:
        raise UserError(f"{WORD}: {path} is of an earlier version; learn it again: melodylc condition --model ...")
    try:
        hidden, units = tuple(card["settings"]["hidden"]), card["settings"]["label_units"]
        if not 1 <= len(hidden) <= 16 or not all(isinstance(w, int) and 1 <= w <= 8192 for w in (*hidden, units)):
            raise ValueError(f"widths {hidden}, {units}")
        network = _network(model, path, hidden, units)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"{WORD}: the card and the weights at {path} do not fit each other ({detail})") from error
    return ConditionalActor(network, card)


def _network(model: MelodyModel, path: Path, hidden: tuple[int, ...], units: int) -> Actor | actors.Actor:
    if isinstance(model, PlayingModel):
        return actors.read_actor(path, WORD, model.latent, hidden, LABELS, units)
    from melodylc.latent.networks import Actor

    network = Actor(model.latent, hidden, LABELS, units)
    network.load_state_dict(storage.read_tensors(path, WORD))
    return network.eval().requires_grad_(False)

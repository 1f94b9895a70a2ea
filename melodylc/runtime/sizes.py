"""The widths of the networks of a model, as its card says them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LARGEST = 8192  # units of a layer: a damaged card must not ask for more memory than there is


@dataclass(frozen=True)
class Sizes:
    """The widths of the networks. LSTMs have two bias vectors for each gate, as torch's do."""

    latent: int  # dimensions of z
    encoder: int  # units per direction: of the flat encoder, or of the upper level of a hierarchical one
    conductor: int  # units of each of the two layers over bars
    embedding: int  # of one bar
    decoder: int  # units of each of the two layers over the steps of a bar
    bar_encoder: int = 0  # units per direction over the steps of a bar; 0: the encoder is flat
    # width of the conductor's input and of the upper encoder's output at each bar; 0: z only sets the initial state
    slice: int = 0

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Sizes:
        """Return the sizes that the card of a model says.

        Raises:
            KeyError, TypeError, ValueError: if it says none, or others.
        """
        sizes = cls(**card["sizes"])
        if not all(isinstance(value, int) and 0 <= value <= LARGEST for value in asdict(sizes).values()):
            raise ValueError(f"sizes {card['sizes']}")
        return sizes

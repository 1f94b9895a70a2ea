"""Weights, cards and JSON on disk. Files are replaced as a whole (`atomic_write`), and nothing is ever unpickled.

A card says what weights are of. It lies beside them as .json (`write_card`), or inside the safetensors file
(`write_tensors` with a card), which keeps the two together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc.base.errors import UserError
from midi_io.atomic import atomic_write as atomic_write
from midi_io.atomic import sweep as sweep

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class FileKind:
    """A kind of weights with a card beside them, and how messages speak of it."""

    name: str  # as its cards have it
    word: str  # in messages, which begin with it
    source: str  # what to name instead of a wrong file, and what makes one
    version: int = 1


def weights_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of weights that are to be written; their card goes beside them, as .json.

    Raises:
        UserError: unless its suffix is .safetensors: with another, one of the two could overwrite the other.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"save: expected a path that ends in .safetensors, got {str(path)!r}; the card goes beside it")
    return path


def write_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any] | None = None) -> None:
    """Write a safetensors file, with the card, if one is given, in its metadata.

    Raises:
        UserError: if there is no space left, or the file cannot be written for another reason.
    """
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _write(path, lambda beside: save_file(plain, beside, None if card is None else {"card": json.dumps(card)}))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a safetensors file of arrays; see `write_tensors`."""
    import numpy as np
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    _write(path, lambda beside: save_file(plain, beside))


def _write(path: Path, save: Callable[[Path], object]) -> None:
    from safetensors import SafetensorError

    try:
        with atomic_write(path) as beside:
            save(beside)
    except SafetensorError as error:
        raise UserError(f"{path}: cannot be written ({error}); check the permissions and the space left") from error


def read_tensors(path: str | os.PathLike[str], word: str = "model") -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, weights in float32; an error begins with the word for what it holds.

    Raises:
        UserError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise _no_weights(path, word, error) from error


def shapes_of(path: Path, word: str = "model") -> dict[str, tuple[int, ...]]:
    """Return the shapes of what a safetensors file holds, by name; nothing else of it is read.

    Raises:
        UserError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise _no_weights(path, word, error) from error


def read_arrays(path: Path, word: str = "model", prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file whose names begin with a prefix, without it, weights in float32.

    Raises:
        UserError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - no mapping
            return {name.removeprefix(prefix): _single(file.get_tensor(name)) for name in names}
    except (OSError, SafetensorError) as error:
        raise _no_weights(path, word, error) from error


def read_array(path: Path, name: str, word: str = "model") -> np.ndarray:
    """Return one array of a safetensors file, weights in float32.

    Raises:
        KeyError: if it holds none of the name.
        UserError: if the file is missing or damaged.
    """
    return read_arrays(path, word, name)[""]


def _single(values: np.ndarray) -> np.ndarray:
    return values.astype("float32", copy=False) if values.dtype.kind == "f" else values


def _no_weights(path: str | os.PathLike[str], word: str, error: Exception) -> UserError:
    return UserError(f"{word}: expected safetensors weights at {path}, got none or damaged ones ({error})")


def read_tensors_and_card(path: Path, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file, each of its own type, and the card inside it.

    Args:
        what: the contents, in the words of an error.

    Raises:
        UserError: if the file is missing or damaged, or has no card inside.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            card = json.loads((file.metadata() or {})["card"])
            if not isinstance(card, dict):
                raise ValueError(f"its card is {type(card).__name__}, not a JSON object")
            return {name: file.get_tensor(name) for name in file.keys()}, card  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected {what} ({error}); remove it to have it made anew") from error


def write_card(path: Path, kind: FileKind, card: Mapping[str, Any]) -> None:
    """Write the JSON card beside a safetensors file."""
    card_path = weights_path(path).with_suffix(".json")
    write_json(card_path, {"kind": kind.name, "version": kind.version, **card})


def read_card(path: str | os.PathLike[str], kind: FileKind) -> dict[str, Any]:
    """Return the JSON card beside a safetensors file.

    Raises:
        UserError: if it is missing, no JSON, or of another kind or version.
    """
    card_path = Path(path).with_suffix(".json")
    try:
        card = json.loads(card_path.read_text())
        found = (card.get("kind"), card.get("version"))
    except (OSError, ValueError, AttributeError) as error:
        detail = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"{kind.word}: expected weights at {path} and a JSON card at {card_path}, got none ({detail}); "
            f"name the file of {kind.source}"
        ) from error
    if found != (kind.name, kind.version):
        says = f"{card_path} is of {found[0]} version {found[1]}"
        raise UserError(
            f"{kind.word}: expected {kind.name} version {kind.version}, {says}; name the file of {kind.source}"
        )
    return card


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, indented."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(value, indent=2) + "\n")

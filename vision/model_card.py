"""Cards of trained networks, as Hugging Face's hub has them: Markdown that begins with metadata in YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from melodylc.base.storage import atomic_write
from melodylc.base.version import __version__

PAPER = "arxiv:1711.05772"
# by data set: a name of a licence, and what it allows
LICENCES = {
    "mnist": ("cc-by-sa-3.0", "MNIST (LeCun, Cortes, Burges) is under CC BY-SA 3.0."),
    "celeba": ("other", "CelebA (Liu et al. 2015) is for non-commercial research only, and so is what is made of it."),
}


@dataclass(frozen=True)
class About:
    """What the card of a network says beside its settings."""

    what: str = "A network of the image experiments."
    call: str = ""  # what returns the network, in Python, with a `workspace`
    measure: Callable[[Any], Mapping[str, float]] | None = None  # of the trained network, on held-out images
    source: str = ""  # the module that has the function which is called, where it is not the workspace's own


@dataclass(frozen=True)
class Origin:
    """What the networks of a workspace have in common."""

    data: str  # "mnist" or "celeba"
    attributes: tuple[str, ...]
    preset: str


def write(path: Path, network: nn.Module, origin: Origin, about: About, card: Mapping[str, Any]) -> None:
    """Write the card of a trained network.

    Args:
        card: what the network depends on, as it is stored with the weights.
    """
    metrics = dict(about.measure(network)) if about.measure else {}
    with atomic_write(path) as beside:
        beside.write_text("\n".join([*_metadata(origin, card, metrics), *_text(path, origin, about, card, metrics)]))


def _metadata(origin: Origin, card: Mapping[str, Any], metrics: Mapping[str, float]) -> list[str]:
    """Return the lines of metadata; their values are JSON, which YAML includes."""
    values: dict[str, Any] = {
        "license": LICENCES[origin.data][0],
        "library_name": "pytorch",
        "tags": ["latent-constraints", PAPER],
        "datasets": [origin.data],
    }
    if metrics:
        found = [{"type": name, "value": value} for name, value in metrics.items()]
        data = {"type": origin.data, "name": origin.data, "split": "validation"}
        task = {"type": "unconditional-image-generation"}
        results = [{"task": task, "dataset": data, "metrics": found}]
        values["model-index"] = [{"name": card["name"], "results": results}]
    return ["---", *(f"{name}: {json.dumps(value)}" for name, value in values.items()), "---"]


def _text(path: Path, origin: Origin, about: About, card: Mapping[str, Any], metrics: Mapping[str, float]) -> list[str]:
    lines = [f"# {card['name']}", "", about.what, "", "## Data", ""]
    lines += [f"{card['data']}. Labels: {', '.join(origin.attributes)}.", "", LICENCES[origin.data][1], ""]
    lines += ["## Training", "", f"Preset `{origin.preset}`, seed {card['seed']}, melodylc {__version__}.", ""]
    lines += ["| setting | value |", "|---|---|"]
    own = {name: value for name, value in card.items() if name not in ("name", "data", "seed", "vae")}
    lines += [f"| {name} | `{json.dumps(value)}` |" for name, value in own.items()]
    if "vae" in card:
        lines.append(f"| in the latent space of | `{card['vae']['name']}` |")
    lines += ["", "## Metrics", ""]
    if metrics:
        lines += ["Of validation images:", "", "| metric | value |", "|---|---|"]
        lines += [f"| {name} | {value:.4g} |" for name, value in metrics.items()]
    else:
        lines += ["None of its own; the tables of the experiments that use it are in the folder above."]
    lines += ["", "## How to load", "", "```python"]
    if about.call:
        lines += [
            "from pathlib import Path",
            "",
            *([f"from {about.source} import {about.call.partition('(')[0]}"] if about.source else []),
            f"from vision.data import {origin.data}",
            f"from vision.presets import {origin.data.upper()}",
            "from vision.workspace import Workspace",
            "",
            f'data = {origin.data}.load("DATA")  # the folder of the data',
            f'preset = {origin.data.upper()}["{origin.preset}"]',
            f'workspace = Workspace(data, preset, Path("OUT"), seed={card["seed"]})  # the folder above this one',
            f"network = {about.call}",
        ]
    else:
        lines += ["from safetensors.torch import load_file", "", f'weights = load_file("{path.stem}.safetensors")']
    return [*lines, "```", ""]

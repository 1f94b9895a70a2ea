"""Diagrams of networks, drawn from the modules themselves: what each layer is, and the shape that comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# others are white
COLOURS = {"Linear": "#cfe2f3", "Conv2d": "#d9ead3", "ConvTranspose2d": "#fce5cd", "LSTM": "#ead1dc"}
WIDTH, HEIGHT, GAP = 2.6, 0.42, 0.18  # of a box and between two, inches


@dataclass(frozen=True)
class Box:
    """A layer, or a step between layers."""

    kind: str  # the name of its module, or of the step
    text: str
    parameters: int = 0


def layers_of(module: nn.Module, *inputs: Tensor) -> list[Box]:
    """Return the layers of a network in the order in which they compute, ReLUs with what they follow."""
    boxes: list[Box] = []

    def note(layer: nn.Module, _: Any, out: Tensor) -> None:
        if isinstance(layer, nn.ReLU):
            boxes[-1] = Box(boxes[-1].kind, f"{boxes[-1].text}, ReLU", boxes[-1].parameters)
            return
        size = sum(weights.numel() for weights in layer.parameters())
        values = out[0] if isinstance(layer, nn.LSTM) else out  # beside the states that it ends in
        boxes.append(Box(type(layer).__name__, f"{_words(layer)}: {shape_of(values)}", size))

    hooks = [layer.register_forward_hook(note) for layer in module.modules() if not list(layer.children())]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return boxes


def draw(columns: Mapping[str, Sequence[Box]]) -> Any:
    """Return a figure of columns of boxes from the top down, with an arrow from each to the next; needs matplotlib."""
    from matplotlib.figure import Figure

    most = max(len(boxes) for boxes in columns.values())
    figure = Figure(figsize=((WIDTH + 0.4) * len(columns), (HEIGHT + GAP) * (most + 1)), layout="constrained")
    axes = figure.add_subplot()
    for place, (title, boxes) in enumerate(columns.items()):
        middle = (place + 0.5) * (WIDTH + 0.4)
        size = sum(box.parameters for box in boxes)
        axes.text(middle, GAP, f"{title}: {size:,} parameters", ha="center", va="bottom", fontsize=8, weight="bold")
        for number, box in enumerate(boxes):
            y = -number * (HEIGHT + GAP)
            colour = COLOURS.get(box.kind, "white")
            axes.text(
                middle,
                y - HEIGHT / 2,
                box.text,
                ha="center",
                va="center",
                fontsize=7,
                bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "gray"},
            )
            if number:
                axes.annotate("", (middle, y - 0.06), (middle, y + GAP + 0.06), arrowprops={"arrowstyle": "->"})
    axes.set_xlim(0, (WIDTH + 0.4) * len(columns))
    axes.set_ylim(-most * (HEIGHT + GAP), GAP + HEIGHT)
    axes.axis("off")
    return figure


def _words(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return "linear"
    if isinstance(layer, nn.LSTM):
        layers = f", {layer.num_layers} layers" if layer.num_layers > 1 else ""
        return f"{'bidirectional ' * layer.bidirectional}LSTM{layers}"
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        name = "convolution" if isinstance(layer, nn.Conv2d) else "transposed convolution"
        return f"{name} {layer.kernel_size[0]} x {layer.kernel_size[1]}, stride {layer.stride[0]}"
    return {"Flatten": "flatten", "Unflatten": "reshape"}.get(type(layer).__name__, type(layer).__name__)


def shape_of(tensor: Tensor) -> str:
    """Return the shape of one example; of images height, width and channels, as the paper has them."""
    shape = tensor.shape[1:]
    return " x ".join(map(str, (*shape[1:], shape[0]) if len(shape) == 3 else shape))

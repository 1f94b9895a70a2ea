"""Which weights a network has, by the names of torch's modules, and their shapes: what files are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from melodylc.melody import BARS, STATES
from melodylc.runtime.flow import FREQUENCIES
from melodylc.runtime.sizes import Sizes

Shapes = Mapping[str, tuple[int, ...]]


def of_vae(sizes: Sizes) -> Shapes:
    """Return the shapes of a model whose encoder is hierarchical."""
    return dict(_vae(sizes))


def _vae(s: Sizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _lstm("encoder.bar.lstm", STATES, s.bar_encoder, 1, both=True)
    yield from _linear("encoder.bar.out", 2 * s.bar_encoder, s.embedding)
    yield from _lstm("encoder.lstm", s.embedding, s.encoder, 2, both=True)
    yield from _linear("encoder.slices", 2 * s.encoder + s.embedding, s.slice)
    yield from _linear("encoder.posterior", BARS * s.slice, 2 * s.latent)
    yield from _linear("conductor.initial", s.latent, 4 * s.conductor)
    yield from _linear("conductor.slices", s.latent, BARS * s.slice)
    yield from _lstm("conductor.lstm", s.slice, s.conductor, 2)
    yield from _linear("conductor.out", s.conductor + s.slice, s.embedding)
    yield from _linear("decoder.initial", s.embedding, 4 * s.decoder)
    yield from _lstm("decoder.lstm", STATES + s.embedding, s.decoder, 2)
    yield from _linear("decoder.out", s.decoder, STATES)


def of_field(parts: int, width: int, labels: int, units: int, layers: int, heads: int) -> Shapes:
    """Return the shapes of a velocity network.

    Raises:
        ValueError: for units that heads do not divide.
    """
    if heads < 1 or units % heads:
        raise ValueError(f"{units} units for {heads} heads")
    return dict(_field(parts, width, labels, units, layers))


def _field(parts: int, width: int, labels: int, units: int, layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "place", (parts, units)
    yield from _linear("enter", width, units)
    for name, inputs in (("time", 2 * FREQUENCIES), ("label", labels)):
        yield from _linear(f"{name}.0", inputs, units)
        yield from _linear(f"{name}.2", units, units)
    for number in range(layers):
        for name, inputs, outputs in (
            ("project", 1, 3),
            ("gather", 1, 1),
            ("expand", 1, 4),
            ("contract", 4, 1),
            ("modulation", 1, 6),
        ):
            yield from _linear(f"layers.{number}.{name}", inputs * units, outputs * units)
    yield from _linear("last", units, 2 * units)
    yield from _linear("leave", units, width)


def of_actor(latent: int, hidden: Sequence[int], labels: int, label_units: int) -> Shapes:
    """Return the shapes of an actor, which takes labels unless there are none (0)."""
    return dict(_actor(latent, hidden, labels, label_units))


def _actor(latent: int, hidden: Sequence[int], labels: int, label_units: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    if labels:
        yield from _linear("label", labels, label_units)
    widths = [latent + (label_units if labels else 0), *hidden, 2 * latent]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        yield from _linear(f"layers.{2 * number}", inputs, outputs)  # those between are no layers with weights


def _linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _lstm(
    name: str, inputs: int, units: int, layers: int, *, both: bool = False
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer in range(layers):
        width = inputs if layer == 0 else (1 + both) * units
        for end in ("", "_reverse") if both else ("",):
            yield f"{name}.weight_ih_l{layer}{end}", (4 * units, width)
            yield f"{name}.weight_hh_l{layer}{end}", (4 * units, units)
            yield f"{name}.bias_ih_l{layer}{end}", (4 * units,)
            yield f"{name}.bias_hh_l{layer}{end}", (4 * units,)


def check(found: Mapping[str, tuple[int, ...]], expected: Shapes) -> None:
    """Check that the shapes of weights are those of a network.

    Raises:
        ValueError: naming the first that differs.
    """
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise ValueError(f"{name} of shape {found.get(name)}, expected {expected.get(name)}")

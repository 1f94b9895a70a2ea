"""Training in stages: bars alone, then the levels above them, then all of it (the design of the `small` preset)."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from melodylc.base import numbers
from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.base.signals import StopRequest, between_steps
from melodylc.extraction.corpus import Corpus
from melodylc.latent.processes import Processes, joined
from melodylc.vae import checkpoint, storage
from melodylc.vae.bank import Bank
from melodylc.vae.data import TrainingWindows
from melodylc.vae.decoding import TEMPERATURE
from melodylc.vae.metrics import held_out, measure
from melodylc.vae.presets import ModelPreset
from melodylc.vae.trainer import Trainer

CHECKPOINT_EVERY = 300  # seconds
LOG_EVERY = 50  # steps
HELD_OUT = 512  # melodies measured at a checkpoint
LEAST_TARGET = 1e-9  # nats per melody: the weight of the KL term is set by the ratio to it
BANK = 2048  # encoded training melodies that travel with the weights


def train(
    corpus_folder: str | os.PathLike[str],
    preset: ModelPreset,
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    seed: int = 0,
    steps: dict[str, int] | None = None,
    kl_target: float | None = None,
    start: str | os.PathLike[str] | None = None,
    device: str | None = None,
    about: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Train a preset on a corpus; `out` gets the model, its card and bank, two logs (CSV) and a checkpoint.

    Ctrl-C, or another signal that asks for the end, stops after the step that is under way and saves; `resume` goes on
    from there. Where torchrun started several processes, each trains on its share of every batch, and the first writes.

    Args:
        steps: other lengths for stages, by name.
        kl_target: another one than the preset's, in nats per melody.
        start: the model (.safetensors) to begin with; of the recipe only the last stage is left to do.
        about: further fields of the card: licence, sources, default sampling temperature.

    Returns:
        The card of the model; in all processes but the first an empty one.

    Raises:
        UserError: for a corpus, folder or checkpoint that cannot be used, and numbers out of bounds.
    """
    numbers.seed(seed)
    _check(steps or {}, kl_target)
    begun = None
    if start is not None:
        begun = storage.load(start)
        preset = replace(preset, stages=preset.stages[-1:])
    preset = _changed(preset, steps or {}, kl_target)
    corpus, out = Corpus(corpus_folder), Path(out)
    with joined(device) as processes:
        for stage in preset.stages:
            processes.check(stage.batch)
        _open(out, resume, processes)
        try:
            trainer = Trainer(preset, corpus, seed, processes)
            valid = held_out(TrainingWindows(corpus, "valid"), HELD_OUT)
        except ValueError as error:
            raise UserError(f"train: {error}") from error
        if resume:
            checkpoint.restore(trainer, out)
        elif begun is not None:
            trainer.begin_with(begun[0])
        _run(trainer, valid, out, progress and processes.first)
        if not processes.first:
            return {}
        model = trainer.average.network
        card = {
            "preset": preset.name,
            "seed": trainer.seed,
            "hours": round(trainer.seconds / 3600, 2),
            "steps": {stage.name: stage.steps for stage in preset.stages},
            "corpus": {key: corpus.card[key] for key in ("files", "windows", "splits", "filters")},
            **({"start": {key: begun[1].get(key) for key in ("steps", "hours", "corpus")}} if begun else {}),
            "held_out": asdict(measure(model, valid)),
            **(about or {}),
        }
        storage.save(model, out / "model.safetensors", card)
        examples = trainer.windows.draw(BANK, preset.transpose, np.random.default_rng(seed))
        Bank.make(model, examples, float(card.get("temperature", TEMPERATURE))).save(out / "model.safetensors")
    return card


def _check(steps: dict[str, int], kl_target: float | None) -> None:
    """Raise UserError for numbers out of bounds."""
    for name, length in steps.items():
        numbers.integer(f"train: steps of {name}", length, 0, 100 * numbers.MOST)
    if kl_target is not None:
        numbers.number("train: kl_target", kl_target, LEAST_TARGET)


def _changed(preset: ModelPreset, steps: dict[str, int], kl_target: float | None) -> ModelPreset:
    """Return a preset with other lengths of stages and another target.

    Raises:
        UserError: for a stage that there is none of.
    """
    known = {stage.name for stage in preset.stages}
    if unknown := set(steps) - known:
        raise UserError(f"train: this run has the stages {', '.join(known)}; got {', '.join(unknown)}")
    stages = [replace(stage, steps=steps.get(stage.name, stage.steps)) for stage in preset.stages]
    if kl_target is not None:
        stages = [replace(stage, kl_target=kl_target) for stage in stages]
    return replace(preset, stages=tuple(stages))


def _open(out: Path, resume: bool, processes: Processes) -> None:
    """Make the folder of a run.

    Raises:
        UserError: if it holds one already that is not to be resumed.
    """
    if not resume and (out / checkpoint.NAME).exists():
        raise UserError(f"train: {out} holds a run already; go on with --resume, or name another --out")
    out.mkdir(parents=True, exist_ok=True)
    processes.wait()  # for those that have not looked yet


def _run(trainer: Trainer, valid: np.ndarray, out: Path, progress: bool) -> None:
    """Make the steps that are left of all stages, with logs and checkpoints on the way, and one at the end."""
    with between_steps() as stop:
        _run_stages(trainer, valid, out, stop, progress)
    _save(trainer, out)


def _run_stages(trainer: Trainer, valid: np.ndarray, out: Path, stop: StopRequest, progress: bool) -> None:
    stages = trainer.preset.stages
    total = sum(stage.steps for stage in stages)
    done = sum(stage.steps for stage in stages[: trainer.stage_index]) + trainer.step
    with bar_of(total, unit="step", desc="train", done=done, show=progress) as bar:
        for index in range(trainer.stage_index, len(stages)):
            if index > trainer.stage_index:
                with _timed(trainer):
                    trainer.enter(index)
            _run_stage(trainer, valid, out, stop, bar)


def _run_stage(trainer: Trainer, valid: np.ndarray, out: Path, stop: StopRequest, bar: Any) -> None:
    """Make the steps that are left of a stage.

    Raises:
        KeyboardInterrupt: when it was asked to stop, with everything saved.
    """
    first = trainer.processes.first  # who writes
    means: dict[str, float] = {}  # of what was logged since the last line
    last_checkpoint = trainer.seconds
    while trainer.step < trainer.stage.steps:
        with _timed(trainer):
            logged = trainer.one_step()
        for name, value in logged.items():
            means[name] = means.get(name, 0.0) + value / LOG_EVERY
        bar.update()
        if trainer.step % LOG_EVERY == 0 and first:
            _append(out / "log.csv", _position(trainer) | {name: round(mean, 4) for name, mean in means.items()})
            shown = {name: f"{mean:.3g}" for name, mean in means.items()}
            bar.set_postfix({"stage": trainer.stage.name} | shown, refresh=False)
            means = {}
        if trainer.processes.any(stop.asked):  # all stop after the same step
            _save(trainer, out)
            trainer.processes.wait()  # torchrun ends all when one has ended badly: the first has to write still
            stop.raise_stopped()
        if trainer.seconds - last_checkpoint > CHECKPOINT_EVERY:
            _checkpoint(trainer, valid, out)
            last_checkpoint = trainer.seconds
    _checkpoint(trainer, valid, out)


@contextmanager
def _timed(trainer: Trainer) -> Iterator[None]:
    """Add the time that the block takes to the seconds of the training, which checkpoints do not count in."""
    began = time.monotonic()
    yield
    trainer.seconds += time.monotonic() - began


def _position(trainer: Trainer) -> dict[str, Any]:
    return {"stage": trainer.stage.name, "step": trainer.step, "seconds": round(trainer.seconds)}


def _save(trainer: Trainer, out: Path) -> None:
    if trainer.processes.first:
        checkpoint.save(trainer, out)


def _checkpoint(trainer: Trainer, valid: np.ndarray, out: Path) -> None:
    """Save, and measure the averaged weights on held-out melodies."""
    _save(trainer, out)
    if trainer.stage.kind == "whole" and trainer.processes.first:
        metrics = asdict(measure(trainer.average.network, valid))
        row = {name: round(value, 4) for name, value in metrics.items()}
        _append(out / "metrics.csv", _position(trainer) | row)


def _append(path: Path, row: dict[str, Any]) -> None:
    """Append a row to a CSV file; a row with other columns brings its own header line."""
    header = ",".join(row)
    known = path.exists() and header in path.read_text().splitlines()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if not known:
            writer.writeheader()
        writer.writerow(row)

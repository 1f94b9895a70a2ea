"""Training in stages: bars alone, then the levels above them, then all of it (DESIGN of the `small` preset).

Every step's examples and noise come from (seed, stage, step), so a resumed run sees what an unbroken one would have.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.base import numbers
from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.extraction.corpus import Corpus
from melodylc.latent.precision import half_precision
from melodylc.melody import BARS, STATES, STEPS, STEPS_PER_BAR
from melodylc.vae import pca, storage
from melodylc.vae.bank import Bank
from melodylc.vae.data import TrainingWindows, distinct_bars, transposed
from melodylc.vae.decoding import TEMPERATURE
from melodylc.vae.metrics import held_out, measure
from melodylc.vae.model import HierarchicalEncoder, MelodyVAE, previous_states
from melodylc.vae.presets import ModelPreset, Stage
from midi_io.atomic import atomic_write

WARM_UP = 200  # steps
CHECKPOINT_EVERY = 300  # seconds
LOG_EVERY = 50  # steps
PRINCIPAL = 16_384  # melodies whose bar embeddings are decomposed
HELD_OUT = 512  # melodies measured at a checkpoint
BANK = 2048  # encoded training melodies that travel with the weights


class Trainer:
    """The state of a run: model, moving average, optimiser, position in the recipe. `train` drives it."""

    def __init__(self, preset: ModelPreset, corpus: Corpus, seed: int, device: str) -> None:
        torch.manual_seed(seed)
        self.preset, self.seed, self.device = preset, seed, torch.device(device)
        self.model = MelodyVAE(preset.sizes).to(self.device)
        self.average = MelodyVAE(preset.sizes).to(self.device)
        self.average.load_state_dict(self.model.state_dict())
        self.optimiser = self._adam()
        self.windows = TrainingWindows(corpus, "train")
        self.bars = distinct_bars(self.windows.states)
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self.kl_weight = preset.kl_weight

    def _adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.model.parameters(), fused=True)

    def enter(self, stage: int) -> None:
        """Begin a stage: a new optimiser, and where it asks for it the principal components."""
        self.stage, self.step = stage, 0
        self.optimiser = self._adam()
        if self.preset.stages[stage].principal:
            rng = np.random.default_rng([self.seed, stage])
            encoder = self.model.encoder
            assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars"
            parts = []
            with torch.no_grad(), half_precision(self.device):
                for _ in range(PRINCIPAL // 256):
                    drawn = torch.from_numpy(self.windows.draw(256, self.preset.transpose, rng))
                    parts.append(encoder.embed(drawn.to(self.device)).float().cpu())
            pca.initialise(self.model, torch.cat(parts), self.preset.stages[stage].kl_target)
            self.average.load_state_dict(self.model.state_dict())

    def begin_with(self, model: MelodyVAE) -> None:
        """Take over the weights of a trained model.

        Raises:
            UserError: if it has other sizes.
        """
        if model.sizes != self.preset.sizes:
            raise UserError(f"train: --start expected a model of the preset {self.preset.name}, got {model.sizes}")
        self.model.load_state_dict(model.state_dict())
        self.average.load_state_dict(model.state_dict())

    def one_step(self) -> dict[str, float]:
        """Draw, compute, update; returns what is logged."""
        stage = self.preset.stages[self.stage]
        rng = np.random.default_rng([self.seed, self.stage, self.step])
        torch.manual_seed(int(rng.integers(1 << 62)))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(stage, self.step)
        with half_precision(self.device):
            loss, logged = self._loss(stage, rng)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        # the average starts as the weights themselves and grows slower as the steps add up
        keep = min(self.preset.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)
        if "kl" in logged:  # the weight climbs while KL is above its target and falls while below
            self.kl_weight *= math.exp(0.01 * (min(logged["kl"] / stage.kl_target, 2) - 1))
            self.kl_weight = min(max(self.kl_weight, 0.01), 2.0)
        self.step += 1
        return logged

    def _loss(self, stage: Stage, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        if stage.kind == "bars":
            at = rng.integers(len(self.bars), size=stage.batch)
            moves = rng.integers(-self.preset.transpose, self.preset.transpose + 1, stage.batch)
            bars = torch.from_numpy(transposed(self.bars[at], moves)).to(self.device)
            loss = self._bar_loss(stage, bars)
            return loss, {"loss": loss.item()}

        states = torch.from_numpy(self.windows.draw(stage.batch, self.preset.transpose, rng)).to(self.device)
        encoder = self.model.encoder
        if isinstance(encoder, HierarchicalEncoder):
            with torch.set_grad_enabled(not stage.frozen_bars):
                encoded = encoder.embed(states)  # (B, T, E)
            posterior = encoder.upper(encoded)
        else:
            posterior = encoder(states)
        embeddings = self.model.conductor(posterior.sample())  # (B, T, E)
        # reconstruct a random choice of bars of each melody: an unbiased estimate of the loss over all 16
        chosen = torch.rand(len(states), BARS, device=self.device).argsort(dim=1)[:, : stage.bars_decoded]
        rows = torch.arange(len(states), device=self.device)[:, None]
        bars = states.reshape(-1, BARS, STEPS_PER_BAR)[rows, chosen].flatten(0, 1)  # (B K, S)
        reconstruction = self._reconstruction(stage, embeddings[rows, chosen].flatten(0, 1), bars)
        kl = posterior.kl().sum(dim=1).mean()
        loss = reconstruction + self.kl_weight * kl / STEPS
        if stage.embedding_loss:
            loss = loss + stage.embedding_loss * F.mse_loss(embeddings, encoded.detach().float())
        if stage.bar_loss:
            loss = loss + stage.bar_loss * self._bar_loss(stage, bars[: len(bars) // 4])
        return loss, {
            "loss": loss.item(),
            "reconstruction": reconstruction.item() * STEPS,
            "kl": kl.item(),
            "kl_weight": self.kl_weight,
        }

    def _bar_loss(self, stage: Stage, bars: Tensor) -> Tensor:
        """The bar autoencoder's own loss, its embeddings blurred so that near embeddings come to mean near bars."""
        encoder = self.model.encoder
        assert isinstance(encoder, HierarchicalEncoder), "a flat encoder has no bars to train alone"
        embeddings = encoder.bar(bars)
        blur = torch.rand(len(bars), 1, device=self.device) * stage.noise
        return self._reconstruction(stage, embeddings + blur * torch.randn_like(embeddings), bars)

    def _reconstruction(self, stage: Stage, embeddings: Tensor, bars: Tensor) -> Tensor:
        """Cross-entropy per step, in nats, of bars (N, S) decoded from (N, E)."""
        previous = previous_states(bars)
        hidden = torch.rand(previous.shape, device=self.device) < stage.feedback_dropout
        logits = self.model.decoder(embeddings, previous.masked_fill(hidden, -1))
        return F.cross_entropy(logits.reshape(-1, STATES).float(), bars.reshape(-1).long())

    def save(self, folder: Path) -> None:
        """Checkpoint: weights, average and optimiser as safetensors in one file, the position as JSON inside it."""
        from safetensors.torch import save_file

        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value for name, value in state.items()}
        position = {
            "preset": self.preset.name,
            "sizes": asdict(self.preset.sizes),
            "stages": [stage.name for stage in self.preset.stages],
            "kl_target": self.preset.stages[-1].kl_target,
            "stage": self.preset.stages[self.stage].name,
            "step": self.step,
            "seconds": self.seconds,
            "kl_weight": self.kl_weight,
            "seed": self.seed,
        }
        with atomic_write(folder / "checkpoint.safetensors") as beside:
            save_file(
                {name: value.contiguous() for name, value in tensors.items()},
                beside,
                {"position": json.dumps(position)},
            )

    def restore(self, folder: Path) -> None:
        """Take up the checkpoint in `folder`.

        Raises:
            UserError: if there is none, or it is of another preset.
        """
        from safetensors import SafetensorError, safe_open

        path = folder / "checkpoint.safetensors"
        try:
            with safe_open(path, "pt") as file:
                position = json.loads((file.metadata() or {})["position"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise UserError(f"train: --resume expected a checkpoint at {path} ({error})") from error
        if position["preset"] != self.preset.name or position["sizes"] != asdict(self.preset.sizes):
            raise UserError(
                f"train: {path} was made with preset {position['preset']!r} or other sizes; use another --out"
            )
        names = [stage.name for stage in self.preset.stages]
        target = self.preset.stages[-1].kl_target
        if position.get("stages", names) != names:
            raise UserError(
                f"train: {path} is of the stages {', '.join(position['stages'])}, this is a run of {', '.join(names)}; "
                "resume with --start as it was begun, or without"
            )
        if position.get("kl_target", target) != target:
            raise UserError(
                f"train: {path} was trained with --kl {position['kl_target']:g}, not {target:g}; say it again"
            )
        self._take(tensors)
        self.stage = names.index(position["stage"])
        self.step, self.seconds = position["step"], position["seconds"]
        self.kl_weight, self.seed = position["kl_weight"], position["seed"]

    def _take(self, tensors: dict[str, Tensor]) -> None:
        adam: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, index, key = name.split(".")
                adam.setdefault(int(index), {})[key] = value
        for prefix, module in (("model.", self.model), ("average.", self.average)):
            module.load_state_dict(
                {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            )
        state = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": adam, "param_groups": state["param_groups"]})


def learning_rate(stage: Stage, step: int) -> float:
    """Warm-up, constant, then linear down to a twentieth over the last `decay` of the stage."""
    left = (stage.steps - step) / max(stage.steps * stage.decay, 1)
    return stage.learning_rate * min((step + 1) / WARM_UP, 1.0) * max(min(left, 1.0), 0.05)


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

    Ctrl-C saves and stops; `resume` goes on from there.

    Args:
        steps: other lengths for stages, by name.
        kl_target: another one than the preset's, in nats per melody.
        start: the model (.safetensors) to begin with; of the recipe only the last stage is left to do.
        about: further fields of the card: licence, sources, default sampling temperature.

    Returns:
        The card of the model.

    Raises:
        UserError: for a corpus, folder or checkpoint that cannot be used, and numbers out of bounds.
    """
    numbers.seed(seed)
    for name, length in (steps or {}).items():
        numbers.integer(f"train: steps of {name}", length, 0, 100 * numbers.MOST)
    if kl_target is not None:
        numbers.number("train: kl_target", kl_target, 1e-9)
    begun = None
    if start is not None:
        begun = storage.load(start)
        preset = replace(preset, stages=preset.stages[-1:])
    known = {stage.name for stage in preset.stages}
    if unknown := set(steps or {}) - known:
        raise UserError(f"train: this run has the stages {', '.join(known)}; got {', '.join(unknown)}")
    preset = replace(preset, stages=tuple(replace(s, steps=(steps or {}).get(s.name, s.steps)) for s in preset.stages))
    if kl_target is not None:
        preset = replace(preset, stages=tuple(replace(s, kl_target=kl_target) for s in preset.stages))
    corpus = Corpus(corpus_folder)
    out = Path(out)
    if not resume and (out / "checkpoint.safetensors").exists():
        raise UserError(f"train: {out} holds a run already; go on with --resume, or name another --out")
    out.mkdir(parents=True, exist_ok=True)
    try:
        trainer = Trainer(preset, corpus, seed, device or ("cuda" if torch.cuda.is_available() else "cpu"))
        valid = held_out(TrainingWindows(corpus, "valid"), HELD_OUT)
    except ValueError as error:
        raise UserError(f"train: {error}") from error
    if resume:
        trainer.restore(out)
    elif begun is not None:
        trainer.begin_with(begun[0])

    total = sum(stage.steps for stage in preset.stages)
    done = sum(stage.steps for stage in preset.stages[: trainer.stage]) + trainer.step
    bar = bar_of(total, unit="step", desc="train", done=done, show=progress)
    before = last = time.monotonic()
    sums: dict[str, float] = {}
    try:
        for index in range(trainer.stage, len(preset.stages)):
            stage = preset.stages[index]
            if index > trainer.stage:
                trainer.enter(index)
            while trainer.step < stage.steps:
                for name, value in trainer.one_step().items():
                    sums[name] = sums.get(name, 0.0) + value / LOG_EVERY
                bar.update()
                now = time.monotonic()
                trainer.seconds += now - before
                before = now
                if trainer.step % LOG_EVERY == 0:
                    _append(out / "log.csv", _position(trainer) | {k: round(v, 4) for k, v in sums.items()})
                    bar.set_postfix({"stage": stage.name} | {k: f"{v:.3g}" for k, v in sums.items()}, refresh=False)
                    sums = {}
                if now - last > CHECKPOINT_EVERY:
                    _checkpoint(trainer, valid, out)
                    before = last = time.monotonic()
            _checkpoint(trainer, valid, out)
            before = last = time.monotonic()
    except KeyboardInterrupt:
        trainer.save(out)
        raise
    finally:
        bar.close()
    trainer.save(out)
    card = {
        "preset": preset.name,
        "seed": trainer.seed,
        "hours": round(trainer.seconds / 3600, 2),
        "steps": {stage.name: stage.steps for stage in preset.stages},
        "corpus": {key: corpus.card[key] for key in ("files", "windows", "splits", "filters")},
        **({"start": {key: begun[1].get(key) for key in ("steps", "hours", "corpus")}} if begun else {}),
        "held_out": asdict(measure(trainer.average, valid)),
        **(about or {}),
    }
    storage.save(trainer.average, out / "model.safetensors", card)
    examples = trainer.windows.draw(BANK, preset.transpose, np.random.default_rng(seed))
    temperature = float((about or {}).get("temperature", TEMPERATURE))
    Bank.make(trainer.average, examples, temperature).save(out / "model.safetensors")
    return card


def _position(trainer: Trainer) -> dict[str, Any]:
    name = trainer.preset.stages[trainer.stage].name
    return {"stage": name, "step": trainer.step, "seconds": round(trainer.seconds)}


def _checkpoint(trainer: Trainer, valid: np.ndarray, out: Path) -> None:
    """Save, and measure the averaged weights on held-out melodies."""
    trainer.save(out)
    if trainer.preset.stages[trainer.stage].kind == "whole":
        metrics = {name: round(value, 4) for name, value in asdict(measure(trainer.average, valid)).items()}
        _append(out / "metrics.csv", _position(trainer) | metrics)


def _append(path: Path, row: dict[str, Any]) -> None:
    """A row of a CSV file; a row with other columns brings its own header line."""
    header = ",".join(row)
    known = path.exists() and header in path.read_text().splitlines()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if not known:
            writer.writeheader()
        writer.writerow(row)

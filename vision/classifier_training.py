"""The training of the classifier that all images are judged by."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from melodylc.latent import losses
from melodylc.latent.precision import half_precision
from melodylc.latent.processes import ALONE, Processes
from vision.data.images import Images
from vision.models import Encoder
from vision.presets import ExperimentPreset
from vision.training_loop import TrainingRun, adam, descend, set_learning_rate, train


def train_classifier(
    network: Encoder, images: Images, preset: ExperimentPreset, run: TrainingRun, device: torch.device
) -> None:
    """Train a classifier by cross-entropy, on images shifted and mirrored as the preset says."""
    training = preset.classifier
    optimiser = adam(network, training.learning_rate)

    def step(number: int) -> dict[str, Tensor]:
        set_learning_rate(optimiser, training.learning_rate, number, training.steps)
        x, y = run.draw(images, training.batch)
        x = jittered(x, preset.jitter, preset.mirror, run.processes)
        with half_precision(device):
            logits = network(x)
        loss = losses.regression(logits.float(), y)
        descend(optimiser, loss)
        return {"loss": loss.detach()}

    train(step, {"classifier": (network, optimiser)}, training.steps, run)


def jittered(x: Tensor, reach: int, mirror: bool, processes: Processes = ALONE) -> Tensor:
    """Shift images (B, C, H, W) at random by up to `reach` pixels along each axis, and mirror every other one."""
    batch = len(x) * processes.count
    if reach:
        height, width = x.shape[-2:]
        padded = F.pad(x, (reach, reach, reach, reach), mode="replicate")
        down, right = map(processes.share, torch.randint(0, 2 * reach + 1, (2, batch), device=x.device))  # (B,) each
        rows = (down[:, None] + torch.arange(height, device=x.device))[:, None, :, None]  # (B, 1, H, 1)
        columns = (right[:, None] + torch.arange(width, device=x.device))[:, None, None, :]  # (B, 1, 1, W)
        image = torch.arange(len(x), device=x.device)[:, None, None, None]
        channel = torch.arange(x.shape[1], device=x.device)[None, :, None, None]
        x = padded[image, channel, rows, columns]
    if mirror:
        x = torch.where((processes.share(torch.rand(batch, device=x.device)) < 0.5)[:, None, None, None], x.flip(-1), x)
    return x

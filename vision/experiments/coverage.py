"""Coverage and quality driven training (Lucas et al. 2018): the rows of the slides' tables on CIFAR-10."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vision import figures, metrics, published
from vision.coverage.model import CoverageVAE, Variant, bits_per_dimension, dequantised
from vision.coverage.training import train_coverage
from vision.inference import CHUNK
from vision.model_card import About
from vision.training_loop import TrainingRun
from vision.workspace import MEASURED, Workspace

_CQF = Variant(adversarial=True, invertible=True)
VARIANTS = {
    "VAE": Variant(),
    "GAN": Variant(likelihood=False, adversarial=True),
    "VAE-F": Variant(invertible=True),
    "CQ": Variant(adversarial=True),
    "CQF": _CQF,
    "GAN, residual": Variant(likelihood=False, adversarial=True, residual=True),
    "CQF, residual": Variant(adversarial=True, invertible=True, residual=True),
    "CQF, residual, IAF": Variant(adversarial=True, invertible=True, residual=True, posterior_flow=True),
    "CQF, residual, IAF, large critic": Variant(
        adversarial=True, invertible=True, residual=True, posterior_flow=True, large_critic=True
    ),
    "CQF, residual, IAF, two scales": Variant(
        adversarial=True, invertible=True, residual=True, posterior_flow=True, scales=2
    ),
}
SHOWN = 10


def run(workspace: Workspace) -> dict[str, Any]:
    """Measure bits per dimension of test images, and the quality of samples, of each."""
    data = workspace.data
    real = data.test.at(slice(workspace.preset.draws))[0]
    rows: dict[str, Any] = dict(published.COVERAGE)
    sheets = [("test images", real[None, :SHOWN])]
    with workspace.processes.forked():
        torch.manual_seed(workspace.seed)
        for name in VARIANTS:
            model = model_of(workspace, name)
            z = workspace.prior(len(real), model.latent)
            with torch.no_grad():
                parts = [dequantised(x.to(workspace.device)) for x in real.split(CHUNK)]
                elbo = torch.cat([model.elbo(x) for x in parts])
                samples = torch.cat([_shown(model.sample(part)) for part in z.split(CHUNK)])
                error = max(
                    float((model.flow.inverse(model.flow(x.flatten(1))[0]) - x.flatten(1)).abs().max()) for x in parts
                )
            rows[name] = {"bits_per_dimension": float(bits_per_dimension(elbo, real[0].numel()).mean())}
            if data.exclusive:
                rows[name]["classifier_score"] = metrics.classifier_score(workspace.logits(samples))
            rows[name] |= {"classifier_frechet": workspace.frechet(samples), "inversion_error": error}
            sheets.append((name, samples[None, :SHOWN]))
    figures.panels(workspace.out / "coverage.png", sheets)
    return {"images": len(real), "rows": rows}


def _shown(samples: Tensor) -> Tensor:
    """Return samples as images: the range of pixels is that of bytes, and f^-1 may leave it, even overflow."""
    return samples.nan_to_num().clamp(0, 1).cpu()


def model_of(workspace: Workspace, name: str) -> CoverageVAE:
    """Return one of `VARIANTS`, trained."""
    preset, variant, data = workspace.preset, VARIANTS[name], workspace.data
    flow = preset.flow

    def build() -> CoverageVAE:
        couplings = flow.couplings if variant.invertible else 0
        return CoverageVAE(data.shape, preset.pixel_layers, couplings, flow.hidden, variant)

    def train(model: CoverageVAE, run: TrainingRun) -> None:
        train_coverage(model, data.train, preset.pixel_layers, flow, variant, run)

    def measure(model: CoverageVAE) -> dict[str, float]:
        images = data.valid.at(slice(MEASURED))[0].split(CHUNK)
        with torch.no_grad():
            elbo = torch.cat([model.elbo(dequantised(x.to(workspace.device))) for x in images])
        return {"bits_per_dimension": float(bits_per_dimension(elbo, images[0][0].numel()).mean())}

    settings = {"layers": preset.pixel_layers, "flow": flow, "variant": variant}
    code = (
        "from vision.coverage.model import CoverageVAE, Variant",
        "from vision.models import Architecture",
        "",
        f"network = CoverageVAE({data.shape}, {preset.pixel_layers}, {flow.couplings if variant.invertible else 0}, "
        f"{flow.hidden}, {variant})",
    )
    about = About(f"{name} of the slides on coverage and quality.", False, code, measure)
    file = f"coverage-{name.lower().replace(', ', '-').replace(' ', '-')}"
    return workspace.networks.load_or_train(file, build, train, settings, about)

"""Coverage and quality driven training (Lucas et al. 2018): the rows of the slides' tables on CIFAR-10."""

from __future__ import annotations

from typing import Any

import torch

from vision import figures, metrics
from vision.coverage.model import CoverageVAE, Variant, bits_per_dimension, dequantised
from vision.coverage.training import train_coverage
from vision.inference import CHUNK
from vision.training_loop import TrainingRun
from vision.workspace import Workspace

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
# bits per dimension, Inception score and Frechet inception distance on CIFAR-10, from the slides
PAPER_COVERAGE = {
    "VAE": {"bits_per_dimension": 4.4, "inception_score": 2.0, "fid": 171.0},
    "GAN": {"bits_per_dimension": 7.0, "inception_score": 6.8, "fid": 31.4},
    "VAE-F": {"bits_per_dimension": 3.5, "inception_score": 3.0, "fid": 112.0},
    "CQ": {"bits_per_dimension": 4.4, "inception_score": 5.1, "fid": 58.6},
    "CQF": {"bits_per_dimension": 3.9, "inception_score": 7.1, "fid": 28.0},
    "GAN, residual": {"inception_score": 7.4, "fid": 24.0},
    "CQF, residual": {"bits_per_dimension": 3.84, "inception_score": 7.5, "fid": 26.0},
    "CQF, residual, IAF": {"bits_per_dimension": 3.77, "inception_score": 7.9, "fid": 20.1},
    "CQF, residual, IAF, large critic": {"bits_per_dimension": 3.74, "inception_score": 8.1, "fid": 18.6},
    "CQF, residual, IAF, two scales": {"bits_per_dimension": 3.48, "inception_score": 6.9, "fid": 28.9},
}


def run(workspace: Workspace) -> dict[str, Any]:
    """Measure bits per dimension of test images, and the quality of samples, of each."""
    data = workspace.data
    real = data.test.at(slice(workspace.preset.draws))[0]
    rows: dict[str, Any] = {}
    sheets = [("test images", real[None, :SHOWN])]
    with torch.random.fork_rng():
        torch.manual_seed(workspace.seed)
        for name in VARIANTS:
            model = model_of(workspace, name)
            z = workspace.prior(len(real), model.latent)
            with torch.no_grad():
                parts = [dequantised(x.to(workspace.device)) for x in real.split(CHUNK)]
                elbo = torch.cat([model.elbo(x) for x in parts])
                samples = torch.cat([model.sample(part).clamp(0, 1).cpu() for part in z.split(CHUNK)])
                error = max(
                    float((model.flow.inverse(model.flow(x.flatten(1))[0]) - x.flatten(1)).abs().max()) for x in parts
                )
            rows[name] = {"bits_per_dimension": float(bits_per_dimension(elbo, real[0].numel()).mean())}
            if data.exclusive:
                rows[name]["classifier_score"] = metrics.classifier_score(workspace.logits(samples))
            rows[name] |= {"classifier_frechet": workspace.frechet(samples), "inversion_error": error}
            sheets.append((name, samples[None, :SHOWN]))
    figures.panels(workspace.out / "coverage.png", sheets)
    return {"images": len(real), "rows": rows, "paper": PAPER_COVERAGE}


def model_of(workspace: Workspace, name: str) -> CoverageVAE:
    """Return one of `VARIANTS`, trained."""
    preset, variant, data = workspace.preset, VARIANTS[name], workspace.data
    flow = preset.flow

    def build() -> CoverageVAE:
        couplings = flow.couplings if variant.invertible else 0
        return CoverageVAE(data.shape, preset.architecture, couplings, flow.hidden, variant)

    def train(model: CoverageVAE, run: TrainingRun) -> None:
        train_coverage(model, data.train, preset.architecture, flow, variant, run, workspace.device)

    settings = {"architecture": preset.architecture, "flow": flow, "variant": variant}
    return workspace.networks.load_or_train(f"coverage-{name.lower().replace(', ', '-')}", build, train, settings)

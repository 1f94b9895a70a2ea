"""Coverage and quality driven training (Lucas et al. 2018): a VAE, an invertible last stage, an adversarial term, both.

Equations are those of the slides: L_C, the loss of likelihood (3), L_Q, the adversarial loss (2), and p(x|z) through
the invertible stage (6 to 8).

Shapes: B images of (C, H, W), flattened to D pixels, Z latent dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from melodylc.latent import losses
from melodylc.latent.optimisers import ADVERSARIAL_BETAS
from melodylc.latent.posterior import Posterior
from vision import figures, published
from vision.flow import Flow
from vision.inference import CHUNK
from vision.models import LEAST_SIGMA, LOG_2PI, Architecture, Decoder, Encoder
from vision.presets import FlowSettings
from vision.training_loop import Part, TrainingRun, adam, descend, set_learning_rate, train
from vision.workspace import Workspace

# name: with an invertible last stage, with an adversarial term
MODELS = {"VAE": (False, False), "VAE-F": (True, False), "CQ": (False, True), "CQF": (True, True)}
LEVELS = 256  # of a pixel; noise below one level turns them into a density (dequantisation)
LEAST_LOG_SIGMA = -6.0  # two thirds of a level; below it the density of a Gaussian grows without bounds
LARGEST_GRADIENT = 1.0  # norm; longer gradients are scaled down to it
SHOWN = 10
Noise = Callable[[tuple[int, ...]], Tensor]  # a shape to random numbers of that shape


class CoverageVAE(nn.Module):
    """A VAE whose p(y|z) is a Gaussian of learned mean and scale, on y = f(x); without couplings y is x."""

    def __init__(self, shape: tuple[int, int, int], architecture: Architecture, couplings: int, hidden: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.shape = shape
        self.encoder = Encoder(shape, architecture, 2 * architecture.latent)
        self.decoder = Decoder((2 * channels, height, width), architecture)
        self.flow = Flow(channels * height, width, couplings, hidden)

    def encode(self, x: Tensor) -> Posterior:
        """Return q(z|x)."""
        return Posterior.from_outputs(self.encoder(x), LEAST_SIGMA)

    def likelihood(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log sigma of p(y|z), (B, D) each."""
        mean, log_sigma = self.decoder.layers(z).flatten(1).chunk(2, dim=-1)
        return mean, LEAST_LOG_SIGMA + F.softplus(log_sigma - LEAST_LOG_SIGMA)

    def elbo(self, x: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Return the ELBO of dequantised images (B, C, H, W), from one sample of z, in nats, (B,)."""
        posterior = self.encode(x)
        mean, log_sigma = self.likelihood(posterior.mean + posterior.sigma * noise(posterior.mean.shape).to(x.device))
        y, log_det = self.flow(x.flatten(1))
        density = -0.5 * ((y - mean) * (-log_sigma).exp()).square() - log_sigma - 0.5 * LOG_2PI
        return density.sum(dim=-1) + log_det - posterior.kl().sum(dim=-1)

    def sample(self, z: Tensor, noise: Noise = torch.randn) -> Tensor:
        """Draw y from p(y|z) and return x = f^-1(y), (B, C, H, W)."""
        mean, log_sigma = self.likelihood(z)
        y = mean + log_sigma.exp() * noise(mean.shape).to(z.device)
        return self.flow.inverse(y).view(-1, *self.shape)


def dequantised(x: Tensor, uniform: Noise = torch.rand) -> Tensor:
    """Map pixels k / 255 to (k + u) / 256, u uniform in [0, 1)."""
    return (x * (LEVELS - 1) + uniform(x.shape).to(x.device)) / LEVELS


def bits_per_dimension(elbo: Tensor, dimensions: int) -> Tensor:
    """Convert the ELBO in nats of a density on [0, 1] to an upper bound of -log2 p / D of images in LEVELS steps."""
    return math.log2(LEVELS) - elbo / (dimensions * math.log(2))


def run(workspace: Workspace) -> dict[str, Any]:
    """Measure bits per dimension of test images and the Frechet distance of samples, of all four."""
    real = workspace.data.test.at(slice(workspace.preset.draws))[0]
    rows: dict[str, Any] = dict(published.COVERAGE)
    sheets = [("test images", real[None, :SHOWN])]
    with torch.random.fork_rng():
        torch.manual_seed(workspace.seed)
        for name in MODELS:
            model = model_of(workspace, name)
            z = workspace.prior(len(real), workspace.preset.architecture.latent)
            with torch.no_grad():
                parts = [dequantised(x.to(workspace.device)) for x in real.split(CHUNK)]
                elbo = torch.cat([model.elbo(x) for x in parts])
                samples = torch.cat([model.sample(part).clamp(0, 1).cpu() for part in z.split(CHUNK)])
                error = max(
                    float((model.flow.inverse(model.flow(x.flatten(1))[0]) - x.flatten(1)).abs().max()) for x in parts
                )
            rows[name] = {
                "bits_per_dimension": float(bits_per_dimension(elbo, real[0].numel()).mean()),
                "classifier_frechet": workspace.frechet(samples),
                "inversion_error": error,
            }
            sheets.append((name, samples[None, :SHOWN]))
    figures.panels(workspace.out / "coverage.png", sheets)
    return {"images": len(real), "rows": rows}


def model_of(workspace: Workspace, name: str) -> CoverageVAE:
    """Return one of the four, trained."""
    flow, preset = workspace.preset.flow, workspace.preset
    assert flow is not None, "the preset has no flow"
    invertible, adversarial = MODELS[name]

    def build() -> CoverageVAE:
        couplings = flow.couplings if invertible else 0
        return CoverageVAE(workspace.data.shape, preset.architecture, couplings, flow.hidden)

    def train_model(model: CoverageVAE, run: TrainingRun) -> None:
        _train(model, workspace, flow, adversarial, run)

    settings = {"architecture": preset.architecture, "flow": flow}
    return workspace.networks.load_or_train(f"coverage-{name.lower()}", build, train_model, settings)


def _train(
    model: CoverageVAE, workspace: Workspace, settings: FlowSettings, adversarial: bool, run: TrainingRun
) -> None:
    """Train a model on L_C, and on L_Q as well if it is adversarial."""
    training, architecture = settings.training, workspace.preset.architecture
    optimiser = adam(model, training.learning_rate)
    parts: dict[str, Part] = {"model": (model, optimiser)}
    if adversarial:
        with torch.random.fork_rng():
            torch.manual_seed(run.seed + 1)
            critic = Encoder(workspace.data.shape, architecture, 1).to(workspace.device)
        critic_optimiser = adam(critic, training.learning_rate, ADVERSARIAL_BETAS)
        parts["critic"] = (critic, critic_optimiser)

    processes = run.processes

    def step(number: int) -> dict[str, Tensor]:
        set_learning_rate(optimiser, training.learning_rate, number, training.steps)
        x = dequantised(run.draw(workspace.data.train, training.batch)[0], processes.random)
        elbo = model.elbo(x, processes.noise).mean()
        loss = -elbo / x[0].numel()
        if adversarial:
            made = model.sample(processes.noise((len(x), architecture.latent)), processes.noise)
            descend(critic_optimiser, _critic_loss(critic, x, made.detach(), processes.random((len(x), 1))))
            loss = loss - settings.quality * critic(made).mean()  # (2): ln(D / (1 - D)) is the logit
        descend(optimiser, loss, LARGEST_GRADIENT)
        return {"bits_per_dimension": bits_per_dimension(elbo.detach(), x[0].numel())}

    train(step, parts, training.steps, run)


def _critic_loss(critic: Encoder, real: Tensor, made: Tensor, share: Tensor) -> Tensor:
    """Return the loss of D(x) for real images and generated ones, (B, C, H, W) each.

    Args:
        share: (B, 1) in [0, 1], where between them the gradient is penalised.
    """
    loss = losses.constraint_loss(critic(real)).mean() + losses.violation_loss(critic(made)).mean()
    return loss + losses.gradient_penalty(
        lambda flat: critic(flat.view_as(real)), real.flatten(1), made.flatten(1), share
    )

"""The experiments by name, each with the parts of a preset that its numbers depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vision.experiments import (
    autoencoder,
    baselines,
    comparison,
    conditional,
    contours,
    coverage,
    likelihood,
    networks,
    objectives,
    optimisation,
    priors,
    sharpening,
    transformation,
)
from vision.workspace import Workspace


@dataclass(frozen=True)
class Experiment:
    """An experiment: what runs it, what it is called, and the fields of a preset that it reads."""

    run: Callable[[Workspace], dict[str, Any]]
    title: str
    fields: tuple[str, ...]


_NETWORKS = ("architecture", "critic_hidden")
_VAE = (*_NETWORKS, "sigma_x", "vae")
_JUDGE = ("judge", "classifier", "jitter", "mirror")
_PIXELS = ("pixels", "pixel_layers")
_CONSTRAINED = (*_VAE, "constraints", "penalty")
_JUDGED = (*_CONSTRAINED, *_JUDGE, "draws")
_BY_GRADIENT = (*_JUDGED, "attributes", "attribute_penalty")

EXPERIMENTS = {
    "sharpen": Experiment(sharpening.run, "realism sharpening (figure 2)", (*_JUDGED, "sweep")),
    "contours": Experiment(contours.run, "contours of the realism critic (figure 3)", _CONSTRAINED),
    "conditional": Experiment(conditional.run, "conditional generation (table 1, figures 4, 7, 8, 14)", _JUDGED),
    "transform": Experiment(transformation.run, "identity-preserving transformation (figures 5, 10)", _BY_GRADIENT),
    "optimise": Experiment(optimisation.run, "optimisation from the prior (figure 9)", _BY_GRADIENT),
    "autoencoder": Experiment(
        autoencoder.run, "constraints on a plain autoencoder (figure 15)", (*_JUDGED, "variants")
    ),
    "networks": Experiment(
        networks.run, "the networks (figures 12, 13)", ("architecture", "sigma_x", "constraints", "penalty")
    ),
    "likelihood": Experiment(likelihood.table, "sigma_x against the ELBO (table 4)", (*_NETWORKS, "sweep")),
    "scales": Experiment(likelihood.scales, "posterior scales (figure 16)", (*_NETWORKS, "sweep")),
    "compare": Experiment(comparison.run, "conditional VAE and GAN, AC-GAN, attribute vectors", (*_JUDGED, *_PIXELS)),
    "baselines": Experiment(
        baselines.run,
        "generators in pixels beside each other",
        (*_PIXELS, *_JUDGE, "draws"),
    ),
    "priors": Experiment(
        priors.run, "densities of encodings in place of N(0, I)", (*_JUDGED, "priors", "pseudo_inputs")
    ),
    "objectives": Experiment(
        objectives.run, "beta-VAE, InfoVAE, adversarial autoencoder", (*_NETWORKS, *_JUDGE, "sigma_x", "variants")
    ),
    "coverage": Experiment(
        coverage.run, "coverage and quality: VAE, GAN, and both together", ("pixel_layers", *_JUDGE, "draws", "flow")
    ),
}

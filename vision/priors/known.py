"""The priors by name, each trained on first use on the encodings of a workspace's VAE."""

from __future__ import annotations

import torch

from vision.model_card import About
from vision.priors.autoregressive_prior import AutoregressivePrior
from vision.priors.flow_prior import FlowPrior
from vision.priors.latent_prior import LatentPrior, train_prior
from vision.priors.vae_prior import VaePrior
from vision.priors.vamp_prior import VampPrior
from vision.training_loop import TrainingRun
from vision.workspace import MEASURED, Workspace

PRIORS = {  # title: whether it reads labels
    "VampPrior": False,
    "autoregressive": True,
    "VAE": True,
    "flow": True,
}


def trained(workspace: Workspace, name: str) -> LatentPrior:
    """Return one of `PRIORS`, trained."""
    vae, preset, data = workspace.vae(), workspace.preset, workspace.data
    hidden, labels = preset.critic_hidden, len(data.attributes)

    def build() -> LatentPrior:
        if name == "VampPrior":
            return VampPrior(vae.encode, data.train.at(slice(preset.pseudo_inputs))[0])
        if name == "autoregressive":
            return AutoregressivePrior(vae.latent, hidden, labels)
        return VaePrior(vae.latent, hidden, labels) if name == "VAE" else FlowPrior(vae.latent, labels)

    def train(prior: LatentPrior, run: TrainingRun) -> None:
        train_prior(prior, workspace.encodings(vae), data.train.labels.to(workspace.device), preset.priors, run)

    depends = {"hidden": hidden, "training": preset.priors, "vae": workspace.networks.card(vae)}
    if name == "VampPrior":
        depends["pseudo_inputs"] = preset.pseudo_inputs

    def measure(prior: LatentPrior) -> dict[str, float]:
        images = data.valid.subset(slice(MEASURED))
        posterior, labels = workspace.encode(vae, images), images.labels.to(workspace.device)
        with torch.no_grad():
            density = prior.log_density(posterior.sample(), labels)
        return {} if density is None else {"log_density": float(density.mean())}

    code = {
        "VampPrior": (),  # of which the VAE's encoder is a part
        "autoregressive": (
            "from vision.priors.autoregressive_prior import AutoregressivePrior",
            "",
            f"network = AutoregressivePrior({vae.latent}, {hidden}, {labels})",
        ),
        "VAE": (
            "from vision.priors.vae_prior import VaePrior",
            "",
            f"network = VaePrior({vae.latent}, {hidden}, {labels})",
        ),
        "flow": ("from vision.priors.flow_prior import FlowPrior", "", f"network = FlowPrior({vae.latent}, {labels})"),
    }[name]
    about = About(f"A density of encodings in place of N(0, I): {name}.", False, code, measure)
    return workspace.networks.load_or_train(f"prior-{name.lower()}", build, train, depends, about)

"""The sizes of models and the recipes that train them, as data.

`paper` follows section 9.2.3 of Latent Constraints in every detail. `small` is the embedded default for a laptop: a
smaller decoder of the same shape, and an encoder that is hierarchical as well, trained in stages.
"""

from __future__ import annotations

from dataclasses import dataclass

from melodylc.runtime.sizes import Sizes


@dataclass(frozen=True)
class Stage:
    """One stage of training. The kind "bars" trains the bar autoencoder alone, "whole" the VAE over 16 bars."""

    name: str
    kind: str  # "bars" or "whole"
    steps: int
    batch: int  # bars for "bars", windows for "whole"
    learning_rate: float
    bars_decoded: int = 16  # of each window, drawn at random: an unbiased share of the reconstruction loss
    principal: bool = False  # initialise the upper levels by principal components of bar embeddings (see `pca`)
    frozen_bars: bool = False  # keep the bar encoder fixed
    bar_loss: float = 0.0  # weight of the bar autoencoder's own loss, so that it does not drift
    embedding_loss: float = 0.0  # weight of the distance between decoded and encoded bar embeddings
    feedback_dropout: float = 0.0  # share of fed-back states hidden from the decoder
    noise: float = 0.0  # largest standard deviation of the noise on a bar embedding (drawn from 0 up to it)
    kl_target: float = 230.0  # nats per melody; the weight of the KL term follows it
    decay: float = 0.3  # the last share of the steps, over which the learning rate falls to a twentieth


@dataclass(frozen=True)
class ModelPreset:
    """The sizes of a model and its recipe."""

    name: str
    sizes: Sizes
    stages: tuple[Stage, ...]
    kl_weight: float = 0.35  # initial; it then follows the target
    average: float = 0.999  # decay of the moving average of the weights, which becomes the model
    transpose: int = 6  # semitones up or down, drawn per melody


PRESETS = {
    "small": ModelPreset(
        name="small",
        sizes=Sizes(latent=512, encoder=256, conductor=320, embedding=192, decoder=320, bar_encoder=192, slice=80),
        stages=(
            Stage("bars", "bars", 2_500, 256, 2e-3, feedback_dropout=0.3, noise=0.8),
            Stage(
                "phrases",
                "whole",
                3_000,
                32,
                5e-4,
                bars_decoded=2,
                principal=True,
                frozen_bars=True,
                embedding_loss=0.5,
                feedback_dropout=0.5,
            ),
            Stage(
                "whole",
                "whole",
                5_500,
                32,
                5e-4,
                bars_decoded=4,
                bar_loss=0.1,
                embedding_loss=0.1,
                feedback_dropout=0.5,
                noise=0.8,
            ),
        ),
    ),
    "paper": ModelPreset(
        name="paper",
        sizes=Sizes(latent=512, encoder=2048, conductor=1024, embedding=512, decoder=1024),
        stages=(Stage("whole", "whole", 100_000, 256, 3e-4, decay=0.0),),
    ),
}

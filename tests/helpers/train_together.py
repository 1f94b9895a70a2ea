"""A training of a tiny preset, as one of the processes that torchrun starts: CORPUS OUT [--resume] [--stop STEPS]."""

import argparse
import os
import signal

from melodylc.vae import bank, trainer, training
from melodylc.vae.presets import ModelPreset, Sizes, Stage
from melodylc.vae.trainer import Trainer

PRESET = ModelPreset(
    name="tiny",
    sizes=Sizes(latent=8, encoder=12, conductor=10, embedding=14, decoder=16, bar_encoder=9, slice=5),
    stages=(
        Stage("bars", "bars", 4, 16, 1e-2, feedback_dropout=0.3, noise=0.5),
        Stage(
            "phrases", "whole", 4, 16, 1e-2, bars_decoded=2, principal=True, frozen_bars=True, embedding_loss=0.5
        ),
        Stage("whole", "whole", 6, 16, 1e-2, bars_decoded=4, bar_loss=0.1, embedding_loss=0.1, noise=0.5),
    ),
)  # fmt: skip


def main() -> None:
    """Train; with --stop, the second process is asked to stop in the middle of that step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("out")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--stop", type=int)
    given = parser.parse_args()
    training.LOG_EVERY, trainer.PRINCIPAL = 1, 256
    bank.DRAWN = training.BANK = 128
    one_step, made = Trainer.one_step, 0

    def step(self: Trainer) -> dict[str, float]:
        nonlocal made
        made += 1
        if made == given.stop and not self.processes.first:
            os.kill(os.getpid(), signal.SIGINT)
        return one_step(self)

    Trainer.one_step = step
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test may have been started where it is ignored
    training.train(given.corpus, PRESET, given.out, resume=given.resume, device="cpu", progress=False)
    os._exit(0)  # threads of gloo now and then abort a process that is done and ends by itself


if __name__ == "__main__":
    main()

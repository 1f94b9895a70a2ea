"""The options of the image experiments on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from vision.presets import CONDITIONAL, ExperimentPreset
from vision.workspace import LAST_SEED

SIGMA_X = (1e-6, 1e6)  # bounds of --sigma-x, far beyond what can be trained


def parser(name: str, presets: Mapping[str, ExperimentPreset], titles: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command for a data set.

    Args:
        titles: of the experiments, by name.
    """
    about = "\n".join(f"  {key:<12} {title}" for key, title in titles.items())
    made = argparse.ArgumentParser(
        prog=f"python -m vision.{name}",
        description=f"The experiments of Latent Constraints on {name}.",
        epilog=(
            f"experiments:\n{about}\n  {'all':<12} every one of them\n"
            f"  {'generate':<12} images of the labels given by --ask, or pictures given by --image changed to them"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # `--see 3` behind the command of several seeds would be each one's --seed
    )
    made.add_argument(
        "experiments",
        nargs="+",
        choices=[*titles, "all", "generate"],
        metavar="EXPERIMENT",
        help="one or more of those below",
    )
    made.add_argument("--data", default="data", metavar="PATH", help="folder or archive of the data (./data)")
    made.add_argument("--out", metavar="DIR", help=f"folder of networks, JSON and figures ({name}-PRESET)")
    made.add_argument("--preset", choices=list(presets), default="quick", help="quick: two cores; paper: a GPU (quick)")
    made.add_argument("--seed", type=_seed, default=0, help="of the split, the networks and the draws (0)")
    _add_model_options(made, convolutional=any(preset.architecture.channels for preset in presets.values()))
    made.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="LABELS",
        help="for generate: a class, or attributes between commas; may be repeated",
    )
    made.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE",
        help="for generate: a picture of your own, which is changed as --ask says; may be repeated",
    )
    made.add_argument(
        "--actor", choices=list(CONDITIONAL), default="distance", help="for generate: an actor of table 1 (distance)"
    )
    made.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    made.add_argument("--download", action="store_true", help="download the data into --data first, by torchvision")
    made.add_argument("--again", action="store_true", help="also run experiments whose results are there already")
    made.add_argument("--quiet", action="store_true", help="no progress bars")
    return made


def _add_model_options(made: argparse.ArgumentParser, convolutional: bool) -> None:
    """Add the options of the main VAE, and of the images where they are decoded."""
    made.add_argument(
        "--objective",
        default="elbo",
        help="of the main VAE: elbo, beta:B, info:ALPHA:LAMBDA or adversarial:W (elbo)",
    )
    made.add_argument("--sigma-x", type=_sigma_x, help="of the main VAE's likelihood (the preset's, 0.1)")
    if convolutional:
        made.add_argument(
            "--encoder",
            choices=("notebook", "paper"),
            default="notebook",
            help="order of its channels: growing as in the authors' notebook, or as the paper lists them (notebook)",
        )
        made.add_argument(
            "--attributes",
            metavar="NAMES",
            help="labels of the data, in place of the paper's ten: CelebA's names between commas",
        )
        made.add_argument("--decoded", metavar="DIR", help="where the decoded images are kept (that of --out)")


def _sigma_x(text: str) -> float:
    """Parse a standard deviation of pixels whose square can be computed with."""
    least, most = SIGMA_X
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"expected a number from {least:g} to {most:g}, got {text!r}")
    return value


def _seed(text: str) -> int:
    """Parse a seed that `Workspace` accepts."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= value <= LAST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {LAST_SEED}, got {text!r}")
    return value

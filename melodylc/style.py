"""One's own style: the realistic prior, moved to where one's own melodies lie.

The flow of the prior, followed backwards, turns melodies into the noise that they would come from. A Gaussian that fits
the noise of their bars, and the forms that they have, are a style: 2,144 numbers and which bars return. Draws of a
model in a style go through the same flow, so that whatever works on noise works on them: rules, locks, chords, live.
The nearest work is MidiMe (Dinculescu, Engel, Roberts 2019), which trains a small VAE on encodings of a few melodies.

A style holds no melody. Of the eight-note stretches of a melody, those that are in the files are counted: where it is
more than a tenth, the melody is not plausible (`Bounds.most_copied`), so that another is drawn or searched for.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from melodylc.base import storage
from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.base.extras import TRAIN, need
from melodylc.base.numbers import number
from melodylc.loading import learned_card, with_torch
from melodylc.melody import BARS, HOLD, canonical, check
from melodylc.runtime.bank import fingerprint
from melodylc.runtime.interface import MelodyModel
from melodylc.runtime.model import PlayingModel
from melodylc.runtime.prior import NoiseMap

M = TypeVar("M", bound=MelodyModel)
KIND = storage.FileKind("melodylc.style", "style", "a style; melodylc style makes one")
MOST = 300  # melodies that are followed backwards: half a minute of two cores
FEWEST, SOME = 4, 10  # melodies: without which there is no style, and below which it is said that they are few
AT_ONCE = 64  # melodies followed backwards together
STEPS = 16  # of the flow, backwards
STRETCH = 8  # notes
MIXED = 1024  # forms of a style and of the corpus, in the shares that an amount says


@dataclass(frozen=True, eq=False)
class Style:
    """A style that was learned, for the model it was learned on."""

    noise: NoiseMap
    forms: np.ndarray  # (F, 16) uint8: of the melodies, for each bar the first that is equal to it
    stretches: np.ndarray  # (N,) uint64, sorted: digests of the eight-note stretches of the files, in any key
    card: dict[str, Any]  # model, melodies, files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the style and the JSON card beside it.

        Raises:
            UserError: unless the path ends in .safetensors.
        """
        path = storage.weights_path(path)
        stretches = self.stretches.view(np.int64)
        storage.write_arrays(path, {**self.noise._asdict(), "forms": self.forms, "stretches": stretches})
        storage.write_card(path, KIND, self.card)

    def copied(self, melodies: np.ndarray, given: np.ndarray | None = None) -> np.ndarray:
        """Return the share of the eight-note stretches of melodies (B, 256) that are in the files, (B,); 0 of none.

        Args:
            given: (G, 256), melodies whose own stretches do not count.
        """
        known = np.empty(0, np.uint64) if given is None else stretches_of(given)
        found = [np.setdiff1d(stretches_of(melody[None]), known) for melody in np.atleast_2d(melodies)]
        return np.array([self._known(each).mean() if len(each) else 0.0 for each in found])

    def _known(self, stretches: np.ndarray) -> np.ndarray:
        if not len(self.stretches):
            return np.zeros(len(stretches), bool)
        at = np.searchsorted(self.stretches, stretches)
        return np.asarray(self.stretches[np.minimum(at, len(self.stretches) - 1)] == stretches)


def learn_style(model: MelodyModel, melodies: np.ndarray, *, files: int | None = None, progress: bool = True) -> Style:
    """Learn the style of melodies (N, 256), of which the first 300 say where they lie.

    Args:
        files: how many they come from, for the card.

    Raises:
        ValueError: if they are no melodies.
        UserError: for fewer than 4, for a model without a realistic prior, and where torch is not installed.
    """
    plain = with_torch(model.plain or model, "style")
    import torch

    from melodylc.base.progress import bar as bar_of
    from melodylc.latent import noise_map
    from melodylc.latent.flow import form_of

    _check_prior(plain)
    prior, melodies = plain.realistic, np.atleast_2d(melodies)
    assert prior is not None
    if len(melodies) < FEWEST:
        raise UserError(f"style: expected {FEWEST} melodies of 16 bars or more, found {len(melodies)}; name more files")
    melodies = canonical(check(melodies))
    bars = prior.bars(melodies[:MOST])
    noise = []
    with bar_of(len(bars), unit="melody", desc="style", show=progress) as bar:
        for part in bars.split(AT_ONCE):
            noise.append(prior.invert(part, steps=STEPS).cpu())
            bar.update(len(part))
    forms = form_of(bars.cpu())
    distinct = forms == torch.arange(forms.shape[1])  # a bar that returns counts once
    card = {"model": fingerprint(plain), "melodies": len(melodies), "files": files}
    fitted = noise_map.NoiseMap.fitting(torch.cat(noise)[distinct])
    own = NoiseMap(fitted.mean.numpy(), fitted.factor.numpy())
    return Style(own, forms.to(torch.uint8).numpy(), stretches_of(melodies), card)


def _check_prior(model: MelodyModel) -> None:
    if model.realistic is None:
        raise UserError("style: expected a model with a realistic prior; melodylc prior trains one")


def style_of_files(model: MelodyModel, paths: Sequence[str | os.PathLike[str]], *, progress: bool = True) -> Style:
    """Learn the style of MIDI files, or of those in folders: of every file alike, however long it is.

    Raises:
        UserError: for paths that cannot be used, where too few melodies are found in them, and without the extra
            `train`.
    """
    need("style", *TRAIN)
    _check_prior(model)
    from melodylc.extraction import Corpus, extract
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out

    with tempfile.TemporaryDirectory() as folder:
        extract(paths, Path(folder) / "corpus", progress=progress)
        corpus = Corpus(Path(folder) / "corpus")
        found, files = [], 0
        for split in ("train", "valid", "test"):
            if len(corpus.states(split)):
                windows = TrainingWindows(corpus, split)
                found.append(held_out(windows, len(windows.states)))
                files += len(set(windows.sources.tolist()))
    if not found:
        raise UserError("style: expected melodies of 16 bars in the files, found none; name other files")
    # the splits are of no use here: one after the other from each, in proportion
    order = np.argsort(np.concatenate([(np.arange(len(each)) + 0.5) / len(each) for each in found]), kind="stable")
    return learn_style(model, np.concatenate(found)[order], files=files, progress=progress)


def load_style(path: str | os.PathLike[str], model: MelodyModel) -> Style:
    """Load a style saved by `Style.save`.

    Raises:
        UserError: if it is missing, damaged, or was learned on another model.
    """
    card, arrays = learned_card(path, KIND, model), storage.read_arrays(Path(path), KIND.word)
    try:
        noise, forms = NoiseMap(arrays["mean"], arrays["factor"]), arrays["forms"]
        width = 0 if model.realistic is None else model.realistic.noise_width // BARS
        if noise.mean.shape != (width,) or noise.factor.shape != (width, width):
            raise ValueError(f"{noise.factor.shape} numbers for bars of {width}")
        if not all(np.isfinite(each).all() for each in noise) or (np.diag(noise.factor) <= 0).any():
            raise ValueError("numbers that are none")
        if forms.dtype != np.uint8 or forms.ndim != 2 or forms.shape[1] != BARS or not len(forms):
            raise ValueError(f"forms of shape {forms.shape}")
        if (forms > np.arange(BARS)).any():
            raise ValueError("a bar that returns a later one")
        stretches = arrays["stretches"]
        if stretches.dtype != np.int64 or stretches.ndim != 1:
            raise ValueError(f"stretches of shape {stretches.shape}")
        return Style(noise, forms, np.sort(stretches.view(np.uint64)), card)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"style: {path} does not fit the model ({error}); learn it again") from error


def learned_report(model: MelodyModel, style: Style, draws: int = 64) -> str:
    """Return what a style was learned from, and how much its draws have in common with that, in words."""
    made = in_style(model, style).sample(draws, seed=0)
    shares = [style.copied(melodies).mean() for melodies in (made, model.sample(draws, seed=0))]
    card = style.card
    files = "" if card["files"] is None else f" of {card['files']:,} files"
    few = "; ten files or more say more about a style" if card["melodies"] < SOME else ""
    return (
        f"learned from {card['melodies']:,} melodies{files}; of the eight-note stretches of {draws} draws in it, "
        f"{shares[0]:.1%} are in them (without it: {shares[1]:.1%}){few}"
    )


def in_style(model: M, style: Style, amount: float = 1.0) -> M:
    """Return a model whose draws are in a style, by an amount from 0, not at all, to 1; more goes beyond it.

    Raises:
        UserError: for an amount outside 0 to 2, and a style of another model.
    """
    number("style: amount", amount, 0, 2)
    model = model.plain or model  # one style is not drawn through another
    if model.realistic is None or style.card.get("model") != fingerprint(model):
        raise UserError("style: expected one that was learned on this model; learn it again")
    if amount == 0:
        return model
    own = round(min(amount, 1) * MIXED)
    others = as_array(model.realistic.forms)
    forms = [style.forms[np.arange(own) % len(style.forms)], others[np.arange(MIXED - own) % len(others)]]
    styled: Any = copy.copy(model)
    styled.style, styled.style_amount, styled.plain = style, amount, model
    styled.realistic = _moved(styled, style.noise, amount, np.concatenate(forms))
    return cast(M, styled)


def _moved(model: MelodyModel, noise: NoiseMap, amount: float, forms: np.ndarray) -> Any:
    """Return the prior of a model with noise moved by an amount, and other forms."""
    if isinstance(model, PlayingModel):
        return replace(model.realistic, style=noise.by(amount), forms=forms)
    import torch

    from melodylc.latent import noise_map

    mean, factor = (torch.from_numpy(each) for each in noise)
    return replace(model.realistic, style=noise_map.NoiseMap(mean, factor).by(amount), forms=torch.from_numpy(forms))


def stretches_of(melodies: np.ndarray) -> np.ndarray:
    """Return digests of all stretches of eight notes in melodies (B, 256), (N,) uint64, sorted, each once.

    Two are the same where their intervals and the times between their notes are, in any key and anywhere in the bar.
    """
    found = []
    for melody in melodies:
        at = np.flatnonzero(melody < HOLD)
        if len(at) < STRETCH:
            continue
        between = np.stack([np.diff(melody[at].astype(np.int64)) + HOLD, np.diff(at)], axis=1).reshape(-1)
        windows = np.lib.stride_tricks.sliding_window_view(between, 2 * (STRETCH - 1))[::2]
        found.append(windows)
    if not found:
        return np.empty(0, np.uint64)
    digest = np.full(sum(map(len, found)), 0xCBF29CE484222325, np.uint64)
    for column in np.concatenate(found).T.astype(np.uint64):  # FNV-1a, a number at a time
        digest = (digest ^ column) * np.uint64(0x100000001B3)
    return np.unique(digest)

"""A rule from likes and dislikes: human preference as the reward, which the paper leaves to others (section 8)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from melodylc.base import storage
from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.base.numbers import integer
from melodylc.base.numbers import seed as checked_seed
from melodylc.latent import preference
from melodylc.melody import canonical, check
from melodylc.rules import Rule
from melodylc.rules.features import melody_features
from melodylc.runtime.interface import MelodyModel

KIND = storage.FileKind("melodylc.taste", "taste", "a taste; melodylc taste makes one")
DIRECTIONS = 12  # principal directions of the mean bar embedding that a preference may be about
LIKED_FROM = 0.8  # P(liked) from which a melody satisfies the rule
AT_ONCE = 256  # z, which bounds the memory for activations
POOL = 1024  # melodies among which those to ask about are looked for


@dataclass(frozen=True)
class PreferenceFeatures:
    """The features of preferences: principal directions of the mean bar embedding, and musical measures.

    Each is scaled to unit variance over the melodies that the model's bank knows.
    """

    model: MelodyModel
    centre: np.ndarray  # (E,)
    axes: np.ndarray  # (E, 12)
    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)
    known: np.ndarray  # (N, D), float64: of the melodies of the bank, whose z need not be encoded

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, model: MelodyModel) -> PreferenceFeatures:
        """Return the features of a model, scaled by its bank; computed on first use (seconds)."""
        z, states = model.bank.known()
        embeddings = _embeddings(model, as_array(z))
        centre = embeddings.mean(axis=0)
        _, _, axes = np.linalg.svd(embeddings - centre, full_matrices=False)
        axes = axes[:DIRECTIONS].T
        raw = np.concatenate([(embeddings - centre) @ axes, melody_features(states)], axis=1)
        mean, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-9
        return cls(model, centre, axes, mean, scale, _scaled(raw, mean, scale))

    def of_melodies(self, states: np.ndarray) -> np.ndarray:
        """Return the features (B, D), float64, of canonical melodies (B, 256)."""
        embeddings = _embeddings(self.model, as_array(self.model.encode(states).mean))
        raw = np.concatenate([(embeddings - self.centre) @ self.axes, melody_features(states)], axis=1)
        return _scaled(raw, self.mean, self.scale)


def _scaled(raw: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((raw - mean) / scale, -6, 6)


def _embeddings(model: MelodyModel, z: np.ndarray) -> np.ndarray:
    """Return the mean bar embeddings (B, E) of z (B, Z)."""
    parts = [as_array(model.bar_embeddings(z[at : at + AT_ONCE])).mean(axis=1) for at in range(0, len(z), AT_ONCE)]
    return np.concatenate(parts).astype(float)


@dataclass(frozen=True)
class Preference(Rule):
    """A rule learned from likes and dislikes: min(1, P(liked) / 0.8).

    `answered` adds answers, and `ask` chooses the melodies to ask about next.
    """

    features: PreferenceFeatures | None = field(default=None, compare=False)
    belief: preference.Belief | None = field(default=None, compare=False)
    liked: np.ndarray = field(default_factory=lambda: np.empty((0, 256), np.uint8), compare=False)
    disliked: np.ndarray = field(default_factory=lambda: np.empty((0, 256), np.uint8), compare=False)

    def probability(self, states: np.ndarray) -> np.ndarray:
        """Return P(liked) of melodies (B, 256), uncertainty included, (B,)."""
        assert self.features is not None
        assert self.belief is not None
        return self.belief.probability(self.features.of_melodies(canonical(np.atleast_2d(states))))

    @property
    def share_satisfied(self) -> float:
        """Return the share of the melodies of the model's bank that satisfy the rule; at first, none does."""
        assert self.features is not None
        assert self.belief is not None
        return float((self.belief.probability(self.features.known) >= LIKED_FROM).mean())

    def preferred(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return whether the first of each pair of melodies (B, 256) is liked better than the second, (B,) bool."""
        assert self.features is not None
        assert self.belief is not None
        a, b = (self.features.of_melodies(canonical(np.atleast_2d(states))) for states in (first, second))
        return np.asarray(self.belief.mean(a) > self.belief.mean(b))

    def ask(self, count: int = 1, *, among: np.ndarray | None = None, seed: int | None = None) -> np.ndarray:
        """Choose melodies (count, 256) to ask about, those whose answers are likely to be the most informative.

        They are chosen one after another, each as if those before it had been answered as expected.

        Args:
            among: (N, 256) to choose from; default: decodes of the prior and melodies of the model's bank.
        """
        assert self.features is not None
        assert self.belief is not None
        if among is None:
            _, states = self.features.model.bank.known()
            rng = np.random.default_rng(checked_seed(seed))
            pool = rng.choice(len(states), min(POOL, len(states)), replace=False)
            among, x = states[pool], self.features.known[pool]
        else:
            x = self.features.of_melodies(canonical(among))
        integer("ask: count", count, 1, len(among))
        chosen = most_informative(self.belief, x, _answers(self.liked, self.disliked), count)
        return among[chosen]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the melodies that were liked and disliked, from which the preference is learned again, and a JSON card.

        Raises:
            UserError: unless the path ends in .safetensors.
        """
        path = storage.weights_path(path)
        storage.write_arrays(path, {"liked": self.liked, "disliked": self.disliked})
        storage.write_card(path, KIND, {"liked": len(self.liked), "disliked": len(self.disliked)})

    def answered(
        self, *, liked: np.ndarray | Sequence[np.ndarray] = (), disliked: np.ndarray | Sequence[np.ndarray] = ()
    ) -> Preference:
        """Return the preference after more answers, melodies (256,) or (N, 256) each."""
        assert self.features
        return _learned(
            self.features,
            np.concatenate([self.liked, _batch(liked)]),
            np.concatenate([self.disliked, _batch(disliked)]),
        )


def load_preference(path: str | os.PathLike[str], model: MelodyModel) -> Preference:
    """Load a preference saved by `Preference.save`, of any model: it is learned again from the answers.

    Raises:
        UserError: if it is missing or damaged.
    """
    storage.read_card(path, KIND)
    answers = storage.read_arrays(Path(path), "taste")
    try:
        return prefer(model, answers["liked"], answers["disliked"])
    except (KeyError, ValueError) as error:
        raise UserError(f"taste: {path} holds no answers ({error}); melodylc taste makes one") from error


def most_informative(belief: preference.Belief, x: np.ndarray, answers: np.ndarray, count: int) -> list[int]:
    """Choose the rows of x (N, D) to ask about, `count` of them, given the answers so far.

    Each is the most informative one if all before it were answered as expected (BALD, Houlsby et al. 2011).
    """
    left = np.ones(len(x), bool)
    chosen: list[int] = []
    imagined = belief
    for _ in range(count):
        information = np.where(left, imagined.information(x), -np.inf)
        chosen.append(int(information.argmax()))
        left[chosen[-1]] = False
        seen = np.concatenate([belief.x, x[chosen]])
        expected = np.concatenate([answers, belief.probability(x[chosen])])
        imagined = preference.Belief(seen, belief.relevance, *preference.settle(seen, belief.relevance, expected))
    return chosen


def prefer(
    model: MelodyModel,
    liked: np.ndarray | Sequence[np.ndarray] = (),
    disliked: np.ndarray | Sequence[np.ndarray] = (),
) -> Preference:
    """Return a rule learned from melodies that are liked and disliked, (N, 256) each; a few dozen are enough.

    It can be learned, combined and used to transform, like any rule. Without any answer every melody is liked with
    probability 0.5, and `ask` says what to listen to first.

    Raises:
        ValueError: if something given is no melody.
    """
    return _learned(PreferenceFeatures.of(model), _batch(liked), _batch(disliked))


def _learned(features: PreferenceFeatures, liked: np.ndarray, disliked: np.ndarray) -> Preference:
    states = np.concatenate([liked, disliked])
    answers = _answers(liked, disliked)
    belief = preference.fit(features.of_melodies(states) if len(states) else np.empty((0, len(features.mean))), answers)

    def reward(melodies: np.ndarray) -> np.ndarray:
        return np.minimum(1.0, belief.probability(features.of_melodies(melodies)) / LIKED_FROM)

    name = f"preference of {len(liked)} likes and {len(disliked)} dislikes"
    return Preference(
        name, reward, Preference.__doc__ or "", features=features, belief=belief, liked=liked, disliked=disliked
    )


def _answers(liked: np.ndarray, disliked: np.ndarray) -> np.ndarray:
    """Return 1 for each melody that was liked, then 0 for each that was not."""
    return np.repeat([1.0, 0.0], [len(liked), len(disliked)])


def _batch(melodies: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    if not len(melodies):
        return np.empty((0, 256), np.uint8)
    return canonical(np.atleast_2d(check(np.asarray(melodies))))

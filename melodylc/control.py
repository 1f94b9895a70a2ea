"""A rule and a model give an actor; a melody and a rule give a transformed melody."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from melodylc.errors import UserError
from melodylc.latent.loops import Budget, Round
from melodylc.latent.loops import learn as learn_from_rewards
from melodylc.latent.networks import Actor
from melodylc.melody import check
from melodylc.model import Model, generator
from melodylc.rules import Rule
from melodylc.vae import storage
from midi_io.files import whole

KIND = "melodylc.actor"
AMOUNTS = tuple(i / 10 for i in range(16))  # shares of the actor's move that `transform` tries, the smallest first


@dataclass(frozen=True)
class Control:
    """A learned rule: an actor that moves draws of the prior to melodies that satisfy it."""

    model: Model
    actor: Actor
    card: dict[str, Any]  # rule, seed, budget, temperature, curve, what the best round showed

    @torch.no_grad()
    def move(self, z: Tensor) -> Tensor:
        """z (B, Z) to z' (B, Z)."""
        return self.actor(z)

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the actor's weights (half precision) and its JSON card beside them."""
        from safetensors.torch import save_file

        path = Path(path)
        with whole(path) as beside:
            save_file({k: v.half().contiguous() for k, v in self.actor.state_dict().items()}, beside)
        storage.write_card(path, KIND, self.card)


def load_control(path: str | os.PathLike[str], model: Model) -> Control:
    """A control saved by `Control.save`.

    Raises:
        UserError: if it is missing, damaged, or was learned on another model.
    """
    card = storage.read_card(path, KIND)
    if card.get("model") != fingerprint(model):
        raise UserError(f"actor: {path} was learned on another model; learn it again on this one")
    try:
        hidden = card["budget"]["actor_hidden"]
        if not 1 <= len(hidden) <= 16 or not all(isinstance(w, int) and 1 <= w <= 8192 for w in hidden):
            raise ValueError(f"widths {hidden}")
        actor = Actor(model.latent, tuple(hidden))
        actor.load_state_dict(storage.read_tensors(path))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"actor: the card and the weights at {path} do not fit each other ({detail})") from error
    return Control(model, actor.eval().requires_grad_(False), card)


def fingerprint(model: Model) -> str:
    """A digest of the model's bank, which no two trainings share."""
    import hashlib

    return hashlib.blake2b(model.bank.mean.half().numpy().tobytes(), digest_size=8).hexdigest()


def learn(
    model: Model,
    rule: Rule,
    *,
    budget: Budget = Budget(),
    seed: int = 0,
    temperature: float | None = None,
    bank: np.ndarray | None = None,
    progress: bool = True,
    on_round: Callable[[Round], None] | None = None,
) -> Control:
    """Learn an actor whose melodies satisfy a rule, from the rule's rewards alone (section 6).

    Ctrl-C keeps the best actor so far.

    Args:
        rule: any `Rule`; the parts of a conjunction are rewarded apart.
        temperature: at which melodies are decoded for their rewards; default: the model's.
        bank: further melodies (N, 256) to encode and reward before the first step, beside the model's own.
        progress: show a bar with mean reward, share satisfied and shift.
        on_round: called with each round's figures.

    Raises:
        UserError: if the rule returns anything but numbers in [0, 1].
    """
    from tqdm import tqdm

    temperature = model.temperature if temperature is None else temperature
    draws = generator(seed, 2)

    def reward(states: np.ndarray) -> Tensor:
        return torch.from_numpy(np.stack([part(states) for part in rule.parts], axis=1)).float()

    def score(z: Tensor) -> Tensor:
        from melodylc.vae.decoding import decode

        return reward(decode(model.vae, z, temperature=temperature, generator=draws))

    states, mean = model.bank.states, model.bank.mean
    if bank is not None:
        states, mean = np.concatenate([states, bank]), torch.cat([mean, model.encode(bank).mean])
    with tqdm(total=budget.rounds, unit="round", desc=f"learn {rule.name}", disable=not progress) as bar:

        def show(row: Round) -> None:
            bar.update()
            bar.set_postfix(reward=f"{row.reward:.3f}", satisfied=f"{row.satisfied:.2f}", shift=f"{row.shift:.2f}")
            if on_round is not None:
                on_round(row)

        learned = learn_from_rewards(
            score, (mean, reward(states)), model.bank.sigma_bar, budget, seed=seed, on_round=show
        )
    card = {
        "rule": rule.name,
        "model": fingerprint(model),
        "seed": seed,
        "temperature": temperature,
        "budget": asdict(budget),
        "best": learned.best._asdict(),
        "curve": [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in row._asdict().items()} for row in learned.curve
        ],
    }
    return Control(model, learned.actor.eval().requires_grad_(False), card)


def transform(
    model: Model,
    melody: np.ndarray,
    rule: Rule,
    *,
    control: Control | None = None,
    seed: int = 0,
    temperature: float = 0.0,
    allowed: np.ndarray | None = None,
) -> np.ndarray:
    """Change melodies (B, 256) or one (256,) as little as the rule asks for.

    The actor says where to go from the encoding of each; of the decodes on the way there, the first that satisfies the
    rule is kept, or the best if none does. Melodies that satisfy the rule already come back as they were.

    Args:
        control: the learned rule; default: it is learned first, which takes a while.
        allowed: (130,) bool, states the strict mode lets through.

    Raises:
        ValueError: if it is no melody.
    """
    given = check(melody)
    states = np.atleast_2d(given)
    if control is None:
        control = learn(model, rule, seed=seed)
    start = model.encode(states).mean

    def decoded(z: Tensor) -> np.ndarray:
        return model.decode(z, temperature=temperature, seed=seed, allowed=allowed)

    changed = on_the_way(start, control.move(start), decoded, rule)
    changed = np.where((rule(states) == 1)[:, None], states, changed)
    return changed if given.ndim == 2 else changed[0]


def on_the_way(
    start: Tensor, goal: Tensor, decoded: Callable[[Tensor], np.ndarray], reward: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The first melodies (B, 256) of full reward on the lines from start (B, Z) to goal (B, Z), and half as far on.

    Of a line without one, the melody of the highest reward.
    """
    best, highest = decoded(start), np.full(len(start), -1.0)
    for amount in AMOUNTS:
        left = np.flatnonzero(highest < 1)
        if not len(left):
            break
        melodies = decoded(torch.lerp(start, goal, amount)[left])
        rewards = reward(melodies)
        better = rewards > highest[left]
        best[left[better]], highest[left[better]] = melodies[better], rewards[better]
    return best

"""Rule actors: learned from a rule's rewards, they move draws of the prior to melodies that satisfy it (section 6).

Plausibility is learned as one more reward: the easiest way to satisfy a rule is often one repeated note. What counts is
how many single draws are *kept*, satisfied and plausible.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from melodylc import kinds, plausibility
from melodylc.attributes import Attributes
from melodylc.base import numbers, storage
from melodylc.base.arrays import Vectors
from melodylc.base.errors import UserError
from melodylc.base.progress import bar as bar_of
from melodylc.constraints.best_melodies import BestMelodies
from melodylc.latent.critics import lowest_logits
from melodylc.latent.networks import Actor, PartsCritic
from melodylc.latent.precision import half_precision
from melodylc.latent.rewards import Budget, Round, TrainingResult, train_from_rewards
from melodylc.loading import with_torch
from melodylc.melody import BARS
from melodylc.model import Model, fingerprint, generator, read_learned
from melodylc.plausibility import Bounds
from melodylc.rules import Rule
from melodylc.rules.rule import as_rule
from melodylc.runtime.actors import check_widths
from melodylc.runtime.interface import MelodyModel
from melodylc.runtime.weights import under

KIND = kinds.RULE_ACTOR
REACHED, PARTLY = 0.5, 0.05  # shares kept from which a rule counts as reached, and as partly reached
STARTS = 2048  # draws of the prior, for attributes, that an actor starts from while it is learned
EXAMPLES = 3  # melodies nearest to the rule that travel with an actor
LIMITS: dict[str, numbers.Limits] = {  # of the fields of a budget
    "rounds": (int, 1, numbers.MOST),
    "seconds": (float, 0, 1e9),
    "fresh": (int, 1, numbers.MOST),
    "tried": (int, 0, numbers.MOST),
    "average": (float, 0, 1),
    "bank_steps": (int, 0, numbers.MOST),
    "critic_steps": (int, 0, numbers.MOST),
    "actor_steps": (int, 0, numbers.MOST),
    "critic_batch": (int, 1, numbers.MOST),
    "actor_batch": (int, 1, numbers.MOST),
    "learning_rate": (float, 0, 1),
    "actor_hidden": (tuple, 1, 8192),
    "critic_hidden": (tuple, 1, 8192),
    "critics": (int, 1, 16),
    "patience": (int, 1, numbers.MOST),
    "target": (float, 0, 1),
    "enough": (float, 0, 100),
    "near": (float, 0, numbers.MOST),
    "shell": (float, 0, numbers.MOST),
    "penalty": (float, 0, numbers.MOST),
}


@dataclass(frozen=True)
class RuleActor:
    """A learned rule: a network that moves draws of the prior to melodies that satisfy it, and its critics."""

    model: Model
    network: Actor
    critics: tuple[PartsCritic, ...]
    card: dict[str, Any]  # rule, outcome, seed, budget, temperature, curve, what the best round showed
    examples: np.ndarray = field(repr=False)  # (at most 3, 256): of what was met while learning, the nearest to kept

    @property
    def outcome(self) -> str:
        """Return "reached", "partly reached" or "out of reach" of the model, by the best round's share kept."""
        return str(self.card["outcome"])

    @property
    def report(self) -> str:
        """Return the rule, the outcome, and the shares of single draws that are kept and satisfied, in words."""
        best, named = self.card["best"], f"{self.card['rule']}: {self.outcome}"
        if "kept" not in best:  # saved before what is kept was counted
            return f"{named}, satisfied in {best['satisfied']:.0%} of single draws"
        return f"{named}, kept in {best['kept']:.0%} of single draws (satisfied {best['satisfied']:.0%})"

    @torch.no_grad()
    def move(self, z: Vectors) -> Tensor:
        """Return where draws (B, Z) satisfy the rule, (B, Z)."""
        return self.network(torch.as_tensor(z))

    def judge(self, z: Tensor) -> Tensor:
        """Return the lower of the critics' logits (B, O) for z (B, Z): of each reward, then of each being 1.

        The rewards are those of the rule's parts, then plausibility.
        """
        return lowest_logits(list(self.critics), self.model.bar_embeddings(z))

    def sample(self, count: int, *, seed: int | None = None, temperature: float | None = None) -> np.ndarray:
        """Return melodies (count, 256), one decode of one draw each; nothing is masked or selected."""
        return self.model.decode(self.move(self.model.prior(count, seed)), seed=seed, temperature=temperature)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network and the critics (half precision) and the JSON card beside them.

        Raises:
            UserError: unless the path ends in .safetensors.
        """
        path = storage.weights_path(path)
        tensors = {f"actor.{name}": value.half() for name, value in self.network.state_dict().items()}
        for index, critic in enumerate(self.critics):
            for name, value in critic.state_dict().items():
                tensors[f"critic{index}.{name}"] = value.half()
        tensors["examples"] = torch.from_numpy(self.examples)
        storage.write_tensors(path, tensors)
        storage.write_card(path, KIND, self.card)


def load_actor(path: str | os.PathLike[str], model: Model) -> RuleActor:
    """Load an actor saved by `RuleActor.save`.

    Raises:
        UserError: if it is missing, damaged, or was learned on another model.
    """
    card, tensors = read_learned(path, KIND, model)
    try:
        hidden, outputs = card["budget"]["actor_hidden"], card["outputs"]
        check_widths((*hidden, outputs))
        network = Actor(model.latent, tuple(hidden))
        network.load_state_dict(under(tensors, "actor."))
        critics: list[PartsCritic] = []
        while weights := under(tensors, f"critic{len(critics)}."):
            critics.append(PartsCritic(BARS, _width(model), outputs))
            critics[-1].load_state_dict(weights)
        examples = tensors["examples"].numpy().astype(np.uint8)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        detail = str(error).splitlines()[0]
        raise UserError(f"actor: the card and the weights at {path} do not fit each other ({detail})") from error
    return RuleActor(model, _frozen(network), tuple(_frozen(critic) for critic in critics), card, examples)


def _width(model: Model) -> int:
    return int(model.bar_embeddings(torch.zeros(1, model.latent)).shape[-1])


def _frozen(network: Any) -> Any:
    return network.eval().requires_grad_(False)


class _Rewards:
    """A rule's rewards of melodies and their plausibility, which remembers the best of those it was given."""

    def __init__(self, model: Model, rule: Rule, bounds: Bounds, temperature: float, seed: int) -> None:
        self.model, self.rule, self.bounds, self.temperature = model, rule, bounds, temperature
        self.generator = generator(seed, 2)
        self.best = BestMelodies(EXAMPLES)

    def of_melodies(self, states: np.ndarray) -> np.ndarray:
        """Return the rewards (B, R + 1) of melodies (B, 256): of each part of a conjunction, then plausibility."""
        rewards = np.stack([part(states) for part in self.rule.parts], axis=1)
        plausible = self.bounds.share(states)
        # as `sampling.score`: one repeated note costs more than it wins
        self.best.consider(states, rewards.mean(axis=1) - (1 - plausible) ** 2)
        return np.column_stack([rewards, plausible])

    def of_vectors(self, z: Tensor) -> Tensor:
        """Return the rewards (B, R + 1) of decodes of vectors (B, Z)."""
        states = self.model.decode_quickly(z, temperature=self.temperature, generator=self.generator)
        return torch.from_numpy(self.of_melodies(states)).float()


def learn(
    model: MelodyModel,
    rule: Rule,
    *,
    attributes: Attributes | None = None,
    budget: Budget = Budget(),
    seed: int = 0,
    temperature: float | None = None,
    bank: np.ndarray | None = None,
    progress: bool = True,
    on_round: Callable[[Round], None] = lambda _: None,
) -> RuleActor:
    """Learn an actor whose melodies are kept: they satisfy a rule and are plausible, from rewards alone (section 6).

    Melodies whose z is known are rewarded first: the model's bank of encodings and of decoded prior draws. Ctrl-C keeps
    the best actor so far. A rule that is out of the model's reach is no error: `RuleActor.outcome` says so, and
    `RuleActor.examples` are the nearest melodies met.

    Args:
        rule: any `Rule`; the parts of a conjunction are rewarded apart.
        attributes: what the prior is asked for where the actor starts; the actor is for such draws then.
        budget: `melodylc.latent.rewards.PAPER_BUDGET` is the paper's loop: decodes only, one critic of z.
        temperature: at which melodies are decoded for their rewards; default: the model's.
        bank: further melodies (N, 256) to encode and reward before the first step.
        progress: show a bar with mean reward, share kept, share satisfied and shift.
        on_round: called with each round's figures.

    Raises:
        UserError: if it is no rule, or returns anything but numbers in [0, 1]; for numbers out of bounds.
    """
    model, rule = with_torch(model, "learn"), as_rule(rule)
    numbers.check("budget", budget, LIMITS, optional=("seconds", "enough"))
    numbers.seed(seed)
    numbers.temperature(temperature)
    temperature = model.temperature if temperature is None else temperature
    rewards = _Rewards(model, rule, plausibility.bounds(model), temperature, seed)
    known, prior = _reward_bank(model, rewards, budget, bank)
    with bar_of(budget.rounds, unit="round", desc=f"learn {rule.name}", show=progress) as bar:

        def show(row: Round) -> None:
            shown = {"reward": row.reward, "kept": row.kept, "satisfied": row.satisfied, "shift": row.shift}
            bar.set_postfix({name: f"{value:.2f}" for name, value in shown.items()}, refresh=False)
            bar.update()
            on_round(row)

        sigma_bar, features = model.bank.sigma_bar, model.bar_embeddings
        learned = train_from_rewards(
            rewards.of_vectors,
            known,
            sigma_bar,
            budget,
            features=features,
            plausibility=True,
            starts=_starts(model, attributes, budget, seed),
            seed=seed,
            on_round=show,
        )
    card = {
        "rule": rule.name,
        "model": fingerprint(model),
        "seed": seed,
        "temperature": temperature,
        "outputs": (len(rule.parts) + budget.plausibility) * (2 if budget.satisfaction else 1),
        "budget": asdict(budget),
        **_figures(learned, prior),
    }
    critics = tuple(_frozen(critic) for critic in learned.critics if isinstance(critic, PartsCritic))
    return RuleActor(model, _frozen(learned.actor), critics, card, rewards.best.melodies)


def _starts(model: Model, attributes: Attributes | None, budget: Budget, seed: int) -> Tensor | slice | None:
    """Return where an actor starts, vectors (N, Z), or where they lie in what the bank knows; None for N(0, I)."""
    if model.realistic is None:
        return None
    if (attributes is not None and attributes.rules()) or model.realistic.style is not None:
        with half_precision(model.device):
            return model.prior(STARTS, seed, attributes)
    if not budget.bank_steps:
        return model.bank.draws()
    first = len(model.bank.states)
    return slice(first, first + len(model.bank.drawn))


class _Prior(NamedTuple):
    """The shares of decodes of the prior that satisfy a rule, and that are plausible too; NaN without decodes."""

    kept: float
    satisfied: float


def _reward_bank(
    model: Model, rewards: _Rewards, budget: Budget, more: np.ndarray | None
) -> tuple[tuple[Tensor, Tensor], _Prior]:
    """Reward what the model's bank knows, and more melodies (N, 256), unless the budget leaves the bank out.

    Returns:
        Vectors (M, Z) with their rewards (M, R + 1), and what the prior's decodes show.
    """
    if not budget.bank_steps:
        drawn = rewards.of_melodies(model.bank.drawn)
        known = (torch.zeros(0, model.latent), torch.zeros(0, drawn.shape[1]))
    else:
        z, states = model.bank.known()
        if more is not None:
            z, states = torch.cat([z, model.encode(more).mean]), np.concatenate([states, more])
        given = rewards.of_melodies(states)
        first = len(model.bank.states)
        drawn = given[first : first + len(model.bank.drawn)]
        known = (z, torch.from_numpy(given).float())
    if not len(drawn):
        return known, _Prior(float("nan"), float("nan"))
    full = drawn == 1
    return known, _Prior(float(full.all(axis=1).mean()), float(full[:, :-1].all(axis=1).mean()))


def _figures(learned: TrainingResult, prior: _Prior) -> dict[str, Any]:
    """Return what learning showed, as a card has it."""
    return {
        "outcome": _outcome(learned.best.kept),
        "prior_kept": round(prior.kept, 4),
        "prior_satisfied": round(prior.satisfied, 4),
        "best": _rounded(learned.best),
        "curve": [_rounded(row) for row in learned.curve],
    }


def _outcome(kept: float) -> str:
    if kept >= REACHED:
        return "reached"
    return "partly reached" if kept >= PARTLY else "out of reach"


def _rounded(row: Round) -> dict[str, float]:
    return {name: round(number, 4) if isinstance(number, float) else number for name, number in row._asdict().items()}

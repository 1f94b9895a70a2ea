"""Compares ways to make the realistic prior keep wishes and rules, at equal decodes: six wishes, six kinds of rules.

    python benchmarks/methods_on_prior.py [--draws 256] [--seeds 1] [--rounds 8] [--only NAME ...] [--methods abcd]

prior  its draws as they are
(a)    an actor on the noise before the flow: what comes out is realistic by construction
(b)    an actor on z after the flow, as `melodylc learn` has it
(c)    no actor: critics guide the flow, whose noise descends on what they say
(d)    the flow conditioned on the attributes: wishes only, and nothing is learned

A cell is the share of single draws kept, satisfied and plausible: one decode each, nothing masked or selected, from the
same noise for every method; mean and spread over the seeds. Below, over the draws for all wishes or all rules together:
how well they are told apart from melodies of the bank (0.5 is chance), and the bars, of 16, that repeat an earlier one.
What is asked for sets melodies apart by itself, and a judge that sees more of them tells more: compare methods that
keep as much, of as many draws. (a), (b) and (c) learn from the same bank, and from as many decodes more as the last
line but one says.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, reduce
from operator import and_

import numpy as np
import torch
from forty_rules import KINDS
from torch import Tensor, nn
from torch.nn import functional

import melodylc
from melodylc import Attributes, plausibility, rules
from melodylc.evaluation.told_apart import told_apart
from melodylc.latent import losses
from melodylc.latent import rewards as learning  # how (b) learns: its weights are (a)'s too
from melodylc.latent.critics import CriticEnsemble, lowest_logits
from melodylc.latent.descent import optimise
from melodylc.latent.flow import form_of, tied
from melodylc.latent.gradient_steps import descend
from melodylc.latent.moving_average import MovingAverage
from melodylc.latent.networks import Actor
from melodylc.latent.optimisers import ADVERSARIAL_BETAS, adam
from melodylc.latent.replay_buffer import ReplayBuffer
from melodylc.latent.rewards import Budget, Round, networks, selection_score, spread, with_satisfaction
from melodylc.latent.stopping import BestSoFar
from melodylc.melody import repeated_bars
from melodylc.model import Model, generator, load
from melodylc.rules import Rule

WISHES = (
    Attributes("C major"),
    Attributes("E blues", 120, "C4", "C6"),
    Attributes("A minor pentatonic"),
    Attributes(at_most=40),
    Attributes(low="C4", high="C5"),
    Attributes("Eb major", 150),
)
OF_FORTY = ("exactly five pitches", "a note on every first beat", "the last note is the longest", "question_and_answer")
RULES = (
    rules.syncopation(0.4),
    rules.contour("arch", 0.8),
    *(rule for kind in KINDS.values() for rule in kind if rule.name in OF_FORTY),
)
METHODS = {"prior": "prior", "a": "(a) noise", "b": "(b) z", "c": "(c) guided", "d": "(d) asked for"}

# Of (a), fewer and smaller steps than (b) makes: one goes through the flow, there and back, which takes longer. Where
# the prior keeps nothing, too few: of an arch contour 4 rounds kept nothing, 6 rounds of 20 steps at a NOISE_PENALTY of
# 2 kept 0.35, told apart at 0.99.
ACTOR_STEPS, ACTOR_BATCH, ACTOR_RATE = 10, 32, 2e-3
HIDDEN, PLACE_UNITS = (256, 256), 64  # of (a)'s network
# Of the distance in noise, the first one: it follows the share kept, as that of (b) does. With 2, two rounds kept 0.76
# where 20 kept 0.45 (the last note is the longest), told apart at 0.97 and 0.85; with 60 0.50 and 0.90.
NOISE_PENALTY = 20.0
GUIDED, GUIDED_STEPS = 48, 4  # of (c): draws a round, and steps of each
GUIDED_RATE = 0.12  # by which a number of the noise moves in a step, about
NEAR = 0.03  # weight of the squared distance of noise from where it was drawn: with 0.003 as much is kept, told more


@lru_cache(maxsize=1)
def known(model: Model) -> tuple[Tensor, np.ndarray]:
    """Return what critics read of the bank, (N, P, E), and its melodies (N, 256)."""
    z, states = model.bank.known()
    with torch.no_grad():
        return torch.cat([model.bar_embeddings(part) for part in z.split(256)]), states


class Judges:
    """What (a) and (c) have in common: rewards of decodes, counted, and critics that learn from them as (b)'s do."""

    def __init__(self, model: Model, rule: Rule, budget: Budget, seed: int) -> None:
        self.model, self.rule, self.budget, self.decodes = model, rule, budget, 0
        source, self.decoding = generator(seed, 31), generator(seed, 32)
        assert source is not None
        self.source, self.bounds = source, plausibility.bounds(model)
        self.buffer, self.full = ReplayBuffer(), torch.zeros(len(rule.parts) + 1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            _, critics = networks(model.latent, len(self.full), budget, model.bar_embeddings)
        self.critics = CriticEnsemble(
            critics, self._loss, learning_rate=budget.learning_rate, batch=budget.critic_batch, newest=learning.NEWEST
        )
        parts, states = known(model)
        self._remember(parts, states)
        self.critics.train(self.buffer, budget.bank_steps, self.source)
        self.reward(model.noise(budget.fresh, source=self.source))

    def _loss(self, logits: Tensor, rewards: Tensor) -> Tensor:
        return losses.regression(logits, with_satisfaction(rewards, self.full))

    def _remember(self, parts: Tensor, states: np.ndarray) -> Tensor:
        """Let critics learn from parts (B, P, E) and their melodies (B, 256); returns their rewards."""
        scores = [part(states) for part in self.rule.parts]
        rewards = torch.from_numpy(np.column_stack([*scores, self.bounds.share(states)])).float()
        self.buffer.add(parts, rewards)
        nearly = rewards.quantile(learning.EASED, dim=0)  # what counts as full while hardly anything is
        easier = ((rewards == 1).float().mean(dim=0) < learning.FEWEST_FULL) & (nearly > rewards.amin(dim=0))
        self.full = torch.maximum(self.full, torch.where(easier, nearly, torch.ones_like(nearly)))
        return rewards

    def learn(self) -> None:
        """Let the critics make a round's steps."""
        self.critics.train_round(self.buffer, self.budget.critic_steps, self.source)

    def reward(self, noise: Tensor) -> Tensor:
        """Decode noise (B, N) once each and let critics learn from it; returns the rewards (B, R)."""
        z = self.model.from_noise(noise)
        self.decodes += len(z)
        states = self.model.decode_quickly(z, generator=self.decoding)
        with torch.no_grad():
            return self._remember(self.model.bar_embeddings(z), states)

    def cost(self, noise: Tensor) -> Tensor:
        """Return what the critics hold against noise (B, N), (B,): differentiable, through the flow."""
        assert self.model.realistic is not None
        z = self.model.realistic.move(noise, noise.new_zeros(len(noise), self.model.realistic.field.sizes.labels))
        logits = lowest_logits(self.critics.critics, self.model.bar_embeddings(z))
        return losses.constraint_loss(logits.clamp(max=self.budget.enough)).sum(dim=-1)


class NoiseActor(nn.Module):
    """An actor on the noise of bars, one network for all of them that also reads their place.

    Bars that are equal come from equal noise, that of the first of them: so their places do not set them apart. What is
    moved keeps its length: noise that shrinks is no longer of N(0, I), and its melodies repeat more bars.
    """

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.network = Actor(width, HIDDEN, parts, PLACE_UNITS).initialise_as_identity()

    def forward(self, noise: Tensor) -> Tensor:
        """Return noise (B, N), moved, in the form of noise (B, N)."""
        bars = noise.reshape(len(noise), self.parts, -1)
        moved = self.network(bars.flatten(0, 1), torch.eye(self.parts).repeat(len(noise), 1)).reshape(bars.shape)
        moved = bars.norm(dim=-1, keepdim=True) * functional.normalize(moved, dim=-1)
        return tied(moved, form_of(bars)).flatten(1)


def full_share(rewards: Tensor) -> float:
    """Return the share of rewards (B, R) that are all 1."""
    return float((rewards == 1).all(dim=1).float().mean())


def noise_actor(model: Model, rule: Rule, budget: Budget, seed: int) -> tuple[Callable[[Tensor], Tensor], int]:
    """Learn (a): returns what moves noise (B, N) to z (B, Z), and the decodes that it took."""
    assert model.realistic is not None
    judges, penalty, best = Judges(model, rule, budget, seed), NOISE_PENALTY, BestSoFar[Round, NoiseActor]()
    sizes, began = model.realistic.field.sizes, time.monotonic()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = NoiseActor(sizes.width, sizes.parts)
    average, optimiser = MovingAverage(actor), adam(actor.parameters(), ACTOR_RATE, ADVERSARIAL_BETAS)
    curve: list[Round] = []
    for number in range(budget.rounds):
        judges.learn()
        for _ in range(ACTOR_STEPS):
            noise = model.noise(ACTOR_BATCH, source=judges.source)
            moved = actor(noise)
            loss = judges.cost(moved).mean() + penalty * losses.distance(moved, noise, torch.ones(noise.shape[1]))
            loss = loss + learning.VARIETY * (learning.LEAST_SPREAD - spread(moved, noise)).clamp(min=0).square()
            descend(optimiser, loss)
            average.follow(actor, budget.average)
        noise = model.noise(budget.fresh + budget.tried, source=judges.source)
        with torch.no_grad():
            moved = torch.cat([average.network(noise[: budget.fresh]), actor(noise[budget.fresh :])])
        rewards, noise, moved = (each[: budget.fresh] for each in (judges.reward(moved), noise, moved))
        figures = (float(rewards[:, :-1].mean()), full_share(rewards), full_share(rewards[:, :-1]))
        shift, varied = float(losses.shift(moved, noise)), float(spread(moved, noise))
        curve.append(Round(number, judges.decodes, time.monotonic() - began, *figures, shift, varied, penalty))
        penalty = learning.DISTANCE_WEIGHT.after(
            penalty, curve[-1].kept, budget.target, varied >= learning.LEAST_SPREAD
        )
        best.consider(selection_score(curve[-learning.RECENT :], budget.target), curve[-1], average.network)
    network = best.result()[1].eval().requires_grad_(False)
    return lambda noise: model.from_noise(network(noise)), judges.decodes


def z_actor(model: Model, rule: Rule, budget: Budget, seed: int) -> tuple[Callable[[Tensor], Tensor], int]:
    """Learn (b): returns what moves noise (B, N) to z (B, Z), and the decodes that it took."""
    actor = melodylc.learn(model, rule, budget=budget, seed=seed, progress=False)
    return lambda noise: actor.move(model.from_noise(noise)), actor.card["curve"][-1]["rewarded"]


def guided(judges: Judges, noise: Tensor, start: Tensor, steps: int) -> Tensor:
    """Return noise (B, N) after steps down the critics' cost, near where it was drawn, and in the form of that."""
    realistic = judges.model.realistic
    assert realistic is not None
    form = form_of(start.reshape(len(start), realistic.field.sizes.parts, -1))

    def energy(moved: Tensor) -> Tensor:
        moved = realistic.in_form(moved, form)
        return judges.cost(moved) + NEAR * (moved - start).square().sum(dim=-1)

    return realistic.in_form(optimise(noise, energy, steps=steps, learning_rate=GUIDED_RATE), form)


def guidance(model: Model, rule: Rule, budget: Budget, seed: int) -> tuple[Callable[[Tensor], Tensor], int]:
    """Learn the critics of (c): returns what moves noise (B, N) to z (B, Z), and the decodes that it took.

    Guided draws are decoded after each step: as many decodes a round as of an actor, at a quarter of the gradients.
    """
    judges = Judges(model, rule, budget, seed)
    for _ in range(budget.rounds):
        judges.learn()
        way = [model.noise(GUIDED, source=judges.source)]
        for _ in range(GUIDED_STEPS):
            way.append(guided(judges, way[-1], way[0], 1))
        judges.reward(torch.cat(way[1:]))
    judges.learn()

    def move(noise: Tensor) -> Tensor:
        return model.from_noise(torch.cat([guided(judges, part, part, GUIDED_STEPS) for part in noise.split(GUIDED)]))

    return move, judges.decodes


LEARNED = {"a": noise_actor, "b": z_actor, "c": guidance}


def cells(figures: dict[str, list[float]], form: str = ".2f") -> dict[str, str]:
    """Return the mean and the spread of each method's figure, one for each seed, as they stand in a row."""
    return {method: f"{np.mean(each):{form}} ± {np.std(each):{form}}" for method, each in figures.items()}


def print_row(name: str, of_method: dict[str, str], methods: list[str]) -> None:
    """Print a row: its name, cut to fit, and a cell for each method."""
    print(f"{name[:42]:<44}" + "".join(f"{of_method.get(method, ''):>16}" for method in methods), flush=True)


def parsed() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a wish or rule, in full")
    parser.add_argument("--methods", default="abcd", help="of a, b, c and d")
    return parser.parse_args()


def main() -> None:
    """Print a row for each wish and rule, then what is measured over all of them."""
    options, model = parsed(), load()
    budget, bounds = Budget(rounds=options.rounds), plausibility.bounds(model)
    methods = ["prior", *options.methods]
    asked: list[tuple[str, Rule, Attributes | None]] = [(str(a), reduce(and_, a.rules()), a) for a in WISHES]
    asked += [(rule.name, rule, None) for rule in RULES]
    made: dict[str, dict[tuple[str, int], list[np.ndarray]]] = {}  # of a kind: by a method, with a seed
    all_kept: dict[tuple[str, str], list[float]] = defaultdict(list)  # of a kind, by a method
    decodes, seconds = defaultdict(list), defaultdict(list)
    print_row("kept", METHODS, methods)
    for number, (name, rule, attributes) in enumerate(asked):
        if options.only and name not in options.only:
            continue
        kind, kept = "rules" if attributes is None else "wishes", defaultdict(list)
        for seed in range(options.seeds):
            # other noise for each row: of the same the judge would know again what it has learned from
            noise = model.noise(options.draws, 1000 * (number + 1) + seed)
            for method in methods:
                began, count = time.monotonic(), 0
                if method == "d" and attributes is None:
                    continue
                if method in LEARNED:
                    move, count = LEARNED[method](model, rule, budget, seed)
                    z = move(noise)
                else:
                    z = model.from_noise(noise, attributes if method == "d" else None)
                states = model.decode_quickly(z, generator=generator(seed, 100 + number))
                seconds[method].append(time.monotonic() - began)
                decodes[method].append(count)
                made.setdefault(kind, {}).setdefault((method, seed), []).append(states)
                kept[method].append(float((rule.satisfied(states) & bounds.plausible(states)).mean()))
                all_kept[kind, method].append(kept[method][-1])
        print_row(name, cells(kept), methods)
    for kind, drawn in made.items():
        means = {method: f"{np.mean(all_kept[kind, method]):.3f}" for method in methods if all_kept[kind, method]}
        print_row(f"{kind}: kept in the mean", means, methods)
        apart, repeated = defaultdict(list), defaultdict(list)
        for (method, seed), of_rows in drawn.items():
            rng = np.random.default_rng(seed)  # which melodies are compared where one set is larger
            melodies, real = rng.permutation(np.concatenate(of_rows)), rng.permutation(model.bank.states)
            apart[method].append(told_apart(melodies, real, seed).auc)
            repeated[method].append(float(repeated_bars(melodies).mean()))
        print_row(f"{kind}: told apart", cells(apart), methods)
        print_row(f"{kind}: bars repeated", cells(repeated), methods)
    print_row("decodes while learning, of each", {m: f"{np.mean(each):,.0f}" for m, each in decodes.items()}, methods)
    print_row("seconds of each", {m: f"{np.mean(each):.0f}" for m, each in seconds.items()}, methods)


if __name__ == "__main__":
    main()

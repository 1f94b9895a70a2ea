"""Learning within a few rounds, for code that readers run as it stands: examples, README and pages."""

from dataclasses import replace

from melodylc.constraints import rule_actor, sampling
from melodylc.latent.rewards import Budget

ROUNDS = 2  # enough to run all of the code; what learning reaches is tested elsewhere


def learn_briefly(monkeypatch):
    """Let `melodylc.learn` and what calls it end after `ROUNDS` rounds, whatever the budget."""
    learn = rule_actor.learn

    def brief(model, rule, *, budget=Budget(), **others):
        return learn(model, rule, budget=replace(budget, rounds=min(budget.rounds, ROUNDS)), **others)

    for module in (rule_actor, sampling):
        monkeypatch.setattr(module, "learn", brief)

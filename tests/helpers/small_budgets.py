"""Learning and filling in within seconds, for code that readers run as it stands: examples, README and pages."""

from dataclasses import replace
from functools import partialmethod

from melodylc.constraints import rule_actor, sampling
from melodylc.evaluation import comparison
from melodylc.latent.rewards import Budget
from melodylc.prior.realistic import RealisticPrior

# enough to run all of the code; what learning reaches is tested elsewhere
MOST = {"rounds": 2, "fresh": 32, "tried": 16, "bank_steps": 5, "critic_steps": 3, "actor_steps": 3}


def learn_briefly(monkeypatch):
    """Let `melodylc.learn` and what calls it do no more than `MOST`, whatever the budget."""
    learn = rule_actor.learn

    def brief(model, rule, *, budget=Budget(), **others):
        bounds = {name: min(getattr(budget, name), most) for name, most in MOST.items()}
        return learn(model, rule, budget=replace(budget, **bounds), **others)

    for module in (rule_actor, sampling, comparison):
        monkeypatch.setattr(module, "learn", brief)


def fill_in_briefly(monkeypatch):
    """Make bars anew in a quarter of the steps: the same code runs, and how well they belong is tested elsewhere."""
    monkeypatch.setattr(RealisticPrior, "complete", partialmethod(RealisticPrior.complete, steps=4))

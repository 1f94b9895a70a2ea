"""Learning, searching and filling in within seconds: for code that is to run as it stands, whatever it reaches.

Examples, README and pages are such code. What learning, search and descent reach is tested where they are.
"""

from dataclasses import replace
from functools import lru_cache, partialmethod

from melodylc import generation, infilling, transforming
from melodylc.constraints import (
    composition,
    decoder_descent,
    lengths,
    realism,
    rule_actor,
    transformation,
)
from melodylc.constraints.sampling import draw_kept
from melodylc.constraints.search import SearchBudget, search
from melodylc.evaluation import comparison
from melodylc.latent.rewards import Budget
from melodylc.prior.realistic import RealisticPrior
from melodylc.runtime import prior as runtime_prior

# enough to run all of the code
MOST = {"rounds": 2, "fresh": 32, "tried": 16, "bank_steps": 5, "critic_steps": 3, "actor_steps": 3}
BATCHES = {"fresh": 64, "tried": 32}  # decodes a round: half as many
STARTS = 64  # draws of the prior that an actor starts from
KNOWN = 256  # melodies of the bank, and as many of its draws
DECODES = 64  # of a search: a first generation, and another one
TRIES = 2  # draws of a melody
STEPS = 4  # of descents, of the realism critic, and of bars that are made anew


def learn_briefly(monkeypatch):
    """Let `melodylc.learn` and what calls it do no more than `MOST`, whatever the budget, from a part of the bank."""
    _learn_within(monkeypatch, MOST, KNOWN)
    monkeypatch.setattr(rule_actor, "STARTS", STARTS)


def learn_in_small_batches(monkeypatch):
    """Let them decode no more than `BATCHES` a round: where something is to be learned, in all steps of the budget."""
    _learn_within(monkeypatch, BATCHES)


def _learn_within(monkeypatch, most, known=None):
    learn = rule_actor.learn

    def brief(model, rule, *, budget=Budget(), **others):
        bounds = {name: min(getattr(budget, name), bound) for name, bound in most.items()}
        with monkeypatch.context() as patch:
            if known:
                fingerprint = rule_actor.fingerprint(model)
                patch.setattr(rule_actor, "fingerprint", lambda _: fingerprint)  # of the whole
                patch.setattr(model, "bank", _part_of(model.bank, known))
            return learn(model, rule, budget=replace(budget, **bounds), **others)

    for module in (rule_actor, comparison):  # the others import it where they call it
        monkeypatch.setattr(module, "learn", brief)


def _part_of(bank, count):
    """Return a bank that knows fewer melodies and draws."""
    drawn_from = None if bank.drawn_from is None else bank.drawn_from[:count]
    states, mean, drawn = bank.states[:count], bank.mean[:count], bank.drawn[:count]
    return replace(bank, states=states, mean=mean, drawn=drawn, drawn_from=drawn_from)


def descend_briefly(monkeypatch):
    """Let descents, and the realism critic that some descend on, take no more than `STEPS`."""
    monkeypatch.setattr(composition, "DESCENT_STEPS", STEPS)
    monkeypatch.setattr(transformation, "DESCENT_STEPS", STEPS)
    monkeypatch.setattr(decoder_descent, "STEPS", STEPS)
    learn_realism_briefly(monkeypatch)


def learn_realism_briefly(monkeypatch):
    """Let the realism critic take no more than `STEPS`."""
    monkeypatch.setattr(realism, "SETTINGS", replace(realism.SETTINGS, steps=STEPS))
    monkeypatch.setattr(realism, "adversaries", lru_cache(realism.adversaries.__wrapped__))  # others get better ones


def search_briefly(monkeypatch):
    """Let searches decode no more than `DECODES` melodies."""

    def brief(*arguments, budget=SearchBudget(), **others):
        return search(*arguments, budget=replace(budget, decodes=min(budget.decodes, DECODES)), **others)

    for module in (generation, infilling, lengths):
        monkeypatch.setattr(module, "search", brief)


def draw_briefly(monkeypatch):
    """Draw a melody no more than `TRIES` times: an actor that has learned nothing does not keep its rule the eighth."""

    def brief(*arguments, tries, **others):
        return draw_kept(*arguments, tries=min(tries, TRIES), **others)

    for module in (generation, transforming):
        monkeypatch.setattr(module, "draw_kept", brief)


def fill_in_briefly(monkeypatch):
    """Make bars anew in a quarter of the steps, with torch and without."""
    monkeypatch.setattr(runtime_prior, "FILLING", STEPS)
    monkeypatch.setattr(RealisticPrior, "complete", partialmethod(RealisticPrior.complete, steps=STEPS))


def work_briefly(monkeypatch):
    """Do all of it within seconds."""
    for each in (learn_briefly, descend_briefly, search_briefly, draw_briefly, fill_in_briefly):
        each(monkeypatch)

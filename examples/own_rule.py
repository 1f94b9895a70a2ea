"""A rule of one's own, learned and composed with a built-in one: python examples/own_rule.py

Learning needs melodylc[train].
"""

import melodylc
from melodylc import Attributes, Budget, rules


@rules.rule
def starts_on_the_beat(states):
    """The share of bars that begin with a note."""
    return (states[:, ::16] < 128).mean(axis=1)


model = melodylc.load()
arch = rules.contour("arch")
actors = [melodylc.learn(model, rule, budget=Budget(rounds=7), seed=0) for rule in (starts_on_the_beat, arch)]
for actor in actors:
    print(actor.card["rule"], actor.outcome)
    actor.save(f"{actor.card['rule'].split()[0]}.safetensors")

# both rules and a key: the actors are composed, nothing is learned again
made = melodylc.generate(model, Attributes(key="A minor"), rules=[starts_on_the_beat, arch], actors=actors, seed=1)
melodylc.write_midi("arch.mid", made.melodies[0])
print(made.summary)

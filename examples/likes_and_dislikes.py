"""Likes and dislikes become a rule, which is then learned: python examples/likes_and_dislikes.py

The listener here likes melodies of small intervals. Replace `likes` by your own ears.
"""

import melodylc
from melodylc import Budget, rules

model = melodylc.load()


def likes(melodies):
    return rules.stepwise(0.5).satisfied(melodies)


first = model.sample(12, seed=0)
taste = melodylc.prefer(model, liked=first[likes(first)], disliked=first[~likes(first)])
for number in range(3):  # the melodies about which an answer says most, six at a time
    question = taste.ask(6, seed=number)
    yes = likes(question)
    taste = taste.answered(liked=question[yes], disliked=question[~yes])

actor = melodylc.learn(model, taste, budget=Budget(rounds=5), seed=0)
before, after = (likes(melodies).mean() for melodies in (model.sample(64, seed=1), actor.sample(64, seed=1)))
print(f"liked before {before:.0%}, after {after:.0%}")

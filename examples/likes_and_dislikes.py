"""Likes and dislikes become a rule, which finds more of the kind: python examples/likes_and_dislikes.py

The listener here likes melodies of small intervals. Replace `likes` by your own ears.
"""

import melodylc
from melodylc import rules

model = melodylc.load()


def likes(melodies):
    return rules.stepwise(0.5).satisfied(melodies)


first = model.sample(12, seed=0)
taste = melodylc.prefer(model, liked=first[likes(first)], disliked=first[~likes(first)])
for number in range(3):  # the melodies about which an answer says most, six at a time
    question = taste.ask(6, seed=number)
    yes = likes(question)
    taste = taste.answered(liked=question[yes], disliked=question[~yes])

# `taste` is a rule like any other: melodylc.learn(model, taste) makes an actor for it
more = model.sample(32, seed=1)
best = more[taste(more).argsort()[::-1][:4]]
print(f"liked of all {likes(more).mean():.0%}, of the best {likes(best).mean():.0%}")
melodylc.write_midi("best.mid", best[0])

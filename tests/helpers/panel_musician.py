"""A twin of the inference process that makes music of a kind: phrases over what is asked for, and what they keep."""

import numpy as np
from panel_twin import TwinSource

from melodylc.attributes import Attributes
from melodylc.chords import fitting, named, rule
from melodylc.extraction.selection import choices, select_melody
from melodylc.melody import HOLD, canonical
from melodylc.rules import find
from melodylc.rules.outside import notes_outside
from midi_io import markers

RHYTHMS = ((0, 4, 8, 12), (0, 2, 4, 8, 12), (0, 4, 6, 8, 12, 14), (0, 6, 8), (0, 8, 10, 12))  # of a bar
USUAL = (57, 79)  # pitches
JUDGED = 256  # steps of what rules are on


def compose(asked, bars, seed):
    """Return the states of a walk over the pitches that are asked for, of phrases that come again."""
    rng = np.random.default_rng(seed)
    attributes = Attributes(**asked["attributes"])
    pitches = np.flatnonzero(attributes.pitches())
    usual = pitches[(pitches >= USUAL[0]) & (pitches <= USUAL[1])]
    pitches = usual if len(usual) > 3 else pitches
    states = np.full(16 * bars, HOLD, np.uint8)
    place = len(pitches) // 2
    dense = (attributes.notes or 0) > 80
    rhythms = [np.arange(0, 16, 2)] if dense else [RHYTHMS[index] for index in rng.integers(len(RHYTHMS), size=4)]
    for bar in range(bars):
        for onset in rhythms[bar % len(rhythms)]:
            place = int(np.clip(place + rng.integers(-2, 3), 0, len(pitches) - 1))
            states[16 * bar + onset] = pitches[place]
    return states


def judged(states, asked, way="twin", wrong=()):
    """Return a melody with what the panel shows of it."""
    states = np.asarray(states, np.uint8)
    attributes, bars = Attributes(**asked["attributes"]), len(states) // 16
    progression = asked["chords"]
    if progression is not None:
        attributes = fitting(progression, attributes)
    texts = [None] * len(attributes.rules()) + [None] * (progression is not None) + asked["rules"]
    rules = [*attributes.rules(), *([rule(progression)] if progression else []), *map(find, asked["rules"])]
    whole = np.resize(states, JUDGED)
    values = [float(each(whole)) for each in rules]
    allowed = attributes.pitches()
    return {
        "states": canonical(states).tolist(),
        "rules": [
            {"name": each.name, "reward": value, "rule": text and text.partition("(")[0]}
            for each, text, value in zip(rules, texts, values)
        ],
        "implausible": list(wrong),
        "kept": not wrong and min(values, default=1) == 1,
        "outside": [list(each) for each in notes_outside((r for r, value in zip(rules, values) if value < 1), states)],
        "allowed": None if allowed.all() else np.flatnonzero(allowed).tolist(),
        "tonic": attributes.key.tonic if attributes.key else None,
        "chords": [each._asdict() for each in named(progression, bars)] if progression else None,
        "progression": progression,
        "way": way,
        "tried": 1,
    }


class Musician(TwinSource):
    """Makes melodies at once; the second candidate of each set has a note outside the key, the third is odd."""

    def _made(self, task):
        make = getattr(self, f"_{task.name}", None)
        return super()._made(task) if make is None else make(task.asked)

    def _generate(self, asked):
        made = []
        for number in range(asked["count"]):
            states = compose(asked, asked["bars"], asked["seed"] + number)
            if number == 1 and not asked["strict"] and asked["attributes"]["key"]:
                states[4] = states[0] + 1 if states[0] % 12 not in (4, 11) else states[0] + 2
            made.append(judged(states, asked, "prior", ["leaps"] if number == 2 else []))
        return {"melodies": made, "summary": f"{len(made)} melodies were drawn"}

    def _like(self, asked):
        near = [np.array(asked["melody"], np.uint8) for _ in range(asked["count"])]
        for number, states in enumerate(near):
            states[-16:] = compose(asked, 1, asked["seed"] + number)
        return {"melodies": [judged(states, asked, "more like this") for states in near], "summary": "around it"}

    def _between(self, asked):
        ends = np.array([asked["first"], asked["last"]], np.uint8)
        steps = np.arange(ends.shape[1])
        count = asked["count"]
        on_the_way = [np.where(steps < 16 * (4 + 2 * n), ends[0], ends[1]) for n in range(count)]
        return {"melodies": [judged(states, asked, "between") for states in on_the_way], "summary": "on the way"}

    def _remake(self, asked):
        before, locks = np.array(asked["melody"], np.uint8), np.array(asked["locks"])
        made = []
        for number in range(asked["count"]):
            anew = compose(asked, len(before) // 16, asked["seed"] + number)
            made.append(judged(np.where(locks == 1, before, anew), asked, "remade"))
        return {"melodies": made, "summary": "remade"}

    def _continue(self, asked):
        before = np.array(asked["melody"], np.uint8)
        more = [compose(asked, asked["bars"], asked["seed"] + number) for number in range(asked["count"])]
        whole = [np.concatenate([before, each[len(before) :]]) for each in more]
        return {"melodies": [judged(states, asked, "continued") for states in whole], "summary": "longer"}

    def _judge(self, asked):
        return {"melodies": [judged(states, asked) for states in asked["melodies"]]}

    def _ask(self, asked):
        pair = [judged(compose(asked, 16, asked["seed"] + n), asked, "known melodies") for n in range(2)]
        return {"melodies": pair, "summary": "their judgement tells most"}

    def _read(self, asked):
        chosen = select_melody(asked["path"], **{name: asked[name] for name in ("track", "channel", "bar")})
        tracks = [choice._asdict() for choice in choices(asked["path"])]
        taken = {"track": chosen.track, "channel": chosen.channel, "bar": chosen.bar}
        marked = [{"bar": int(each.beat // 4), "text": each.text} for each in markers.read(asked["path"])]
        made = {"tracks": tracks, "taken": taken, "marked": marked}
        return {"melodies": [judged(chosen.states, asked, f"your file, {chosen}")], **made}

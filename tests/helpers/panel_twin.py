"""A twin of the inference process for the panel: it answers tasks at once, with melodies written for the purpose."""

import numpy as np

from melodylc.base.errors import UserError
from melodylc.live.protocol import Failure, Progress, Result
from melodylc.melody import HOLD


def melody(first=60, bars=16):
    """A scale up from a pitch, a quarter note each."""
    states = np.full(bars * 16, HOLD, np.uint8)
    states[::4] = first + np.arange(bars * 4) % 8
    return states.tolist()


def made(states, **others):
    facts = {"rules": [], "implausible": [], "kept": True, "outside": [], "allowed": None, "tonic": None}
    return {"states": states, "chords": None, "progression": None, "way": "twin", "tried": 1} | facts | others


class TwinSource:
    """Answers each task when it is polled, unless it is held; what it was asked is in `asked`."""

    def __init__(self):
        self.ready, self.fatal, self.trouble = True, None, None
        self.asked, self.stops, self.held, self.closed = [], 0, False, False
        self._waiting, self.failing, self.said = None, None, []
        self.wake = lambda: None

    @property
    def free(self):
        return self.ready and self._waiting is None

    def ask(self, task):
        assert self.free
        self.asked.append(task)
        self._waiting = task
        self.wake()

    def stop(self):
        self.stops += 1

    def tell(self, **made):
        self.said.append(Progress(self._waiting.id, made))

    def die(self):
        self.ready, self._waiting = False, None

    def poll(self):
        said, self.said = self.said, []
        if self._waiting is None or self.held:
            return said
        task, self._waiting = self._waiting, None
        if self.failing:
            return [*said, Failure(task.id, self.failing)]
        try:
            return [*said, Result(task.id, self._made(task))]
        except UserError as error:
            return [*said, Failure(task.id, str(error))]

    def _made(self, task):
        asked = task.asked
        if task.name == "taste":
            return {"share": 0.25}
        if task.name == "learn":
            return {"report": "learned", "reached": True, "curve": []}
        if task.name == "catalogue":
            return {"entries": [{"name": f"{file}:mine", "file": file, "error": None} for file in asked["files"]]}
        if task.name == "judge":
            return {"melodies": [made(list(states)) for states in asked["melodies"]]}
        if task.name == "read":
            return {"melodies": [made(melody())], "tracks": [{"track": 0}], "taken": {"track": 0}, "marked": []}
        count = 2 if task.name == "ask" else asked["count"]
        melodies = [made(melody(60 + number, asked["bars"])) for number in range(count)]
        return {"melodies": melodies}

    def close(self):
        self.closed = True

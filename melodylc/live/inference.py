"""The inference process: reads requests for melodies, a JSON line each, and answers them.

It keeps nothing between requests that matters, so it can be killed and started again at any time. When the player's
process dies, it ends the notes that still sound, and finishes the recording.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import cache, reduce
from operator import and_
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from melodylc.base.errors import UserError
from melodylc.live.controls import ControlValues

if TYPE_CHECKING:
    from torch import Tensor

    from melodylc.constraints.sampling import Constraints, Way


class Inference:
    """A model with its knobs and actors, ready to answer.

    Raises:
        UserError: if something that was asked for is missing or wrong.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        import torch

        from melodylc import plausibility
        from melodylc.constraints import conditional
        from melodylc.constraints.rule_actor import learn, load_actor
        from melodylc.latent.rewards import Budget
        from melodylc.model import load
        from melodylc.rules import find

        self.model = load(setup["model"], setup["device"])
        self.knobs = conditional.load_conditional_actor(self.model.path.with_name("knobs.safetensors"), self.model)
        self.rules = [find(text) for text in setup["rules"]]
        self.actors = [load_actor(path, self.model) for path in setup["actors"]]
        if self.rules and not self.actors:
            budget = replace(Budget(), **setup["learning"])
            self.actors = [learn(self.model, reduce(and_, self.rules), budget=budget)]
            if setup["keep"] is not None:
                self.actors[0].save(setup["keep"])
        self.bounds = plausibility.bounds(self.model)
        torch.set_num_threads(1)  # one melody gains nothing from a second core, the player does
        self.strict, self.tries = setup["strict"], setup["tries"]
        self._ways(ControlValues(**setup["asked"]), "prior")  # what cannot be masked is said before anything plays

    def _constraints(self, asked: ControlValues) -> Constraints:
        from melodylc.constraints.sampling import Constraints

        return Constraints.of(asked.attributes(), self.rules, self.actors)

    def _ways(self, asked: ControlValues, start: str) -> list[Way]:
        from melodylc.constraints.sampling import ways

        constraints = self._constraints(asked)
        strict = self.strict and bool(constraints.all_rules)
        return ways(self.model, constraints, strict=strict, start=start, conditional_actor=self.knobs)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """A melody for a request: from where, how far from there, and under which rules."""
        from melodylc.constraints.sampling import draw_kept
        from melodylc.model import slerp

        began = time.monotonic()
        asked = ControlValues(**request["asked"])
        rules = self._constraints(asked).all_rules
        bounds, start = self.bounds, "prior"
        if request["states"] is not None:
            phrase = np.frombuffer(bytes.fromhex(request["states"]), np.uint8).copy()
            z = self.model.encode(phrase).mean
            bounds, start = bounds.including(phrase), "phrase"  # an answer may be as short and as odd as its phrase
        elif request["z"] is not None:
            z = _vector(request["z"])[None]
        else:
            z = self.model.prior(1, request["seed"])
        if request["amount"] > 0:
            z = slerp(z[0], self.model.prior(1, request["toward"])[0], request["amount"])[None]
        known = self._ways(asked, start)
        # all tries decode one place, which is moved once
        moved = cache(lambda way: way.move(z))
        made = draw_kept(
            self.model,
            known,
            lambda way, number, left: moved(way),
            1,
            rules,
            bounds,
            # tries count decodes, each way at least one: more would keep the player waiting
            tries=1 if asked.temperature == 0 else -(-self.tries // len(known)),
            seed=request["seed"],
            temperature=asked.temperature,
        )
        return {
            "id": request["id"],
            "states": made.melodies[0].tobytes().hex(),
            "z": base64.b64encode(z[0].half().numpy().tobytes()).decode(),
            "rewards": {rule.name: float(rule(made.melodies)[0]) for rule in rules},
            "way": made.ways[0],
            "plausible": bool(bounds.plausible(made.melodies)[0]),
            "tried": made.draws[0],
            "seconds": round(time.monotonic() - began, 4),
        }


def _vector(text: str) -> Tensor:
    import torch

    return torch.from_numpy(np.frombuffer(base64.b64decode(text), np.float16).astype(np.float32))


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer until the requests end. The first line is the set-up; what fails is answered with a line that says so."""
    setup = json.loads(requests.readline() or "null")
    if setup is None:
        return
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        for line in requests:
            if json.loads(line).get("bye"):
                os._exit(0)
            lines.put(line)
        orphaned(setup)  # the player ended without a word: it was killed
        os._exit(1)

    threading.Thread(target=read, name="requests", daemon=True).start()

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        inference = Inference(setup)
        inference.answer(_first(setup))  # the first decode of a process is slow; nobody is to wait for it
    except (UserError, ImportError, OSError) as error:
        say({"fatal": str(error)})
        return
    say({"ready": True})
    while (line := lines.get()) is not None:
        request = json.loads(line)
        try:
            say(inference.answer(request))
        except Exception as error:  # a rule of the user's may raise anything; the session goes on
            first = (str(error).splitlines() or [""])[0]
            say({"id": request.get("id"), "error": f"{type(error).__name__}: {first}"})


def _first(setup: dict[str, Any]) -> dict[str, Any]:
    return {"id": 0, "states": None, "z": None, "seed": 0, "toward": 0, "amount": 0.0, "asked": setup["asked"]}


def orphaned(setup: dict[str, Any]) -> None:
    """The player was killed: end what sounds, finish what was recorded."""
    from midi_io import recording
    from midi_io.ports.opening import release_left_behind

    if setup["books"] is not None:
        release_left_behind(Path(setup["books"]))
    if setup["record"] is not None:
        recording.finish(Path(setup["record"]))


def main() -> None:
    """The process. Its standard output belongs to the answers; what rules print goes to the standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the player's business, which then says good-bye
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()

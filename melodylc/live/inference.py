"""The inference process: reads requests for melodies, a line each, and answers them; see `melodylc.live.protocol`.

It remembers nothing between requests that matters, so it can be killed and started again at any time. When the player's
process dies, it ends the notes that still sound, and finishes the recording.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, reduce
from operator import and_
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from melodylc.base.arrays import as_array
from melodylc.base.errors import UserError
from melodylc.live.control_values import ControlValues
from melodylc.live.device_errors import sticks
from melodylc.live.protocol import (
    Answer,
    Failure,
    Fatal,
    Goodbye,
    Message,
    Progress,
    ProtocolError,
    Ready,
    Request,
    Result,
    Setup,
    Stop,
    Task,
    from_json,
)
from melodylc.live.settings import TRACK_NAME
from melodylc.melody import canonical

if TYPE_CHECKING:
    from melodylc.attributes import Attributes
    from melodylc.base.arrays import Vectors
    from melodylc.constraints.playing_actor import AnyActor
    from melodylc.constraints.sampling import Constraints, Way
    from melodylc.rules import Rule
    from melodylc.runtime.interface import MelodyModel

FIRST = 8  # draws that a search begins with
ALIVE = 10.0  # seconds that a task says nothing: far fewer than it would be given up after


class Inference:
    """A model with its conditional actor and the actors of rules, ready to answer.

    Raises:
        UserError: if something that was asked for is missing or wrong.
    """

    def __init__(self, setup: Setup, tasks: bool = True) -> None:
        """Load what a session needs: without torch, which starts sooner, where melodies are only drawn.

        Args:
            tasks: whether tasks are to be performed too, some of which search.
        """
        from melodylc import plausibility
        from melodylc.constraints import conditional
        from melodylc.constraints.lengths import check_model
        from melodylc.rules import find

        self.model = _model(setup, tasks)
        self.conditional_actor = conditional.find_conditional_actor(self.model)
        self.rules = [find(text) for text in setup.rules]
        self.actors = _actors(setup, self.model, self.rules)
        if setup.searches:
            check_model(self.model)
        self.bounds = plausibility.bounds(self.model)
        if (torch := sys.modules.get("torch")) is not None:
            torch.set_num_threads(1)  # one melody gains nothing from a second core, the player does
        self.strict, self.tries, self.searches = setup.strict, setup.tries, setup.searches
        self._ways(setup.initial, "prior")  # what cannot be masked is said before anything plays

    def _constraints(self, asked: ControlValues) -> Constraints:
        from melodylc.constraints.sampling import Constraints

        return Constraints.of(asked.attributes, self.rules, self.actors)

    def _ways(self, asked: ControlValues, start: str) -> list[Way]:
        from melodylc.constraints.sampling import ways

        constraints = self._constraints(asked)
        strict = self.strict and bool(constraints.all_rules)
        return ways(self.model, constraints, strict=strict, start=start, conditional_actor=self.conditional_actor)

    def _drawn(self, request: Request, drawn_for: Attributes) -> Vectors:
        """Return z (1, Z) of the prior for attributes, on the way from one draw's noise to another's."""
        noise = self.model.noise(1, request.seed)
        if request.amount > 0:
            noise = self.model.noise_between(noise, self.model.noise(1, request.toward), request.amount)
        drawn: Vectors = self.model.from_noise(noise, drawn_for)
        return drawn

    def answer(self, request: Request) -> Answer:
        """Return a melody for a request."""
        from melodylc.constraints.sampling import draw_kept
        from melodylc.runtime.prior import slerp

        began = time.monotonic()
        if self.searches and request.z is None and request.phrase is None:
            return self._searched(request)
        asked = request.values
        rules = self._constraints(asked).all_rules
        bounds, start, z = self.bounds, "prior", None
        if request.phrase is not None:
            phrase = np.frombuffer(request.phrase, np.uint8).copy()
            z = as_array(self.model.encode(phrase).mean)
            bounds, start = bounds.including(phrase), "phrase"  # an answer may be as short and as odd as its phrase
        elif request.z is not None:
            z = _vector(request.z)[None]
        if request.amount > 0 and z is not None:
            z = slerp(z, as_array(self.model.prior(1, request.toward, asked.attributes)), request.amount)
        known = self._ways(asked, start)
        given = z
        begun = cache(lambda drawn_for: self._drawn(request, drawn_for) if given is None else given)
        # all tries decode one place, which is moved once
        moved = cache(lambda way: way.move(begun(way.drawn_for)))
        made = draw_kept(
            self.model,
            known,
            lambda way, number, left: moved(way),
            1,
            rules,
            bounds,
            # tries count decodes, each way at least one: more would keep the player waiting
            tries=1 if asked.temperature == 0 else -(-self.tries // len(known)),
            seed=request.seed,
            temperature=asked.temperature,
        )
        (taken,) = (way for way in known if way.name == made.ways[0])
        return Answer(
            id=request.id,
            states=made.melodies[0].tobytes(),
            z=_as_bytes(begun(taken.drawn_for)),
            rewards={rule.name: float(rule(made.melodies)[0]) for rule in rules},
            way=made.ways[0],
            plausible=bool(bounds.plausible(made.melodies)[0]),
            tried=made.draws[0],
            seconds=round(time.monotonic() - began, 4),
        )

    def _searched(self, request: Request) -> Answer:
        """Return a melody that was searched for: a new one, or one that begins with the last eight bars of another."""
        from melodylc.constraints.draws import PriorDraws
        from melodylc.constraints.lengths import longer, rewards
        from melodylc.constraints.sampling import mask
        from melodylc.constraints.search import SearchBudget, search
        from melodylc.melody import ADDED_BARS, BARS, HOLD, STATES, STEPS, STEPS_PER_BAR

        began, asked = time.monotonic(), request.values
        rules = self._constraints(asked).all_rules
        allowed = np.ones((STEPS, STATES), bool)
        if self.strict and rules:
            allowed &= mask(rules)
        budget = SearchBudget(decodes=FIRST * self.tries, first=FIRST)
        given = None
        if request.before is None:
            draws = PriorDraws(self.model, asked.attributes, asked.temperature, allowed)
            found = search(draws, rules, 1, self.bounds, budget=budget, seed=request.seed)
            melody, decodes, way = found.melodies, found.decodes, "search"
        else:
            before = np.frombuffer(request.before, np.uint8).copy()
            allowed[(BARS - ADDED_BARS) * STEPS_PER_BAR, HOLD] = False  # the last note ends where this one is taken up
            budget = SearchBudget(decodes=max(FIRST * self.tries // 2, 1), first=FIRST)  # there may be two searches
            whole, decodes = longer(
                self.model,
                before,
                BARS + ADDED_BARS,
                rules,
                asked.attributes,
                self.bounds,
                ends=False,
                budget=budget,
                seed=request.seed,
                temperature=asked.temperature,
                allowed_states=allowed,
            )
            melody, way = canonical(whole[None, ADDED_BARS * STEPS_PER_BAR :]), "continued"
            given = np.arange(STEPS) < (BARS - ADDED_BARS) * STEPS_PER_BAR  # played already
        return Answer(
            id=request.id,
            states=melody.tobytes(),
            z=_as_bytes(self.model.encode(melody).mean),
            rewards={rule.name: float(rewards(rule, melody, given)[0]) for rule in rules},
            way=way,
            plausible=bool(self.bounds.plausible(melody)[0]),
            tried=decodes,
            seconds=round(time.monotonic() - began, 4),
        )


def _model(setup: Setup, tasks: bool) -> MelodyModel:
    """Return the model, in the style that is asked for: without torch, where that is all that is needed."""
    from melodylc.loading import load

    drawn = not (tasks or setup.searches or setup.learns or setup.actors or setup.style is not None)
    model = load(setup.model, setup.device, drawn=drawn)
    if setup.style is None:
        return model
    from melodylc.style import in_style, load_style

    return in_style(model, load_style(setup.style, model), setup.style_amount)


def _actors(setup: Setup, model: MelodyModel, rules: list[Rule]) -> list[AnyActor]:
    """Return the actors of rules: those of files, or one that is learned now."""
    if not (setup.actors or setup.learns):
        return []
    from melodylc.constraints.playing_actor import load_actor

    if not setup.learns:
        return [load_actor(path, model) for path in setup.actors]
    from melodylc.loading import with_torch

    learning = with_torch(model, "live: learning an actor for --rule")
    from melodylc.constraints.rule_actor import learn
    from melodylc.latent.budget import Budget

    budget = replace(Budget(), seconds=setup.seconds)
    if setup.rounds is not None:
        budget = replace(budget, rounds=setup.rounds)
    actor = learn(learning, reduce(and_, rules), budget=budget)
    print(actor.report, file=sys.stderr)
    if setup.keep is not None:
        actor.save(setup.keep)
    return [actor]


def _vector(z: bytes) -> np.ndarray:
    return np.frombuffer(z, np.float16).astype(np.float32)


def _as_bytes(z: Vectors) -> bytes:
    """Return the first of z (B, Z) in half precision."""
    return as_array(z)[0].astype(np.float16).tobytes()


class Conversation:
    """What a task says to who asked for it while it is under way, and whether they have had enough."""

    def __init__(self, task: Task, say: Callable[[Message], None], now: Callable[[], float] = time.monotonic) -> None:
        self.task, self._say, self._now, self._stopped = task, say, now, threading.Event()
        self._told = now()

    def tell(self, **made: Any) -> None:
        """Say what the task has come to so far."""
        self._told = self._now()
        self._say(Progress(self.task.id, made))

    def stop(self) -> None:
        """Have the task end early."""
        self._stopped.set()

    def stopped(self) -> bool:
        """Return whether the task need not go on; one that asks goes on, which is said where it said nothing else."""
        if self._now() - self._told > ALIVE:
            self.tell()
        return self._stopped.is_set()


Perform = Callable[[Inference, Conversation], dict[str, Any]]  # what makes the result of a task


def _no_tasks(inference: Inference, conversation: Conversation) -> dict[str, Any]:
    raise UserError(f"inference: expected a request, got the task {conversation.task.name!r:.60}")


def serve(requests: IO[str], answers: IO[str], perform: Perform = _no_tasks) -> None:
    """Answer until the requests end, or the device is lost. The first line is the set-up.

    What fails is answered with a line that says so.
    """

    def say(message: Message) -> None:
        with lock:
            answers.write(message.to_json() + "\n")
            answers.flush()

    lock = threading.Lock()
    first = requests.readline()
    if not first:
        return
    try:
        setup = from_json(first)
        if not isinstance(setup, Setup):
            raise ProtocolError(f"expected Setup, got {type(setup).__name__}")
    except ProtocolError as error:
        say(Fatal(f"inference: the first line is no set-up ({error})"))
        return
    waiting: SimpleQueue[Request | Conversation] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, setup, waiting, say), name="requests", daemon=True).start()
    try:
        inference = Inference(setup, tasks=perform is not _no_tasks)
        # the first decode of a process is slow; nobody is to wait for it
        inference.answer(Request(id=0, values=setup.initial, seed=0))
    except (UserError, ImportError, OSError) as error:
        say(Fatal(str(error)))
        return
    except RuntimeError as error:
        if not sticks(error):
            raise
        say(Fatal(_said_of(error)))
        return
    say(Ready())
    while True:
        asked = waiting.get()
        try:
            if isinstance(asked, Request):
                say(inference.answer(asked))
            else:
                say(Result(asked.task.id, perform(inference, asked)))
        except Exception as error:  # a rule of the user's may raise anything; the session goes on
            say(Failure(_number_of(asked), _said_of(error)))
            if sticks(error):
                return  # with the process, which is replaced by another


def _said_of(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _number_of(asked: Request | Conversation) -> int:
    return asked.id if isinstance(asked, Request) else asked.task.id


def _read(
    lines: IO[str], setup: Setup, waiting: SimpleQueue[Request | Conversation], say: Callable[[Message], None]
) -> None:
    """Read requests until the player says good-bye, or ends without a word: then it was killed."""
    latest: Conversation | None = None
    for line in lines:
        try:
            message = from_json(line)
            if isinstance(message, Goodbye):
                os._exit(0)
            if isinstance(message, Stop):
                if latest is not None and latest.task.id == message.id:
                    latest.stop()
            elif isinstance(message, Task):
                latest = Conversation(message, say)
                waiting.put(latest)
            elif isinstance(message, Request):
                waiting.put(message)
            else:
                raise ProtocolError(f"expected Request or Task, got {type(message).__name__}")
        except ProtocolError as error:
            say(Failure(None, f"inference: {error}"))
    clean_up_after_player(setup)
    os._exit(1)


def clean_up_after_player(setup: Setup) -> None:
    """End what still sounds and finish what was recorded: the player was killed."""
    from midi_io import recording
    from midi_io.ports.opening import release_left_behind

    for path in setup.sounding_notes:
        release_left_behind(Path(path))
    if setup.record is not None:
        recording.finish(Path(setup.record), TRACK_NAME)


def main(perform: Perform = _no_tasks) -> None:
    """Run the process. Its standard input and output belong to requests and answers.

    What rules print goes to the standard error, and one that waits for input is told that there is none.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the player's business, which then says good-bye
    requests = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")  # what is no text is no message
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    serve(requests, answers, perform)
    with contextlib.suppress(OSError):
        sys.stdout.flush()  # what rules printed
    os._exit(0)  # a device that is lost may keep whoever takes leave of it


if __name__ == "__main__":
    main()

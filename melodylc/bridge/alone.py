"""Answers without a bridge: the model is loaded for one question, in this process."""

from __future__ import annotations

from typing import Any

from melodylc.base.errors import UserError
from melodylc.bridge import answers
from melodylc.bridge.questions import AttributesOf, Hello, Wishes, question
from melodylc.live.protocol import Setup, Task


def answered(said: dict[str, Any], setup: Setup = Setup()) -> dict[str, Any]:
    """Return the answer to a question; what goes wrong is an answer too.

    Args:
        setup: which model answers, and in which style.
    """
    try:
        asked = answers.seeded(question(said))
        if isinstance(asked, Hello):
            return answers.echoed(said, answers.hello())
        if isinstance(asked, AttributesOf):
            return answers.echoed(said, answers.attributes(asked))
        assert isinstance(asked, Wishes)
        return answers.echoed(said, answers.answer(asked, _made(asked, setup)))
    except UserError as error:
        return answers.failed(said, error)


def _made(asked: Wishes, setup: Setup) -> dict[str, Any]:
    """Return the result of the task that a question asks for.

    Raises:
        UserError: for what cannot be done; of a rule that fails, with what it said.
    """
    from melodylc.live.inference import Conversation, Inference
    from melodylc.tasks.performing import perform

    name, wishes = answers.task(asked)
    try:
        return perform(Inference(setup), Conversation(Task(1, name, wishes), lambda told: None))
    except UserError:
        raise
    except Exception as error:  # a rule of the user's may raise anything
        raise UserError(f"{name}: {type(error).__name__}: {error}") from error

"""The tasks of the inference process: each makes a result, as JSON has it, of what is asked.

They run in that process alone; nothing here is remembered that matters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from melodylc.base.errors import UserError
from melodylc.live.inference import Conversation, Inference
from melodylc.tasks.asked import Asked
from midi_io.transport import BEATS_PER_BAR


def perform(inference: Inference, conversation: Conversation) -> dict[str, Any]:
    """Return the result of a task.

    Raises:
        UserError: for what cannot be done, in one line.
    """
    name = conversation.task.name
    if name not in TASKS:
        raise UserError(f"task: expected one of {', '.join(TASKS)}, got {name!r:.60}")
    return TASKS[name](inference, conversation, conversation.task.asked)


def _generate(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import making

    return making.generated(inference.model, Asked.of(inference.model, asked), conversation.tell, conversation.stopped)


def _like(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import making

    melody = making.states(asked["melody"])
    return making.alike(inference.model, Asked.of(inference.model, asked), melody, float(asked["amount"]))


def _between(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import making

    ends = making.states(asked["first"]), making.states(asked["last"])
    return making.between(inference.model, Asked.of(inference.model, asked), *ends)


def _remake(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import remaking

    melody, locks = remaking.locked_melody(asked["melody"], asked["locks"])
    return remaking.remade(
        inference.model, Asked.of(inference.model, asked), melody, locks, conversation.tell, conversation.stopped
    )


def _continue(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import continuing, making

    wanted, melody = Asked.of(inference.model, asked), making.states(asked["melody"])
    return continuing.continued(inference.model, wanted, melody, conversation.tell, conversation.stopped)


def _judge(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    """Say what melodies as they are keep: edited by hand, or when something else is asked for."""
    from melodylc.tasks import making

    wanted = Asked.of(inference.model, asked)
    return {"melodies": [making.judged(inference.model, wanted, making.states(each)) for each in asked["melodies"]]}


def _read(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    """Read 16 bars of a MIDI file that was dropped on the page, and where others begin."""
    from melodylc.extraction.selection import choices, select_melody
    from melodylc.tasks import making
    from midi_io import markers

    place = {name: asked[name] for name in ("track", "channel", "bar")}
    chosen = select_melody(asked["path"], **place)
    melody = making.judged(inference.model, Asked.of(inference.model, asked), chosen.states)
    tracks = [choice._asdict() for choice in choices(asked["path"])]
    taken = {"track": chosen.track, "channel": chosen.channel, "bar": chosen.bar}
    marked = [{"bar": int(each.beat // BEATS_PER_BAR), "text": each.text} for each in markers.read(asked["path"])]
    return {"melodies": [melody | {"way": f"your file, {chosen}"}], "tracks": tracks, "taken": taken, "marked": marked}


def _ask(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import learning

    return learning.asked_about(inference.model, Asked.of(inference.model, asked), asked["path"], asked["seed"])


def _taste(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import learning

    return learning.tasted(inference.model, asked["path"], asked["liked"], asked["disliked"], asked["base"])


def _learn(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    from melodylc.tasks import learning

    wanted = Asked.of(inference.model, asked)
    return learning.learned(inference.model, wanted, asked["path"], conversation.tell, conversation.stopped)


def _catalogue(inference: Inference, conversation: Conversation, asked: dict[str, Any]) -> dict[str, Any]:
    """Run the user's files of rules, and say which rules they have."""
    from melodylc.rules.catalogue import of_file

    return {"entries": [entry.as_json() for file in asked["files"] for entry in of_file(file)]}


TASKS: dict[str, Callable[[Inference, Conversation, dict[str, Any]], dict[str, Any]]] = {
    "generate": _generate,
    "like": _like,
    "between": _between,
    "remake": _remake,
    "continue": _continue,
    "judge": _judge,
    "read": _read,
    "ask": _ask,
    "taste": _taste,
    "learn": _learn,
    "catalogue": _catalogue,
}

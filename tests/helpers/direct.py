"""The inference process without a process, and what a session on ports in memory has played."""

from playing import pairs

from melodylc.live.protocol import Failure


class Direct:
    """The inference without a process: it answers at the next look, or says what it was told to say."""

    fatal = trouble = None
    ready = True

    def __init__(self, inference):
        self.inference = inference
        self.requests, self.answers = [], []
        self.silent = False  # as a process that has stalled
        self.error = None  # said instead of an answer
        self._waiting = None

    @property
    def free(self):
        return self._waiting is None

    def ask(self, request):
        self._waiting = request
        self.requests.append(request)

    def poll(self):
        if self._waiting is None or self.silent:
            return []
        request, self._waiting = self._waiting, None
        answer = self.inference.answer(request) if self.error is None else Failure(request.id, self.error)
        self.answers.append(answer)
        return [answer]

    def close(self):
        pass


def notes(ports):
    """(pitch, on, off) of what was played, in order; every note has its end."""
    played = pairs([each for each in ports.left if each[1][0] & 0xE0 == 0x80])
    assert ports.sounding_notes.sounding == []
    return sorted(played, key=lambda note: note[1])

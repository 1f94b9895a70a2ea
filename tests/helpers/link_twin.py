"""Ableton Link without a network: what a test does, other peers would have done."""

BAR = 4


class LinkTwin:
    """A peer of Ableton Link, its clock and its session in one: a line through time, and who started or stopped it.

    Its clock runs `drift` faster than the hand.
    """

    def __init__(self, hand, tempo=120.0, drift=0.0, beat=0.0):
        self.hand, self.drift, self.zero = hand, drift, hand.now
        self.bpm, self.moment, self.beat = tempo, self.micros(), beat
        self.playing, self.playing_since = False, self.micros()
        self.peers = 0
        self.enabled = self.startStopSyncEnabled = False

    # what a Link, its clock and its session state are asked

    def clock(self):
        return self

    def micros(self):
        return round((self.hand.now - self.zero) * (1 + self.drift) * 1e6) + 5_000_000_000

    def captureAppSessionState(self):  # noqa: N802
        return self

    def commitAppSessionState(self, state):  # noqa: N802
        assert state is self

    def numPeers(self):  # noqa: N802
        return self.peers

    def tempo(self):
        return self.bpm

    def setTempo(self, tempo, micros):  # noqa: N802
        self.beat, self.moment, self.bpm = self.beatAtTime(micros, BAR), micros, tempo

    def beatAtTime(self, micros, quantum):  # noqa: N802
        assert quantum == BAR
        return self.beat + (micros - self.moment) * self.bpm / 60e6

    def isPlaying(self):  # noqa: N802
        return self.playing

    def timeForIsPlaying(self):  # noqa: N802
        return self.playing_since

    # what other peers do

    def play(self, playing):
        self.playing, self.playing_since = playing, self.micros()

    def jump(self, beats):
        self.beat += beats

    @property
    def beat_now(self):
        return self.beatAtTime(self.micros(), BAR)

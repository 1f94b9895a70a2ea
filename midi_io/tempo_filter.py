"""The tempo of a clock, weighed from hypotheses of when it has changed and how."""

from __future__ import annotations

import numpy as np

MOMENT, INTERVAL, SLOPE = range(3)  # of a state: of the last tick, to the next one, by which that grows each tick
ONE_TICK = np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])  # what becomes of a state


class TempoFilter:
    """A filter of the moments of ticks that jitter, for a tempo that is steady, ramps, or steps.

    Each hypothesis is a Kalman filter of the moment of the last tick, the interval to the next one, and its slope. With
    each tick new ones are born of the best: from here on the tempo ramps; it has stepped; a ramp is over. Those that
    follow say how likely each is (Bayesian change points, as by Adams and MacKay, 2007), and what is told is the mean
    over all, so that a change is believed by and by, as the jitter allows. The unlikeliest are forgotten.

    Args:
        moment: of the first tick, in seconds.
        interval: seconds to the next one, as far as is known.
        uncertain: the share of it that it may be off by.
        jitter: standard deviation of the first tick, in seconds.
    """

    HYPOTHESES = 64  # at most
    UNLIKELY = 1e-7  # weight below which one is forgotten before that
    RAMPS = 3e-4  # chance that a ramp begins with a tick
    JUMPS = 1e-4  # chance that the tempo steps
    LEVELS = 1 / 150  # chance that a ramp ends with a tick
    SLOPES = 0.002  # share of the interval by which it may change each tick on a ramp
    STEPS = 0.1  # share of the interval by which it may step
    BENDS = 0.03  # share of its slope by which that may change each tick
    MEMORY = 288.0  # ticks after which a steady tempo is forgotten
    ASTRAY = 3.0  # standard deviations from which on a tick moves a state no more than one that is off so far
    STRAY = 0.05  # chance per second that a tick comes at any moment, whatever the tempo is: one in a thousand

    def __init__(self, moment: float, interval: float, uncertain: float, jitter: float) -> None:
        self._states = np.array([[moment, interval, 0.0]])  # (H, 3)
        self._covariances = np.diag([jitter**2, (uncertain * interval) ** 2, 0.0])[None]  # (H, 3, 3)
        self._weights = np.ones(1)  # (H,)

    @property
    def moment(self) -> float:
        """Return the moment of the last tick, without its jitter."""
        return float(self._weights @ self._states[:, MOMENT])

    @property
    def interval(self) -> float:
        """Return the seconds from the last tick to the next."""
        return float(self._weights @ (self._states[:, INTERVAL] + self._states[:, SLOPE] / 2))

    @property
    def likeliest_interval(self) -> float:
        """Return the interval of the likeliest hypothesis, which does not waver as the mean does."""
        state = self._states[self._weights.argmax()]
        return float(state[INTERVAL] + state[SLOPE] / 2)

    def tick(self, ticks: int, moment: float, jitter: float) -> None:
        """Take the moment of a tick that is so many after the last one, which jitters by so many seconds."""
        for _ in range(ticks):
            self._branch()
            self._go_on(jitter)
        self._weigh(moment, jitter)

    def _branch(self) -> None:
        """Let new hypotheses be born of the best."""
        best = int(self._weights.argmax())
        sloped = np.flatnonzero(self._states[:, SLOPE])
        parents, chances = [best, best], [self.RAMPS, self.JUMPS]
        if len(sloped):
            parents.append(int(sloped[self._weights[sloped].argmax()]))
            chances.append(self.LEVELS)
        states, covariances = self._states[parents], self._covariances[parents]
        interval = states[0, INTERVAL]
        covariances[0, SLOPE, SLOPE] += (self.SLOPES * interval) ** 2
        states[1:, SLOPE] = 0.0
        covariances[1:, SLOPE, :] = covariances[1:, :, SLOPE] = 0.0
        covariances[1, INTERVAL, INTERVAL] += (self.STEPS * interval) ** 2
        self._states = np.concatenate([self._states, states])
        self._covariances = np.concatenate([self._covariances, covariances])
        self._weights = np.concatenate([self._weights, self._weights[parents] * chances])
        if len(self._weights) > self.HYPOTHESES:
            self._keep(np.argpartition(self._weights, -self.HYPOTHESES)[-self.HYPOTHESES :])

    def _go_on(self, jitter: float) -> None:
        """Go one tick further."""
        self._states = self._states @ ONE_TICK.T
        self._covariances = ONE_TICK @ self._covariances @ ONE_TICK.T
        self._covariances[:, INTERVAL, INTERVAL] += (jitter / self.MEMORY**2) ** 2
        self._covariances[:, SLOPE, SLOPE] += (self.BENDS * self._states[:, SLOPE]) ** 2

    def _weigh(self, moment: float, jitter: float) -> None:
        """Correct each hypothesis by a tick, and weigh it by how well it had told its moment."""
        variances = self._covariances[:, MOMENT, MOMENT] + jitter**2
        deviations = variances**0.5
        off = (moment - self._states[:, MOMENT]) / deviations
        held = np.clip(off, -self.ASTRAY, self.ASTRAY)
        likelihoods = np.logaddexp(-(off**2) / 2 - np.log(2.5 * deviations), np.log(self.STRAY))
        gains = self._covariances[:, :, MOMENT] / variances[:, None]
        self._states += gains * (held * deviations)[:, None]
        self._covariances -= gains[:, :, None] * self._covariances[:, None, MOMENT, :]
        self._weights *= np.exp(likelihoods - likelihoods.max())
        self._weights /= self._weights.sum()
        self._keep(np.flatnonzero(self._weights > self.UNLIKELY))

    def _keep(self, which: np.ndarray) -> None:
        self._states, self._covariances = self._states[which], self._covariances[which]
        self._weights = self._weights[which] / self._weights[which].sum()

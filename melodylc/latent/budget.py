"""How long an actor is learned from rewards, and how: the settings of `latent.rewards`."""

from __future__ import annotations

from dataclasses import dataclass

from melodylc.latent.widths import SMALL


@dataclass(frozen=True)
class Budget:
    """How an actor is learned, and for how long."""

    rounds: int = 30  # of fresh rewards, at most
    seconds: float | None = None  # after which no further round begins
    fresh: int = 128  # outputs of the averaged actor rewarded a round
    tried: int = 64  # outputs of the actor as it is, rewarded a round
    average: float = 0.9  # decay of the moving average of the actor, a step
    bank_steps: int = 100  # critic steps on the bank before the first round; 0 leaves the bank out
    critic_steps: int = 20  # a round
    actor_steps: int = 30  # a round
    critic_batch: int = 128
    actor_batch: int = 32
    learning_rate: float = 1e-3  # three times the paper's: the networks are small
    actor_hidden: tuple[int, ...] = SMALL
    critic_hidden: tuple[int, ...] = (512, 512, 512)  # of critics that read z itself
    critics: int = 2
    parts: bool = True  # whether critics read what the generator makes of z, where that is given, or z itself
    satisfaction: bool = True  # whether critics also predict that the reward is full
    plausibility: bool = True  # whether plausibility is learned as one more reward, where it is given
    patience: int = 12  # rounds without a better actor after which learning ends
    target: float = 0.94  # share kept above which the distance penalty grows; 95 % of real melodies are plausible
    enough: float | None = 4.0  # logits, P = 0.98, beyond which the actor gains nothing more (`losses.actor_loss`)
    near: float = 1.2  # weight, in units of lambda, of the mean squared distance between features
    shell: float = 10.0  # weight of `losses.shell_penalty`
    penalty: float = 0.3  # lambda; the first one, where it adapts
    adapts: bool = True  # whether lambda follows the share kept


# The loop of the paper: rewards of decoded samples only, one critic of z, a fixed lambda, 10 critic steps to 1. Its
# small networks: the large ones take a minute of two cores for every three rounds.
PAPER_BUDGET = Budget(
    rounds=60,
    average=0.0,
    bank_steps=0,
    critic_steps=200,
    actor_steps=20,
    critic_batch=128,
    actor_batch=128,
    learning_rate=3e-4,
    actor_hidden=SMALL,
    critic_hidden=SMALL,
    critics=1,
    parts=False,
    satisfaction=False,
    plausibility=False,
    enough=None,
    shell=0.0,
    penalty=0.1,
    adapts=False,
)

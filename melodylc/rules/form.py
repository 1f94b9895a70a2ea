"""Forms of melodies, such as AABA: which phrases are equal."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from melodylc.base.errors import UserError
from melodylc.melody import BARS, STEPS_PER_BAR
from melodylc.rules.rule import Rule

LETTERS = (2, 8)  # the least and the most in a form
ALIKE = 0.9  # share of equal steps from which phrases of different letters count as one


@dataclass(frozen=True)
class Form:
    """Phrases of equal length, named by letters: equal letters are equal phrases, A' begins as A and goes on otherwise.

    Four letters are phrases of four bars, two of eight, five to eight of two. Three of four leave four bars free, and
    five to seven what is left of 16.
    """

    letters: str
    varied: tuple[bool, ...]

    @classmethod
    def parse(cls, text: str) -> Form:
        """Read a form such as "AABA" or "AA'BA".

        Raises:
            UserError: unless it has 2 to 8 letters, with an apostrophe only after one that was there before.
        """
        cleaned = text.replace(" ", "").replace("’", "'").upper() if isinstance(text, str) else ""
        if not re.fullmatch(r"([A-Z]'?)+", cleaned):
            raise UserError(f"form: expected letters such as AABA or AA'BA, got {text!r}")
        named = re.findall(r"([A-Z])('?)", cleaned)
        letters = "".join(letter for letter, _ in named)
        if not LETTERS[0] <= len(letters) <= LETTERS[1]:
            raise UserError(f"form: expected {LETTERS[0]} to {LETTERS[1]} letters, got {len(letters)} in {text!r}")
        varied = tuple(bool(mark) for _, mark in named)
        for index, letter in enumerate(letters):
            if varied[index] and letter not in letters[:index]:
                raise UserError(f"form: {letter}' in {text!r} varies a phrase {letter} that does not come before it")
        return cls(letters, varied)

    def __str__(self) -> str:
        return "".join(letter + "'" * varied for letter, varied in zip(self.letters, self.varied, strict=True))

    @property
    def bars(self) -> int:
        """Return the number of bars of a phrase: a power of two."""
        return 1 << ((BARS // len(self.letters)).bit_length() - 1)

    def source(self) -> np.ndarray:
        """Return (16,), for each bar the one that it is equal to: the first of its letter, or itself."""
        source = np.arange(BARS)
        for index, letter in enumerate(self.letters):
            first, here = self.letters.index(letter) * self.bars, index * self.bars
            same = self.bars // 2 if self.varied[index] else self.bars  # A' begins as A does
            source[here : here + same] = np.arange(first, first + same)
        return source


def form(text: str) -> Rule:
    """Reward phrases that are equal as the letters of a form are, AABA, and others that are not.

    The mean over pairs of phrases: the share of equal steps for two of the same letter, of the first half for one with
    an apostrophe (AA'BA), whose second half has to differ; 1 for two of different letters, unless nine of ten steps are
    equal.

    Raises:
        UserError: unless it has 2 to 8 letters, with an apostrophe only after one that was there before.
    """
    wanted = Form.parse(text)
    length = wanted.bars * STEPS_PER_BAR

    def reward(states: np.ndarray) -> np.ndarray:
        phrases = states[:, : length * len(wanted.letters)].reshape(len(states), -1, length)
        rewards = []
        for index, letter in enumerate(wanted.letters):
            for before in range(index):
                same = phrases[:, index] == phrases[:, before]
                if letter != wanted.letters[before]:
                    rewards.append(np.where(same.mean(axis=1) < ALIKE, 1.0, 0.0))
                elif before == wanted.letters.index(letter):
                    half = length // 2
                    if wanted.varied[index]:
                        rewards.append(np.where(same[:, half:].all(axis=1), 0.0, same[:, :half].mean(axis=1)))
                    else:
                        rewards.append(same.mean(axis=1))
        return np.asarray(np.mean(rewards, axis=0))

    return Rule(f"form {wanted}", reward, form.__doc__ or "")

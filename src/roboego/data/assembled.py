"""Exchanges put together from words that were said elsewhere: both sides are heard, word by word, and no two are the same.

A model of nano's size answers thousands of recorded dialogues by heart, and others from what it has learned in writing, which it had not
learned to do while it hears and speaks. These sound like neither side (each word has the melody of where it was cut out), so of sound
only the hearing is learned; but all that is heard, said and answered belongs together.
"""
# T frames, K codebooks

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from roboego.data.calling import Sheet, told_after
from roboego.data.exchange_pool import ExchangePool
from roboego.data.manners import Manners
from roboego.data.talk.answer import Exchange, Turn
from roboego.data.word_sounds import Word, WordSounds
from roboego.errors import InputError
from roboego.streams.alphabet import words
from roboego.streams.calls import announcement
from roboego.streams.grid import Codes, FrameGrid, Tokens, empty_grid

REACTIONS = (2, 3, 4)
"""Frames from a user's last word to the reply."""
FRAMES_A_PIECE = 3
"""How long a piece of a word takes to say, about."""
TRIES = 200
"""Exchanges that are looked at for one whose words have all been recorded."""
INTERRUPTED, SHORTEST = 0.35, 14
"""Chance that the user's next turn comes into a reply whose speech takes that many frames at least."""
YIELDS = (5, 11)
"""Frames in which Ego goes on speaking after that, from and below."""
PAUSE = 0.12
"""Chance of some silence before a word of the user's."""
MANNERS = Manners()
"""Of which the times of results count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AssembledExchanges(ExchangePool):
    """A pool of them.

    When to answer and when to fall silent is not learned: how a sentence ends and begins cannot be heard in these.

    Attributes:
        heard: words of the user's, pool by pool; said: words of Ego's. Where a word of Ego's has not been recorded, it is silent.
        delay: frames that a transcribed word waits after it has been heard.
    """

    heard: Sequence[WordSounds]
    said: Sequence[WordSounds]
    delay: int

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        rng = np.random.default_rng([self.seed, i, 1])
        for _ in range(TRIES):
            exchange = self.drawn(rng)
            if is_recorded(exchange, self):
                return laid_out(exchange, self, rng)
        raise InputError(f"none of {TRIES} exchanges has only words that have been recorded: make more data, roboego synth grids")


def is_recorded(exchange: Exchange, pool: AssembledExchanges) -> bool:
    """Whether all words of the user's have been recorded."""
    spoken = {tuple(pool.tokenizer.encode(word)) for turn in exchange.turns for word in words(turn.user)}
    return all(any(word in sounds for sounds in pool.heard) for word in spoken)


def laid_out(exchange: Exchange, pool: AssembledExchanges, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """A grid and its captions [T]."""
    scene = _Scene(pool=pool, rng=rng, near=float(rng.random()), at=int(rng.integers(4, 20)))
    if told := announcement(exchange.functions):
        scene.at += scene.sheet.reads(pool.tokenizer.encode(told), 1)
    for turn, follows in zip(exchange.turns, [*exchange.turns[1:], None], strict=True):
        start = scene.prompted(turn) if turn.read else scene.asks(turn)
        scene.answers(turn, start, alone=follows is None or bool(follows.read))
    return scene.grid()


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A reply: frame of its first piece, pieces, words with their sounds, and the frame in which it is broken off."""

    start: int
    tokens: list[int]
    sounds: list[tuple[Word, Codes]]
    cut: int | None = None


@dataclass(kw_only=True)
class _Scene:
    """An exchange as it is laid out, frame by frame.

    Attributes:
        near: where words are looked for, as of `WordSounds.draw`.
        at: the frame in which the next thing may be said; `writing` is the one in which the next caption may be written.
        heard, captions: what begins in which frame, of the user's.
        sheet: what Ego reads and calls.
        silent: the frame from which on Ego may write again.
        free: frames in which Ego may choose what to do.
    """

    pool: AssembledExchanges
    rng: np.random.Generator
    near: float
    at: int
    writing: int = 0
    heard: list[tuple[int, Codes]] = field(default_factory=list)
    captions: list[tuple[int, Word]] = field(default_factory=list)
    replies: list[_Said] = field(default_factory=list)
    sheet: Sheet = field(default_factory=Sheet)
    silent: int = 0
    free: list[int] = field(default_factory=list)

    def asks(self, turn: Turn) -> int:
        """The user's words, one after another, each written down a while after it has been heard; returns the frame of the answer."""
        for text in words(turn.user):
            word = tuple(self.pool.tokenizer.encode(text))
            codes = _drawn(word, self.pool.heard, self.near, self.rng)
            self.at += int(self.rng.integers(1, 6)) if self.rng.random() < PAUSE else 0
            self.heard.append((self.at, codes))
            self.at += len(codes)
            self.writing = max(self.writing, self.at + self.pool.delay)
            self.captions.append((self.writing, word))
            self.writing += len(word)
        start = max(self.at + int(self.rng.choice(REACTIONS)), self.silent)
        self.free += range(self.at, start)
        return start

    def prompted(self, turn: Turn) -> int:
        """What Ego reads while nobody speaks; returns the frame of the answer."""
        return self.sheet.reads(self.pool.tokenizer.encode(turn.read), self.at) + told_after(MANNERS, self.rng)

    def answers(self, turn: Turn, start: int, *, alone: bool) -> None:
        """Ego's reply, or what it calls first, from that frame on. The user's next turn comes after it, or into it.

        Args:
            alone: the user says nothing after it.
        """
        if turn.call is None:
            self._replies(turn.ego, start, alone=alone)
            return
        call, encode = turn.call, self.pool.tokenizer.encode
        went = self.sheet.calling(encode(call.text), encode(call.result), start, MANNERS, self.rng)
        if call.at_once and not call.after:
            self._replies(turn.ego, went.free, alone=alone)
            return
        over = 0
        if call.at_once:
            over = self._says(turn.ego, went.free)
        elif call.moment and went.moment is not None:
            over = self._says(call.moment, went.moment)
        self._replies(call.after or turn.ego, max(went.told, over + 1), alone=alone)

    def _replies(self, text: str, start: int, *, alone: bool) -> None:
        """What Ego says last in a turn: a piece a frame, and its sound."""
        over = self._says(text, start)
        said, speech = self.replies[-1], start + self.pool.layout.spk_delay
        frames = sum(len(codes) for _, codes in said.sounds)
        if not alone and frames >= SHORTEST and self.rng.random() < INTERRUPTED:
            self.at = speech + int(self.rng.integers(5, frames - 4))
            cut = self.at + int(self.rng.integers(*YIELDS))
            self.silent = cut + 2
            self.free += range(self.at, cut + 1)
            self.replies[-1] = replace(said, tokens=said.tokens[: cut - start], cut=cut)
            return
        self.at = over + int(self.rng.integers(4, 25))

    def _says(self, text: str, start: int) -> int:
        """All of a reply; returns the frame in which it is over."""
        tokens = self.pool.tokenizer.encode(text)
        sounds = [(word, _said(word, self.pool, self.near, self.rng)) for word in _words_of(tokens, self.pool)]
        self.replies.append(_Said(start=start, tokens=tokens, sounds=sounds))
        return max(start + len(tokens), start + self.pool.layout.spk_delay + sum(len(codes) for _, codes in sounds))

    def grid(self) -> tuple[FrameGrid, Tokens]:
        """All of it as a grid, and its captions [T]."""
        text, frames = self.pool.layout.text, max(self.at, self.writing + 1, self.sheet.reads_from + 1)
        grid, captions = empty_grid(self.pool.layout, frames), np.full(frames, text.wait, np.int32)
        grid.read[0] = text.wait if text.duplex is None else text.duplex
        grid.speak[:], grid.listen[:] = self.pool.silence, self.pool.silence
        grid.text_weight[:] = 1
        grid.text_weight[self.free] = 0
        self.sheet.lay(grid, text)
        for frame, codes in self.heard:
            grid.listen[frame : frame + len(codes)] = codes
        for frame, word in self.captions:
            captions[frame : frame + len(word)] = word
        for said in self.replies:
            self._say(grid, said)
        return grid, captions

    def _say(self, grid: FrameGrid, said: _Said) -> None:
        """Lays a reply's words one after another, and counts their pieces as they become audible."""
        written = slice(said.start, said.start + len(said.tokens))
        grid.text[written], grid.text_weight[written] = said.tokens, 1
        grid.spoken[said.start :] = 0
        end = len(grid) if said.cut is None else said.cut
        at, audible = said.start + self.pool.layout.spk_delay, 0
        for word, codes in said.sounds:
            grid.speak[at : min(at + len(codes), end)] = codes[: max(end - at, 0)]
            for i in range(len(word)):
                heard = at + math.ceil((i + 1) / len(word) * len(codes)) - 1
                if heard < end:
                    audible += 1
                    grid.spoken[heard:] = audible
            at += len(codes)
        if said.cut is not None and self.pool.layout.text.cut is not None:
            grid.text[said.cut] = self.pool.layout.text.cut


def _words_of(tokens: Sequence[int], pool: AssembledExchanges) -> Iterator[Word]:
    """A reply's words, each with the punctuation after it."""
    firsts = [i for i, token in enumerate(tokens) if i == 0 or pool.tokenizer.starts_word(token)]
    for a, b in zip(firsts, [*firsts[1:], len(tokens)], strict=True):
        yield tuple(tokens[a:b])


def _drawn(word: Word, sounds: Sequence[WordSounds], near: float, rng: np.random.Generator) -> Codes:
    """A recording of a word from any of the pools that have it."""
    having = [pool for pool in sounds if word in pool]
    return having[int(rng.integers(len(having)))].draw(word, near, rng)


def _said(word: Word, pool: AssembledExchanges, near: float, rng: np.random.Generator) -> Codes:
    """Ego's voice saying a word: without its punctuation, where that has not been recorded; silence of its length, where nothing has."""
    for pieces in (word, word[:-1]):
        if any(pieces in sounds for sounds in pool.said):
            return _drawn(pieces, pool.said, near, rng)
    return np.tile(pool.silence, (FRAMES_A_PIECE * len(word), 1))

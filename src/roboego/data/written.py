"""Exchanges of which there is no sound: what the user says stands in the captions, what Ego answers in its text.

They hold an answer in a third of the frames that a spoken one takes, and cost nothing to make, so no two are the same. (Moshi learns from
text alone in half of its batches, arXiv 2410.00037.)

A model that only ever thinks in silence is put off by voices: it copied and counted rightly in writing, and wrongly while it spoke. So
most of them have sound that was borrowed from spoken dialogues, and means nothing. And half are as slow as speech, since what has to be
found again among hundreds of sounding frames is harder to find.
"""
# T frames

from dataclasses import dataclass, field

import numpy as np

from roboego.data.calling import Sheet, told_after
from roboego.data.exchange_pool import ExchangePool, Grids
from roboego.data.manners import Manners
from roboego.data.talk.answer import Calling, Exchange, Turn
from roboego.streams.alphabet import words
from roboego.streams.calls import announcement
from roboego.streams.grid import FrameGrid, Tokens, empty_grid

GAP_ODDS = (0.6, 0.2, 0.1, 0.1)
"""Of 0, 1, 2, ... frames between two words of the user's."""
PACED_GAP_ODDS, NO_GAP_ODDS = (0.0, 0.08, 0.2, 0.27, 0.2, 0.12, 0.08, 0.05), (1.0,)
"""The same in those that are as slow as speech, and in those without gaps."""
PACED = 0.5
"""Share of exchanges that are as slow as speech."""
SPEAKS, HEARS = 0.75, 0.6
"""Shares of exchanges in which Ego hears a voice of its own while it answers, and those in which something else is heard all the while."""
FRAMES_A_TOKEN = 2.6
"""How long a token of Ego's takes to say, about."""
MANNERS = Manners()
"""Of which the times of results count."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenExchanges(ExchangePool):
    """A pool of them.

    Frames between the user's last word and the reply have no weight: when to answer is for the ear to tell.

    Attributes:
        sounds: grids from which sound is borrowed; None leaves all exchanges silent.
        paced: share of the exchanges that are as slow as speech.
        close: share of the others in which words follow each other at once, and turns nearly so: more are read in as many frames.
        typed: share of the exchanges in which the user writes, and Ego reads that instead of hearing it.
    """

    sounds: Grids | None = None
    paced: float = PACED
    close: float = 0.0
    typed: float = 0.0

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        rng = np.random.default_rng([self.seed, i])
        return laid_out(self.drawn(rng), self, rng)


def laid_out(exchange: Exchange, pool: WrittenExchanges, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """A grid and its captions [T]: turn by turn, the user's words with short gaps, then the reply."""
    at, paced = int(rng.integers(1, 4)), bool(rng.random() < pool.paced)
    close, typed = (share > 0 and bool(rng.random() < share) for share in (pool.close, pool.typed))
    scene = _Scene(pool=pool, rng=rng, at=at, paced=paced, close=not paced and close, typed=typed)
    if told := announcement(exchange.functions):
        scene.at += scene.sheet.reads(pool.tokenizer.encode(told), 1)
    for turn in exchange.turns:
        scene.takes(turn)
    return scene.grid()


@dataclass(kw_only=True)
class _Scene:
    """An exchange as it is laid out, frame by frame.

    Attributes:
        at: the frame in which the next thing may be said; paced: it is as slow as speech; close: without gaps; typed: the user writes.
        heard: the user's pieces, each with its frame; said: Ego's replies, with those of their first pieces; sheet: the rest.
        open_frames: those in which Ego may choose what to do.
    """

    pool: WrittenExchanges
    rng: np.random.Generator
    at: int
    paced: bool
    close: bool
    typed: bool
    heard: list[tuple[int, int]] = field(default_factory=list)
    said: list[tuple[int, list[int]]] = field(default_factory=list)
    sheet: Sheet = field(default_factory=Sheet)
    open_frames: list[int] = field(default_factory=list)

    def takes(self, turn: Turn) -> None:
        """What the user says, or Ego reads, and what Ego does then."""
        if read := turn.read or (turn.user if self.typed else ""):
            start = self.sheet.reads(self.pool.tokenizer.encode(read), self.at) + told_after(MANNERS, self.rng)
        else:
            start = self._asked(turn)
        if turn.call is None:
            over = self._says(turn.ego, start)
        else:
            over = self._calls(turn.call, turn.ego, start)
        self.at = over + int(self.rng.integers(4, 25) if self.paced else self.rng.integers(1, 3) if self.close else self.rng.integers(2, 7))

    def _asked(self, turn: Turn) -> int:
        """The user's words; returns the frame in which they are answered."""
        odds = PACED_GAP_ODDS if self.paced else NO_GAP_ODDS if self.close else GAP_ODDS
        for word in words(turn.user):
            for piece in self.pool.tokenizer.encode(word):
                self.heard.append((self.at, piece))
                self.at += 1
            self.at += int(self.rng.choice(len(odds), p=odds))
        last = self.heard[-1][0]
        start = max(last + int(self.rng.integers(-1, 4)), 1)
        self.open_frames += range(min(last, start), start)
        return start

    def _says(self, text: str, start: int) -> int:
        """A reply; returns the frame in which it is over."""
        pieces = self.pool.tokenizer.encode(text)
        self.said.append((start, pieces))
        return start + (self.pool.layout.spk_delay + round(FRAMES_A_TOKEN * len(pieces)) if self.paced else len(pieces))

    def _calls(self, call: Calling, ego: str, start: int) -> int:
        """A call, its result and what is said meanwhile and after; returns the frame in which all is over."""
        encode = self.pool.tokenizer.encode
        went = self.sheet.calling(encode(call.text), encode(call.result), start, MANNERS, self.rng)
        over = 0
        if call.at_once:
            over = self._says(ego, went.free)
        elif call.moment and went.moment is not None:
            over = self._says(call.moment, went.moment)
        last = call.after if call.at_once else ego
        return max(self._says(last, max(went.told, over + 1)) if last else over, went.read)

    def grid(self) -> tuple[FrameGrid, Tokens]:
        """All of it as a grid, and its captions [T]."""
        pool, text = self.pool, self.pool.layout.text
        grid = empty_grid(pool.layout, self.at)
        captions = np.full(self.at, text.wait, np.int32)
        for frame, piece in self.heard:
            captions[frame] = piece
        grid.read[0] = text.wait if text.duplex is None else text.duplex
        grid.speak[:], grid.listen[:] = pool.silence, pool.silence
        grid.text_weight[:] = 1
        grid.text_weight[self.open_frames] = 0
        self.sheet.lay(grid, text)
        if pool.sounds is not None:
            _fill(grid, [start for start, _ in self.said], pool, pool.sounds, self.rng)
        for start, pieces in self.said:
            end = start + len(pieces)
            grid.text[start:end] = pieces
            audible = (np.arange(self.at - start) - pool.layout.spk_delay) / FRAMES_A_TOKEN
            grid.spoken[start:] = np.clip(audible, 0, len(pieces)).astype(np.int32)
        return grid, captions


def _fill(grid: FrameGrid, starts: list[int], pool: WrittenExchanges, sounds: Grids, rng: np.random.Generator) -> None:
    """Lets a voice be heard from `spk_delay` frames after each reply's start, up to the next, and anything at all from the user's side."""
    frames = len(grid)
    if rng.random() < SPEAKS:
        for start, stop in zip(starts, [*starts[1:], frames], strict=True):
            speak = sounds[int(rng.integers(len(sounds)))].speak
            voice = speak[(speak != pool.silence).any(1)][: int(rng.integers(8, 80))]
            first = min(start + pool.layout.spk_delay, stop)
            grid.speak[first : min(first + len(voice), stop)] = voice[: stop - first]
    if rng.random() < HEARS:
        listen = sounds[int(rng.integers(len(sounds)))].listen
        at = int(rng.integers(len(listen)))
        grid.listen[:] = np.resize(np.roll(listen, -at, 0), grid.listen.shape)

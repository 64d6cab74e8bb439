"""Exchanges of which there is no sound: what the user says stands in the captions, what Ego answers in its text.

They hold an answer in a third of the frames that a spoken one takes, and cost nothing to make, so no two are the same. (Moshi learns from
text alone in half of its batches, arXiv 2410.00037.)

A model that only ever thinks in silence is put off by voices: it copied and counted rightly in writing, and wrongly while it spoke. So
most of them have sound that was borrowed from spoken dialogues, and means nothing. And half are as slow as speech, since what has to be
found again among hundreds of sounding frames is harder to find.
"""
# T frames

from dataclasses import dataclass

import numpy as np

from roboego.data.exchange_pool import ExchangePool, Grids, any_exchange
from roboego.data.talk.answer import Exchange
from roboego.streams.alphabet import words
from roboego.streams.grid import FrameGrid, Tokens, empty_grid

GAP_ODDS = (0.6, 0.2, 0.1, 0.1)
"""Of 0, 1, 2, ... frames between two words of the user's."""
PACED_GAP_ODDS = (0.0, 0.08, 0.2, 0.27, 0.2, 0.12, 0.08, 0.05)
"""The same in those that are as slow as speech."""
PACED = 0.5
"""Share of exchanges that are as slow as speech."""
SPEAKS, HEARS = 0.75, 0.6
"""Shares of exchanges in which Ego hears a voice of its own while it answers, and those in which something else is heard all the while."""
FRAMES_A_TOKEN = 2.6
"""How long a token of Ego's takes to say, about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenExchanges(ExchangePool):
    """A pool of them.

    Frames between the user's last word and the reply have no weight: when to answer is for the ear to tell.

    Attributes:
        sounds: grids from which sound is borrowed; None leaves all exchanges silent.
    """

    sounds: Grids | None = None

    def make(self, i: int) -> tuple[FrameGrid, Tokens]:
        rng = np.random.default_rng([self.seed, i])
        return laid_out(any_exchange(rng, self.split), self, rng)


def laid_out(exchange: Exchange, pool: WrittenExchanges, rng: np.random.Generator) -> tuple[FrameGrid, Tokens]:
    """A grid and its captions [T]: turn by turn, the user's words with short gaps, then the reply."""
    text = pool.layout.text
    heard: list[tuple[int, int]] = []
    said: list[tuple[int, list[int]]] = []
    open_frames: list[int] = []
    at = int(rng.integers(1, 4))
    paced = rng.random() < PACED
    odds = PACED_GAP_ODDS if paced else GAP_ODDS
    for turn in exchange.turns:
        for word in words(turn.user):
            for piece in pool.tokenizer.encode(word):
                heard.append((at, piece))
                at += 1
            at += int(rng.choice(len(odds), p=odds))
        start = max(heard[-1][0] + int(rng.integers(-1, 4)), 1)
        said.append((start, pool.tokenizer.encode(turn.ego)))
        open_frames += range(min(heard[-1][0], start), start)
        written = len(said[-1][1])
        at = start + written + int(rng.integers(2, 7))
        if paced:
            at = start + pool.layout.spk_delay + round(FRAMES_A_TOKEN * written) + int(rng.integers(4, 25))
    grid = empty_grid(pool.layout, at)
    captions = np.full(at, text.wait, np.int32)
    for frame, piece in heard:
        captions[frame] = piece
    grid.read[0] = text.wait if text.duplex is None else text.duplex
    grid.speak[:], grid.listen[:] = pool.silence, pool.silence
    grid.text_weight[:] = 1
    grid.text_weight[open_frames] = 0
    if pool.sounds is not None:
        _fill(grid, [start for start, _ in said], pool, pool.sounds, rng)
    for start, pieces in said:
        end = start + len(pieces)
        grid.text[start:end] = pieces
        grid.spoken[start:] = np.clip((np.arange(at - start) - pool.layout.spk_delay) / FRAMES_A_TOKEN, 0, len(pieces)).astype(np.int32)
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

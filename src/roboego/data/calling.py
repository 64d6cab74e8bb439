"""How a turn goes in which Ego calls a function, frame by frame: it writes the call, waits for the result, reads it, and tells it."""

from dataclasses import dataclass, field

import numpy as np

from roboego.data.manners import Manners
from roboego.streams.grid import FrameGrid
from roboego.streams.layout import TextLayout
from roboego.timebase import seconds_to_frames, seconds_to_frames_up


@dataclass(frozen=True, kw_only=True)
class Course:
    """Frames of such a turn.

    Attributes:
        start: of the token that begins the call; free: the first in which Ego may write something else.
        arrives: of the result's first token; read: the one after its last.
        moment: in which Ego says that it waits; None if the result comes before.
        told: the first in which it tells the result, having nothing else to say by then.
    """

    start: int
    free: int
    arrives: int
    read: int
    moment: int | None
    told: int


def course(start: int, call: int, result: int, m: Manners, rng: np.random.Generator, *, reads_from: int = 0) -> Course:
    """Draws one.

    Args:
        start: frame in which the call begins; a wait follows its last token.
        call, result: their numbers of tokens.
        reads_from: the first frame in which nothing else is to be read.
    """
    end = start + 1 + call
    arrives = max(end + seconds_to_frames_up(rng.uniform(*m.result_s)), reads_from)
    moment = end + seconds_to_frames(rng.uniform(*m.moment_s))
    read = arrives + result
    told = read + told_after(m, rng)
    return Course(start=start, free=end + 1, arrives=arrives, read=read, moment=moment if moment < arrives else None, told=told)


def told_after(m: Manners, rng: np.random.Generator) -> int:
    """Frames from the one after the last token of something read to Ego's reply to it."""
    return int(rng.choice(len(m.told_frames), p=m.told_frames))


@dataclass(kw_only=True)
class Sheet:
    """What Ego reads and calls in an exchange that is laid out frame by frame.

    Attributes:
        readings, calls: what begins in which frame; a call without the token before it, which stands in that frame.
        reads_from: the first frame in which nothing is to be read yet.
    """

    readings: list[tuple[int, list[int]]] = field(default_factory=list)
    calls: list[tuple[int, list[int]]] = field(default_factory=list)
    reads_from: int = 1

    def reads(self, tokens: list[int], frame: int) -> int:
        """Something to read comes in that frame; returns the frame after the one in which its last token is read."""
        start = max(frame, self.reads_from)
        self.readings.append((start, tokens))
        self.reads_from = start + len(tokens)
        return self.reads_from

    def calling(self, call: list[int], result: list[int], start: int, m: Manners, rng: np.random.Generator) -> Course:
        """Ego begins to write a call in that frame, and reads the result when that has come."""
        went = course(start, len(call), len(result), m, rng, reads_from=self.reads_from)
        self.calls.append((start, call))
        self.reads(result, went.arrives)
        return went

    def lay(self, grid: FrameGrid, text: TextLayout) -> None:
        """Writes all of it into a grid, in full weight."""
        for start, tokens in self.readings:
            grid.read[start : start + len(tokens)] = tokens
        for start, tokens in self.calls:
            written = slice(start, start + 1 + len(tokens))
            assert text.call is not None  # without it no exchange has calls
            grid.text[written] = [text.call, *tokens]
            grid.text_weight[written] = 1

"""Where glances ought to go: to the tokens of the things that a reply or a motion is about, which stand in a picture from left to right.

What a small model gets wrong of a picture is mostly of another thing on the table. Told where to look, it learns sooner how to find it.
"""

import math
from collections.abc import Sequence

from roboego.data.grounded.asked import ABSENT
from roboego.data.pictures import SEEN_PIXELS
from roboego.data.talk.answer import Turn
from roboego.data.talk.lexicon import SHAPES
from roboego.sim.scene import MOST_THINGS, Placed
from roboego.streams.tokenizer import TextCodec

OPEN = 0
"""An aim that is left open."""
NOTHING_BIT = 1 << MOST_THINGS
"""The aim at what is not there: it stands behind the tokens."""
ALIKE_M = 0.015
"""Things less far apart from left to right may be told in either order."""


def aim(things: Sequence[Placed], chosen: Sequence[int], seen: Sequence[int] | None = None, held: int | None = None) -> int:
    """The bits of the chosen things' tokens; `OPEN` where one cannot be seen, or another that is not chosen stands as far left.

    Args:
        chosen: by their place among `things`; `ABSENT` stands for nothing.
        seen: of each thing, how many pixels show it; None: enough do.
        held: the one that is held up: it comes last.
    """
    place = [math.inf if i == held else placed.across for i, placed in enumerate(things)]
    order = sorted((i for i in range(len(things)) if seen is None or seen[i] >= SEEN_PIXELS), key=lambda i: place[i])
    mine = [i for i in chosen if i != ABSENT]
    if any(i not in order for i in mine) or any(abs(place[i] - place[j]) < ALIKE_M for i in mine for j in order if j not in mine):
        return OPEN
    return sum(1 << order.index(i) for i in mine) | (NOTHING_BIT if ABSENT in chosen else 0)


def aims(turn: Turn, things: Sequence[Placed], tokenizer: TextCodec) -> list[int]:
    """Of each piece of a reply, the bits of the tokens that it is about; `OPEN` where that is not known.

    A list of things is looked at thing by thing, up to the word for its shape; two things that are compared are looked at together, and so
    are all that are counted.
    """
    pieces, about = tokenizer.encode(turn.ego), turn.about
    topic = turn.intent.removeprefix("see_")
    ends = _shapes(pieces, tokenizer)
    if topic not in ("relation", "existence", "count") and 1 < len(about) == len(ends):
        return [aim(things, about[sum(end <= i for end in ends[:-1]) :][:1]) for i in range(len(pieces))]
    together = len(about) <= 2 or topic in ("existence", "count")
    return [aim(things, about) if together else OPEN] * len(pieces)


def word_bounds(pieces: Sequence[int], tokenizer: TextCodec) -> list[tuple[int, int]]:
    """Where each word starts and stops, in pieces."""
    starts = [i for i, piece in enumerate(pieces) if i == 0 or tokenizer.starts_word(piece)]
    return list(zip(starts, [*starts[1:], len(pieces)], strict=True))


def _shapes(pieces: Sequence[int], tokenizer: TextCodec) -> list[int]:
    """Where the words for shapes end, in pieces."""
    return [stop for start, stop in word_bounds(pieces, tokenizer) if tokenizer.decode(pieces[start:stop]).strip(" .,?") in SHAPES]

"""Where a reply ought to look: at the tokens of the things that it tells of, which stand in a picture from left to right.

What a small model gets wrong of a picture is mostly of another thing on the table. Told where to look, it learns sooner how to find it.
"""

from collections.abc import Sequence

from roboego.data.grounded.asked import ABSENT
from roboego.data.grounded.view import View
from roboego.data.talk.answer import Turn
from roboego.data.talk.lexicon import SHAPES
from roboego.sim.scene import MOST_THINGS
from roboego.streams.tokenizer import TextCodec

OPEN = 0
"""An aim that is left open."""
NOTHING_BIT = 1 << MOST_THINGS
"""The aim at what is not there: it stands behind the tokens."""
ALIKE_M = 0.015
"""Things less far apart from left to right may be told in either order."""


def bits(view: View) -> tuple[int, ...]:
    """Of each thing, the bit of its token; `OPEN` where another is about as far left."""
    xs = [placed.x for placed in view.things]
    order = sorted(range(len(xs)), key=lambda i: xs[i])
    alone = [all(abs(x - other) >= ALIKE_M for j, other in enumerate(xs) if j != i) for i, x in enumerate(xs)]
    return tuple(1 << order.index(i) if alone[i] else OPEN for i in range(len(xs)))


def aims(turn: Turn, view: View, tokenizer: TextCodec) -> list[int]:
    """Of each piece of a reply, the bits of the tokens that it is about; `OPEN` where that is not known.

    A list of things is looked at thing by thing, up to the word for its shape; of two things that are compared, both are looked at.
    """
    pieces, things = tokenizer.encode(turn.ego), [NOTHING_BIT if i == ABSENT else bits(view)[i] for i in turn.about]
    if OPEN in things or not things:
        return [OPEN] * len(pieces)
    ends = _shapes(pieces, tokenizer)
    if len(things) > 1 and len(ends) == len(things) and not turn.intent.endswith("relation"):
        return [things[sum(end <= i for end in ends[:-1])] for i in range(len(pieces))]
    return [sum(things) if len(things) <= 2 or turn.intent.endswith("existence") else OPEN] * len(pieces)


def _shapes(pieces: Sequence[int], tokenizer: TextCodec) -> list[int]:
    """Where the words for shapes end, in pieces."""
    starts = [i for i, piece in enumerate(pieces) if i == 0 or tokenizer.starts_word(piece)]
    bounds = list(zip(starts, [*starts[1:], len(pieces)], strict=True))
    return [stop for start, stop in bounds if tokenizer.decode(pieces[start:stop]).strip(" .,?") in SHAPES]

"""The two manners in which exchanges about the table are laid out: without sound, or from words that were said elsewhere."""

from roboego.data import assembled, written
from roboego.data.assembled import AssembledExchanges
from roboego.data.talk.answer import Exchange
from roboego.data.talk.grammar import Rng
from roboego.data.written import WrittenExchanges
from roboego.streams.grid import FrameGrid, Tokens

Manner = WrittenExchanges | AssembledExchanges
"""A pool of exchanges in whose manner others are laid out."""
Laid = tuple[FrameGrid, Tokens]
"""What is said, and what a transcription of the user's words writes."""


def laid_out(exchange: Exchange, manner: Manner, rng: Rng) -> Laid:
    """An exchange in that manner."""
    if isinstance(manner, WrittenExchanges):
        return written.laid_out(exchange, manner, rng)
    return assembled.laid_out(exchange, manner, rng)


def is_recorded(exchange: Exchange, manner: Manner) -> bool:
    """Whether all words of the user's have been recorded, where they are to be heard."""
    return isinstance(manner, WrittenExchanges) or assembled.is_recorded(exchange, manner)

"""Stored conversations laid out in another way: the same sound and words, organized as a model of another kind would have them."""
# T frames, C columns

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from roboego.data.build import organizer
from roboego.data.exchange_pool import Grids
from roboego.data.workshop import ASR_DELAY_FRAMES, Workshop
from roboego.errors import InputError
from roboego.streams.conversation import Conversation, Reply, Seconds
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers.base import Organizer, StartsWord
from roboego.streams.organizers.organization import Organization
from roboego.streams.organizers.text_first import TextFirst
from roboego.streams.organizers.time_division import HEARING, TimeDivision
from roboego.streams.organizers.weights import WeightConfig
from roboego.streams.organizers.word_aligned import WordAligned
from roboego.streams.tokenizer import SPECIALS

EPAD = SPECIALS.index("<reserved_0>")
"""Stands before a word in word-aligned text."""
UNMASKED = WeightConfig(wait_speaking=1.0, silence=1.0, silence_asr=1.0, rest=1.0)
"""Every frame of every stream counts alike."""
TRIES = 50
"""Neighbours of a conversation that are tried where it cannot be laid out."""


def organizer_of(organization: Organization, layout: StreamLayout, shop: Workshop) -> Organizer:
    """What lays conversations out so."""
    usual = organizer(layout, shop)
    weights = usual.weights if organization.masks else UNMASKED
    if organization.kind == "time-division":
        return TimeDivision(layout, chunk=organization.chunk, silence=shop.silence, weights=weights)
    common = {"silence": shop.silence, "asr_delay": ASR_DELAY_FRAMES, "weights": weights, "starts_word": shop.tokenizer.starts_word}
    if organization.kind == "word-aligned":
        return WordAligned(layout, epad=EPAD, **common)
    return TextFirst(layout, spk_delay=organization.spk_delay, **common)


@dataclass(frozen=True, eq=False)
class Rearranged:
    """A pool of dialogues as `organization` has them. In a reply's place stands its start: when Ego decides to speak is the same in all.

    A conversation that cannot be laid out so (speech that comes later runs into the next reply) is left out: its place is taken by the
    next one in the pool that can. Implements `roboego.training.rows.Grids`.

    Attributes:
        grids: text-first grids in mode "duplex".
        stored: their layout.
    """

    grids: Grids
    stored: StreamLayout
    organization: Organization
    shop: Workshop

    def __len__(self) -> int:
        return len(self.grids)

    def __getitem__(self, i: int) -> FrameGrid:
        return _made(self, i)[1]

    def captions(self, transcripts: Grids) -> "RearrangedCaptions":
        """The pool's transcripts, column by column."""
        return RearrangedCaptions(self, transcripts)


@dataclass(frozen=True, eq=False)
class RearrangedCaptions:
    """What a transcription writes in each column of a rearranged pool's grids."""

    of: Rearranged
    transcripts: Grids

    def __len__(self) -> int:
        return len(self.transcripts)

    def __getitem__(self, i: int) -> FrameGrid:
        chosen, grid, heard = _made(self.of, i)
        return replace(grid, text=by_column(self.transcripts[chosen].text, heard, self.of.stored.text.wait))


@lru_cache(maxsize=64)
def _made(pool: Rearranged, i: int) -> tuple[int, FrameGrid, Tokens]:
    """Which grid stands in place i, how it is laid out, and the frame that each column hears (-1: none)."""
    layout = replace(pool.stored, spk_delay=pool.organization.spk_delay)
    read, lay = organizer(pool.stored, pool.shop), organizer_of(pool.organization, layout, pool.shop)
    for k in range(TRIES):
        chosen = (i + k) % len(pool)
        try:
            made = lay.arrange(_freed(read.read(pool.grids[chosen]), lay, pool.shop))
        except InputError:
            continue
        return chosen, made, heard_frames(made, lay)
    raise InputError(f"none of {TRIES} conversations from number {i} on can be laid out as {pool.organization}")


def _freed(conversation: Conversation, lay: Organizer, shop: Workshop) -> Conversation:
    """Replies whose speech begins when the organizer says; silence at the end up to a whole chunk, and two more for late speech."""
    starts = shop.tokenizer.starts_word
    replies = tuple(replace(r, speech_start_s=None, word_starts_s=word_starts(r, starts)) for r in conversation.replies)
    heard = conversation.heard
    if isinstance(lay, TimeDivision):
        more = -len(heard) % lay.chunk + 2 * lay.chunk
        heard = np.concatenate([heard, np.repeat(shop.silence[None], more, 0)])
    return replace(conversation, heard=heard, replies=replies)


def word_starts(reply: Reply, starts_word: StartsWord) -> Seconds:
    """[n] when each word of a reply begins, nan for tokens that begin none: when the token before it has become audible."""
    ends = np.where(np.isfinite(reply.token_ends_s), reply.token_ends_s, 0.0)
    before = np.maximum.accumulate(np.concatenate([[0.0], ends[:-1]]))
    begins = [i == 0 or starts_word(int(token)) for i, token in enumerate(reply.tokens)]
    return np.where(begins, before, np.nan)


def heard_frames(grid: FrameGrid, lay: Organizer) -> Tokens:
    """[C] the frame that each column of a grid hears; -1 where it hears nothing."""
    if not isinstance(lay, TimeDivision):
        return np.arange(len(grid), dtype=np.int32)
    columns = lay.columns(grid)
    return np.where(columns.kind == HEARING, columns.frame, -1).astype(np.int32)


def by_column(track_T: Tokens, heard_C: Tokens, wait: int) -> Tokens:
    """A track of frames, in the columns that hear them; waits elsewhere and after its end."""
    inside = (heard_C >= 0) & (heard_C < len(track_T))
    return np.where(inside, track_T[np.where(inside, heard_C, 0)], np.int32(wait)).astype(np.int32)

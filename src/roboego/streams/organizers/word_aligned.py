"""WordAligned: each word is written in the frame in which it begins to be said (Moshi's "inner monologue", arXiv 2410.00037)."""
# T frames, n tokens, K codebooks

from typing import Any

import numpy as np

from roboego.errors import InputError
from roboego.streams.conversation import Caption, Conversation, Mode, Reply
from roboego.streams.grid import FrameGrid, Tokens
from roboego.streams.layout import StreamLayout
from roboego.streams.organizers import base
from roboego.streams.organizers.frames import FrameOrganizer
from roboego.streams.organizers.weights import Span
from roboego.timebase import FRAME_S, frames_to_seconds, seconds_to_frames, seconds_to_frames_down


class WordAligned(FrameOrganizer):
    """Text keeps pace with speech.

    The tokens of a word are written one a frame from the frame in which the word begins (later, if the word before is still being
    written); `<wait>` serves as Moshi's PAD elsewhere, and `<epad>` stands right before a word where there is room. The first word
    begins with the reply's speech. What Moshi does not have: `<end>` after the last frame of a reply's text and speech, so that
    replies can be told apart, and `<cut>` where one is interrupted. `spoken` counts the tokens of the current run, as it does
    everywhere: a word has become audible when the next is written.

    Args:
        epad: the token that announces a word, one that is no piece of a word.
        common: `silence` and whatever else `FrameOrganizer` takes.
    """

    def __init__(self, layout: StreamLayout, *, epad: int, **common: Any) -> None:
        super().__init__(layout, **common)
        self.epad = epad
        if layout.text.end is None or epad in (layout.text.wait, layout.text.cut, layout.text.end):
            raise InputError(f"WordAligned needs an end token and an epad token of its own, not {layout.text.end} and {epad}")

    def _lay_captions(self, grid: FrameGrid, conversation: Conversation) -> None:
        super()._lay_captions(grid, conversation)
        for start, _ in base.runs(grid.text != self.layout.text.wait):
            grid.text[max(0, start - 1) : start] = self.epad

    def _captions(self, grid: FrameGrid) -> tuple[Caption, ...]:
        text = np.where(grid.text == self.epad, np.int32(self.layout.text.wait), grid.text)
        return base.captions_of(text, self.layout, self.asr_delay, self.starts_word)

    def _lay_replies(self, grid: FrameGrid, conversation: Conversation) -> list[Span]:
        spans: list[Span] = []
        free = 0
        for reply in conversation.replies:
            start = self._start(reply)
            if start < free:
                raise InputError(f"a reply starts at frame {start}, before the one before is over (frame {free}): move it, or cut that one")
            spans.append(self._lay(grid, reply, start, forced=reply.forced or conversation.mode == "tts"))
            free = spans[-1].stop
        return spans

    def _start(self, reply: Reply) -> int:
        """Frame of a reply's first token and of its speech."""
        start_s = reply.start_s if reply.speech_start_s is None else reply.speech_start_s
        assert start_s is not None  # Reply checks it
        return seconds_to_frames(start_s)

    def _lay(self, grid: FrameGrid, reply: Reply, start: int, *, forced: bool) -> Span:
        frames, text = len(grid), self.layout.text
        cut = None if reply.cut_s is None else seconds_to_frames(reply.cut_s)
        if start < 0 or (cut is not None and not start < cut < frames):
            raise InputError(
                f"a reply at frame {start}, cut at {cut}, does not fit a conversation of {frames} frames: move it, or drop cut_s"
            )
        place = _places(reply, start)
        if cut is not None:
            place = place[place < cut]
        codes = base.trimmed(reply.codes if cut is None else reply.codes[: cut - start], self.silence)
        written, speech_end = int(place[-1]) + 1, start + len(codes)
        over = max(written, speech_end) if cut is None else cut
        if over > frames:
            raise InputError(f"a reply from frame {start} on takes until {over} of {frames}: lengthen the conversation")
        grid.text[place] = reply.tokens[: len(place)]
        grid.speak[start:speech_end] = codes
        risen = self._lay_spoken(grid, reply, start, place, over)
        first = start
        for t in [int(t) - 1 for t in np.unique(place)]:
            if t >= 0 and grid.text[t] == text.wait:
                grid.text[t] = self.epad
                first = min(first, t)
        if cut is not None:
            self._lay_cut(grid, cut, frames)
        elif over < frames:
            assert text.end is not None  # __init__ checks it
            grid.text[over] = text.end
            grid.spoken[over:] = grid.spoken[over - 1]
        return Span(
            start=first,
            written=written,
            speech=start,
            speech_end=speech_end,
            heard_out=risen,
            cut=cut,
            stop=over + 1,
            forced=forced,
        )

    def _lay_spoken(self, grid: FrameGrid, reply: Reply, start: int, place: Tokens, over: int) -> int:
        """Counts the audible tokens of each run; the frame after the last in which a count rose."""
        risen = start
        firsts = np.flatnonzero(np.diff(place, prepend=-2) > 1)
        for a, b in zip(firsts, [*firsts[1:], len(place)], strict=True):
            stop = over if b == len(place) else int(place[b])
            ends = reply.token_ends_s[a:b]
            if b < len(place):
                ends = np.minimum(ends, (stop - start) * FRAME_S)
            due = base.due_frames(ends, start, place[a:b], self.most_spoken)
            risen = max(risen, base.lay_spoken(grid.spoken, int(place[a]), stop, due))
        return risen

    def _replies(self, grid: FrameGrid, mode: Mode) -> tuple[Reply, ...]:
        text = self.layout.text
        piece = base.pieces(grid.text, text)
        closing = np.flatnonzero((grid.text == text.end) | (grid.text == text.cut))
        replies, free = [], 0
        for stop in [*closing.tolist(), len(grid)]:
            place = (free + np.flatnonzero(piece[free:stop])).astype(np.int32)
            if len(place):
                cut = stop < len(grid) and grid.text[stop] == text.cut
                replies.append(self._reply(grid, place, stop, mode, cut_s=frames_to_seconds(stop) if cut else None))
            free = stop + 1
        return tuple(replies)

    def _reply(self, grid: FrameGrid, place: Tokens, over: int, mode: Mode, *, cut_s: float | None) -> Reply:
        start, tokens = int(place[0]), grid.text[place]
        new_run = np.diff(place, prepend=-2) > 1
        begins = new_run | np.array([self.starts_word is not None and self.starts_word(int(t)) for t in tokens])
        ends = np.full(len(place), np.inf)
        firsts = np.flatnonzero(new_run)
        for a, b in zip(firsts, [*firsts[1:], len(place)], strict=True):
            stop = over if b == len(place) else int(place[b])
            ends[a:b] = base.ends_of(grid.spoken, int(place[a]), stop, start, b - a)
            if b < len(place):  # what did not become audible by itself has, when the next run begins
                ends[a:b] = np.minimum(ends[a:b], (stop - start) * FRAME_S)
        return Reply(
            tokens=tokens,
            codes=base.trimmed(grid.speak[start:over], self.silence).copy(),
            token_ends_s=ends,
            start_s=frames_to_seconds(start),
            speech_start_s=frames_to_seconds(start),
            word_starts_s=np.where(begins, (place - start) * FRAME_S, np.nan),
            cut_s=cut_s,
            forced=self._is_forced(grid.text_weight[place], mode),
        )


def _places(reply: Reply, start: int) -> Tokens:
    """[n] frame in which each token is written."""
    if reply.word_starts_s is None:
        raise InputError("WordAligned needs to know when words begin: give word_starts_s, or use TextFirst")
    place = np.zeros(len(reply.tokens), np.int32)
    free = start
    for i, begins_s in enumerate(reply.word_starts_s.tolist()):
        if i and not np.isnan(begins_s):
            free = max(free, start + seconds_to_frames_down(begins_s))
        place[i] = free
        free += 1
    return place

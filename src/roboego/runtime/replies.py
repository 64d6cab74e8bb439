"""What Ego has written and said: replies, token by token, with the frames at which they were written and became audible; and calls."""

from collections import deque
from dataclasses import dataclass, field

from roboego.runtime.frame import CallWritten, Cut, Event, ReplySpoken, ReplyStarted, ReplyTextDone
from roboego.streams.layout import TextLayout
from roboego.streams.tokenizer import TextCodec, Tokenizer

KEPT_REPLIES = 1_000
"""Replies that a session remembers; older ones are forgotten, so that its memory stays flat."""
CONTEXT = 8
"""Tokens before a new one that decide how it reads on, for tokenizers that only decode whole texts."""


@dataclass(kw_only=True, eq=False)
class Reply:
    """A run of word pieces that Ego wrote, one a frame.

    Attributes:
        index: number of the reply in its session, from 0.
        start: frame of its first token; the others follow one a frame.
        tokens, pieces: what was written, and how it reads.
        spoken_frames: the frame in which each token became audible, for those that did.
        text_done: first frame after the text; None while it is written.
        done: frame in which the last token became audible, its text being done; None before.
        cut: frame in which the reply was broken off, if it was.
    """

    index: int
    start: int
    tokens: list[int] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    spoken_frames: list[int] = field(default_factory=list)
    text_done: int | None = None
    done: int | None = None
    cut: int | None = None

    @property
    def spoken(self) -> int:
        """How many tokens are audible."""
        return len(self.spoken_frames)

    @property
    def token_frames(self) -> range:
        """The frame in which each token was written."""
        return range(self.start, self.start + len(self.tokens))

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self.pieces).strip()

    @property
    def spoken_text(self) -> str:
        """What of it is audible."""
        return "".join(self.pieces[: self.spoken]).strip()

    @property
    def said(self) -> str:
        """What history keeps: the text if all of it was said, else what was audible when it was cut, or is by now."""
        return self.text if self.done is not None else self.spoken_text

    @property
    def is_over(self) -> bool:
        """Nothing more of it will be written or said."""
        return self.cut is not None or self.done is not None


class ReplyTracker:
    """Follows the text stream and `spoken_upto` of one session.

    Attributes:
        replies: the last thousand; `current` is the last one, None before the first.
        count: how many there have been; `calls` is how many calls.
        progress: the last frame in which a token was written or became audible.

    Args:
        speaks: whether the model counts what is audible. Otherwise a token counts as soon as it is written.
        delay: frames by which the sound lags behind the step that reported it.
    """

    def __init__(self, layout: TextLayout, tokenizer: TextCodec | None, *, speaks: bool, delay: int = 0) -> None:
        self.layout, self.speaks = layout, speaks
        self.replies: deque[Reply] = deque(maxlen=KEPT_REPLIES)
        self.current: Reply | None = None
        self.count = self.progress = self.calls = 0
        self._call: list[int] | None = None
        self._late: deque[tuple[Reply, int]] = deque()
        self._delay = delay
        self._written, self._heard = Readings(tokenizer), Readings(tokenizer)

    @property
    def is_writing(self) -> bool:
        return self.current is not None and self.current.text_done is None

    @property
    def is_idle(self) -> bool:
        """Ego neither writes nor has something left to say."""
        return self.current is None or self.current.is_over

    def is_piece(self, token: int) -> bool:
        end = self.layout.words_end
        return token >= self.layout.first_word and (not end or token < end)

    def reads_on(self, token: int) -> str:
        """How the next token of the caption stream reads on; "" if it is no piece of a word."""
        return self._heard.next(token) if self.is_piece(token) else ""

    def follow(self, frame: int, token: int, spoken: int) -> tuple[str, tuple[Event, ...]]:
        """One frame: what was written and how many tokens of the current reply the model reports as audible.

        Returns:
            How the token reads on, and what happened.
        """
        events: list[Event] = []
        piece = ""
        if self._call is not None and self.is_piece(token):
            self._call.append(token)
            self.progress = frame
        elif self.is_piece(token):
            if not self.is_writing:
                self._begin(frame, events)
            piece = self._append(token)
            self.progress = frame
        else:
            self._end(frame, token, events)
            self._end_call(events)
            self._call = [] if token == self.layout.call else None
        self._spoken(frame, spoken, events)
        return piece, tuple(events)

    def _begin(self, frame: int, events: list[Event]) -> None:
        before = self.current
        if before is not None and not before.is_over:
            before.cut = frame
            events.append(Cut(before.index, before.spoken))
        self.current = Reply(index=self.count, start=frame)
        self.count += 1
        self.replies.append(self.current)
        events.append(ReplyStarted(self.current.index))

    def _append(self, token: int) -> str:
        assert self.current is not None
        piece = self._written.next(token)
        self.current.tokens.append(token)
        self.current.pieces.append(piece)
        return piece

    def _end(self, frame: int, token: int, events: list[Event]) -> None:
        reply = self.current
        if reply is None:
            return
        if reply.text_done is None:
            reply.text_done = frame
            events.append(ReplyTextDone(reply.index, len(reply.tokens)))
        if token == self.layout.cut and not reply.is_over and reply.spoken < len(reply.tokens):
            reply.cut = frame
            events.append(Cut(reply.index, reply.spoken))

    def _end_call(self, events: list[Event]) -> None:
        if not self._call:
            return
        readings = Readings(self._written.tokenizer)
        events.append(CallWritten(self.calls, "".join(readings.next(token) for token in self._call).strip()))
        self.calls += 1

    def _spoken(self, frame: int, spoken: int, events: list[Event]) -> None:
        if self.current is None:
            return
        self._late.append((self.current, spoken if self.speaks else len(self.current.tokens)))
        if len(self._late) <= self._delay:
            return
        reply, count = self._late.popleft()
        more = min(count, len(reply.tokens)) - reply.spoken
        if more > 0:
            reply.spoken_frames.extend([frame] * more)
            self.progress = frame
        if reply.text_done is not None and reply.spoken == len(reply.tokens) and not reply.is_over:
            reply.done = frame
            events.append(ReplySpoken(reply.index))


class Readings:
    """How the tokens of one stream read, one after another."""

    def __init__(self, tokenizer: TextCodec | None) -> None:
        self.tokenizer = tokenizer
        self._recent: deque[int] = deque(maxlen=CONTEXT)

    def next(self, token: int) -> str:
        """How a token reads on from those before."""
        if self.tokenizer is None:
            return ""
        if isinstance(self.tokenizer, Tokenizer):
            return self.tokenizer.piece(token) if token < len(self.tokenizer) else ""
        before = list(self._recent)
        self._recent.append(token)
        known = self.tokenizer.decode(before)
        now = self.tokenizer.decode([*before, token])
        # A character may take several tokens; it is shown with the last of them.
        return "" if now.endswith("\ufffd") else now[len(known.rstrip("\ufffd")) :]
